import { environmentSchema } from '../../shared/config/index.ts';
import { environmentNode, environmentView, page } from './about.ts';
import type { Reply, Route } from './route.ts';

/** Environments: the tree, and each with its settings. `{env}` is an id, an API name, or a path with encoded slashes. */
export const environmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments',
    about: {
      operation: 'listEnvironments',
      summary: 'All environments, as trees',
      answers: { 200: page(environmentNode) },
    },
    async handler({ app }): Promise<Reply> {
      return { status: 200, body: { items: await app.config.environmentTree() } };
    },
  },
  {
    method: 'GET',
    path: 'environments/{env}',
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
    body: 'json',
    about: {
      operation: 'putEnvironment',
      summary: 'Creates an environment, or changes its name, description and tags',
      body: environmentSchema,
      conditional: true,
      answers: { 200: environmentView, 201: environmentView },
    },
    async handler({ app, parameter, body, write }): Promise<Reply> {
      const { view, etag, outcome } = await app.config.putEnvironment(
        parameter('env'),
        settings(body),
        write,
      );
      return { status: outcome === 'created' ? 201 : 200, body: view, etag };
    },
  },
  {
    method: 'DELETE',
    path: 'environments/{env}',
    about: {
      operation: 'deleteEnvironment',
      summary: 'Deletes an environment that has no children',
      conditional: true,
      answers: { 204: 'none' },
    },
    async handler({ app, parameter, write }): Promise<Reply> {
      await app.config.removeEnvironment(parameter('env'), write);
      return { status: 204 };
    },
  },
];

/** What a GET adds to the settings, so that its answer can be sent back. */
const readOnly = ['path', 'root', 'default', 'version', 'created', 'changed', 'changedBy'];

function settings(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !readOnly.includes(name)));
}
