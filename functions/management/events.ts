import { z } from 'zod';
import { Problem } from '../../shared/problem.ts';
import { queryText, type Reply, type Route } from './route.ts';

const eventView = z
  .looseObject({
    environment: z.guid(),
    type: z.string(),
    id: z.string(),
    correlationId: z.string(),
    received: z.iso.datetime(),
    complete: z.boolean().describe('has everything that it adds to velocities been added?'),
    event: z.record(z.string(), z.unknown()),
    answer: z.looseObject({ transactionReferenceId: z.string() }),
    evidence: z.looseObject({}),
    contributions: z.array(z.looseObject({})),
  })
  .meta({ id: 'Event' });

/** Events as they were received, with what their decision rested on. */
export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/events/{type}/{id}',
    permission: 'events.read',
    about: {
      operation: 'getEvent',
      summary: 'An event as it was received, its answer, and what its decision rested on',
      query: { correlationId: z.string().optional() },
      answers: { 200: eventView },
    },
    async handler({ app, parameter, query }): Promise<Reply> {
      const { id: environment } = await app.config.snapshot(parameter('env'));
      const [type, id] = [typeName(parameter('type')), parameter('id')];
      const correlationId = queryText(query, 'correlationId');
      const stored =
        correlationId === undefined
          ? await app.records.latest(environment, type, id)
          : await app.records.read({ environment, type, id, correlationId });
      if (!stored) throw Problem.notFound(`There is no ${type} with the id ${id} in this environment.`);
      const { key, received, event, answer, evidence, contributions } = stored;
      const complete = await app.records.isComplete(key);
      return { status: 200, body: { ...key, received, complete, event, answer, evidence, contributions } };
    },
  },
];

const types = ['Purchase'];

/** Event types are matched in any letter case. */
function typeName(given: string): string {
  return types.find((type) => type.toLowerCase() === given.toLowerCase()) ?? given;
}
