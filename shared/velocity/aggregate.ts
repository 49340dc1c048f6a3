import { addToCounter, decodeCounter, emptyCounter, encodeCounter, sumOfCounters } from './counter.ts';
import {
  addToDistinct,
  countDistinct,
  decodeDistinct,
  emptyDistinct,
  encodeDistinct,
  hashOfValue,
} from './distinct.ts';

export type Aggregate = 'count' | 'distinct' | 'sum';

/** What one event adds to one counter: when it happened (milliseconds), and 1, the distinct value, or the amount. */
export interface Entry {
  at: number;
  value: number | string;
}

/** The stored form of a counter with these entries added; `stored` is undefined for a new one. */
export function withEntries(
  aggregate: Aggregate,
  stored: Uint8Array | undefined,
  entries: readonly Entry[],
): Uint8Array {
  if (aggregate === 'distinct') {
    const sightings = entries.map(({ at, value }) => ({
      hash: hashOfValue(String(value)),
      second: Math.floor(at / 1000),
    }));
    return encodeDistinct(addToDistinct(stored ? decodeDistinct(stored) : emptyDistinct, sightings));
  }
  const additions = entries.map(({ at, value }) => ({
    at,
    value: aggregate === 'count' ? 1 : Number(value),
  }));
  return encodeCounter(addToCounter(stored ? decodeCounter(stored) : emptyCounter, additions));
}

/** The answer of a window that begins at the second `start`, over the stored counters of all shards. */
export function answerOf(aggregate: Aggregate, stored: readonly Uint8Array[], start: number): number {
  return aggregate === 'distinct'
    ? countDistinct(stored.map(decodeDistinct), start)
    : sumOfCounters(stored.map(decodeCounter), start);
}
