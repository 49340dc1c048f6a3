import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsWithin, type Happened, histories } from './arbitraries.ts';
import {
  type Addition,
  addToCounter,
  type Counter,
  decodeCounter,
  emptyCounter,
  encodeCounter,
  sumOfCounters,
} from './counter.ts';
import { decimalOf, numberOf } from './decimal.ts';
import { windowStart } from './window.ts';

const stored = (counter: Counter) => decodeCounter(encodeCounter(counter));
const counterOf = (batches: Addition[][]) =>
  batches.reduce((counter, batch) => stored(addToCounter(counter, batch)), emptyCounter);

describe('a counter', () => {
  it('counts as a list of events does, whatever their order, the clock and the window', () => {
    fc.assert(
      fc.property(histories(fc.constant(1), 20), ({ batches, readings }) => {
        const counter = counterOf(batches);
        for (const { now, window } of readings)
          expect(sumOfCounters([counter], windowStart(window, now))).toBe(
            eventsWithin(batches.flat(), window, now).length,
          );
      }),
      { numRuns: 300 },
    );
  });

  it('sums amounts as people add them, to the last digit', () => {
    const cents = fc.oneof(
      fc.integer({ min: -1_000_000, max: 1_000_000 }),
      fc.constantFrom(10, 20, 70, 10_010),
    );
    const total = (events: Happened<number>[]) => events.reduce((sum, { value }) => sum + value, 0);
    fc.assert(
      fc.property(histories(cents, 20), ({ batches, readings }) => {
        const amounts = batches.map((batch) =>
          batch.map(({ at, value }) => ({ at, value: Number(`${value}e-2`) })),
        );
        const counter = counterOf(amounts);
        for (const { now, window } of readings) {
          const expected = Number(`${total(eventsWithin(batches.flat(), window, now))}e-2`);
          expect(sumOfCounters([counter], windowStart(window, now))).toBe(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is the same in whatever order any amounts come, and over whatever shards', () => {
    const amounts = fc.double({ noDefaultInfinity: true, noNaN: true });
    fc.assert(
      fc.property(histories(amounts, 10), ({ batches, readings }) => {
        const forwards = counterOf(batches);
        const backwards = counterOf([batches.flat().reverse()]);
        const shards = batches.map((batch) => counterOf([batch]));
        for (const { now, window } of readings) {
          const start = windowStart(window, now);
          const sum = sumOfCounters([forwards], start);
          expect(sumOfCounters([backwards], start)).toBe(sum);
          expect(sumOfCounters(shards, start)).toBe(sum);
        }
      }),
    );
  });

  it('forgets what no window reaches, and stays small', () => {
    const day = 86_400_000;
    const at = Date.UTC(2026, 0, 1);
    const every97s = Array.from({ length: 100_000 }, (_, index) => ({
      at: at + index * 97_000,
      value: 123.45,
    }));
    const seconds = Array.from({ length: 120 }, (_, index) => ({
      at: at + 113 * day - index * 1000,
      value: 0.01,
    }));
    const counter = addToCounter(addToCounter(emptyCounter, every97s), seconds);
    expect(counter.buckets.size).toBeLessThanOrEqual(301);
    expect(encodeCounter(counter).length).toBeLessThan(2_000);
    expect(addToCounter(counter, [{ at: at + 300 * day, value: 1 }]).buckets.size).toBe(1);
    expect(addToCounter(counter, [{ at, value: 1 }])).toEqual(counter);
  });

  it('holds the largest amounts within a property', () => {
    const at = Date.UTC(2026, 0, 1);
    const large = Array.from({ length: 90 }, (_, day) => ({
      at: at + day * 86_400_000,
      value: -Number.MAX_VALUE,
    }));
    const counter = counterOf([large, [{ at, value: 1e-20 }]]);
    expect(encodeCounter(counter).length).toBeLessThan(65_536);
    expect(sumOfCounters([counter], 0)).toBe(-Number.MAX_VALUE);
  });

  it('refuses bytes of another version', () => {
    expect(() => decodeCounter(Uint8Array.of(9, 0, 0, 0))).toThrow('a counter of version 9');
  });
});

describe('decimals', () => {
  it('give back every number of up to 20 decimals', () => {
    const amounts = fc.double({ noDefaultInfinity: true, noNaN: true, min: 1e-3 });
    fc.assert(fc.property(amounts, (value) => numberOf(decimalOf(value)) === value));
    expect([0, -0, 5e-324, 1e21, -1.5e300, 1e-20].map((value) => numberOf(decimalOf(value)))).toEqual([
      0, 0, 0, 1e21, -1.5e300, 1e-20,
    ]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuse %d', (value) => {
    expect(() => decimalOf(value)).toThrow(RangeError);
  });
});
