import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { Problem } from '../problem.ts';
import { openStorage } from '../storage/index.ts';
import { type Access, openAccess } from './access.ts';
import { type AssignmentChange, type Assignments, openAssignments, type Principal } from './assignments.ts';
import type { Caller } from './caller.ts';
import { allows, type Permission, permissions, type Role, roles } from './permissions.ts';

let azurite: Azurite;
let assignments: Assignments;
let access: Access;
/** what the activity log holds: an entry that is told twice stands once */
let log: Map<string, AssignmentChange>;
const logged = () => [...log.values()];
let now: number;

/** Two trees: one/eu/de, one/us, other. Ids differ from test to test. */
let ids: Record<'one' | 'eu' | 'de' | 'us' | 'other', string>;
const parents = { one: undefined, eu: 'one', de: 'eu', us: 'one', other: undefined } as const;
type Name = keyof typeof parents;
const names: readonly Name[] = ['one', 'eu', 'de', 'us', 'other'];

function chain(name: Name): string[] {
  const parent = parents[name];
  return [...(parent === undefined ? [] : chain(parent)), ids[name]];
}

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite?.stop());
beforeEach(() => {
  ids = { one: randomUUID(), eu: randomUUID(), de: randomUUID(), us: randomUUID(), other: randomUUID() };
  log = new Map();
  now = Date.now();
  open();
});

function open(): void {
  assignments = openAssignments(openStorage({ connectionString: azurite.connectionString }), {
    log: async (change) => void log.set(change.id, change),
    now: () => now,
  });
  access = openAccess(assignments, {
    chain: async (environment = 'one') => {
      const name = names.find((each) => each === environment || ids[each] === environment);
      return name && chain(name);
    },
    roots: async () => [ids.one, ids.other],
  });
}

const ann: Principal = { type: 'user', id: '00000000-aaaa-4000-8000-000000000000' };
const caller = (tenantWide: readonly Role[] = []): Caller => ({
  id: 'ann@contoso.com',
  kind: 'user',
  principal: ann.id,
  roles: tenantWide,
});

async function assign(name: Name, given: readonly Role[], principal = ann): Promise<void> {
  const place = { root: chain(name)[0] ?? '', environment: ids[name] };
  await assignments.write(place, principal, { roles: given }, { by: 'root', check: () => undefined });
}

async function outcome(
  permission: Permission,
  environment?: string,
  by = caller(),
): Promise<string | number> {
  return access.demand(by, permission, environment).then(
    (id) => id ?? 'everywhere',
    (error: unknown) => (error instanceof Problem ? error.status : String(error)),
  );
}

describe('a role of the tenant', () => {
  it('counts in every environment, and costs no look-up', async () => {
    for (const name of [...names, undefined])
      expect(await outcome('rules.write', name, caller(['FraudEngineer']))).toBe('everywhere');
  });

  it('gives what the table says and no more, for every role, permission and environment', async () => {
    for (const role of roles)
      for (const permission of permissions)
        for (const name of names)
          expect(await outcome(permission, name, caller([role])), `${role} ${permission} ${name}`).toBe(
            allows([role], permission) ? 'everywhere' : 403,
          );
  });

  it('does not make an environment out of nothing', async () => {
    expect(await outcome('activity.read', 'nowhere', caller(['FraudEngineer']))).toBe(404);
  });
});

describe('a role in an environment', () => {
  it('gives what the table says there and below, and nothing elsewhere', async () => {
    const within: Record<Name, readonly Name[]> = {
      one: ['one', 'eu', 'de', 'us'],
      eu: ['eu', 'de'],
      de: ['de'],
      us: ['us'],
      other: ['other'],
    };
    for (const [index, role] of roles.entries()) {
      for (const at of names) {
        const principal: Principal = {
          type: 'application',
          id: `${String(index).padStart(8, '0')}-${String(names.indexOf(at)).padStart(4, '0')}-4000-8000-000000000000`,
        };
        await assign(at, [role], principal);
        const by: Caller = { id: 'app', kind: 'application', principal: principal.id, roles: [] };
        for (const permission of permissions)
          for (const name of names) {
            const expected = within[at].includes(name) ? (allows([role], permission) ? ids[name] : 403) : 404;
            expect(await outcome(permission, name, by), `${role} at ${at}: ${permission} ${name}`).toBe(
              expected,
            );
          }
      }
    }
  });

  it('adds to those above it and to the tenant’s', async () => {
    await assign('one', ['SupportAgent']);
    await assign('de', ['Risk_API']);
    expect(await outcome('api.write', 'de')).toBe(ids.de);
    expect(await outcome('api.write', 'eu')).toBe(403);
    expect(await outcome('supportListEntries.write', 'de')).toBe(ids.de);
    expect(await outcome('rules.read', 'us', caller(['AllAreasViewer']))).toBe('everywhere');
  });

  it('is the right to the default environment, where none is named', async () => {
    await assign('one', ['Risk_API']);
    expect(await outcome('api.write')).toBe(ids.one);
  });

  it('of a user is none of an application with the same id, nor of a function key', async () => {
    await assign('one', ['ProductAdmin']);
    const app: Caller = { id: 'app', kind: 'application', principal: ann.id, roles: [] };
    expect(await outcome('rules.read', 'one', app)).toBe(403);
    const key: Caller = { id: 'function key', kind: 'functionKey', principal: ann.id, roles: [] };
    expect(await outcome('rules.read', 'one', key)).toBe(403);
  });

  it('says nothing of environments to those who have no role in them', async () => {
    await assign('us', ['AllAreas_Admin']);
    const problem = (name: string) => access.demand(caller(), 'rules.read', name).catch((error) => error);
    const [known, unknown] = [await problem('other'), await problem('nowhere')];
    expect({ ...known, detail: '', message: '' }).toEqual({ ...unknown, detail: '', message: '' });
    expect(known.detail.replace('other', 'nowhere')).toBe(unknown.detail);
    // and to those who have no role at all, not even whether there is such an environment
    const stranger: Caller = { ...caller(), principal: randomUUID() };
    expect(await outcome('rules.read', 'other', stranger)).toBe(403);
    expect(await outcome('rules.read', 'nowhere', stranger)).toBe(403);
  });

  it('is enough for what is asked of any, and not for what is asked of all', async () => {
    await assign('de', ['AllAreasViewer']);
    await expect(access.demandSomewhere(caller(), 'environments.read')).resolves.toBeUndefined();
    await expect(access.demandSomewhere(caller(), 'activity.read')).rejects.toMatchObject({ status: 403 });
    expect(() => access.demandEverywhere(caller(), 'environments.read')).toThrow('no role');
    expect(() => access.demandEverywhere(caller(['Risk_API']), 'environments.read')).toThrow('permission');
  });
});

