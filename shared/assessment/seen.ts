import { isJsonObject, type Json, type JsonObject } from '../fql/index.ts';
import type { EventStatus } from './later.ts';
import type { StoredEvent } from './record.ts';

/**
 * An assessment as its later events see it, under its name: `@"purchase.user.userId"`, `@"accountLogin.riskScore"`,
 * `@"purchase.ruleEvaluation.decision"`. The event's own members win over what was added to it.
 */
export function assessmentSeen({ key, event, answer, evidence }: StoredEvent): JsonObject {
  const decided =
    'decision' in answer
      ? {
          riskScore: answer.riskScore,
          botScore: answer.botScore,
          ruleEvaluation: {
            decision: answer.decision,
            rule: answer.rule ?? '',
            clause: answer.clause ?? '',
            reasons: answer.reasons,
          },
        }
      : {};
  const name = `${key.type.charAt(0).toLowerCase()}${key.type.slice(1)}`;
  return { [name]: { ...asObject(evidence.enrichment), ...decided, ...event } };
}

/** Where the status events of the several APIs say the outcome, and the name it has there. */
const places: readonly (readonly [section: string | undefined, name: string])[] = [
  [undefined, 'statusType'],
  ['statusDetails', 'statusType'],
  ['status', 'statusType'],
  ['assessmentStatus', 'statusType'],
  [undefined, 'status'],
  ['status', 'status'],
];

const details = ['reason', 'reasonType', 'challengeType', 'statusDate'] as const;

/** What a status event says; undefined for other events, and where it says nothing. */
export function statusOf(type: string, event: JsonObject): EventStatus | undefined {
  if (!/(status)$/i.test(type)) return undefined;
  for (const [section, name] of places) {
    const place = section === undefined ? event : asObject(event[section] ?? null);
    const statusType = place[name];
    if (typeof statusType !== 'string' || statusType === '') continue;
    const known = details.flatMap((detail): [string, Json][] => {
      const value = place[detail];
      return value === undefined ? [] : [[detail, value]];
    });
    return { statusType, ...Object.fromEntries(known) };
  }
  return undefined;
}

function asObject(value: Json): JsonObject {
  return isJsonObject(value) ? value : {};
}
