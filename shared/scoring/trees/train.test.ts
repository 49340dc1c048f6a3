import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderRoc, averagePrecision } from '../metrics.ts';
import { madeRows, rowOf } from '../testData.ts';
import { logitOf } from './forest.ts';
import { packForest } from './pack.ts';
import { defaultTrainSettings, type Labelled, TrainingError, trainForest } from './train.ts';

const settings = { ...defaultTrainSettings, trees: 30, columnShare: 1 };

function score(data: Labelled, forest: ReturnType<typeof trainForest>['forest']): Float64Array {
  return Float64Array.from(data.labels, (_, row) => logitOf(forest, rowOf(data, row)));
}

describe('training', () => {
  it('finds an interaction that no single column shows, and generalises', () => {
    const { forest } = trainForest(madeRows(10_000, 1), undefined, settings);
    const unseen = madeRows(20_000, 2);
    const logits = score(unseen, forest);
    // The best that any model can do on these rows is what their true probabilities do.
    const best = areaUnderRoc(unseen.logits, unseen.labels);
    expect(areaUnderRoc(logits, unseen.labels)).toBeGreaterThan(best - 0.015);
    const bestPrecision = averagePrecision(unseen.logits, unseen.labels);
    expect(averagePrecision(logits, unseen.labels)).toBeGreaterThan(bestPrecision - 0.02);
  });

  it('gives the same bytes for the same seed, and other bytes for another', () => {
    const sampled = { ...settings, trees: 8, columnShare: 0.6, negativeShare: 0.5 };
    const bytes = (seed: number) =>
      packForest(trainForest(madeRows(3000, 3), undefined, { ...sampled, seed }).forest);
    expect(bytes(7)).toEqual(bytes(7));
    expect(bytes(7)).not.toEqual(bytes(8));
  });

  it('stops early and keeps the trees up to the lowest validation loss', () => {
    const { forest, validationLoss } = trainForest(madeRows(2000, 4), madeRows(2000, 5), {
      ...settings,
      trees: 400,
      patience: 10,
    });
    const best = validationLoss.indexOf(Math.min(...validationLoss)) + 1;
    expect(forest.roots.length).toBe(best);
    expect(validationLoss.length).toBe(best + 10);
  });

  it('keeps the odds when it samples the legitimate rows', () => {
    const data = madeRows(10_000, 6);
    const mean = (negativeShare: number) => {
      const { forest } = trainForest(data, undefined, { ...settings, trees: 50, negativeShare });
      const logits = score(data, forest);
      return logits.reduce((sum, logit) => sum + 1 / (1 + Math.exp(-logit)), 0) / logits.length;
    };
    const rate = data.labels.reduce((sum, label) => sum + label, 0) / data.labels.length;
    expect(mean(1)).toBeCloseTo(rate, 2);
    expect(mean(0.3)).toBeCloseTo(rate, 2);
  });

  it('learns a direction for missing values, either way', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.integer({ min: 1, max: 1000 }), (missingIsFraud, seed) => {
        const values = Float64Array.from({ length: 400 }, (_, i) =>
          i % 4 === 0 ? Number.NaN : (i * seed) % 97,
        );
        const labels = Uint8Array.from(values, (value) => (Number.isNaN(value) === missingIsFraud ? 1 : 0));
        const { forest } = trainForest({ columns: [values], labels }, undefined, { ...settings, trees: 5 });
        return logitOf(forest, [Number.NaN]) > logitOf(forest, [5]) === missingIsFraud;
      }),
      { numRuns: 20 },
    );
  });

  it('can split a value that never varies from its absence', () => {
    const values = Float64Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? Number.NaN : 7));
    const labels = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0));
    const { forest } = trainForest({ columns: [values], labels }, undefined, { ...settings, trees: 5 });
    expect(logitOf(forest, [Number.NaN])).toBeGreaterThan(0);
    expect(logitOf(forest, [7])).toBeLessThan(0);
  });

  it('is not changed by a monotone transformation of a column', () => {
    const data = madeRows(2000, 9);
    const logged = { ...data, columns: data.columns.map((c, i) => (i === 0 ? c.map(Math.log) : c)) };
    const small = { ...settings, trees: 10 };
    const plain = score(data, trainForest(data, undefined, small).forest);
    expect(score(logged, trainForest(logged, undefined, small).forest)).toEqual(plain);
  });
});

describe('hostile training data', () => {
  const labels = Uint8Array.from({ length: 200 }, (_, i) => (i % 10 === 0 ? 1 : 0));
  const noise = Float64Array.from({ length: 200 }, (_, i) => (i * 37) % 101);
  const train = (columns: Float64Array[], given = labels) =>
    trainForest({ columns, labels: given }, undefined, settings);

  it('is refused with its reason when only one class is there', () => {
    expect(() => train([noise], new Uint8Array(200))).toThrow(/all 200 rows are legitimate/);
    expect(() => train([noise], new Uint8Array(200).fill(1))).toThrow(/all 200 rows are fraud/);
  });

  it('is refused when it is empty, ragged or wrongly labelled', () => {
    expect(() => train([], labels)).toThrow(TrainingError);
    expect(() => train([new Float64Array()], new Uint8Array())).toThrow(/no rows/);
    expect(() => train([noise.slice(1)])).toThrow(/column 0 has 199 values for 200 labels/);
    expect(() =>
      train(
        [noise],
        labels.map((l) => l * 2),
      ),
    ).toThrow(/label of row 0 is 2/);
    expect(() => trainForest({ columns: [noise], labels }, undefined, { ...settings, bins: 1 })).toThrow(
      /setting bins is 1/,
    );
  });

  it('gives a sound model where columns are constant, all missing, infinite or full of ties', () => {
    const constant = new Float64Array(200).fill(3);
    const missing = new Float64Array(200).fill(Number.NaN);
    const infinite = noise.map((v) =>
      v > 50 ? Number.POSITIVE_INFINITY : v < 10 ? Number.NEGATIVE_INFINITY : v,
    );
    const { forest } = train([constant, missing, infinite, noise.map((v) => (v > 90 ? v : 0))]);
    for (const x of [Number.NaN, Number.NEGATIVE_INFINITY, -1, 0, 1e300, Number.POSITIVE_INFINITY])
      expect(logitOf(forest, [x, x, x, x])).toBeTypeOf('number');
    expect([...forest.value, ...forest.threshold].some(Number.isNaN)).toBe(false);
  });

  it('without any usable column gives the base rate', () => {
    const { forest } = trainForest({ columns: [new Float64Array(200)], labels }, undefined, {
      ...settings,
      trees: 150,
      lambda: 0,
    });
    expect(1 / (1 + Math.exp(-logitOf(forest, [0])))).toBeCloseTo(0.1, 3);
  });

  it('takes a million distinct values and duplicated rows', () => {
    const distinct = Float64Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 1_000_003);
    const many = Uint8Array.from(distinct, (value) => (value > 990_000 ? 1 : 0));
    const { forest } = trainForest({ columns: [distinct], labels: many }, undefined, {
      ...settings,
      trees: 2,
    });
    expect(logitOf(forest, [995_000])).toBeGreaterThan(0);
    expect(logitOf(forest, [980_000])).toBeLessThan(0);
  });
});
