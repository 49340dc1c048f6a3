/*
 * Who may do what, as DFP documents it: "User roles and access" and "Configure Microsoft Entra app access" of
 * MicrosoftDocs/dynamics-365-fraud-protection. docs/auth.md says where those pages are silent and what was decided.
 */

/** The roles by their token values. The last two are for applications. */
export const roles = [
  'ProductAdmin',
  'AllAreas_Admin',
  'AllAreasEditor',
  'AllAreasViewer',
  'SupportAgent',
  'FraudEngineer',
  'ManualReviewAnalyst',
  'ManualReviewSeniorAnalyst',
  'ManualReviewFraudManager',
  'Risk_API',
  'Provisioning_API',
] as const;
export type Role = (typeof roles)[number];

const admins: readonly Role[] = ['ProductAdmin', 'AllAreas_Admin'];
const editors: readonly Role[] = [...admins, 'AllAreasEditor'];
const engineers: readonly Role[] = [...editors, 'FraudEngineer'];
const ruleWriters: readonly Role[] = [...engineers, 'ManualReviewFraudManager'];
const reviewers: readonly Role[] = [
  ...editors,
  'ManualReviewAnalyst',
  'ManualReviewSeniorAnalyst',
  'ManualReviewFraudManager',
];
const viewer: readonly Role[] = ['AllAreasViewer'];
const people: readonly Role[] = roles.filter((role) => !role.endsWith('_API'));

/** Who has an area: those who read and write it, and those who only read it. Everyone else has no access. */
interface Area {
  readWrite: readonly Role[];
  readOnly: readonly Role[];
}

/**
 * The areas of DFP's permission tables, row by row, and Holdfast's own at the end. A table that is read-only for all has
 * no writers.
 */
export const areas = {
  /** Assessments */
  assessments: { readWrite: engineers, readOnly: [...viewer, 'ManualReviewFraudManager'] },
  /** Decision Rules, Post Decision Actions and Branches */
  rules: { readWrite: ruleWriters, readOnly: viewer },
  /** Monitoring Report (Assessments) */
  monitoring: { readWrite: [], readOnly: [...ruleWriters, ...viewer] },
  /** Reporting */
  reports: { readWrite: editors, readOnly: [...viewer, 'FraudEngineer', 'ManualReviewFraudManager'] },
  /** Search, View Transaction Details & Export */
  events: { readWrite: [], readOnly: people },
  /** Notes */
  notes: { readWrite: people.filter((role) => role !== 'AllAreasViewer'), readOnly: viewer },
  /** Case Management - Queues */
  queues: { readWrite: reviewers, readOnly: viewer },
  /** Case Management - Queues: Assign users */
  queueMembers: { readWrite: reviewers, readOnly: [] },
  /** Case Management - Reviewing Cases */
  cases: { readWrite: reviewers, readOnly: viewer },
  /** Case Management - Report */
  caseReports: { readWrite: [], readOnly: [...editors, ...viewer, 'ManualReviewFraudManager'] },
  /** Routing rules, Functions, Velocities, External Calls, External Assessments, Custom Lists & Support Lists */
  resources: { readWrite: ruleWriters, readOnly: viewer },
  /** the note below that table: a support agent changes entries of support lists from a transaction, not the lists */
  supportListEntries: { readWrite: [...ruleWriters, 'SupportAgent'], readOnly: viewer },
  /** Event Tracing */
  eventTracing: { readWrite: admins, readOnly: ['AllAreasEditor', ...viewer] },
  /** Data Upload */
  dataUpload: { readWrite: [...engineers, ...viewer], readOnly: [] },
  /** API Management */
  apiManagement: { readWrite: [], readOnly: [...engineers, ...viewer] },
  /** Templates, of rules */
  ruleTemplates: { readWrite: ruleWriters, readOnly: viewer },
  /** Templates, of assessments */
  assessmentTemplates: { readWrite: editors, readOnly: [...viewer, 'ManualReviewFraudManager'] },
  /** Templates, of environments */
  environmentTemplates: { readWrite: editors, readOnly: viewer },
  /** Graph Explorer */
  graphExplorer: { readWrite: [], readOnly: [...engineers, ...viewer, 'SupportAgent'] },
  /** Integration - Dashboard */
  integration: { readWrite: [], readOnly: [...engineers, ...viewer] },
  /** Integration - Entra Applications and SSL Certificate */
  applications: { readWrite: engineers, readOnly: viewer },
  /** Settings - Usage */
  usage: { readWrite: [], readOnly: [...editors, ...viewer] },
  /** Settings - Activity Logs */
  activity: { readWrite: [], readOnly: admins },
  /** Settings - Access Control (Users & Microsoft Entra Groups): roles of people */
  userAccess: {
    readWrite: [...admins, 'ManualReviewFraudManager'],
    readOnly: ['AllAreasEditor', ...viewer],
  },
  /** Settings - Access Control (API roles for Microsoft Entra applications) */
  applicationAccess: { readWrite: admins, readOnly: ['AllAreasEditor', ...viewer] },
  /** Settings - Subject Requests: Submit new requests; View previous requests */
  subjectRequests: { readWrite: engineers, readOnly: viewer },
  /** Settings - Transaction acceptance booster */
  acceptanceBooster: { readWrite: admins, readOnly: ['AllAreasEditor', ...viewer] },
  /** Manage Environments - Create root environments: the table's note takes it from All Areas Admin */
  rootEnvironmentCreation: { readWrite: ['ProductAdmin'], readOnly: [] },
  /** Manage Environments - Delete root environments */
  rootEnvironmentDeletion: { readWrite: admins, readOnly: [] },
  /** Manage Environments - Update root environments */
  rootEnvironments: { readWrite: admins, readOnly: ['AllAreasEditor'] },
  /** Manage Environments - Create, update and delete non-root environments */
  childEnvironments: { readWrite: [...admins, 'Provisioning_API'], readOnly: [] },
  /** Admin Settings - Subscription & Billing */
  billing: { readWrite: [], readOnly: ['ProductAdmin'] },
  /** Admin Settings - Configuration */
  configuration: { readWrite: [], readOnly: admins },
  /** Loss Prevention; who may write is not documented, since its data came by Data Upload */
  lossPrevention: { readWrite: engineers, readOnly: viewer },

  /** the environment switcher, which every user has; an application that provisions reads what it writes */
  environments: { readWrite: [], readOnly: [...people, 'Provisioning_API'] },
  /** DFP's own API: assessments, observation events, labels. Full access includes it */
  api: { readWrite: [...admins, 'Risk_API'], readOnly: [] },
  /** scoring models: versions and metrics; training and rolling back */
  models: { readWrite: engineers, readOnly: [...viewer, 'ManualReviewFraudManager'] },
  /** calling an external call from outside a rule */
  externalCallInvocation: { readWrite: [...ruleWriters, 'Risk_API'], readOnly: [] },
} as const satisfies Record<string, Area>;

