import { randomUUID } from 'node:crypto';
import { Problem } from '../problem.ts';
import type { Operation, Storage, StoredRow } from '../storage/index.ts';
import { isRole, type Role } from './permissions.ts';

/*
 * Table `roleAssignments`: which roles a user or an application has in an environment, and so in those below it.
 *   PartitionKey  id of the root environment
 *   RowKey        p|{user or application}|{id of the principal}|{environment id}   what an authorization reads: one range
 *                 e|{environment id}|{user or application}|{id of the principal}   the same, for the list of an environment
 *                 l|{change id}                                        what the activity log has to be told of a change
 *   All rows of a change are written in one transaction. All ids are GUIDs in lower case, so nothing needs encoding.
 */
export const assignmentTable = 'roleAssignments';

export type PrincipalType = 'user' | 'application';

export interface Principal {
  type: PrincipalType;
  /** a user's object id, an application's client id */
  id: string;
}

/** What a PUT sets. */
export interface AssignmentValue {
  roles: readonly Role[];
  displayName?: string;
}

export interface Assignment extends AssignmentValue {
  environment: string;
  principal: Principal;
  /** milliseconds since 1970 */
  changed: number;
  changedBy: string;
}

export type StoredAssignment = Assignment & { etag: string };

/** One change, for the activity log. */
export interface AssignmentChange {
  id: string;
  at: number;
  by: string;
  environment: string;
  principal: Principal;
  before?: AssignmentValue;
  after?: AssignmentValue;
}

export interface AssignmentWrite {
  by: string;
  /** only if the stored assignment still has one of these etags (`*`: any) */
  ifMatch?: readonly string[] | undefined;
  /** only if there is none */
  ifAbsent?: boolean | undefined;
  /** may throw, given what is stored at the moment of the write */
  check(before: readonly Role[]): void;
}

export interface Place {
  root: string;
  environment: string;
}

export interface Assignments {
  /** Roles by environment id, in one tree; at most `keepFor` old. */
  rolesOf(root: string, principal: Principal): Promise<ReadonlyMap<string, readonly Role[]>>;
  get(place: Place, principal: Principal): Promise<StoredAssignment | undefined>;
  /** All of one environment, its own only. */
  list(place: Place): Promise<StoredAssignment[]>;
  /** Creates, replaces or (with `value` undefined) removes. Throws a Problem 412. */
  write(
    place: Place,
    principal: Principal,
    value: AssignmentValue | undefined,
    options: AssignmentWrite,
  ): Promise<{
    outcome: 'created' | 'updated' | 'unchanged' | 'removed' | 'missing';
    assignment?: StoredAssignment;
  }>;
  /** Removes all of an environment, as one that is gone, or that is new, must have none. */
  clear(place: Place, by: string): Promise<void>;
}

export interface AssignmentOptions {
  /** stores a change in the activity log, any number of times with the same outcome */
  log(change: AssignmentChange): Promise<void>;
  /** milliseconds for which an instance may go by what it has read; default 15,000 */
  keepFor?: number;
  /** milliseconds since 1970 */
  now?: () => number;
}

const maxAttempts = 20;
const maxRemembered = 10_000;

