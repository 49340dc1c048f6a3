import { z } from 'zod';
import { activityView, limit, pageFrom } from './about.ts';
import { queryNumber, queryText, type Reply, type Route } from './route.ts';

/** Who changed what and when, in an environment and those below it. */
export const activityRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/activity',
    permission: 'activity.read',
    about: {
      operation: 'listActivity',
      summary: 'Who changed what and when, here and in the environments below, newest first',
      query: {
        limit: limit(500, 100),
        from: z.string().optional(),
        kind: z.string().optional(),
        name: z.string().optional(),
        operation: z.string().optional(),
        by: z.string().optional(),
      },
      answers: { 200: pageFrom(activityView, z.string()) },
    },
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
