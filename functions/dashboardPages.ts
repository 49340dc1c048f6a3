import type { Cookie } from '@azure/functions';
import { contentSecurityPolicy } from '../shared/lossPrevention/index.ts';

/** Where a code opens a dashboard. */
export const openPath = '/dashboards/open';

/** What every page of a dashboard is sent with: it is of nobody's business but the reader's, and kept nowhere. */
export const dashboardHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
  'cache-control': 'private, no-store',
};

/** Path below which an environment's dashboard is served to browsers. */
export const dashboardPath = (environment: string): string => `/dashboards/${environment}/`;

/**
 * The cookie of a session: for the pages of one environment, out of reach of scripts and of other sites, gone with the
 * browser. A developer's machine has only plain HTTP, where browsers differ in what they keep of cookies for HTTPS.
 */
export function sessionCookie(environment: string, secret: string, development: boolean): Cookie {
  return {
    name: cookieName(development),
    value: secret,
    path: dashboardPath(environment),
    httpOnly: true,
    sameSite: 'Strict',
    secure: !development,
  };
}

export function cookieName(development: boolean): string {
  return development ? 'holdfast-dashboard' : '__Secure-holdfast-dashboard';
}
