import { describe, expect, it } from 'vitest';
import { madeRows, rowOf } from '../testData.ts';
import { type Forest, logitOf } from './forest.ts';
import { attribute, expectedLogit } from './shap.ts';
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
    for (let index = 0; index < 25; index++) {
      const row = rowOf(data, index * 7);
      const expected = bruteForce(forest, row);
      const found = attribute(forest, row);
      for (const [feature, value] of expected.entries()) expect(found[feature]).toBeCloseTo(value, 10);
    }
  });

  it('add up to the logit', () => {
    const { forest } = trainForest(data, undefined, {
      ...defaultTrainSettings,
      trees: 60,
      negativeShare: 0.5,
    });
    const base = expectedLogit(forest);
    for (let index = 0; index < 200; index++) {
      const row = rowOf(data, index);
      const sum = attribute(forest, row).reduce((total, value) => total + value, base);
      expect(sum).toBeCloseTo(logitOf(forest, row), 9);
    }
  });
});
