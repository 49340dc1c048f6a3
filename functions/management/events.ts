import { z } from 'zod';
import { eventTypeNamed, eventView } from '../../shared/assessment/view.ts';
import { explainEvent } from '../../shared/assessment/why.ts';
import { Problem } from '../../shared/problem.ts';
import { queryText, type Reply, type Route } from './route.ts';

const explainedScore = z
  .object({
    score: z.number().int(),
    decidedBy: z.enum(['scorecard', 'model', 'both']),
    reasons: z.unknown().describe('what raised or lowered it, with points; of the bot score its signs'),
    model: z
      .looseObject({
        version: z.string(),
        share: z.number().describe('the model’s part in the score, 0 to 1'),
        score: z.number().int(),
        probability: z.number().describe('calibrated probability of fraud'),
        goodTrafficAbove: z.number().describe('share of good traffic that scores as high'),
        logit: z.number(),
        expected: z.number().describe('logit of the average event'),
        attributions: z.array(
          z.object({
            feature: z.string(),
            description: z.string().optional(),
            reasonCode: z.string().optional(),
            value: z.number().nullable(),
            points: z.number().describe('what it adds to the logit'),
          }),
        ),
      })
      .optional(),
  })
  .meta({ id: 'ExplainedScore' });

const eventBody = z
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
    rules: z
      .array(z.looseObject({ rule: z.string(), environment: z.guid() }))
      .describe('every rule and clause: whether it fired, and why or why not'),
    status: z
      .looseObject({ statusType: z.string(), type: z.string(), received: z.iso.datetime() })
      .nullable()
      .optional()
      .describe('of assessments: what the latest status event says'),
    scores: z
      .object({ risk: explainedScore.optional(), bot: explainedScore.optional() })
      .optional()
      .describe('of assessments: why the scores are what they are'),
    finding: z
      .object({
        fraud: z.boolean(),
        source: z.string().describe('label, chargeback, review, refund or bankEvent'),
        of: z.string().describe('event, or what was labelled as a whole: user, payment or email'),
        found: z.iso.datetime(),
        arrived: z.iso.datetime(),
      })
      .nullable()
      .optional()
      .describe('of assessments: what became known, by the label that counts'),
    laterEvents: z
      .array(z.looseObject({ type: z.string(), id: z.string(), received: z.iso.datetime() }))
      .describe('events that belong to this one, in the order of receipt'),
    assessment: z.looseObject({}).nullable().optional().describe('of other events: what they belong to'),
    waitsFor: z
      .array(z.object({ type: z.string(), id: z.string() }))
      .optional()
      .describe('the assessments any of which the event waits for'),
    imported: z
      .object({ import: z.string(), at: z.iso.datetime(), file: z.int(), line: z.int() })
      .optional()
      .describe(
        'of past events that were imported: the import, when it was begun, the place of the file in it, and the line',
      ),
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
      answers: { 200: eventBody },
    },
    async handler({ app, parameter, query }): Promise<Reply> {
      const snapshot = await app.config.snapshot(parameter('env'));
      const { id: environment } = snapshot;
      const [type, id] = [eventTypeNamed(snapshot, parameter('type')), parameter('id')];
      const correlationId = queryText(query, 'correlationId');
      const stored =
        correlationId === undefined
          ? await app.records.latest(environment, type, id)
          : await app.records.read({ environment, type, id, correlationId });
      if (!stored) throw Problem.notFound(`There is no ${type} with the id ${id} in this environment.`);
      const [view, rules] = await Promise.all([eventView(app, stored), explainEvent(app, stored)]);
      return { status: 200, body: { ...view, rules } };
    },
  },
];
