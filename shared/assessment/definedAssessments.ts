import { type Definition, fieldsOf } from '../config/index.ts';
import { assessmentAnswer, assessmentKind } from '../events/index.ts';
import { isJsonObject, type Json, type JsonObject } from '../fql/index.ts';
import type { Assessed } from './assess.ts';

type Kind = ReturnType<typeof assessmentKind>;

/** Readers are made once per definition; a definition that changes is another object. */
const kinds = new WeakMap<Definition, Kind>();

/** What reads the bodies of an assessment of the merchant's own. */
export function kindOf(definition: Definition): Kind {
  const known = kinds.get(definition);
  if (known) return known;
  const { body } = definition;
  const made = assessmentKind({ fields: fieldsOf(body), dataSubjectIds: body.dataSubjectIds ?? [] });
  kinds.set(definition, made);
  return made;
}

/** The answer of such an assessment, to a client or to a rule. `hierarchyPath` is that of the environment. */
export function answerOf(
  { key, decision, received }: Assessed,
  { apiName }: Definition,
  payload: JsonObject,
  hierarchyPath: string,
) {
  return assessmentAnswer(decision, {
    metadata: metadataOf(payload, key.id),
    apiName,
    hierarchyPath,
    correlationId: key.correlationId,
    now: Date.parse(received),
    scores: decision.scored ?? [],
  });
}

function metadataOf(payload: JsonObject, eventId: string) {
  const metadata = payload.metadata !== undefined && isJsonObject(payload.metadata) ? payload.metadata : {};
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : undefined);
  return {
    eventId,
    sessionId: text(metadata.sessionId),
    gdprId: text(metadata.gdprId),
    isTest: metadata.isTest === true,
    timestamp: text(metadata.timestamp),
  };
}
