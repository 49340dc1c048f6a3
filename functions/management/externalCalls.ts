import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { checkConditions, parseBody } from '../../shared/config/index.ts';
import {
  callName,
  type ExternalCall,
  externalCallSchema,
  invokeSchema,
  metricsAnswer,
  originOf,
  readArguments,
  readMetricsQuery,
  type SubscriptionBody,
  subscriptionSchema,
  testSchema,
  tracedOf,
} from '../../shared/external/index.ts';
import { Problem } from '../../shared/problem.ts';
import { page, resourceMembers } from './about.ts';
import { writtenReply } from './resources.ts';
import type { Reply, Route, RouteContext } from './route.ts';

const kind = 'externalCalls';
const call = `environments/{env}/${kind}/{name}`;
const subscription = 'environments/{env}/eventSubscriptions/{name}';

/** Members that a GET adds to the definition; a PUT takes them back without a meaning. */
const readOnly = ['name', 'version', 'changed', 'changedBy', 'published', 'system', 'diagnostics'];

/** What a client sends: under `secrets` also the values themselves, which are kept apart. */
const definitionSchema = z
  .strictObject({
    ...externalCallSchema.shape,
    secrets: z
      .record(z.string(), z.union([z.string(), z.looseObject({})]))
      .optional()
      .describe('values by name, or where they are'),
  })
  .meta({ id: 'ExternalCallBody' });
const callView = z
  .object({ name: z.string(), ...externalCallSchema.shape, ...resourceMembers })
  .meta({ id: 'ExternalCall' });
const subscriptionView = z
  .object({ name: z.string(), ...subscriptionSchema.shape })
  .meta({ id: 'EventSubscription' });
const figures = {
  requests: z.int(),
  successes: z.int(),
  successRate: z.number().nullable(),
  latency: z.looseObject({ average: z.number() }).nullable().describe('milliseconds'),
  errors: z.array(z.object({ kind: z.string(), code: z.number(), count: z.int() })),
};
const metricsView = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  grain: z.enum(['minute', 'hour', 'day']),
  total: z.looseObject(figures),
  rules: z.array(z.looseObject({ rule: z.string(), clause: z.string(), requests: z.int() })),
  periods: z.array(z.object({ start: z.iso.datetime(), ...figures })),
});

/**
 * External calls, beside what every resource has: PUT and DELETE stand instead of the common ones, because values of
 * secrets must not get into the configuration; trying, calling and watching a call; who gets its events.
 */
