import type { Forest } from './forest.ts';

/** Leaves whose path splits on more features than this are worked out anew for each row; the others by table. */
const TABLE_FEATURES = 6;

/** One feature's conditions on the way to a leaf, taken together. */
interface Condition {
  feature: number;
  /** the row passes where above < x <= upTo */
  above: number;
  upTo: number;
  missingPasses: boolean;
  /** share of the training rows that pass these conditions where they stand */
  share: number;
}

interface Leaf {
  conditions: Condition[];
  value: number;
}

/** Every leaf with the conditions on the way to it. */
function leavesOf(forest: Forest): Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (node: number, conditions: readonly Condition[]): void => {
    const feature = forest.feature[node]!;
    if (feature < 0) {
      leaves.push({ conditions: [...conditions], value: forest.value[node]! });
      return;
    }
    const left = forest.left[node]!;
    const leftShare = forest.cover[left]! / (forest.cover[left]! + forest.cover[left + 1]!);
    const before = conditions.find((one) => one.feature === feature) ?? {
      feature,
      above: Number.NEGATIVE_INFINITY,
      upTo: Number.POSITIVE_INFINITY,
      missingPasses: true,
      share: 1,
    };
    const others = conditions.filter((one) => one !== before);
    const threshold = forest.threshold[node]!;
    const missingLeft = forest.missingLeft[node] === 1;
    walk(left, [
      ...others,
      {
        ...before,
        upTo: Math.min(before.upTo, threshold),
        missingPasses: before.missingPasses && missingLeft,
        share: before.share * leftShare,
      },
    ]);
    walk(left + 1, [
      ...others,
      {
        ...before,
        above: Math.max(before.above, threshold),
        missingPasses: before.missingPasses && !missingLeft,
        share: before.share * (1 - leftShare),
      },
    ]);
  };
  for (const root of forest.roots) walk(root, []);
  return leaves;
}

/** k! (n − 1 − k)! / n!: the weight of a subset of k among n − 1 others. */
function subsetWeights(n: number): Float64Array {
  const weights = new Float64Array(n);
  // Of all orders of n features, the share in which exactly a given k stand before a given one.
  let choices = 1;
  for (let k = 0; k < n; k++) {
    weights[k] = 1 / (n * choices);
    choices = (choices * (n - 1 - k)) / (k + 1);
  }
  return weights;
}

const weightsBySize = Array.from({ length: 33 }, (_, n) => subsetWeights(n));

/**
 * The Shapley values of one leaf's part, into `into` from `at`. With feature j known the leaf is reached or not (passes[j] is 1
 * or 0), with it unknown with probability share[j]; so the sum over all subsets S of the others of weight(|S|) · Π known · Π
 * unknown is read from the coefficients of Π (share[j] + passes[j] · y).
 */
function leafValues(
  shares: readonly number[],
  passes: number,
  value: number,
  into: Float64Array,
  at: number,
  polynomial: Float64Array,
): void {
  const n = shares.length;
  const weights = weightsBySize[n] ?? subsetWeights(n);
  for (let i = 0; i < n; i++) {
    polynomial.fill(0, 0, n + 1);
    polynomial[0] = 1;
    let degree = 0;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const known = (passes >>> j) & 1;
      for (let k = degree; k >= 0; k--) {
        polynomial[k + 1] = polynomial[k + 1]! + known * polynomial[k]!;
        polynomial[k] = polynomial[k]! * shares[j]!;
      }
      degree++;
    }
    let sum = 0;
    for (let k = 0; k < n; k++) sum += weights[k]! * polynomial[k]!;
    into[at + i] = sum * (((passes >>> i) & 1) - shares[i]!) * value;
  }
}

/**
 * Compiles a forest to a function that gives a row's exact Shapley values for the logit, under the path-dependent
 * expectation: a feature that is not known sends a row down both branches in proportion to the training rows that took them
 * (the values of algorithm 2 of Lundberg, Erion and Lee 2018, arXiv 1802.03888). They and `expectedLogit(forest)` add up to the
 * row's logit. A leaf's part depends on the row only by which of its few conditions hold, so it is tabled for all cases
 * beforehand; measured, about ten times as fast as walking the trees for each row.
 */
export function compileAttribution(forest: Forest): (row: ArrayLike<number>) => Float64Array {
  const leaves = leavesOf(forest).filter(({ conditions }) => conditions.length > 0);
  const widest = leaves.reduce((most, { conditions }) => Math.max(most, conditions.length), 0);
  if (widest > 31) throw new RangeError('A path through a tree splits on more than 31 features.');
  const starts = new Int32Array(leaves.length + 1);
  const tables = new Int32Array(leaves.length).fill(-1);
  let tableSize = 0;
  for (const [index, { conditions }] of leaves.entries()) {
    const n = conditions.length;
    starts[index + 1] = starts[index]! + n;
    if (n > TABLE_FEATURES) continue;
    tables[index] = tableSize;
    tableSize += n << n;
  }
  const conditions = leaves.flatMap((leaf) => leaf.conditions);
  const feature = Int32Array.from(conditions, (one) => one.feature);
  const above = Float64Array.from(conditions, (one) => one.above);
  const upTo = Float64Array.from(conditions, (one) => one.upTo);
  const missingPasses = Uint8Array.from(conditions, (one) => (one.missingPasses ? 1 : 0));
  const polynomial = new Float64Array(widest + 1);
  const own = new Float64Array(widest);
  const table = new Float64Array(tableSize);
  for (const [index, leaf] of leaves.entries()) {
    const shares = leaf.conditions.map(({ share }) => share);
    for (let passes = 0; tables[index]! >= 0 && passes < 1 << shares.length; passes++)
      leafValues(shares, passes, leaf.value, table, tables[index]! + passes * shares.length, polynomial);
  }

  return (row) => {
    const result = new Float64Array(forest.features);
    for (let leaf = 0; leaf < tables.length; leaf++) {
      const start = starts[leaf]!;
      const n = starts[leaf + 1]! - start;
      let passes = 0;
      for (let i = 0; i < n; i++) {
        const x = row[feature[start + i]!]!;
        const inside = Number(x > above[start + i]!) & Number(x <= upTo[start + i]!);
        // −∞ passes where nothing bounds it from below.
        const unbounded =
          Number(x === above[start + i]!) & Number(above[start + i] === Number.NEGATIVE_INFINITY);
        const passed = Number.isNaN(x) ? missingPasses[start + i]! : inside | unbounded;
        passes |= passed << i;
      }
      let from = tables[leaf]! + passes * n;
      let values = table;
      if (tables[leaf]! < 0) {
        const shares = leaves[leaf]!.conditions.map(({ share }) => share);
        leafValues(shares, passes, leaves[leaf]!.value, own, 0, polynomial);
        values = own;
        from = 0;
      }
      for (let i = 0; i < n; i++) {
        const at = feature[start + i]!;
        result[at] = result[at]! + values[from + i]!;
      }
    }
    return result;
  };
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
