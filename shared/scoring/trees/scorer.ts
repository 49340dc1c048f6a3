import { depthOf, type Forest } from './forest.ts';

/** Trees walked at once: their chains of loads are independent, so the processor overlaps them. */
const LANES = 4;

/**
 * Compiles a forest to a function from a row (NaN means missing) to its logit, equal to `logitOf` up to the order of
 * summation, at about 2 µs for 150 trees of 64 leaves. The walk has no branch that depends on the row: a leaf is a node whose
 * threshold is infinite and whose left child is itself, each group of trees is walked to its greatest depth, and the row
 * is laid out twice, with missing values as −∞ (they go left) and as +∞ (they go right).
 */
export function compileScorer(forest: Forest): (row: ArrayLike<number>) => number {
  const nodes = forest.feature.length;
  const width = forest.features;
  // One node more, which stands in for the trees that fill up the last group.
  const slot = new Uint16Array(nodes + 1);
  const threshold = new Float64Array(nodes + 1).fill(Number.POSITIVE_INFINITY);
  const left = new Int32Array(nodes + 1);
  const value = new Float64Array(nodes + 1);
  for (let node = 0; node < nodes; node++) {
    const feature = forest.feature[node]!;
    left[node] = feature < 0 ? node : forest.left[node]!;
    value[node] = forest.value[node]!;
    if (feature < 0) continue;
    const takesAll = forest.threshold[node] === Number.POSITIVE_INFINITY;
    // "Every value left, missing right": the largest finite threshold keeps +∞ of a missing value out.
    threshold[node] = takesAll ? Number.MAX_VALUE : forest.threshold[node]!;
    slot[node] = forest.missingLeft[node] === 1 ? feature : width + feature;
  }
  left[nodes] = nodes;
  const groups = Math.ceil(forest.roots.length / LANES);
  const roots = new Int32Array(groups * LANES).fill(nodes);
  roots.set(forest.roots);
  const depths = new Int32Array(groups);
  for (const [index, root] of forest.roots.entries()) {
    const group = Math.floor(index / LANES);
    depths[group] = Math.max(depths[group]!, depthOf(forest, root));
  }
  const values = new Float64Array(2 * width);

  return (row) => {
    for (let i = 0; i < width; i++) {
      const x = row[i]!;
      const present = !Number.isNaN(x);
      // Infinite values are clipped, so that they stay apart from missing ones.
      const clipped = Math.min(x, Number.MAX_VALUE);
      values[i] = present ? clipped : Number.NEGATIVE_INFINITY;
      values[width + i] = present ? clipped : Number.POSITIVE_INFINITY;
    }
    let sum = 0;
    for (let group = 0; group < groups; group++) {
      let a = roots[group * LANES]!;
      let b = roots[group * LANES + 1]!;
      let c = roots[group * LANES + 2]!;
      let d = roots[group * LANES + 3]!;
      // Number(comparison) and not "? 1 : 0": V8 turns the latter into branches, which cost four times as much here.
      for (let depth = depths[group]!; depth > 0; depth--) {
        a = left[a]! + Number(values[slot[a]!]! > threshold[a]!);
        b = left[b]! + Number(values[slot[b]!]! > threshold[b]!);
        c = left[c]! + Number(values[slot[c]!]! > threshold[c]!);
        d = left[d]! + Number(values[slot[d]!]! > threshold[d]!);
      }
      sum += value[a]! + value[b]! + value[c]! + value[d]!;
    }
    return sum;
  };
}
