import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binColumn, chooseCuts, MISSING_BIN } from './bins.ts';

const values = fc.array(fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: 0, max: 5 })), {
  minLength: 1,
  maxLength: 200,
});

describe('bins', () => {
  it('keep the order of values, and missing ones apart', () => {
    fc.assert(
      fc.property(
        values,
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: 0, max: 1 }),
        (list, bins, share) => {
          const column = Float64Array.from(list);
          const labels = Uint8Array.from(list, (_, i) => (i % 3 === 0 ? 1 : 0));
          const cuts = chooseCuts(column, labels, bins, share);
          const binned = binColumn(column, cuts);
          expect(cuts.length).toBeLessThan(bins);
          expect([...cuts].every((cut, i) => i === 0 || cut > cuts[i - 1]!)).toBe(true);
          for (const [i, a] of list.entries()) {
            expect(binned[i] === MISSING_BIN).toBe(Number.isNaN(a));
            for (const [j, b] of list.entries()) if (a < b) expect(binned[i]).toBeLessThanOrEqual(binned[j]!);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are one a value where there are fewer values than bins', () => {
    const column = Float64Array.of(3, 1, 2, 2, Number.NaN, 1);
    const cuts = chooseCuts(column, new Uint8Array(6), 8, 0.4);
    expect([...binColumn(column, cuts)]).toEqual([3, 1, 2, 2, MISSING_BIN, 1]);
  });

  it('put the given share of the thresholds among the frauds', () => {
    const column = Float64Array.from({ length: 100_000 }, (_, i) => i / 1000);
    const labels = Uint8Array.from(column, (value) => (value >= 99 ? 1 : 0));
    const among = (share: number) => chooseCuts(column, labels, 101, share).filter((cut) => cut >= 99).length;
    expect(among(0)).toBeLessThanOrEqual(2);
    expect(among(0.4)).toBeGreaterThanOrEqual(40);
  });

  it('spend no thresholds on a value that fills most of the rows', () => {
    const column = Float64Array.from({ length: 10_000 }, (_, i) => (i < 9000 ? 0 : i));
    expect(chooseCuts(column, new Uint8Array(10_000), 64, 0).length).toBeGreaterThan(55);
  });
});
