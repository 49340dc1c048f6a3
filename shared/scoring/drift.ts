/** How values were spread when a model was trained: shares of the rows between ascending edges, and of missing values. */
export interface Spread {
  /** a value falls in the first bin whose edge is not below it, or in the last bin */
  edges: number[];
  /** one more than there are edges */
  shares: number[];
  missing: number;
}

/** Bins of a spread: deciles. */
const BINS = 10;

function countInto(
  values: ArrayLike<number>,
  edges: readonly number[],
): { counts: number[]; missing: number } {
  const counts = new Array<number>(edges.length + 1).fill(0);
  let missing = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) {
      missing++;
      continue;
    }
    let bin = 0;
    while (bin < edges.length && edges[bin]! < value) bin++;
    counts[bin]!++;
  }
  return { counts, missing };
}

/** The spread of values by their deciles; tied deciles fall together. */
export function spreadOf(values: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(values)
    .filter((value) => Number.isFinite(value))
    .sort();
  const edges: number[] = [];
  for (let i = 1; i < BINS && sorted.length > 0; i++) {
    const edge = sorted[Math.min(sorted.length - 1, Math.floor((i * sorted.length) / BINS))]!;
    if (edge !== edges.at(-1)) edges.push(edge);
  }
  const { counts, missing } = countInto(values, edges);
  const total = Math.max(1, values.length);
  return { edges, shares: counts.map((count) => count / total), missing: missing / total };
}

/**
 * Population stability index of values against a reference: Σ (share now − share then) · ln(share now / share then) over the bins,
 * missing values being one (Siddiqi 2006). By custom, below 0.1 stable, above 0.25 shifted. Shares are kept from 0 by half a row.
 * NaN without values.
 */
export function stabilityIndex(reference: Spread, values: ArrayLike<number>): number {
  if (values.length === 0) return Number.NaN;
  const { counts, missing } = countInto(values, reference.edges);
  const floor = 0.5 / values.length;
  const term = (now: number, then: number) => {
    const [a, b] = [Math.max(now, floor), Math.max(then, floor)];
    return (a - b) * Math.log(a / b);
  };
  const bins = counts.map((count, bin) => term(count / values.length, reference.shares[bin] ?? 0));
  return bins.reduce((sum, value) => sum + value, term(missing / values.length, reference.missing));
}
