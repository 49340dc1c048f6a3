import { createHash } from 'node:crypto';
import { type Definition, definitionOf, type ExternalAssessment, type Snapshot } from '../config/index.ts';
import {
  assessmentAcknowledgement,
  invalidBody,
  type Received,
  receiveAssessmentLabel,
  receiveAssessmentObservation,
} from '../events/index.ts';
import type { Answer, JsonObject, Request } from '../fql/index.ts';
import { Problem, reasonOf } from '../problem.ts';
import type { App } from './app.ts';
import { assess } from './assess.ts';
import { answerOf, kindOf } from './definedAssessments.ts';
import { observe } from './observe.ts';
import type { EventKey } from './record.ts';

/** How deep assessments may call each other: what a client calls is at 0. */
export const deepestAssessment = 3;

/** The event whose rules call. */
export interface Caller {
  key: EventKey;
  snapshot: Snapshot;
  depth: number;
}

type Call = Extract<Request, { kind: 'externalAssessment' }>;

/**
 * Runs an assessment for a rule, or records an observation or a label of one, as an event of its own in the environment that
 * defines the assessment. Its id comes from the caller's key and from what is called with what, so that the caller's event,
 * sent again or tried again after a crash, counts once. Never rejects: what fails is an answer that says so.
 */
export async function callAssessment(
  app: App,
  definition: ExternalAssessment | undefined,
  call: Call,
  caller: Caller,
): Promise<Answer> {
  const started = performance.now();
  const asked = { request: call.body, endpoint: `${definition?.assessment ?? call.name}/${call.operation}` };
  const latency = () => Math.round(performance.now() - started);
  try {
    if (!definition)
      throw Problem.notFound(`There is no external assessment ${call.name} any more.`, { code: 'Unknown' });
    if (caller.depth >= deepestAssessment)
      throw Problem.conflict(`Assessments call each other at most ${deepestAssessment} deep.`, {
        code: 'TooDeep',
      });
    const value = await run(app, await targetOf(app, definition, caller), call, caller);
    // as the answer reads after it went over a wire: without what is undefined
    return {
      value: JSON.parse(JSON.stringify(value)),
      diagnostics: { ...asked, httpStatusCode: 200, errorMessage: '', latency: latency() },
    };
  } catch (error) {
    const { status, code, message } = failureOf(error);
    return {
      failed: { code: `externalAssessment-${code}`, message: `${call.name}: ${message}` },
      diagnostics: { ...asked, httpStatusCode: status, errorMessage: message, latency: latency() },
    };
  }
}

function failureOf(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof Problem)
    return { status: error.status, code: error.code.toLowerCase(), message: error.detail };
  return { status: 500, code: 'failed', message: reasonOf(error) };
}

/**
 * The assessment that is meant, where it may be called from here. A private one of another tree is not told from none, nor is
 * that tree.
 */
async function targetOf(
  app: App,
  { assessment, environment }: ExternalAssessment,
  { snapshot }: Caller,
): Promise<Definition> {
  const there = environment === undefined ? snapshot : await found(app, environment);
  const definition = there && definitionOf(there, assessment);
  if (!definition || (there.root !== snapshot.root && definition.body.sharing !== 'Shared'))
    throw Problem.notFound(
      `There is no assessment ${JSON.stringify(assessment)} that may be called from here.`,
      { code: 'Unknown' },
    );
  if (definition.body.template === 'Legacy')
    throw Problem.conflict('Legacy custom assessments cannot be called by rules.', { code: 'Legacy' });
  return definition;
}

async function found(app: App, environment: string): Promise<Snapshot | undefined> {
  try {
    return await app.config.snapshot(environment);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
}

async function run(app: App, definition: Definition, call: Call, { key, depth }: Caller): Promise<object> {
  const id = idOf(key, call);
  const body = withEventId(call, id);
  const identity = { id, environment: definition.environment, correlationId: key.correlationId };
  if (call.operation === 'evaluate') {
    const { payload, links, subjects } = accepted(kindOf(definition).parse(body));
    const type = definition.name;
    const assessed = await assess(app, { type, payload, links, subjects, ...identity, depth: depth + 1 });
    const { path } = await app.config.snapshot(definition.environment);
    return answerOf(assessed, definition, payload, path);
  }
  const label = call.operation === 'label';
  const { payload, links, subjects } = accepted(
    label ? receiveAssessmentLabel(body) : receiveAssessmentObservation(body),
  );
  const type = `${definition.name}:${label ? 'label' : 'observation'}`;
  await observe(app, {
    type,
    payload,
    links,
    subjects,
    of: definition.name,
    ...identity,
    depth: depth + 1,
  });
  return assessmentAcknowledgement();
}

function accepted(received: Received) {
  if (!received.ok) throw invalidBody(received.faults);
  return received.event;
}

/** An evaluation is an event of its own, not the caller's; observations and labels say which event they are about. */
function withEventId({ operation, body }: Call, eventId: string): JsonObject {
  if (operation !== 'evaluate') return body;
  const { metadata } = body;
  const given = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {};
  return { ...body, metadata: { ...given, eventId } };
}

function idOf(key: EventKey, { id }: Call): string {
  const { environment, type, id: event, correlationId } = key;
  const hex = createHash('sha256')
    .update(JSON.stringify([environment, type, event, correlationId, id]))
    .digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
