import {
  app,
  type HttpMethod,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import type { App } from '../shared/assessment/app.ts';
import { type EventType, matchPath, wireError } from '../shared/events/index.ts';
import { Problem } from '../shared/problem.ts';
import { authenticate, authOf, type Credential, pathOf, takesKeys } from './access.ts';
import { theApp } from './app.ts';
import { json, readJson, toProblem } from './http.ts';
import { accountFamily } from './wire/accountFamily.ts';
import { assessments } from './wire/assessments.ts';
import { purchaseFamily } from './wire/purchaseFamily.ts';
import { envelopeOf, type Handler } from './wire/request.ts';
import { matchService, serve } from './wire/services.ts';

/** DFP's own paths (shared/events/paths.ts), by what arrives on them. */
const handlers: Readonly<Record<EventType, Handler>> = {
  ...purchaseFamily,
  ...accountFamily,
  ...assessments,
};

const methods: HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

async function handle(
  credential: Credential,
  request: HttpRequest,
  context: InvocationContext,
): Promise<HttpResponseInit> {
  let correlationId: string | undefined;
  try {
    const holdfast = await theApp();
    const caller = await authenticate(holdfast, credential, request, context);
    const path = pathOf(request, credential);
    const service = matchService(request.method, path);
    if (service) {
      const { environment } = envelopeOf(request);
      if (service.service.tag === 'Data subjects') demandNamed(holdfast, environment);
      const given = service.service.body ? await readJson(request) : undefined;
      const { status, body } = await serve(service, holdfast, caller, environment, given);
      return body === undefined ? { status } : json(status, body);
    }
    const match = matchPath(path);
    if (!match) throw Problem.notFound('There is nothing at this path.');
    if (request.method !== 'POST') throw Problem.methodNotAllowed('This path takes POST.');
    const envelope = envelopeOf(request);
    correlationId = envelope.correlationId;
    demandNamed(holdfast, envelope.environment);
    const { access } = authOf(holdfast);
    envelope.environment =
      (await access.demand(caller, 'api.write', envelope.environment)) ?? envelope.environment;
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

/** Throws a Problem 400 where the operator wants requests to name their environment, and this one does not. */
function demandNamed({ settings }: App, environment: string | undefined): void {
  if (settings.requireEnvironment && !environment)
    throw Problem.badRequest('x-ms-dfpenvid is missing: this app demands an environment.');
}

/** Named to come after the other functions: its route matches every path, and the first match in name order wins. */
app.http('wire', {
  methods,
  authLevel: 'anonymous',
  route: '{*path}',
  handler: (request, context) => handle('token', request, context),
});

if (takesKeys)
  app.http('keyedWire', {
    methods,
    authLevel: 'function',
    route: 'keys/{*path}',
    handler: (request, context) => handle('functionKey', request, context),
  });
