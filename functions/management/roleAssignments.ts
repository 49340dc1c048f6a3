import { z } from 'zod';
import {
  allows,
  isApiRole,
  mayAssign,
  type Place,
  type Principal,
  type Role,
  roles,
  type StoredAssignment,
} from '../../shared/auth/index.ts';
import { parseBody } from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { authOf } from '../access.ts';
import { page } from './about.ts';
import type { Reply, Route, RouteContext } from './route.ts';

const bodySchema = z.strictObject({
  roles: z.array(z.enum(roles)).min(1).max(roles.length),
  displayName: z.string().trim().min(1).max(200).optional(),
});
const idSchema = z.guid();
const assignmentView = z
  .object({
    type: z.enum(['user', 'application']),
    id: z.guid(),
    environment: z.guid(),
    roles: z.array(z.enum(roles)),
    displayName: z.string().optional(),
    changed: z.iso.datetime(),
    changedBy: z.string(),
  })
  .meta({ id: 'RoleAssignment' });

/** What a GET adds to the body, so that its answer can be sent back. */
const readOnly = ['type', 'id', 'environment', 'changed', 'changedBy'];

/** Who has which roles in an environment: users by their object id, applications by their client id. */
export const roleAssignmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/roleAssignments',
    permission: 'userAccess.read',
    about: {
      operation: 'listRoleAssignments',
      summary: 'Who has which roles in an environment',
      answers: { 200: page(assignmentView) },
    },
    async handler(context): Promise<Reply> {
      const { place, held } = await placeOf(context);
      const assignments = await authOf(context.app).assignments.list(place);
      const items = assignments.map((each) => shownTo(held, each)).filter((each) => each.roles.length > 0);
      return { status: 200, body: { items: items.map(viewOf) } };
    },
  },
  ...(['user', 'application'] as const).flatMap((type): Route[] => {
    const path = `environments/{env}/roleAssignments/${type}s/{id}`;
    const noun = type === 'user' ? 'User' : 'Application';
    return [
      {
        method: 'GET',
        path,
        permission: 'userAccess.read',
        about: {
          operation: `get${noun}RoleAssignment`,
          summary: `The roles of one ${type} in an environment`,
          answers: { 200: assignmentView },
        },
        async handler(context): Promise<Reply> {
          const { place, held } = await placeOf(context);
          const principal = principalOf(context, type);
          const stored = await authOf(context.app).assignments.get(place, principal);
          const shown = stored && shownTo(held, stored);
          if (!shown || shown.roles.length === 0) throw none(principal);
          return { status: 200, body: viewOf(shown), etag: shown.etag };
        },
      },
      {
        method: 'PUT',
        path,
        body: 'json',
        permission: 'userAccess.write',
        about: {
          operation: `put${noun}RoleAssignment`,
          summary: `Gives one ${type} roles in an environment and those below it`,
          body: bodySchema,
          conditional: true,
          answers: { 200: assignmentView, 201: assignmentView },
        },
        async handler(context): Promise<Reply> {
          const { place, held } = await placeOf(context);
          const { roles: wanted, displayName } = parseBody(bodySchema, contentOf(context.body));
          const value = {
            roles: [...new Set(wanted)],
            ...(displayName === undefined ? {} : { displayName }),
          };
          const { outcome, assignment } = await authOf(context.app).assignments.write(
            place,
            principalOf(context, type),
            value,
            { ...context.write, check: (before) => checkChange(held, before, wanted) },
          );
          if (!assignment) throw new Error('a write gave no assignment');
          return {
            status: outcome === 'created' ? 201 : 200,
            body: viewOf(assignment),
            etag: assignment.etag,
          };
        },
      },
      {
        method: 'DELETE',
        path,
        permission: 'userAccess.write',
        about: {
          operation: `delete${noun}RoleAssignment`,
          summary: `Takes the roles of one ${type} in an environment`,
          conditional: true,
          answers: { 204: 'none' },
        },
        async handler(context): Promise<Reply> {
          const { place, held } = await placeOf(context);
          const principal = principalOf(context, type);
          const { outcome } = await authOf(context.app).assignments.write(place, principal, undefined, {
            ...context.write,
            check: (before) => checkChange(held, before, []),
          });
          if (outcome === 'missing') throw none(principal);
          return { status: 204 };
        },
      },
    ];
  }),
];

/** The environment by its ids, and the caller's roles in it. */
async function placeOf(context: RouteContext): Promise<{ place: Place; held: ReadonlySet<Role> }> {
  const { app, caller, parameter } = context;
  const text = parameter('env');
  const chain = await app.config.environmentChain(text);
  const [root, environment] = [chain?.at(0), chain?.at(-1)];
  if (!chain || root === undefined || environment === undefined)
    throw Problem.notFound(`There is no environment ${JSON.stringify(text)}.`, {
      code: 'UnknownEnvironment',
    });
  return { place: { root, environment }, held: await authOf(app).access.rolesIn(caller, chain) };
}

function principalOf({ parameter }: RouteContext, type: Principal['type']): Principal {
  const id = idSchema.safeParse(parameter('id').trim());
  if (id.success) return { type, id: id.data.toLowerCase() };
  const message =
    type === 'user' ? 'is a user’s object id (a GUID)' : 'is an application’s client id (a GUID)';
  throw Problem.badRequest(`The id ${message}.`, { code: 'InvalidId', errors: [{ path: 'id', message }] });
}

/** Whoever changes roles has to be allowed to give each that comes, and to take each that goes. */
function checkChange(held: ReadonlySet<Role>, before: readonly Role[], after: readonly Role[]): void {
  const changed = roles.filter((role) => before.includes(role) !== after.includes(role));
  const refused = changed.filter((role) => !mayAssign(held, role));
  if (refused.length > 0)
    throw Problem.forbidden(`The caller's roles do not let it give or take ${refused.join(', ')} here.`, {
      code: 'RoleNotAssignable',
    });
}

/** API roles are shown to those who may see them. */
function shownTo(held: ReadonlySet<Role>, assignment: StoredAssignment): StoredAssignment {
  if (allows(held, 'applicationAccess.read')) return assignment;
  return { ...assignment, roles: assignment.roles.filter((role) => !isApiRole(role)) };
}

function viewOf({
  principal,
  environment,
  roles,
  displayName,
  changed,
  changedBy,
}: StoredAssignment): object {
  return {
    type: principal.type,
    id: principal.id,
    environment,
    roles,
    ...(displayName === undefined ? {} : { displayName }),
    changed: new Date(changed).toISOString(),
    changedBy,
  };
}

function contentOf(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([member]) => !readOnly.includes(member)));
}

function none({ type, id }: Principal): Problem {
  return Problem.notFound(`The ${type} ${id} has no role of its own in this environment.`, {
    code: 'NotFound',
  });
}
