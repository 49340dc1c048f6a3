import { type EventType, eventTypes } from './eventTypes.ts';

/**
 * DFP's paths (WIRE.md 2, rows 1–20), in lower case. `{id}` is an id that clients put into the path in several meanings,
 * `{scope}` v0.5's tenant, `{name}` an assessment's API name, `{event}` an observation event's. All are POST.
 */
const purchasePaths = (name: string, ...more: string[]): string[] => [
  `/v1.0/merchantservices/events/${name}`,
  `/v0.5/merchantservices/events/${name}`,
  ...more,
];

const accountPaths = (now: string, older: string): string[] => [
  `/v1.0/${now}`,
  `/v1.0/${now}/{id}`,
  `/v0.5/merchantservices/accountprotection/events/{scope}/${older}`,
  `/v0.5/merchantservices/accountprotection/events/{scope}/${older}/{id}`,
];

export const eventPaths: Readonly<Record<EventType, readonly string[]>> = {
  Purchase: purchasePaths(
    'purchase',
    '/v0.5/merchantservices/events/transaction',
    '/knowledgegateway/activities/purchase',
  ),
  PurchaseStatus: purchasePaths('purchasestatus'),
  BankEvent: purchasePaths('bankevent'),
  Chargeback: purchasePaths('chargeback'),
  Refund: purchasePaths('refund', '/knowledgegateway/activities/refund'),
  UpdateAccount: purchasePaths('updateaccount'),
  Label: purchasePaths('label'),
  SignUp: purchasePaths('signup'),
  SignUpStatus: purchasePaths('signupstatus'),
  SignIn: purchasePaths('signin'),
  AccountCreation: [
    ...accountPaths('action/account/create', 'accountcreation'),
    '/v1.0/action/accountcreation',
    '/v1.0/action/accountcreation/{id}',
  ],
  AccountLogin: [
    ...accountPaths('action/account/login', 'accountlogin'),
    '/v1.0/action/accountlogin',
    '/v1.0/action/accountlogin/{id}',
  ],
  AccountCreationStatus: accountPaths('observe/account/create/status', 'accountcreationstatus'),
  AccountLoginStatus: accountPaths('observe/account/login/status', 'accountloginstatus'),
  AccountUpdate: accountPaths('observe/account/update', 'accountupdate'),
  AccountLabel: [
    ...accountPaths('label/account/create', 'accountlabel'),
    '/v1.0/label/account/login',
    '/v1.0/label/account/login/{id}',
  ],
  CustomAssessment: ['/v1.0/action/assessment/{name}'],
  Assessment: ['/v1.0/assessment/{name}', '/v1.0/assessment/{name}/evaluate'],
  AssessmentObservation: ['/v1.0/observe/assessment/{name}/{event}'],
  AssessmentLabel: ['/v1.0/label/assessment/{name}'],
};

/** What a request's path says. Parameters keep the letter case they were sent in. */
export interface PathMatch {
  type: EventType;
  /** v0.5 routes answer in v0.5's shapes */
  version: '1.0' | '0.5';
  /** the id in the path, unless it is a placeholder; see `readEvent` */
  id?: string;
  /** an assessment's API name */
  name?: string;
  /** an observation event's name */
  event?: string;
}

interface Pattern {
  type: EventType;
  version: '1.0' | '0.5';
  segments: readonly string[];
}

const patterns: readonly Pattern[] = eventTypes.flatMap((type) =>
  eventPaths[type].map((path): Pattern => {
    const version = path.startsWith('/v1.0') ? '1.0' : '0.5';
    return { type, version, segments: path.slice(1).split('/') };
  }),
);

/** What B2C's older policies put where an id belongs. */
const placeholders = new Set(['dummyvalue', 'undefined', 'null', 'unknown', '{id}']);

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment).toWellFormed();
  } catch {
    return segment;
  }
}

/**
 * Finds the event a path belongs to: in any letter case, with doubled and trailing slashes, with or without an id.
 * `path` is the raw path of the URL, without query. `undefined` where it is none of DFP's.
 */
export function matchPath(path: string): PathMatch | undefined {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decoded);
  const lower = segments.map((segment) => segment.toLowerCase());
  const found = patterns.find(
    (pattern) =>
      pattern.segments.length === segments.length &&
      pattern.segments.every((segment, index) => segment.startsWith('{') || segment === lower[index]),
  );
  if (!found) return undefined;
  const match: PathMatch = { type: found.type, version: found.version };
  for (const [index, pattern] of found.segments.entries()) {
    const value = segments[index] ?? '';
    if (pattern === '{name}') match.name = value;
    else if (pattern === '{event}') match.event = value;
    else if (pattern === '{id}' && !placeholders.has(value.toLowerCase())) match.id = value;
  }
  return match;
}
