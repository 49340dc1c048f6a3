import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { madeRows } from '../testData.ts';
import { logitOf } from './forest.ts';
import { ForestFormatError, packForest, unpackForest } from './pack.ts';
import { compileScorer } from './scorer.ts';
import { defaultTrainSettings, trainForest } from './train.ts';

const { forest } = trainForest(madeRows(3000, 21), undefined, { ...defaultTrainSettings, trees: 11 });
const x = fc.oneof(
  fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0, -0),
  fc.double({ min: -5, max: 200 }),
  fc.constantFrom(...forest.threshold.filter((_, node) => forest.feature[node]! >= 0)),
);
const anyRow = fc.array(x, { minLength: 5, maxLength: 5 });

describe('the compiled scorer', () => {
  it('agrees with the plain walk on any row', () => {
    const score = compileScorer(forest);
    fc.assert(
      fc.property(anyRow, (row) => {
        expect(score(row)).toBeCloseTo(logitOf(forest, row), 12);
      }),
      { numRuns: 1000 },
    );
  });

  it('scores a forest without trees as logit 0', () => {
    const empty = { ...forest, roots: new Int32Array() };
    expect(compileScorer(empty)([1, 2, 3, 4, 5])).toBe(0);
  });
});

describe('packed trees', () => {
  it('come back as they were', () => {
    expect(unpackForest(packForest(forest))).toEqual(forest);
  });

  it('are refused when they are cut off or their structure is damaged', () => {
    const packed = packForest(forest);
    expect(() => unpackForest(packed.subarray(0, 5))).toThrow(ForestFormatError);
    expect(() => unpackForest(packed.subarray(0, packed.length - 1))).toThrow(/do not take/);
    const looped = packed.slice();
    // The first node's left child becomes the node itself.
    new DataView(looped.buffer).setInt32(12 + 4 * 11 + 24, 0, true);
    expect(() => unpackForest(looped)).toThrow(/node 0 has child 0/);
  });

  it('never loop or read outside, whatever byte is changed', () => {
    const packed = packForest(forest);
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = packed.slice();
        changed[at]! ^= flip;
        try {
          expect(compileScorer(unpackForest(changed))([1, 2, 3, 4, 5])).toBeTypeOf('number');
        } catch (error) {
          expect(error).toBeInstanceOf(ForestFormatError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
