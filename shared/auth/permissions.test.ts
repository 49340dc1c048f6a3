import { describe, expect, it } from 'vitest';
import {
  allows,
  mayAssign,
  type Permission,
  permissions,
  type Role,
  roles,
  rolesWith,
} from './permissions.ts';

/*
 * DFP's permission tables once more, read off "User roles and access" in its own order of columns and marks, so that a
 * slip in either copy shows: W read and write, R read only, - no access.
 */
const columns: readonly Role[] = [
  'ProductAdmin',
  'AllAreas_Admin',
  'AllAreasEditor',
  'AllAreasViewer',
  'SupportAgent',
  'FraudEngineer',
  'ManualReviewAnalyst',
  'ManualReviewSeniorAnalyst',
  'ManualReviewFraudManager',
];
const documented = {
  assessments: 'WWWR-W--R',
  rules: 'WWWR-W--W',
  monitoring: 'RRRR-R--R',
  reports: 'WWWR-R--R',
  events: 'RRRRRRRRR',
  notes: 'WWWRWWWWW',
  queues: 'WWWR--WWW',
  queueMembers: 'WWW---WWW',
  cases: 'WWWR--WWW',
  caseReports: 'RRRR----R',
  resources: 'WWWR-W--W',
  eventTracing: 'WWRR-----',
  dataUpload: 'WWWW-W---',
  apiManagement: 'RRRR-R---',
  ruleTemplates: 'WWWR-W--W',
  assessmentTemplates: 'WWWR----R',
  environmentTemplates: 'WWWR-----',
  graphExplorer: 'RRRRRR---',
  integration: 'RRRR-R---',
  applications: 'WWWR-W---',
  usage: 'RRRR-----',
  activity: 'RR-------',
  userAccess: 'WWRR----W',
  applicationAccess: 'WWRR-----',
  subjectRequests: 'WWWR-W---',
  acceptanceBooster: 'WWRR-----',
  rootEnvironmentCreation: 'W--------',
  rootEnvironmentDeletion: 'WW-------',
  childEnvironments: 'WW-------',
  billing: 'R--------',
  configuration: 'RR-------',
} as const;

const marks = Object.entries(documented).flatMap(([area, row]) =>
  columns.map((role, index) => [area, role, row[index]] as const),
);

function permission(text: string): Permission {
  const found = permissions.find((each) => each === text);
  if (!found) throw new Error(`no permission ${text}`);
  return found;
}

describe('a role', () => {
  it.each(marks)('%s, %s: %s, as documented', (area, role, mark) => {
    expect(allows([role], permission(`${area}.write`))).toBe(mark === 'W');
    expect(allows([role], permission(`${area}.read`))).toBe(mark !== '-');
  });

  it('has the API as documented for applications', () => {
    const of = (role: Role) => permissions.filter((each) => allows([role], each));
    expect(of('Risk_API')).toEqual([
      'api.read',
      'api.write',
      'externalCallInvocation.read',
      'externalCallInvocation.write',
    ]);
    expect(of('Provisioning_API')).toEqual([
      'childEnvironments.read',
      'childEnvironments.write',
      'environments.read',
    ]);
  });

  it('that writes also reads', () => {
    for (const each of permissions.filter((name) => name.endsWith('.write'))) {
      const reading = rolesWith(permission(each.replace('.write', '.read')));
      for (const role of rolesWith(each)) expect(reading.has(role), `${role} ${each}`).toBe(true);
    }
  });

  it('adds to another, and none is nothing', () => {
    expect(allows(['SupportAgent', 'Risk_API'], 'api.write')).toBe(true);
    for (const each of permissions) expect(allows([], each)).toBe(false);
  });
});

describe('giving roles', () => {
  const given = (role: Role) => roles.filter((each) => mayAssign([role], each));
  it('is for three roles, each within its bounds', () => {
    expect(given('ProductAdmin')).toEqual(roles);
    expect(given('AllAreas_Admin')).toEqual(roles.slice(1));
    expect(given('ManualReviewFraudManager')).toEqual([
      'ManualReviewAnalyst',
      'ManualReviewSeniorAnalyst',
      'ManualReviewFraudManager',
    ]);
    for (const role of roles.filter(
      (each) => !['ProductAdmin', 'AllAreas_Admin', 'ManualReviewFraudManager'].includes(each),
    ))
      expect(given(role), role).toEqual([]);
  });
});
