import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsWithin, type Happened, histories } from './arbitraries.ts';
import {
  addToDistinct,
  countDistinct,
  type Distinct,
  decodeDistinct,
  emptyDistinct,
  encodeDistinct,
  exactLimit,
  hashOfValue,
} from './distinct.ts';
import { windowStart } from './window.ts';

const sighting = ({ at, value }: Happened<number>) => ({
  hash: hashOfValue(String(value)),
  second: Math.floor(at / 1000),
});
const stored = (distinct: Distinct) => decodeDistinct(encodeDistinct(distinct));
const distinctOf = (batches: Happened<number>[][]) =>
  batches.reduce((distinct, batch) => stored(addToDistinct(distinct, batch.map(sighting))), emptyDistinct);
const valuesIn = (events: Happened<number>[]) => new Set(events.map(({ value }) => value)).size;

const day = 86_400_000;
const newest = Date.UTC(2026, 5, 15, 12, 34, 56);
const spread = (count: number, over: number, first = 0) =>
  Array.from({ length: count }, (_, index) => ({
    at: newest - Math.floor((index * over) / count),
    value: first + index,
  }));

describe('a distinct counter', () => {
  it('is exact while it is small, whatever the order of events, the clock and the window', () => {
    fc.assert(
      fc.property(histories(fc.integer({ min: 0, max: 60 }), 25), ({ batches, readings }) => {
        const distinct = distinctOf(batches);
        const shards = batches.map((batch) => distinctOf([batch]));
        for (const { now, window } of readings) {
          const expected = valuesIn(eventsWithin(batches.flat(), window, now));
          expect(countDistinct([distinct], windowStart(window, now))).toBe(expected);
          expect(countDistinct(shards, windowStart(window, now))).toBe(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is exact up to 1,000 values in 90 days, older ones beside them', () => {
    const older = spread(500, day, 5_000).map(({ at, value }) => ({
      at: at - 90 * day - 13 * 3_600_000,
      value,
    }));
    const distinct = distinctOf([older, spread(exactLimit, 90 * day)]);
    expect(countDistinct([distinct], windowStart({ count: 90, unit: 'd' }, newest))).toBe(exactLimit);
  });

  it('stays exact for windows that hold few of many values, and is again when a rush has passed', () => {
    const rush = spread(20_000, day).map(({ at, value }) => ({ at: at - 80 * day, value }));
    const later = spread(900, 70 * day, 50_000);
    const distinct = distinctOf([rush, later]);
    const count = (days: number, now = newest) =>
      countDistinct([distinct], windowStart({ count: days, unit: 'd' }, now));
    expect(count(60)).toBe(valuesIn(eventsWithin(later, { count: 60, unit: 'd' }, newest)));
    expect(count(90)).not.toBe(count(60));
    const after = stored(addToDistinct(distinct, [sighting({ at: newest + 20 * day, value: 1 })]));
    expect(after.crowdedOut).toBeUndefined();
    expect(after.completeFrom).toBe(0);
  });

  it('estimates within three standard errors beyond, for every window, in any order, over shards', () => {
    for (const count of [1_100, 3_000, 30_000]) {
      const events = spread(count, 89 * day, count);
      const shuffled = [...events].sort((one, other) => hashOrder(one.value) - hashOrder(other.value));
      const batches = [0, 1, 2, 3].map((shard) => shuffled.filter(({ value }) => value % 4 === shard));
      const one = distinctOf(batches);
      const shards = batches.map((batch) => distinctOf([batch]));
      for (const window of [90, 60, 30, 10].map((days) => ({ count: days, unit: 'd' as const }))) {
        const start = windowStart(window, newest);
        const exact = valuesIn(eventsWithin(events, window, newest));
        expect(Math.abs(countDistinct([one], start) / exact - 1)).toBeLessThan(0.06);
        expect(Math.abs(countDistinct(shards, start) / exact - 1)).toBeLessThan(0.06);
      }
    }
  });

  it('stays far below the size of a row', () => {
    const sizeOf = (count: number) => encodeDistinct(distinctOf([spread(count, 90 * day)])).length;
    expect(sizeOf(1_000)).toBeLessThan(10_000);
    expect(sizeOf(200_000)).toBeLessThan(64_000);
  });

  it('refuses bytes of another version', () => {
    expect(() => decodeDistinct(Uint8Array.of(9))).toThrow('a distinct counter of version 9');
  });
});

function hashOrder(value: number): number {
  return Number(hashOfValue(String(value)) >> 40n);
}