/** Opens the table; it is created with the first use. */
export function openAssignments(storage: Storage, options: AssignmentOptions): Assignments {
  const { keepFor = 15_000, now = Date.now } = options;
  const table = storage.table(assignmentTable);
  const remembered = new Map<
    string,
    { read: number; roles: Promise<ReadonlyMap<string, readonly Role[]>> }
  >();

  let prepared: Promise<void> | undefined;
  const ready = () => {
    prepared ??= storage.ensure({ tables: [assignmentTable] }).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };

  const readRoles = async (root: string, principal: Principal) => {
    await ready();
    const prefix = `p|${principal.type}|${principal.id}|`;
    const found = new Map<string, readonly Role[]>();
    for await (const row of table.range(root, between(prefix))) {
      const { environment, roles } = parse(row);
      found.set(environment, roles);
    }
    return found;
  };

  const finish = async (root: string, change: AssignmentChange) => {
    await options.log(change);
    await table.remove(root, `l|${change.id}`);
  };

  /** Logs what a process that died has left unlogged. */
  const recover = async (root: string) => {
    for await (const row of table.range(root, between('l|')))
      if (typeof row.change === 'string') await finish(root, JSON.parse(row.change));
  };

  const read = async ({ root, environment }: Place, principal: Principal) => {
    const row = await table.read(root, listKey(environment, principal));
    return row && parse(row);
  };

  const writeOnce = async (
    { root, environment }: Place,
    principal: Principal,
    before: StoredAssignment | undefined,
    value: AssignmentValue | undefined,
    by: string,
  ): Promise<StoredAssignment | 'removed' | undefined> => {
    const at = now();
    const change: AssignmentChange = {
      id: randomUUID(),
      at,
      by,
      environment,
      principal,
      ...(before ? { before: settingsOf(before) } : {}),
      ...(value ? { after: value } : {}),
    };
    const keys = [listKey(environment, principal), roleKey(environment, principal)];
    const operations = keys.map((rowKey, index): Operation => {
      const etag = index === 0 ? before?.etag : undefined;
      if (!value) return { kind: 'remove', partitionKey: root, rowKey, ...(etag ? { etag } : {}) };
      const row = { partitionKey: root, rowKey, ...columns(environment, principal, value, at, by) };
      if (index === 0 && etag === undefined) return { kind: 'insert', row };
      return { kind: 'put', row, ...(etag ? { etag } : {}) };
    });
    const written = await table.transact([
      ...operations,
      {
        kind: 'insert',
        row: { partitionKey: root, rowKey: `l|${change.id}`, change: JSON.stringify(change) },
      },
    ]);
    if (!written.ok) return undefined;
    remembered.delete(memoryKey(root, principal));
    await finish(root, change);
    if (!value) return 'removed';
    const etag = written.etags[0] ?? (await read({ root, environment }, principal))?.etag ?? '';
    return { ...value, environment, principal, changed: at, changedBy: by, etag };
  };

  return {
    async rolesOf(root, principal) {
      const key = memoryKey(root, principal);
      const known = remembered.get(key);
      if (known && now() - known.read < keepFor) return known.roles;
      if (remembered.size >= maxRemembered) remembered.clear();
      const roles = readRoles(root, principal);
      remembered.set(key, { read: now(), roles });
      roles.catch(() => remembered.delete(key));
      return roles;
    },
    async get(place, principal) {
      await ready();
      return read(place, principal);
    },
    async list({ root, environment }) {
      await ready();
      await recover(root);
      const found: StoredAssignment[] = [];
      for await (const row of table.range(root, between(`e|${environment}|`))) found.push(parse(row));
      return found;
    },
    async write(place, principal, value, { by, ifMatch, ifAbsent, check }) {
      await ready();
      await recover(place.root);
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const before = await read(place, principal);
        if ((ifAbsent && before) || (ifMatch && !meets(ifMatch, before)))
          throw Problem.preconditionFailed(
            'The role assignment exists already, has changed, or is not there.',
            {
              code: 'Changed',
            },
          );
        check(before?.roles ?? []);
        if (!value && !before) return { outcome: 'missing' };
        if (value && before && same(value, before)) return { outcome: 'unchanged', assignment: before };
        const written = await writeOnce(place, principal, before, value, by);
        if (written === 'removed') return { outcome: 'removed' };
        if (written) return { outcome: before ? 'updated' : 'created', assignment: written };
      }
      throw Problem.unavailable('Too many others are changing this role assignment at the moment.', 1);
    },
    async clear(place, by) {
      await ready();
      for await (const row of table.range(place.root, between(`e|${place.environment}|`))) {
        const assignment = parse(row);
        await writeOnce(place, assignment.principal, assignment, undefined, by);
      }
    },
  };
}

function listKey(environment: string, { type, id }: Principal): string {
  return `e|${environment}|${type}|${id}`;
}

function roleKey(environment: string, { type, id }: Principal): string {
  return `p|${type}|${id}|${environment}`;
}

function memoryKey(root: string, { type, id }: Principal): string {
  return `${root}|${type}|${id}`;
}

/** The range of row keys that begin with a text; `~` comes after every character of a GUID. */
function between(prefix: string): { from: string; before: string } {
  return { from: prefix, before: `${prefix}~` };
}

function columns(
  environment: string,
  { type, id }: Principal,
  { roles, displayName }: AssignmentValue,
  at: number,
  by: string,
) {
  const changed = new Date(at);
  return { environment, type, principal: id, roles: roles.join(' '), displayName, changed, changedBy: by };
}

function parse(row: StoredRow): StoredAssignment {
  const text = (name: string) => {
    const value = row[name];
    return typeof value === 'string' ? value : '';
  };
  const displayName = text('displayName');
  return {
    environment: text('environment'),
    principal: { type: text('type') === 'user' ? 'user' : 'application', id: text('principal') },
    roles: text('roles').split(' ').filter(isRole),
    ...(displayName === '' ? {} : { displayName }),
    changed: row.changed instanceof Date ? row.changed.getTime() : 0,
    changedBy: text('changedBy'),
    etag: row.etag,
  };
}

function settingsOf({ roles, displayName }: Assignment): AssignmentValue {
  return { roles, ...(displayName === undefined ? {} : { displayName }) };
}

function same(left: AssignmentValue, right: AssignmentValue): boolean {
  return (
    [...left.roles].sort().join() === [...right.roles].sort().join() && left.displayName === right.displayName
  );
}

function meets(etags: readonly string[], assignment: StoredAssignment | undefined): boolean {
  return assignment !== undefined && etags.some((each) => each === '*' || each === assignment.etag);
}
