import type { Cell } from './cells.ts';
import type { Reason } from './reasons.ts';
import { benjaminiHochberg } from './statistics.ts';
import { at, type SumName } from './sums.ts';
import { type Board, boardOf, expectations, sweep, windows } from './sweep.ts';

export interface AnalysisOptions {
  /** how many months there are */
  months: number;
  reasons: readonly Reason[];
  /** the knob of the flag: the rate given to Benjamini–Hochberg, above 0 and below 1 */
  rate: number;
  /** the score from which an entity counts as anomalous: 560 for staff, 760 for terminals */
  threshold: number;
}

/** How one behaviour of one entity looks in a month, and how surprising it is in the months that end with it. */
export interface ReasonScore {
  reason: string;
  /** what the entity did in the month, and what its peers would have done in its place; shares, 0 to 1 (money may exceed 1) */
  value: number;
  peer: number;
  /** how many of all entities have a lower value in the month, 0 to 100 */
  percentile: number;
  /** money of the month beyond what the peers would have given away, in cents */
  stake: number;
  /** the window of 1 to 3 months that is the least likely: events (or cents) seen in it and expected, funnel z and tail probability */
  window: number;
  observed: number;
  expected: number;
  z: number;
  p: number;
}

export interface MonthScore {
  month: number;
  p: number;
  /** 0 to 999 */
  score: number;
  /** the reason that weighed most; absent when nothing is above the peers */
  main?: string;
}

export interface EntityScore {
  id: string;
  /** best first by `risk`: minus the decimal logarithm of the smallest p of a month */
  risk: number;
  /** some month's score reaches the threshold */
  flagged: boolean;
  months: MonthScore[];
}

export interface Analysis {
  entities: EntityScore[];
  /** ids of the flagged, in order */
  flagged: ReadonlySet<string>;
  /** every reason of every month, best first, of the entities asked for */
  detail(ids: ReadonlySet<string>): Map<string, ReasonScore[][]>;
}

/**
 * Scores entities against their peers. For each test the rate expected of an entity is its group's without the entity
 * itself, shrunk towards the region's and that towards everyone's; `setAside` entities do not shape it. The spread of
 * people around it is estimated robustly (`overdispersion`). Two tails follow for a share: against the peers, and against
 * the empirical-Bayes estimate of the person's own rate from the months outside the window (a gamma prior with the spread
 * of the peers), so that a desk that always takes returns is no surprise and a change is. The tails of all tests and
 * windows are joined by the Cauchy combination, and Benjamini–Hochberg over all entities and months sets the flag.
 */
export function analyse(
  cells: readonly Cell[],
  options: AnalysisOptions,
  setAside: ReadonlySet<string> = new Set(),
): Analysis {
  const { months } = options;
  const board = boardOf(cells, months, setAside);
  const { ids } = board;
  const size = ids.length * months;

  const joined = new Float64Array(size);
  const least = new Float64Array(size).fill(1);
  const main = new Int16Array(size).fill(-1);
  let weight = 0;
  options.reasons.forEach((reason, r) => {
    for (const test of reason.tests) {
      weight += windows.length * (test.kind === 'share' ? 2 : 1);
      sweep(board, test, (found) => {
        const place = found.entity * months + found.month;
        joined[place]! += cauchy(found.peerTail) + (found.ownTail === undefined ? 0 : cauchy(found.ownTail));
        const p = Math.min(found.peerTail, found.ownTail ?? 1);
        if (p < least[place]!) {
          least[place] = p;
          main[place] = r;
        }
      });
    }
  });

  const p = joined.map((sum) => tailOfCauchy(sum / Math.max(1, weight)));
  const cut = benjaminiHochberg(p, options.rate);
  const entities = ids.map((id, i): EntityScore => {
    const scores: MonthScore[] = [];
    for (let m = 0; m < months; m++) {
      const value = p[i * months + m]!;
      const reason = options.reasons[main[i * months + m]!];
      const score = scoreOf(value, cut, options.threshold);
      scores.push({ month: m, p: value, score, ...(reason ? { main: reason.id } : {}) });
    }
    const risk = -Math.log10(Math.min(...scores.map((score) => score.p)));
    return { id, risk, flagged: scores.some((score) => score.score >= options.threshold), months: scores };
  });
  entities.sort((a, b) => b.risk - a.risk || (a.id < b.id ? -1 : 1));
  return {
    entities,
    flagged: new Set(entities.filter((entity) => entity.flagged).map((entity) => entity.id)),
    detail: (wanted) => detail(board, options.reasons, wanted),
  };
}

