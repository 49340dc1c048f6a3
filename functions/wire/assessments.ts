import type { App } from '../../shared/assessment/app.ts';
import { assess } from '../../shared/assessment/assess.ts';
import { observe } from '../../shared/assessment/observe.ts';
import { type Definition, definitionOf, fieldsOf, type Snapshot } from '../../shared/config/index.ts';
import {
  accountAnswer,
  assessmentAcknowledgement,
  assessmentAnswer,
  assessmentKind,
  type EventType,
  type PathMatch,
  receiveAssessmentLabel,
  receiveAssessmentObservation,
  receiveCustomAssessment,
} from '../../shared/events/index.ts';
import type { Json, JsonObject } from '../../shared/fql/index.ts';
import { Problem } from '../../shared/problem.ts';
import { detailsOf } from './accountFamily.ts';
import { accepted, type Envelope, type Handler, identityOf } from './request.ts';

/** The definition that the path names. Throws a Problem 404 where the environment knows none. */
async function definitionAt(
  app: App,
  { name = '' }: PathMatch,
  { environment }: Envelope,
): Promise<{ snapshot: Snapshot; definition: Definition }> {
  const snapshot = await app.config.snapshot(environment);
  const definition = definitionOf(snapshot, name);
  if (!definition)
    throw Problem.notFound(`There is no assessment with the API name ${JSON.stringify(name)}.`, {
      code: 'UnknownAssessment',
    });
  return { snapshot, definition };
}

type Kind = ReturnType<typeof assessmentKind>;

/** Readers are made once per definition; a definition that changes is another object. */
const kinds = new WeakMap<Definition, Kind>();

function kindOf(definition: Definition): Kind {
  const known = kinds.get(definition);
  if (known) return known;
  const { body } = definition;
  const made = assessmentKind({ fields: fieldsOf(body), dataSubjectIds: body.dataSubjectIds ?? [] });
  kinds.set(definition, made);
  return made;
}

/** The older custom assessment: any JSON that repeats its API name, answered as account protection answers. */
const legacy: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const event = accepted(receiveCustomAssessment(body, match.name ?? definition.apiName));
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  const { decision } = await assess(app, { type: definition.name, payload, links, subjects, ...identity });
  const context = { name: definition.apiName, ...detailsOf(payload), scores: decision.scored ?? [] };
  return { answer: accountAnswer(decision, context), correlationId: identity.correlationId };
};

/** An assessment of the wizard's kind. */
const evaluating: Handler = async ({ app, match, body, envelope }) => {
  const { snapshot, definition } = await definitionAt(app, match, envelope);
  const event = accepted(kindOf(definition).parse(body));
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  const assessed = await assess(app, { type: definition.name, payload, links, subjects, ...identity });
  const answer = assessmentAnswer(assessed.decision, {
    metadata: metadataOf(payload, identity.id),
    apiName: definition.apiName,
    hierarchyPath: snapshot.path,
    correlationId: identity.correlationId,
    now: Date.parse(assessed.received),
    scores: assessed.decision.scored ?? [],
  });
  return { answer, correlationId: identity.correlationId };
};

function metadataOf(payload: JsonObject, eventId: string) {
  const metadata = payload.metadata !== undefined && isObject(payload.metadata) ? payload.metadata : {};
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : undefined);
  return {
    eventId,
    sessionId: text(metadata.sessionId),
    gdprId: text(metadata.gdprId),
    isTest: metadata.isTest === true,
    timestamp: text(metadata.timestamp),
  };
}

/** An observation event of an assessment; its type is `<assessment>:<event>`. */
const observing: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const name = match.event?.trim().toLowerCase() ?? '';
  if (!/^[\p{L}\p{N}_. -]{1,128}$/u.test(name))
    throw Problem.notFound('The name of an observation event has letters, digits, "_", "-" and ".".');
  const event = accepted(receiveAssessmentObservation(body));
  return acknowledge(app, definition, `${definition.name}:${name}`, event, envelope);
};

/** A label of an assessment; its type is `<assessment>:label`. */
const labelling: Handler = async ({ app, match, body, envelope }) => {
  const { definition } = await definitionAt(app, match, envelope);
  const event = accepted(receiveAssessmentLabel(body));
  return acknowledge(app, definition, `${definition.name}:label`, event, envelope);
};

async function acknowledge(
  app: App,
  definition: Definition,
  type: string,
  event: ReturnType<typeof accepted>,
  envelope: Envelope,
) {
  const identity = identityOf(event, envelope);
  const { payload, links, subjects } = event;
  await observe(app, { type, payload, links, subjects, of: definition.name, ...identity });
  return { answer: assessmentAcknowledgement(), correlationId: identity.correlationId };
}

/** WIRE.md 2, rows 17–20. */
export const assessments = {
  CustomAssessment: legacy,
  Assessment: evaluating,
  AssessmentObservation: observing,
  AssessmentLabel: labelling,
} satisfies Partial<Record<EventType, Handler>>;

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
