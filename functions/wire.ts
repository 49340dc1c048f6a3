import { createHash } from 'node:crypto';
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import type { App } from '../shared/assessment/app.ts';
import { assess } from '../shared/assessment/assess.ts';
import { invalidBody, wireError } from '../shared/events/errors.ts';
import { parsePurchase } from '../shared/events/purchase.ts';
import { purchaseAnswer } from '../shared/events/purchaseAnswer.ts';
import { Problem } from '../shared/problem.ts';
import { theApp } from './app.ts';
import { json, readJson, toProblem } from './http.ts';

/** What DFP's clients send beside the body. */
interface Envelope {
  environment: string | undefined;
  correlationId: string | undefined;
}

type Handler = (
  app: App,
  body: unknown,
  envelope: Envelope,
) => Promise<{ answer: unknown; correlationId: string }>;

/** DFP's own routes by path, as `normalize` writes it. */
const routes: Record<string, Handler> = {
  '/v1.0/merchantservices/events/purchase': async (holdfast, body, envelope) => {
    const parsed = parsePurchase(body);
    if (!parsed.ok) throw invalidBody(parsed.faults);
    const { payload, event } = parsed;
    const correlationId = envelope.correlationId ?? correlationOf(payload);
    const { decision } = await assess(holdfast, {
      type: 'Purchase',
      id: event.purchaseId,
      payload,
      environment: envelope.environment,
      correlationId,
    });
    return { answer: purchaseAnswer(event.purchaseId, decision), correlationId };
  },
};

/** Letter case, doubled and trailing slashes do not matter: some clients join base address and path by hand. */
function normalize(path: string): string {
  return path
    .toLowerCase()
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '');
}

/** Where a client sends no correlation id, one that the same content always gets, so that a repeat is known as one. */
function correlationOf({ _metadata, ...content }: object & { _metadata?: unknown }): string {
  const hex = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function envelopeOf(request: HttpRequest): Envelope {
  const given = (name: string, limit: number) => {
    const value = (request.headers.get(name) ?? request.query.get(name) ?? '').trim();
    if (value.length > limit || /\p{Cc}/u.test(value))
      throw Problem.badRequest(`${name} must be at most ${limit} characters without control characters.`);
    return value === '' ? undefined : value;
  };
  return { environment: given('x-ms-dfpenvid', 512), correlationId: given('x-ms-correlation-id', 128) };
}

async function handle(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  let correlationId: string | undefined;
  try {
    const handler = routes[normalize(new URL(request.url).pathname)];
    if (!handler) throw Problem.notFound('There is nothing at this path.');
    if (request.method !== 'POST') throw Problem.methodNotAllowed('This path takes POST.');
    const envelope = envelopeOf(request);
    correlationId = envelope.correlationId;
    const holdfast = await theApp();
    if (holdfast.settings.requireEnvironment && !envelope.environment)
      throw Problem.badRequest('x-ms-dfpenvid is missing: this app demands an environment.');
    const done = await handler(holdfast, await readJson(request), envelope);
    return json(200, done.answer, { 'x-ms-correlation-id': done.correlationId });
  } catch (error) {
    const answer = wireError(toProblem(error, context));
    return json(answer.status, answer.body, {
      ...answer.headers,
      ...(correlationId ? { 'x-ms-correlation-id': correlationId } : {}),
    });
  }
}

/** Named to come after the other functions: its route matches every path, and the first match in name order wins. */
app.http('wire', {
  methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  authLevel: 'function',
  route: '{*path}',
  handler: handle,
});
