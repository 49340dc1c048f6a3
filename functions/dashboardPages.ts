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
