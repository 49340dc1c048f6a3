/** One feature's values, a row each; NaN means missing. */
export type Column = Float32Array | Float64Array;

/** Bin number of a missing value; values have bins 1, 2, … */
export const MISSING_BIN = 0;

/** The first index whose value is not below `value`. `sorted` ascends. */
function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The values that are not missing, in order, at the beginning of `work`. */
function sortedPresent(column: Column, work: Float64Array): Float64Array {
  let count = 0;
  // Adding zero turns -0 into 0, which sorting would otherwise keep apart.
  for (const value of column) if (!Number.isNaN(value)) work[count++] = value + 0;
  return work.subarray(0, count).sort();
}

/** A number t with below <= t < above. */
function between(below: number, above: number): number {
  const middle = below / 2 + above / 2;
  return middle >= below && middle < above ? middle : below;
}

/**
 * Positions in `sorted` at which its quantiles are cut: at most `budget`. A value that fills more than its share of the
 * rows counts only as one share, so that a column of mostly zeros still gets its cuts among the other values.
 */
function quantilePositions(sorted: Float64Array, budget: number): number[] {
  const share = sorted.length / (budget + 1);
  let total = 0;
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    end = nextDistinct(sorted, start);
    total += Math.min(end - start, share);
  }
  const step = total / (budget + 1);
  const positions: number[] = [];
  let seen = 0;
  let nextCut = step;
  for (let start = 0, end = 0; start < sorted.length && positions.length < budget; start = end) {
    end = nextDistinct(sorted, start);
    seen += Math.min(end - start, share);
    if (seen < nextCut || end === sorted.length) continue;
    positions.push(end);
    nextCut = (Math.floor(seen / step) + 1) * step;
  }
  return positions;
}

function nextDistinct(sorted: Float64Array, start: number): number {
  const value = sorted[start]!;
  let end = start + 1;
  while (end < sorted.length && sorted[end] === value) end++;
  return end;
}

/**
 * The thresholds between which a column is binned, ascending; a value x falls in the first bin whose threshold is not
 * below it. At most `bins` − 1 thresholds. Where a column has more distinct values than bins, `fraudShare` of the
 * thresholds lie at the quantiles of the frauds' own values: frauds are few, and quantiles of all rows would put almost
 * no threshold where they live. `work` is overwritten; it has room for the column, and saves that of each column anew.
 */
export function chooseCuts(
  column: Column,
  labels: Uint8Array,
  bins: number,
  fraudShare: number,
  work = new Float64Array(column.length),
): Float64Array {
  const all = sortedPresent(column, work);
  const positions = new Set<number>();
  let distinct = 0;
  for (let start = 0, end = 0; start < all.length && distinct <= bins; start = end, distinct++) {
    end = nextDistinct(all, start);
    if (end < all.length) positions.add(end);
  }
  if (distinct > bins) {
    positions.clear();
    const budget = bins - 1;
    const ofFrauds = column.filter((_, row) => labels[row] === 1);
    const frauds = sortedPresent(ofFrauds, new Float64Array(ofFrauds.length));
    const fraudBudget = Math.floor(budget * fraudShare);
    if (frauds.length > 0 && fraudBudget > 0) {
      for (const position of quantilePositions(frauds, fraudBudget)) {
        const cut = upperBound(all, frauds[position - 1]!);
        if (cut > 0 && cut < all.length) positions.add(cut);
      }
    }
    for (const position of quantilePositions(all, budget - positions.size)) positions.add(position);
  }
  const cuts = Float64Array.from(positions, (position) => between(all[position - 1]!, all[position]!));
  return cuts.sort();
}

/** Bin numbers of a column's values: MISSING_BIN for NaN, else 1 + the number of thresholds below the value. */
export function binColumn(column: Column, cuts: Float64Array): Uint16Array {
  const binned = new Uint16Array(column.length);
  for (let row = 0; row < column.length; row++) {
    const value = column[row]!;
    binned[row] = Number.isNaN(value) ? MISSING_BIN : 1 + lowerBound(cuts, value);
  }
  return binned;
}
