import { z } from 'zod';
import { apis } from '../../shared/config/index.ts';
import { limit, page } from './about.ts';
import { queryNumber, type Reply, type Route } from './route.ts';

const usageView = z
  .object({
    month: z.string().describe('calendar month of UTC, e.g. 2026-11'),
    api: z.enum(apis),
    assessments: z.int().describe('of the environment itself'),
    withChildren: z.int().describe('together with the environments below it: what capacities are about'),
    softLimit: z.int().optional(),
    hardLimit: z.int().optional(),
  })
  .meta({ id: 'Usage' });

/** What was assessed, by API and month; capacities are a resource of their own (shared/config). */
export const usageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/usage',
    permission: 'usage.read',
    about: {
      operation: 'getUsage',
      summary: 'How many assessments were made, by API and month',
      query: { months: limit(24, 3) },
      answers: { 200: page(usageView) },
    },
    async handler({ app, parameter, query }): Promise<Reply> {
      const snapshot = await app.config.snapshot(parameter('env'));
      const count = queryNumber(query, 'months', { default: 3, min: 1, max: 24 });
      const today = new Date(app.clock());
      const months = Array.from({ length: count }, (_, back) =>
        new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - back)).toISOString().slice(0, 7),
      );
      return { status: 200, body: { items: await app.usage.lines(snapshot, months) } };
    },
  },
];
