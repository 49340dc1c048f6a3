import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { madeRows, rowOf } from '../testData.ts';
import { type Forest, logitOf } from './forest.ts';
import { randomSource } from './random.ts';
import { compileAttribution, expectedLogit } from './shap.ts';
import { defaultTrainSettings, trainForest } from './train.ts';

/** The forest's logit when only the features in `known` (a bit each) are known: the definition, by brute force. */
function conditional(forest: Forest, row: Float64Array, known: number): number {
  const walk = (node: number): number => {
    const feature = forest.feature[node]!;
    if (feature < 0) return forest.value[node]!;
    const left = forest.left[node]!;
    if ((known >> feature) & 1) {
      const x = row[feature]!;
      const goesLeft = Number.isNaN(x) ? forest.missingLeft[node] === 1 : x <= forest.threshold[node]!;
      return walk(goesLeft ? left : left + 1);
    }
    const total = forest.cover[left]! + forest.cover[left + 1]!;
    return (forest.cover[left]! * walk(left) + forest.cover[left + 1]! * walk(left + 1)) / total;
  };
  return forest.roots.reduce((sum, root) => sum + walk(root), 0);
}

function bruteForce(forest: Forest, row: Float64Array): number[] {
  const n = forest.features;
  const factorial = (k: number): number => (k <= 1 ? 1 : k * factorial(k - 1));
  const size = (set: number) => [...set.toString(2)].filter((bit) => bit === '1').length;
  return Array.from({ length: n }, (_, feature) => {
    let sum = 0;
    for (let set = 0; set < 1 << n; set++) {
      if ((set >> feature) & 1) continue;
      const share = (factorial(size(set)) * factorial(n - size(set) - 1)) / factorial(n);
      sum += share * (conditional(forest, row, set | (1 << feature)) - conditional(forest, row, set));
    }
    return sum;
  });
}

const data = madeRows(4000, 11);

describe('attributions', () => {
  it('are the Shapley values', () => {
    // Deep trees on few columns, so that paths split on the same feature again and again.
    const { forest } = trainForest(data, undefined, {
      ...defaultTrainSettings,
      trees: 6,
      maxDepth: 8,
      columnShare: 0.8,
    });
    const attribute = compileAttribution(forest);
    for (let index = 0; index < 25; index++) {
      const row = rowOf(data, index * 7);
      const expected = bruteForce(forest, row);
      const found = attribute(row);
      for (const [feature, value] of expected.entries()) expect(found[feature]).toBeCloseTo(value, 10);
    }
  });

  it('are the Shapley values on paths too long for a table', () => {
    const random = randomSource(3);
    const many = Array.from({ length: 9 }, () => Float64Array.from(data.labels, () => random()));
    // Fraud where most of nine coins fall alike: every one of them has to be asked.
    const labels = Uint8Array.from(data.labels, (_, i) =>
      many.filter((c) => c[i]! > 0.5).length > 6 ? 1 : 0,
    );
    const settings = {
      ...defaultTrainSettings,
      trees: 2,
      maxDepth: 9,
      maxLeaves: 200,
      columnShare: 1,
      minChildWeight: 1,
    };
    const { forest } = trainForest({ columns: many, labels }, undefined, settings);
    const attribute = compileAttribution(forest);
    for (let index = 0; index < 5; index++) {
      const row = rowOf({ columns: many }, index);
      const found = attribute(row);
      for (const [feature, value] of bruteForce(forest, row).entries())
        expect(found[feature]).toBeCloseTo(value, 10);
    }
  });

  it('add up to the logit for missing and infinite values too', () => {
    const { forest } = trainForest(data, undefined, { ...defaultTrainSettings, trees: 20 });
    const attribute = compileAttribution(forest);
    const value = fc.oneof(
      fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
      fc.double({ noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 5, maxLength: 5 }), (row) => {
        const sum = attribute(row).reduce((total, one) => total + one, expectedLogit(forest));
        expect(sum).toBeCloseTo(logitOf(forest, row), 9);
      }),
    );
  });

  it('add up to the logit', () => {
    const { forest } = trainForest(data, undefined, {
      ...defaultTrainSettings,
      trees: 60,
      negativeShare: 0.5,
    });
    const base = expectedLogit(forest);
    const attribute = compileAttribution(forest);
    for (let index = 0; index < 200; index++) {
      const row = rowOf(data, index);
      const sum = attribute(row).reduce((total, value) => total + value, base);
      expect(sum).toBeCloseTo(logitOf(forest, row), 9);
    }
  });
});
