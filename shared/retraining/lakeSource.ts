import type { Lake } from '../lake/index.ts';
import { type FeatureEvent, type Label, labelOf, type TrainingSource } from '../scoring/index.ts';

/** Types of events that may carry a label. */
const labelTypes = ['Label', 'AccountLabel', 'Chargeback', 'Refund', 'PurchaseStatus', 'BankEvent'];

export interface SourceRange {
  environments: readonly string[];
  /** types of the events to learn from */
  types: readonly string[];
  /** ISO 8601; labels are read from the same moment on */
  from: string;
  /** events received later are left out */
  eventsUntil: string;
  labelsUntil: string;
}

/** What training needs of a line of the lake. */
interface Line {
  received: string;
  key: { environment: string; type: string; id: string };
  event: { [name: string]: unknown };
  enrichment?: { deviceAttributes?: Record<string, unknown>; ipCountry?: string; binCountry?: string };
}

/**
 * Events and labels of the lake as training reads them. The ids of different environments are told apart, since a label is
 * about an event of its own environment.
 */
export function lakeSource(lake: Lake, range: SourceRange): TrainingSource {
  const { environments, types, from } = range;
  return {
    async *labels() {
      for await (const label of labelsOf(lake, { environments, from, to: range.labelsUntil })) yield label;
    },
    async *events() {
      const lines = lake.read({ environments, types, from, to: range.eventsUntil, brief: true });
      for await (const line of lines) yield featureEventOf(JSON.parse(line));
    },
  };
}

/** The labels that were received in a time. */
export async function* labelsOf(
  lake: Lake,
  range: { environments: readonly string[]; from: string; to: string },
): AsyncGenerator<Label> {
  for await (const line of lake.read({ ...range, types: labelTypes, brief: true })) {
    const { received, key, event }: Line = JSON.parse(line);
    const label = labelOf({ type: key.type, arrived: Date.parse(received), payload: event });
    if (!label) continue;
    const { target } = label;
    yield target.kind === 'event'
      ? { ...label, target: { ...target, id: idIn(key.environment, target.id) } }
      : label;
  }
}

const idIn = (environment: string, id: string) => `${environment}|${id}`;

/** An event of the lake as it was when it was assessed. */
export function featureEventOf({ received, key, event, enrichment = {} }: Line): FeatureEvent {
  const { deviceAttributes = {}, ipCountry, binCountry } = enrichment;
  const texts = Object.entries(deviceAttributes).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  return {
    type: key.type,
    id: idIn(key.environment, key.id),
    at: Date.parse(received),
    payload: event,
    deviceAttributes: Object.fromEntries(texts),
    ...(ipCountry === undefined ? {} : { ipCountry }),
    ...(binCountry === undefined ? {} : { binCountry }),
  };
}
