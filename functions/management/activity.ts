import { queryNumber, queryText, type Reply, type Route } from './route.ts';

/** Who changed what and when, in an environment and those below it. */
export const activityRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/activity',
    async handler({ app, parameter, query }): Promise<Reply> {
      const from = queryText(query, 'from');
      const filter = Object.fromEntries(
        (['kind', 'name', 'operation', 'by'] as const).flatMap((name) => {
          const value = queryText(query, name);
          return value === undefined ? [] : [[name, value]];
        }),
      );
      const { entries, next } = await app.config.activity(parameter('env'), {
        limit: queryNumber(query, 'limit', { default: 100, min: 1, max: 500 }),
        ...(from === undefined ? {} : { from }),
        filter,
      });
      const items = entries.map(({ at, by, environment, environmentName, scopes: _, ...entry }) => ({
        ...entry,
        changed: new Date(at).toISOString(),
        changedBy: by,
        environment: { id: environment, name: environmentName },
      }));
      return { status: 200, body: { items, ...(next === undefined ? {} : { next }) } };
    },
  },
];
