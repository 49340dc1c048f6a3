import { depthOf, type Forest } from './forest.ts';

/**
 * Exact Shapley values of a forest's logit for one row, under the path-dependent expectation (a feature that is not known
 * sends a row down both branches in proportion to the training rows that took them): algorithm 2 of Lundberg, Erion and Lee
 * 2018, arXiv 1802.03888. The values and `expectedLogit(forest)` add up to the row's logit.
 */
export function attribute(forest: Forest, row: ArrayLike<number>): Float64Array {
  const { feature, threshold, left, missingLeft, value, cover } = forest;
  const depth = forest.roots.reduce((most, root) => Math.max(most, depthOf(forest, root)), 0);
  // One path a level of recursion: which features were split on, the share of rows that pass with the feature unknown
  // (zero) and known (one), and the weight of the subsets of each size.
  const width = depth + 2;
  const pathFeature = new Int32Array(width * width);
  const zero = new Float64Array(width * width);
  const one = new Float64Array(width * width);
  const weight = new Float64Array(width * width);
  const result = new Float64Array(forest.features);

  /** Appends a split to the path that begins at `at` and has `length` entries. */
  function extend(at: number, length: number, split: number, zeroShare: number, oneShare: number): void {
    pathFeature[at + length] = split;
    zero[at + length] = zeroShare;
    one[at + length] = oneShare;
    weight[at + length] = length === 0 ? 1 : 0;
    for (let i = at + length - 1, size = length; i >= at; i--, size--) {
      const w = weight[i]!;
      weight[i + 1] = weight[i + 1]! + (oneShare * w * size) / (length + 1);
      weight[i] = (zeroShare * w * (length + 1 - size)) / (length + 1);
    }
  }

  /** Undoes `extend` for entry `index`, as if its feature had never been split on. */
  function unwind(at: number, length: number, index: number): void {
    const zeroShare = zero[at + index]!;
    const oneShare = one[at + index]!;
    const last = length - 1;
    let next = weight[at + last]!;
    for (let i = last - 1; i >= 0; i--) {
      const w = weight[at + i]!;
      if (oneShare !== 0) {
        weight[at + i] = (next * length) / ((i + 1) * oneShare);
        next = w - (weight[at + i]! * zeroShare * (last - i)) / length;
      } else weight[at + i] = (w * length) / (zeroShare * (last - i));
    }
    for (let i = at + index; i < at + last; i++) {
      pathFeature[i] = pathFeature[i + 1]!;
      zero[i] = zero[i + 1]!;
      one[i] = one[i + 1]!;
    }
  }

  /** The sum of the weights that `unwind` would leave. */
  function unwoundSum(at: number, length: number, index: number): number {
    const zeroShare = zero[at + index]!;
    const oneShare = one[at + index]!;
    const last = length - 1;
    let next = weight[at + last]!;
    let sum = 0;
    for (let i = last - 1; i >= 0; i--) {
      if (oneShare !== 0) {
        const w = (next * length) / ((i + 1) * oneShare);
        sum += w;
        next = weight[at + i]! - (w * zeroShare * (last - i)) / length;
      } else sum += (weight[at + i]! * length) / (zeroShare * (last - i));
    }
    return sum;
  }

  function descend(
    node: number,
    parentAt: number,
    parentLength: number,
    split: number,
    zeroShare: number,
    oneShare: number,
  ): void {
    const at = parentAt + width;
    for (let i = 0; i < parentLength; i++) {
      pathFeature[at + i] = pathFeature[parentAt + i]!;
      zero[at + i] = zero[parentAt + i]!;
      one[at + i] = one[parentAt + i]!;
      weight[at + i] = weight[parentAt + i]!;
    }
    extend(at, parentLength, split, zeroShare, oneShare);
    let length = parentLength + 1;
    const by = feature[node]!;
    if (by < 0) {
      for (let i = 1; i < length; i++) {
        const changed = unwoundSum(at, length, i) * (one[at + i]! - zero[at + i]!) * value[node]!;
        result[pathFeature[at + i]!] = result[pathFeature[at + i]!]! + changed;
      }
      return;
    }
    let knownZero = 1;
    let knownOne = 1;
    for (let i = 1; i < length; i++) {
      if (pathFeature[at + i] !== by) continue;
      knownZero = zero[at + i]!;
      knownOne = one[at + i]!;
      unwind(at, length, i);
      length--;
      break;
    }
    const x = row[by]!;
    const goesLeft = Number.isNaN(x) ? missingLeft[node] === 1 : x <= threshold[node]!;
    const leftChild = left[node]!;
    const share = cover[leftChild]! / (cover[leftChild]! + cover[leftChild + 1]!);
    descend(leftChild, at, length, by, knownZero * share, goesLeft ? knownOne : 0);
    descend(leftChild + 1, at, length, by, knownZero * (1 - share), goesLeft ? 0 : knownOne);
  }

  // The first path lies one level up, where nothing is.
  for (const root of forest.roots) if (feature[root]! >= 0) descend(root, -width, 0, -1, 1, 1);
  return result;
}

/** The forest's mean logit over its training rows: what the attributions are measured from. */
export function expectedLogit(forest: Forest): number {
  const mean = (node: number): number => {
    if (forest.feature[node]! < 0) return forest.value[node]!;
    const left = forest.left[node]!;
    const share = forest.cover[left]! / (forest.cover[left]! + forest.cover[left + 1]!);
    return share * mean(left) + (1 - share) * mean(left + 1);
  };
  let sum = 0;
  for (const root of forest.roots) sum += mean(root);
  return sum;
}