export type AreaName = keyof typeof areas;
export type Permission = `${AreaName}.${'read' | 'write'}`;

/** Every permission there is. */
export const permissions: readonly Permission[] = Object.keys(areas)
  .filter(isArea)
  .flatMap((area): Permission[] => [`${area}.read`, `${area}.write`]);

function isArea(name: string): name is AreaName {
  return Object.hasOwn(areas, name);
}

const holders = new Map<Permission, ReadonlySet<Role>>(
  Object.entries<Area>(areas).flatMap(([name, { readWrite, readOnly }]): [Permission, Set<Role>][] =>
    isArea(name)
      ? [
          [`${name}.read`, new Set([...readWrite, ...readOnly])],
          [`${name}.write`, new Set(readWrite)],
        ]
      : [],
  ),
);

/** The roles that have a permission; whoever may write may read. */
export function rolesWith(permission: Permission): ReadonlySet<Role> {
  return holders.get(permission) ?? new Set();
}

/** Whether one of the roles has the permission. */
export function allows(held: Iterable<Role>, permission: Permission): boolean {
  const having = rolesWith(permission);
  for (const role of held) if (having.has(role)) return true;
  return false;
}

export function isRole(text: unknown): text is Role {
  return roles.some((role) => role === text);
}

/** API roles are for applications, and a subject of their own in the access control tables. */
export function isApiRole(role: Role): boolean {
  return role.endsWith('_API');
}

/** Which roles the holder of a role may give and take (the notes below the access control table). */
const assignable: Partial<Record<Role, readonly Role[]>> = {
  ProductAdmin: roles,
  AllAreas_Admin: roles.filter((role) => role !== 'ProductAdmin'),
  ManualReviewFraudManager: ['ManualReviewFraudManager', 'ManualReviewAnalyst', 'ManualReviewSeniorAnalyst'],
};

/** Whether one of the roles held may give and take the role. */
export function mayAssign(held: Iterable<Role>, role: Role): boolean {
  for (const each of held) if (assignable[each]?.includes(role)) return true;
  return false;
}
