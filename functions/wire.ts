import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { type EventType, matchPath, wireError } from '../shared/events/index.ts';
import { Problem } from '../shared/problem.ts';
import { theApp } from './app.ts';
import { json, readJson, toProblem } from './http.ts';
import { accountFamily } from './wire/accountFamily.ts';
import { assessments } from './wire/assessments.ts';
import { purchaseFamily } from './wire/purchaseFamily.ts';
import { envelopeOf, type Handler } from './wire/request.ts';

/** DFP's own paths (shared/events/paths.ts), by what arrives on them. */
const handlers: Readonly<Record<EventType, Handler>> = {
  ...purchaseFamily,
  ...accountFamily,
  ...assessments,
};

async function handle(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  let correlationId: string | undefined;
  try {
    const match = matchPath(new URL(request.url).pathname);
    if (!match) throw Problem.notFound('There is nothing at this path.');
    if (request.method !== 'POST') throw Problem.methodNotAllowed('This path takes POST.');
    const envelope = envelopeOf(request);
    correlationId = envelope.correlationId;
    const holdfast = await theApp();
    if (holdfast.settings.requireEnvironment && !envelope.environment)
      throw Problem.badRequest('x-ms-dfpenvid is missing: this app demands an environment.');
    const body = await readJson(request);
    const done = await handlers[match.type]({ app: holdfast, match, body, envelope });
    const warning = holdfast.usage.warning(await holdfast.config.snapshot(envelope.environment), match.type);
    return json(200, done.answer, {
      'x-ms-correlation-id': done.correlationId,
      ...(warning === undefined ? {} : { 'x-ms-usage-warning': warning }),
    });
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
