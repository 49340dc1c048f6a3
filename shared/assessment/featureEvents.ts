import { isJsonObject, type JsonObject } from '../fql/index.ts';
import { type FeatureEvent, modelEvents } from '../scoring/index.ts';
import type { Subject } from './decide.ts';
import type { Evidence } from './evidence.ts';
import type { StoredEvent } from './record.ts';

/** Types of events that histories are kept of. */
const remembered: ReadonlySet<string> = new Set(Object.values(modelEvents).flat());

export function isRemembered(type: string): boolean {
  return remembered.has(type);
}

/** The event at hand as the features see it. */
export function featureEventOf(
  id: string,
  { type, payload, now, enrichment: { deviceAttributes } }: Subject,
  binCountry: string | undefined,
): FeatureEvent {
  const ipCountry = deviceAttributes.deviceCountryCode;
  return {
    type,
    id,
    at: now,
    payload,
    deviceAttributes,
    ...(ipCountry === undefined ? {} : { ipCountry }),
    ...(binCountry === undefined ? {} : { binCountry }),
  };
}

/** As much of a stored event as its histories hang on. */
export type Remembered = Pick<StoredEvent, 'key' | 'received' | 'event'> & {
  evidence: Pick<Evidence, 'enrichment'>;
};

/** A stored event as its histories see it: the same as when it was assessed, as far as they hang on it. */
export function rememberedEvent({ key, received, event, evidence }: Remembered): FeatureEvent {
  const { deviceAttributes } = objectOf(evidence.enrichment);
  const texts = Object.entries(objectOf(deviceAttributes)).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  return {
    type: key.type,
    id: key.id,
    at: Date.parse(received),
    payload: event,
    deviceAttributes: Object.fromEntries(texts),
  };
}

function objectOf(value: JsonObject[string]): JsonObject {
  return isJsonObject(value) ? value : {};
}