export const externalCallRoutes: readonly Route[] = [
  {
    method: 'PUT',
    path: call,
    permission: 'resources.write',
    body: 'json',
    about: {
      operation: 'putExternalCall',
      summary: 'Creates or changes an external call',
      body: definitionSchema,
      conditional: true,
      answers: { 200: callView, 201: callView },
    },
    async handler(context): Promise<Reply> {
      const { app, body, write } = context;
      const { external } = app.calls;
      const environment = await environmentOf(context);
      const name = nameOf(context);
      const read = external.read(contentOf(body));
      await external.secrets.save(environment, name, read.values, originOf(read.definition));
      try {
        await external.secrets.check(environment, name, read.definition);
        return writtenReply(await app.config.put(environment, kind, name, read.definition, write));
      } catch (error) {
        // refused for certain; after a failure of storage the definition may be there all the same
        if (error instanceof Problem && error.status < 500)
          await external.secrets.remove(environment, name, Object.keys(read.values)).catch(() => {});
        throw error;
      }
    },
  },
  {
    method: 'DELETE',
    path: call,
    permission: 'resources.write',
    about: {
      operation: 'deleteExternalCall',
      summary: 'Deletes an external call that nothing uses, and its secrets',
      conditional: true,
      answers: { 204: 'none' },
    },
    async handler(context): Promise<Reply> {
      const { app, write } = context;
      const environment = await environmentOf(context);
      const name = nameOf(context);
      await app.config.remove(environment, kind, name, write);
      await app.calls.external.secrets.removeAll(environment, name);
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    path: `${call}/test`,
    permission: 'resources.write',
    body: 'json',
    about: {
      operation: 'testExternalCall',
      summary: 'Tries a call, as it is stored or as the body has it',
      body: testSchema,
      answers: {
        200: z.looseObject({ success: z.boolean(), httpStatusCode: z.int(), latencyMs: z.int() }),
      },
    },
    async handler(context): Promise<Reply> {
      const { external } = context.app.calls;
      const environment = await environmentOf(context);
      const name = nameOf(context);
      const given = parseBody(testSchema, context.body);
      const read =
        given.definition === undefined
          ? { definition: await definitionOf(context, environment, name) }
          : external.read(contentOf(given.definition));
      const args = readArguments(read.definition, given.arguments, 'sample');
      return { status: 200, body: await external.test(environment, name, read, args) };
    },
  },
  {
    method: 'POST',
    path: `${call}/invoke`,
    permission: 'externalCallInvocation.write',
    body: 'json',
    about: {
      operation: 'invokeExternalCall',
      summary: 'Makes a call as a rule would',
      body: invokeSchema,
      answers: { 200: z.looseObject({ response: z.json() }) },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const name = nameOf(context);
      const given = parseBody(invokeSchema, context.body);
      const definition = await definitionOf(context, environment, name);
      const args = readArguments(definition, given.arguments, 'empty');
      const about = { correlationId: given.correlationId, assessment: '', rule: '', clause: '' };
      const { external } = context.app.calls;
      const { trace, ...result } = await external.invoke(environment, definition, args, { name, ...about });
      const environments = await chainOf(context);
      const call = tracedOf(
        { ...about, id: randomUUID(), call: name, environments },
        result.diagnostics,
        trace,
      );
      // before the answer, so that none is lost; but a queue that is gone keeps no client waiting
      await Promise.race([
        external.tell([call]).catch(() => {}),
        setTimeout(1000, undefined, { ref: false }),
      ]);
      return { status: 200, body: result };
    },
  },
  {
    method: 'GET',
    path: `${call}/metrics`,
    permission: 'monitoring.read',
    about: {
      operation: 'getExternalCallMetrics',
      summary: 'How a call fares: requests, errors, latencies',
      query: {
        from: z.iso.datetime({ offset: true }).optional(),
        to: z.iso.datetime({ offset: true }).optional(),
        grain: z.enum(['minute', 'hour', 'day']).optional(),
      },
      answers: { 200: metricsView },
    },
    async handler(context): Promise<Reply> {
      const { app, query } = context;
      const environment = await environmentOf(context);
      const wanted = readMetricsQuery(query, app.clock());
      const { external } = app.calls;
      // what this instance has not written yet belongs to the answer
      await external.metrics.flush();
      const { from, to, grain } = wanted;
      const periods = await external.metrics.query(environment, nameOf(context), from, to, grain);
      return { status: 200, body: metricsAnswer(wanted, periods) };
    },
  },
  {
    method: 'GET',
    path: `${call}/warmUp`,
    permission: 'resources.read',
    about: {
      operation: 'getExternalCallWarmUp',
      summary: 'The last warm-up of a call',
      answers: { 200: z.object({ enabled: z.boolean(), last: z.looseObject({}).nullable() }) },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const name = nameOf(context);
      const { warmUp } = await definitionOf(context, environment, name);
      const last = await context.app.calls.external.warmUp.state(environment, name);
      return { status: 200, body: { enabled: warmUp, last: last ?? null } };
    },
  },
  {
    method: 'GET',
    path: 'environments/{env}/eventSubscriptions',
    permission: 'eventTracing.read',
    about: {
      operation: 'listEventSubscriptions',
      summary: 'Who gets events about external calls',
      answers: { 200: page(subscriptionView) },
    },
    async handler(context): Promise<Reply> {
      const { subscriptions } = context.app.calls;
      const stored = await subscriptions.list(await environmentOf(context));
      return { status: 200, body: { items: stored.map(({ name, body }) => ({ name, ...body })) } };
    },
  },
  {
    method: 'GET',
    path: subscription,
    permission: 'eventTracing.read',
    about: {
      operation: 'getEventSubscription',
      summary: 'One subscription',
      answers: { 200: subscriptionView },
    },
    async handler(context): Promise<Reply> {
      const { subscriptions } = context.app.calls;
      const { name, body, etag } = await subscriptions.get(
        await environmentOf(context),
        context.parameter('name'),
      );
      return { status: 200, body: { name, ...body }, etag };
    },
  },
  {
    method: 'PUT',
    path: subscription,
    permission: 'eventTracing.write',
    body: 'json',
    about: {
      operation: 'putEventSubscription',
      summary: 'Creates or changes a subscription',
      body: subscriptionSchema,
      conditional: true,
      answers: { 200: subscriptionView },
    },
    async handler(context): Promise<Reply> {
      const { subscriptions } = context.app.calls;
      const body = parseBody(subscriptionSchema, contentOf(context.body));
      const environment = await environmentOf(context);
      const before = (await subscriptions.list(environment)).find(({ name }) =>
        sameName(name, nameOf(context)),
      );
      checkConditions(context.write, before?.etag, 'subscription');
      const stored = await subscriptions.put(environment, nameOf(context), body);
      await logSubscription(context, environment, stored.name, before?.body, stored.body);
      return { status: 200, body: { name: stored.name, ...stored.body }, etag: stored.etag };
    },
  },
  {
    method: 'DELETE',
    path: subscription,
    permission: 'eventTracing.write',
    about: {
      operation: 'deleteEventSubscription',
      summary: 'Ends a subscription',
      conditional: true,
      answers: { 204: 'none' },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const { subscriptions } = context.app.calls;
      const before = await subscriptions.get(environment, context.parameter('name'));
      checkConditions(context.write, before.etag, 'subscription');
      await subscriptions.remove(environment, before.name);
      await logSubscription(context, environment, before.name, before.body, undefined);
      return { status: 204 };
    },
  },
];

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

async function logSubscription(
  { app, caller }: RouteContext,
  environment: string,
  name: string,
  before: SubscriptionBody | undefined,
  after: SubscriptionBody | undefined,
): Promise<void> {
  if (isDeepStrictEqual(before, after)) return;
  await app.config.logActivity({
    id: randomUUID(),
    at: app.clock(),
    by: caller.id,
    operation: after === undefined ? 'Delete' : before === undefined ? 'Create' : 'Update',
    kind: 'eventSubscriptions',
    name,
    environment,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

async function environmentOf({ app, parameter }: RouteContext): Promise<string> {
  return (await app.config.environment(parameter('env'))).view.id;
}

/** The environment and those above it. */
async function chainOf({ app, parameter }: RouteContext): Promise<string[]> {
  const { chain } = await app.config.snapshot(parameter('env'));
  return chain.map(({ id }) => id).toReversed();
}

function nameOf({ parameter }: RouteContext): string {
  const parsed = callName.safeParse(parameter('name'));
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues.map((issue) => issue.message).join('; ');
  throw Problem.badRequest(`The name is not usable: ${message}.`, {
    code: 'InvalidName',
    errors: [{ path: 'name', message }],
  });
}

function contentOf(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([member]) => !readOnly.includes(member)));
}

async function definitionOf({ app }: RouteContext, environment: string, name: string): Promise<ExternalCall> {
  const { document } = await app.config.get(environment, kind, name);
  return externalCallSchema.parse(document.content);
}
