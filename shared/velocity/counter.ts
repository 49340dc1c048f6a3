import { byteReader, byteWriter } from './bytes.ts';
import { type Decimal, decimalOf, numberOf, unitsAt } from './decimal.ts';
import { coarse, secondOf, slotOf } from './slot.ts';

/**
 * What a Count or Sum remembers of one key: for each slot of time (slot.ts) the sum of its events' values, as a whole
 * number of 10^-`scale`. Every event is in one bucket; buckets merge as they age, and vanish when no window reaches them.
 * Up to 300 buckets, about 3 bytes each as a count, 5 as amounts.
 */
export interface Counter {
  /** the second of the newest event; 0 where there is none */
  newest: number;
  scale: number;
  /** by the first second of the slot */
  buckets: ReadonlyMap<number, bigint>;
}

export interface Addition {
  /** when the event happened, milliseconds since the epoch */
  at: number;
  value: number;
}

const version = 1;

export const emptyCounter: Counter = { newest: 0, scale: 0, buckets: new Map() };

/** The counter with these events too, in whatever order they come; those that no window reaches leave it as it is. */
export function addToCounter(counter: Counter, additions: readonly Addition[]): Counter {
  const added = additions.map(({ at, value }) => ({
    second: Math.floor(at / 1000),
    value: decimalOf(value),
  }));
  const newest = added.reduce((latest, { second }) => Math.max(latest, second), counter.newest);
  const scale = added.reduce((finest, { value }) => Math.max(finest, value.scale), counter.scale);
  const buckets = new Map<number, bigint>();
  const add = (second: number, value: Decimal) => {
    const start = coarse(second, newest);
    if (start !== undefined) buckets.set(start, (buckets.get(start) ?? 0n) + unitsAt(scale, value));
  };
  for (const [second, units] of counter.buckets) add(second, { units, scale: counter.scale });
  for (const { second, value } of added) add(second, value);
  return { newest, scale, buckets };
}

/** The sum of the events from the second `start` on, over all counters (the shards of one key). */
export function sumOfCounters(counters: readonly Counter[], start: number): number {
  const scale = Math.max(0, ...counters.map((counter) => counter.scale));
  const total: Decimal = { units: 0n, scale };
  for (const counter of counters) {
    let units = 0n;
    for (const [second, bucket] of counter.buckets) if (second >= start) units += bucket;
    total.units += unitsAt(scale, { units, scale: counter.scale });
  }
  return numberOf(total);
}

/** Version, newest second, scale, then for each bucket, newest first: slots since the one before, value. */
export function encodeCounter(counter: Counter): Uint8Array {
  const writer = byteWriter(16 + 8 * counter.buckets.size);
  writer.byte(version);
  writer.unsigned(counter.newest);
  writer.unsigned(counter.scale);
  writer.unsigned(counter.buckets.size);
  let previous = 0;
  for (const [second, units] of [...counter.buckets].sort(([one], [other]) => other - one)) {
    const slot = slotOf(second, counter.newest) ?? 0;
    writer.unsigned(slot - previous);
    writer.signed(units);
    previous = slot;
  }
  return writer.done();
}

/** Throws a RangeError where the bytes are no counter. */
export function decodeCounter(bytes: Uint8Array): Counter {
  const reader = byteReader(bytes);
  const found = reader.byte();
  if (found !== version) throw new RangeError(`a counter of version ${found}`);
  const newest = reader.unsigned();
  const scale = reader.unsigned();
  const buckets = new Map<number, bigint>();
  let slot = 0;
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    slot += reader.unsigned();
    buckets.set(secondOf(slot, newest), reader.signed());
  }
  return { newest, scale, buckets };
}
