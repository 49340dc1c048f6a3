import { allows, type Permission, type Place } from '../../shared/auth/index.ts';
import { type EnvironmentNode, type EnvironmentWrite, environmentSchema } from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { authOf } from '../access.ts';
import { environmentNode, environmentView, page } from './about.ts';
import type { Reply, Route, RouteContext } from './route.ts';

/** Environments: the tree, and each with its settings. `{env}` is an id, an API name, or a path with encoded slashes. */
export const environmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments',
    permission: 'environments.read',
    anywhere: true,
    about: {
      operation: 'listEnvironments',
      summary: 'All environments that the caller has a role in, as trees',
      answers: { 200: page(environmentNode) },
    },
    async handler(context): Promise<Reply> {
      const items = await visible(context, await context.app.config.environmentTree(), []);
      return { status: 200, body: { items } };
    },
  },
  {
    method: 'GET',
    path: 'environments/{env}',
    permission: 'environments.read',
    about: {
      operation: 'getEnvironment',
      summary: 'One environment',
      answers: { 200: environmentView },
    },
    async handler({ app, parameter }): Promise<Reply> {
      const { view, etag } = await app.config.environment(parameter('env'));
      return { status: 200, body: view, etag };
    },
  },
  {
    method: 'PUT',
    path: 'environments/{env}',
    permission: ['rootEnvironmentCreation.write', 'rootEnvironments.write', 'childEnvironments.write'],
    body: 'json',
    about: {
      operation: 'putEnvironment',
      summary: 'Creates an environment, or changes its name, description and tags',
      body: environmentSchema,
      conditional: true,
      answers: { 200: environmentView, 201: environmentView },
    },
    async handler(context): Promise<Reply> {
      const { app, parameter, body, write, caller } = context;
      const text = parameter('env');
      let allowed = false;
      const allow = async (planned: EnvironmentWrite) => {
        await demandWrite(context, planned);
        allowed = true;
      };
      const { view, etag, outcome } = await app.config
        .putEnvironment(text, settings(body), { ...write, allow })
        .catch(async (error: unknown) => {
          if (allowed || caller.roles.length > 0 || !mayTell(error)) throw error;
          // what stands in the way is told only to those who have a role there
          await context.access.demandIn(caller, 'childEnvironments.write', undefined, text);
          throw error;
        });
      // what an environment of the same id has left must not count in the new one
      if (outcome === 'created') await clear(context, { root: view.root, environment: view.id });
      return { status: outcome === 'created' ? 201 : 200, body: view, etag };
    },
  },
  {
    method: 'DELETE',
    path: 'environments/{env}',
    permission: ['rootEnvironmentDeletion.write', 'childEnvironments.write'],
    about: {
      operation: 'deleteEnvironment',
      summary: 'Deletes an environment that has no children',
      conditional: true,
      answers: { 204: 'none' },
    },
    async handler(context): Promise<Reply> {
      const { app, access, caller, parameter, write } = context;
      const text = parameter('env');
      const chain = await app.config.environmentChain(text);
      const permission: Permission =
        chain?.length === 1 ? 'rootEnvironmentDeletion.write' : 'childEnvironments.write';
      await access.demandIn(caller, permission, chain, text);
      const [root, environment] = [chain?.at(0), chain?.at(-1)];
      if (root === undefined || environment === undefined) throw unknown(text);
      await app.config.removeEnvironment(environment, write);
      await clear(context, { root, environment });
      return { status: 204 };
    },
  },
];

/** The part of the trees that the caller has a role in: an environment whose parent is not in it stands at the top. */
async function visible(
  context: RouteContext,
  nodes: readonly EnvironmentNode[],
  above: readonly string[],
): Promise<EnvironmentNode[]> {
  const { access, caller } = context;
  if (allows(caller.roles, 'environments.read')) return [...nodes];
  const found = await Promise.all(
    nodes.map(async (node) => {
      const chain = [...above, node.id];
      const children = await visible(context, node.children, chain);
      const roles = await access.rolesIn(caller, chain);
      return allows(roles, 'environments.read') ? [{ ...node, children }] : children;
    }),
  );
  return found.flat();
}

/** Roots and children are areas of their own in the permission table, and a root is created by those who may do so anywhere. */
async function demandWrite(
  { access, caller }: RouteContext,
  { operation, chain, named }: EnvironmentWrite,
): Promise<void> {
  if (chain.length === 0) access.demandEverywhere(caller, 'rootEnvironmentCreation.write');
  else if (operation === 'update' && chain.length === 1)
    await access.demandIn(caller, 'rootEnvironments.write', chain, named);
  else await access.demandIn(caller, 'childEnvironments.write', chain, named);
}

/** Would the error say whether an environment exists? */
function mayTell(error: unknown): boolean {
  return (
    error instanceof Problem && [403, 404, 409].includes(error.status) && error.code !== 'PermissionMissing'
  );
}

async function clear({ app, caller }: RouteContext, place: Place): Promise<void> {
  await authOf(app).assignments.clear(place, caller.id);
}

function unknown(environment: string): Problem {
  return Problem.notFound(`There is no environment ${JSON.stringify(environment)}.`, {
    code: 'UnknownEnvironment',
  });
}

/** What a GET adds to the settings, so that its answer can be sent back. */
const readOnly = ['path', 'root', 'default', 'version', 'created', 'changed', 'changedBy'];

function settings(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !readOnly.includes(name)));
}
