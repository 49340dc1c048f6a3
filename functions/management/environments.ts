import type { Reply, Route } from './route.ts';

/** Environments: the tree, and each with its settings. `{env}` is an id, an API name, or a path with encoded slashes. */
export const environmentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments',
    async handler({ app }): Promise<Reply> {
      return { status: 200, body: { items: await app.config.environmentTree() } };
    },
  },
  {
    method: 'GET',
    path: 'environments/{env}',
    async handler({ app, parameter }): Promise<Reply> {
      const { view, etag } = await app.config.environment(parameter('env'));
      return { status: 200, body: view, etag };
    },
  },
  {
    method: 'PUT',
    path: 'environments/{env}',
    body: 'json',
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
