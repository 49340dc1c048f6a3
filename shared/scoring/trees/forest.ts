/**
 * A boosted ensemble of binary trees in flat arrays. Node i is a leaf where `feature[i]` is −1; otherwise a row goes to
 * `left[i]` if its value is at most `threshold[i]`, or missing and `missingLeft[i]` is 1, and else to `left[i]` + 1.
 */
export interface Forest {
  /** number of columns a row has */
  features: number;
  /** root node of each tree */
  roots: Int32Array;
  feature: Int16Array;
  threshold: Float64Array;
  left: Int32Array;
  missingLeft: Uint8Array;
  /** logit that a leaf adds; 0 in inner nodes */
  value: Float64Array;
  /** training rows that passed through the node (sampled negatives count by their weight) */
  cover: Float64Array;
}

/** The leaf that a row reaches in the tree whose root is given. */
export function leafOf(forest: Forest, root: number, row: ArrayLike<number>): number {
  let node = root;
  while (forest.feature[node]! >= 0) {
    const value = row[forest.feature[node]!]!;
    const goesLeft = Number.isNaN(value) ? forest.missingLeft[node] === 1 : value <= forest.threshold[node]!;
    node = forest.left[node]! + (goesLeft ? 0 : 1);
  }
  return node;
}

/** The logit of one row: the plain walk that the fast scorer must agree with. */
export function logitOf(forest: Forest, row: ArrayLike<number>): number {
  let logit = 0;
  for (const root of forest.roots) logit += forest.value[leafOf(forest, root, row)]!;
  return logit;
}

/** The first `trees` trees of a forest. */
export function firstTrees(forest: Forest, trees: number): Forest {
  const end = forest.roots[trees] ?? forest.feature.length;
  return {
    features: forest.features,
    roots: forest.roots.slice(0, trees),
    feature: forest.feature.slice(0, end),
    threshold: forest.threshold.slice(0, end),
    left: forest.left.slice(0, end),
    missingLeft: forest.missingLeft.slice(0, end),
    value: forest.value.slice(0, end),
    cover: forest.cover.slice(0, end),
  };
}

/** Splits on the longest way down from a node. */
export function depthOf(forest: Forest, node: number): number {
  if (forest.feature[node]! < 0) return 0;
  const left = forest.left[node]!;
  return 1 + Math.max(depthOf(forest, left), depthOf(forest, left + 1));
}
