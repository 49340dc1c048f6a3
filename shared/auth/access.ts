import { Problem } from '../problem.ts';
import type { Assignments } from './assignments.ts';
import type { Caller } from './caller.ts';
import { allows, type Permission, type Role } from './permissions.ts';

/** What this room has to know of environments; ids are GUIDs. */
export interface EnvironmentTree {
  /** The ids from the root to the environment named (id, API name, path; undefined: the default one); undefined: there is none. */
  chain(environment: string | undefined): Promise<readonly string[] | undefined>;
  roots(): Promise<readonly string[]>;
}

export interface Access {
  /**
   * Lets a caller pass who has the permission in the environment. The answer is the environment's id where the caller's
   * right hangs on it: what follows has to go on with that id, so that it acts where the right is. Undefined: the caller
   * has the permission everywhere.
   * Throws a Problem: 404 where the environment is unknown, or the caller has no role there and so may not know of it;
   * 403 without the permission.
   */
  demand(
    caller: Caller,
    permission: Permission,
    environment: string | undefined,
  ): Promise<string | undefined>;
  /** As `demand`, for an environment whose ids from the root are known; undefined: there is none that is `named` so. */
  demandIn(
    caller: Caller,
    permission: Permission,
    chain: readonly string[] | undefined,
    named: string | undefined,
  ): Promise<string | undefined>;
  /** Lets a caller pass whose permission counts everywhere. Throws a Problem 403. */
  demandEverywhere(caller: Caller, permission: Permission): void;
  /** Lets a caller pass who has the permission in any environment. Throws a Problem 403. */
  demandSomewhere(caller: Caller, permission: Permission): Promise<void>;
  /** The caller's roles in an environment, by the ids from the root to it. */
  rolesIn(caller: Caller, chain: readonly string[]): Promise<ReadonlySet<Role>>;
}

/**
 * Decides who may do what: a caller has the roles that the tenant gave it, in every environment, and those that were
 * assigned to it in an environment, there and in all below. Roles only add up.
 */
export function openAccess(assignments: Assignments, tree: EnvironmentTree): Access {
  /** The roles assigned to a caller in one tree, by environment id. */
  const assigned = async ({ kind, principal }: Caller, root: string) =>
    kind === 'functionKey' || principal === undefined
      ? new Map<string, readonly Role[]>()
      : assignments.rolesOf(root, { type: kind, id: principal });

  const rolesIn = async (caller: Caller, chain: readonly string[]): Promise<ReadonlySet<Role>> => {
    const roles = new Set(caller.roles);
    const [root] = chain;
    if (root === undefined) return roles;
    const given = await assigned(caller, root);
    for (const id of chain) for (const role of given.get(id) ?? []) roles.add(role);
    return roles;
  };

  const allAssigned = async (caller: Caller): Promise<Role[]> => {
    const maps = await Promise.all((await tree.roots()).map((root) => assigned(caller, root)));
    return maps.flatMap((map) => [...map.values()].flat());
  };

  const demandIn: Access['demandIn'] = async (caller, permission, chain, named) => {
    if (allows(caller.roles, permission)) return undefined;
    const roles = chain ? await rolesIn(caller, chain) : new Set(caller.roles);
    if (chain && allows(roles, permission)) return chain.at(-1);
    if (chain && roles.size > 0) throw forbidden(permission);
    // whoever has no role at all learns that, and nothing of environments
    if (roles.size === 0 && (await allAssigned(caller)).length === 0) throw withoutRole();
    throw unknown(named);
  };

  return {
    rolesIn,
    demandIn,
    async demand(caller, permission, environment) {
      if (allows(caller.roles, permission)) return undefined;
      return demandIn(caller, permission, await tree.chain(environment), environment);
    },
    demandEverywhere(caller, permission) {
      if (allows(caller.roles, permission)) return;
      throw caller.roles.length === 0 ? withoutRole() : forbidden(permission);
    },
    async demandSomewhere(caller, permission) {
      if (allows(caller.roles, permission)) return;
      const roles = await allAssigned(caller);
      if (allows(roles, permission)) return;
      throw roles.length + caller.roles.length === 0 ? withoutRole() : forbidden(permission);
    },
  };
}

export function forbidden(permission: Permission): Problem {
  return Problem.forbidden(`The caller's roles do not include the permission ${permission} here.`, {
    code: 'PermissionMissing',
    extra: { permission },
  });
}

function withoutRole(): Problem {
  return Problem.forbidden('The caller has no role.', { code: 'RoleMissing' });
}

/** The words in which shared/config says so, for both must look alike. */
function unknown(environment: string | undefined): Problem {
  return Problem.notFound(
    environment === undefined
      ? 'There is no environment yet.'
      : `There is no environment ${JSON.stringify(environment)}.`,
    { code: 'UnknownEnvironment' },
  );
}
