import { definitionOf, type Snapshot } from '../config/index.ts';
import { eventTypes } from '../events/eventTypes.ts';
import { statedType } from '../events/received.ts';
import type { App } from './app.ts';
import { standingOf } from './labels.ts';
import type { EventStatus, LaterEvent } from './later.ts';
import type { EventKey, StoredEvent } from './record.ts';
import { explainScores } from './whyScore.ts';

/** What became of an assessment, as the latest of its status events says. */
export interface CurrentStatus extends EventStatus {
  /** the status event's type, e.g. `PurchaseStatus` */
  type: string;
  received: string;
}

/** The latest status among later events, in the order of receipt. */
export function currentStatus(later: readonly LaterEvent[]): CurrentStatus | undefined {
  const last = later.findLast(({ status }) => status !== undefined);
  return last?.status && { ...last.status, type: last.key.type, received: last.received };
}

/** What became known of an event: fraud or not, by the label that counts; null where none reached it. */
async function findingOn(app: Pick<App, 'storage'>, { key }: StoredEvent) {
  const label = await standingOf(app, key);
  if (!label) return null;
  const { fraud, source, found, arrived, target } = label;
  return {
    fraud,
    source,
    of: target.kind,
    found: new Date(found).toISOString(),
    arrived: new Date(arrived).toISOString(),
  };
}

/** A stored event with everything that lies beside it. */
export async function eventView(
  app: Pick<App, 'records' | 'later' | 'storage' | 'scoring'>,
  stored: StoredEvent,
) {
  const { key, received, event, answer, evidence, waitsFor, imported } = stored;
  const decided = 'decision' in answer;
  const [complete, later, attached, scores, finding] = await Promise.all([
    app.records.isComplete(key),
    app.later.of(key),
    waitsFor ? app.later.attachment(key) : undefined,
    decided ? explainScores(app, stored) : undefined,
    decided ? findingOn(app, stored) : undefined,
  ]);
  const assessment: EventKey | undefined = stored.assessment ?? attached?.assessment;
  const status = currentStatus(later);
  return {
    ...key,
    received,
    complete,
    event,
    answer,
    evidence,
    contributions: attached?.contributions ?? stored.contributions,
    ...(decided ? { assessmentType: statedType(event), status: status ?? null, scores, finding } : {}),
    laterEvents: later.map((one) => ({
      ...one.key,
      received: one.received,
      ...(one.status ? { status: one.status } : {}),
    })),
    ...(decided ? {} : { assessment: assessment ?? null }),
    ...(waitsFor && !attached ? { waitsFor } : {}),
    ...(imported ? { imported: { ...imported, expected: undefined, unfinished: undefined } } : {}),
  };
}

/** An event type as it is stored, from any letter case and an assessment's API name. */
export function eventTypeNamed(snapshot: Pick<Snapshot, 'chain'>, given: string): string {
  const known = eventTypes.find((type) => type.toLowerCase() === given.toLowerCase());
  if (known) return known;
  const [name = '', ...event] = given.split(':');
  const definition = definitionOf(snapshot, name);
  return definition ? [definition.name, ...event.map((part) => part.toLowerCase())].join(':') : given;
}
