import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderRoc, averagePrecision, precisionAtK, recallAtFalsePositiveRate } from './metrics.ts';

const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 1 })), {
  minLength: 2,
  maxLength: 60,
});

describe('metrics', () => {
  it('area under ROC is the chance that a fraud outscores a legitimate row', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const frauds = list.filter(([, label]) => label === 1);
        const good = list.filter(([, label]) => label === 0);
        fc.pre(frauds.length > 0 && good.length > 0);
        const wins = frauds.flatMap(([f]) => good.map(([g]) => (f > g ? 1 : f === g ? 0.5 : 0)));
        const expected = wins.reduce<number>((a, b) => a + b, 0) / wins.length;
        const area = areaUnderRoc(
          list.map(([s]) => s),
          Uint8Array.from(list, ([, l]) => l),
        );
        expect(area).toBeCloseTo(expected, 12);
      }),
    );
  });

  it('average precision of an example worked by hand', () => {
    // Fraud, good, fraud, good: (1/1 + 2/3) / 2. Two tied rows count together.
    expect(averagePrecision([4, 3, 2, 1], Uint8Array.of(1, 0, 1, 0))).toBeCloseTo(5 / 6, 12);
    expect(averagePrecision([2, 2, 1, 1], Uint8Array.of(1, 0, 1, 0))).toBeCloseTo(0.5, 12);
    expect(averagePrecision([1, 2], Uint8Array.of(0, 0))).toBeNaN();
  });

  it('recall at a false-positive rate takes the lowest threshold that keeps to it', () => {
    const labels = Uint8Array.of(1, 0, 1, 0, 0, 1);
    expect(recallAtFalsePositiveRate([6, 5, 4, 3, 2, 1], labels, 0.34)).toBeCloseTo(2 / 3, 12);
    expect(recallAtFalsePositiveRate([6, 5, 4, 3, 2, 1], labels, 0)).toBeCloseTo(1 / 3, 12);
  });

  it('precision at k counts groups, not rows, and averages over days', () => {
    const scores = [9, 8, 7, 1, 5, 4];
    const labels = Uint8Array.of(0, 1, 0, 0, 1, 0);
    const groups = ['a', 'a', 'b', 'c', 'd', 'e'];
    const days = [1, 1, 1, 1, 2, 2];
    expect(precisionAtK(scores, labels, groups, 2, days)).toBeCloseTo((1 / 2 + 1 / 2) / 2, 12);
    expect(precisionAtK(scores, labels, groups, 1, days)).toBe(1);
    expect(precisionAtK(scores, labels, groups, 100)).toBeCloseTo(2 / 5, 12);
  });
});