describe('an assignment', () => {
  const place = () => ({ root: ids.one, environment: ids.eu });
  const open412 = { by: 'root', check: () => undefined };

  it('is created, read, listed, replaced and removed; each change is logged', async () => {
    const first = await assignments.write(
      place(),
      ann,
      { roles: ['SupportAgent'], displayName: 'Ann' },
      open412,
    );
    expect(first).toMatchObject({ outcome: 'created', assignment: { roles: ['SupportAgent'] } });
    expect(await assignments.get(place(), ann)).toEqual(first.assignment);
    expect(await assignments.list(place())).toEqual([first.assignment]);
    expect(await assignments.list({ root: ids.one, environment: ids.one })).toEqual([]);
    const again = await assignments.write(
      place(),
      ann,
      { roles: ['SupportAgent'], displayName: 'Ann' },
      open412,
    );
    expect(again.outcome).toBe('unchanged');
    const second = await assignments.write(place(), ann, { roles: ['Risk_API', 'FraudEngineer'] }, open412);
    expect(second).toMatchObject({ outcome: 'updated' });
    expect(await outcome('api.write', 'de')).toBe(ids.de);
    expect((await assignments.write(place(), ann, undefined, open412)).outcome).toBe('removed');
    expect((await assignments.write(place(), ann, undefined, open412)).outcome).toBe('missing');
    expect(await outcome('api.write', 'de')).toBe(403);
    expect(logged().map(({ before, after }) => [before?.roles, after?.roles])).toEqual([
      [undefined, ['SupportAgent']],
      [['SupportAgent'], ['Risk_API', 'FraudEngineer']],
      [['Risk_API', 'FraudEngineer'], undefined],
    ]);
  });

  it('obeys the conditions of a write, and its check sees what is stored', async () => {
    const made = await assignments.write(place(), ann, { roles: ['SupportAgent'] }, open412);
    const write = (options: object) =>
      assignments.write(place(), ann, { roles: ['AllAreasViewer'] }, { ...open412, ...options });
    await expect(write({ ifAbsent: true })).rejects.toMatchObject({ status: 412 });
    await expect(write({ ifMatch: ['"no"'] })).rejects.toMatchObject({ status: 412 });
    const seen: (readonly Role[])[] = [];
    const check = (before: readonly Role[]) => void seen.push(before);
    expect((await write({ ifMatch: [made.assignment?.etag], check })).outcome).toBe('updated');
    expect(seen).toEqual([['SupportAgent']]);
  });

  it('by several at once is one after the other, and the log knows them all', async () => {
    await Promise.all(roles.map((role) => assignments.write(place(), ann, { roles: [role] }, open412)));
    const [only] = await assignments.list(place());
    const rows = await assignments.rolesOf(ids.one, ann);
    expect(rows.get(ids.eu)).toEqual(only?.roles);
    expect(logged()).toHaveLength(roles.length);
  });

  it('made elsewhere is in force here within the time that reads are kept', async () => {
    expect(await outcome('api.write', 'eu')).toBe(403);
    const elsewhere = openAssignments(openStorage({ connectionString: azurite.connectionString }), {
      log: async () => undefined,
    });
    await elsewhere.write(place(), ann, { roles: ['Risk_API'] }, open412);
    expect(await outcome('api.write', 'eu')).toBe(403);
    now += 15_000;
    expect(await outcome('api.write', 'eu')).toBe(ids.eu);
  });

  it('whose log entry was not stored is logged later', async () => {
    const failing = openAssignments(openStorage({ connectionString: azurite.connectionString }), {
      log: () => Promise.reject(new Error('killed')),
    });
    await expect(failing.write(place(), ann, { roles: ['Risk_API'] }, open412)).rejects.toThrow('killed');
    expect(logged()).toEqual([]);
    expect(await assignments.list(place())).toMatchObject([{ roles: ['Risk_API'] }]);
    expect(logged()).toMatchObject([{ by: 'root', after: { roles: ['Risk_API'] } }]);
    await assignments.list(place());
    expect(logged()).toHaveLength(1);
  });

  it('goes with its environment', async () => {
    await assign('eu', ['Risk_API']);
    await assign('de', ['Risk_API']);
    await assignments.clear(place(), 'root');
    expect(await outcome('api.write', 'eu')).toBe(404);
    expect(await outcome('api.write', 'de')).toBe(ids.de);
    expect(logged().at(-1)).toMatchObject({ environment: ids.eu, by: 'root' });
  });
});