/**
 * Two passes: those flagged by the first do not shape what is expected of the others in the second, which is the result.
 */
export function analyseTwice(cells: readonly Cell[], options: AnalysisOptions): Analysis {
  const first = analyse(cells, options);
  return first.flagged.size === 0 ? first : analyse(cells, options, first.flagged);
}

/** 0–999: the p at the flag's cut has the threshold's score; below it grows with the logarithm, above it towards 999. */
function scoreOf(p: number, cut: number, threshold: number): number {
  const risk = -Math.log10(p);
  const needed = -Math.log10(cut);
  if (p > cut) return Math.min(threshold - 1, Math.floor((threshold * Math.max(0, risk)) / needed));
  return Math.min(999, threshold + Math.round((999 - threshold) * (1 - Math.exp(-(risk - needed) / 6))));
}

/** Liu and Xie (2020): tan((1/2 − p)π), for p up to 1/2; dependence between the tests does not matter in the tail. */
const cauchy = (p: number) => (p >= 0.5 ? 0 : p < 1e-12 ? 1 / (p * Math.PI) : Math.tan((0.5 - p) * Math.PI));
const tailOfCauchy = (mean: number) =>
  mean > 1e10 ? 1 / (mean * Math.PI) : Math.max(1e-300, 0.5 - Math.atan(mean) / Math.PI);

function detail(
  board: Board,
  reasons: readonly Reason[],
  wanted: ReadonlySet<string>,
): Map<string, ReasonScore[][]> {
  const { months, ids } = board;
  const only = new Set([...wanted].flatMap((id) => board.index.get(id) ?? []));
  const result = new Map(
    [...only].map((i) => [ids[i]!, Array.from({ length: months }, (): ReasonScore[] => [])]),
  );
  for (const reason of reasons) {
    const shown = reason.tests[0]!;
    const { observed, chances } = expectations(board, shown);
    const values = observed.map((events, place) =>
      chances[place]! > 0 ? events / chances[place]! : Number.NaN,
    );
    const sorted = Array.from({ length: months }, (_, m) =>
      Float64Array.from(
        ids.map((_, i) => values[i * months + m]!).filter((value) => !Number.isNaN(value)),
      ).sort(),
    );
    const money = moneyOf(board, reason.money);
    const best = new Map<number, ReasonScore>();
    reason.tests.forEach((test, t) => {
      sweep(
        board,
        test,
        (found) => {
          if (!only.has(found.entity)) return;
          const place = found.entity * months + found.month;
          const { window, observed: seen, expected: due, z } = found;
          const p = Math.min(found.peerTail, found.ownTail ?? 1);
          const known = best.get(place);
          // What is shown is the first test; the others look at the same events from another side and only lend their p.
          if (t > 0) {
            if (known && p < known.p) known.p = p;
            return;
          }
          if (window === 1) {
            const over = seen > due ? money[place]! * (1 - due / seen) : 0;
            best.set(place, {
              reason: reason.id,
              value: seen / found.chances,
              peer: due / found.chances,
              percentile: percentileOf(sorted[found.month]!, values[place]!),
              stake: Math.round(over),
              window,
              observed: seen,
              expected: due,
              z,
              p,
            });
          } else if (known && p < known.p)
            Object.assign(known, { window, observed: seen, expected: due, z, p });
        },
        only,
      );
    });
    for (const [place, score] of best)
      result.get(ids[Math.floor(place / months)]!)![place % months]!.push(score);
  }
  const order = new Map(reasons.map((reason, i) => [reason.id, i]));
  for (const list of result.values())
    for (const scores of list)
      scores.sort(
        (a, b) => a.p - b.p || b.percentile - a.percentile || order.get(a.reason)! - order.get(b.reason)!,
      );
  return result;
}

function moneyOf(board: Board, name: SumName): Float64Array {
  const money = new Float64Array(board.ids.length * board.months);
  for (const cell of board.cells)
    if (cell.id !== '') money[board.index.get(cell.id)! * board.months + cell.month]! += cell.sums[at[name]]!;
  return money;
}

function percentileOf(sorted: Float64Array, value: number): number {
  if (Number.isNaN(value) || sorted.length === 0) return 0;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return Math.round((1000 * low) / sorted.length) / 10;
}
