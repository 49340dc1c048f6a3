import type { Cell } from './cells.ts';
import type { MoneyTest, ShareTest } from './reasons.ts';
import { betaBinomialTail, normalTail, overdispersion } from './statistics.ts';
import { at } from './sums.ts';

/** Months that a window may span; abuse that goes on adds up. */
export const windows = [1, 2, 3];
/** Events that the larger group lends to the smaller one when its rate is shrunk. */
const lent = 8;
/** Fewer events than this are no pattern. */
const leastEvents = 3;
/** People differ by at least this much, relatively, whatever the data seem to say; and one person from month to month. */
const leastSpread = 0.1;
const drift = 0.12;
/** Factors on the p of the plain comparison with peers, and of money, beside the comparison that knows the person's other months. */
const peerPenalty = 100;
const moneyPenalty = 1e5;

/** Cells and what is known of their entities. */
export interface Board {
  cells: readonly Cell[];
  ids: readonly string[];
  index: ReadonlyMap<string, number>;
  roles: readonly string[];
  months: number;
  setAside: ReadonlySet<string>;
}

/** One test of one entity in the months up to one. */
export interface Found {
  entity: number;
  month: number;
  window: number;
  observed: number;
  expected: number;
  chances: number;
  z: number;
  peerTail: number;
  ownTail?: number;
}

interface Item {
  entity: number;
  month: number;
  observed: number;
  expected: number;
  variance: number;
  chances: number;
  count: number;
}

/** Runs one test over all entities, months and windows, and shows those above what is expected of them (all of `only`). */
export function sweep(
  board: Board,
  test: ShareTest | MoneyTest,
  visit: (found: Found) => void,
  only?: ReadonlySet<number>,
): void {
  const { months } = board;
  const { observed, expected, variance, chances, count } = expectations(board, test);
  for (const window of windows) {
    const items: Item[] = [];
    for (let entity = 0; entity < board.ids.length; entity++)
      for (let month = window - 1; month < months; month++) {
        const item: Item = { entity, month, observed: 0, expected: 0, variance: 0, chances: 0, count: 0 };
        for (let m = month - window + 1; m <= month; m++) {
          const place = entity * months + m;
          item.observed += observed[place]!;
          item.expected += expected[place]!;
          item.variance += variance[place]!;
          item.chances += chances[place]!;
          item.count += count[place]!;
        }
        if (item.chances > 0 && item.expected > 0) items.push(item);
      }
    const spreadOf = spreads(items, board.roles);
    for (const item of items) {
      const tau = spreadOf(board.roles[item.entity]!);
      const z = (item.observed - item.expected) / Math.sqrt(item.variance + (tau * item.expected) ** 2);
      const base = { ...item, window, z };
      const enough = item.observed > item.expected && item.count >= leastEvents;
      if (!enough) {
        if (only?.has(item.entity)) visit({ ...base, peerTail: 0.5 });
      } else if (test.kind === 'money') {
        // Student's t with as many degrees of freedom as payments, brought to a normal deviate (Wallace, 1959).
        const deviate = Math.sqrt(item.count * Math.log(1 + (z * z) / item.count));
        visit({ ...base, peerTail: Math.min(0.5, normalTail(deviate) * moneyPenalty) });
      } else {
        const rate = Math.min(0.999, item.expected / item.chances);
        const unsure = Math.max(0, item.variance - item.expected * (1 - rate)) / item.expected ** 2;
        const tail = betaBinomialTail(item.observed, item.chances, rate, Math.sqrt(tau * tau + unsure));
        const ownTail = tailByOwnHistory(item, window, tau, months, observed, expected);
        visit({
          ...base,
          peerTail: Math.min(0.5, tail * peerPenalty),
          ...(ownTail === undefined ? {} : { ownTail }),
        });
      }
    }
  }
}

/** The tail against the person's own rate, as far as the other months tell it; undefined where that is not exceeded. */
function tailByOwnHistory(
  item: Item,
  window: number,
  tau: number,
  months: number,
  observed: Float64Array,
  expected: Float64Array,
): number | undefined {
  let seen = 0;
  let due = 0;
  for (let m = 0; m < months; m++) {
    if (m > item.month - window && m <= item.month) continue;
    seen += observed[item.entity * months + m]!;
    due += expected[item.entity * months + m]!;
  }
  const shape = 1 / (tau * tau);
  const own = (item.expected * (shape + seen)) / (shape + due);
  if (item.observed <= own) return undefined;
  const spread = Math.sqrt(1 / (shape + seen) + drift * drift);
  return betaBinomialTail(item.observed, item.chances, Math.min(0.999, own / item.chances), spread);
}

/** The relative spread of each role where enough people have it, else of everyone. */
function spreads(items: readonly Item[], roles: readonly string[]): (role: string) => number {
  const telling = items.filter((item) => item.expected * item.expected >= 1.5 * item.variance);
  const byRole = new Map<string, Item[]>();
  for (const item of telling) {
    const role = roles[item.entity]!;
    const list = byRole.get(role);
    if (list) list.push(item);
    else byRole.set(role, [item]);
  }
  const everyone = overdispersion(telling);
  const known = new Map<string, number>();
  for (const [role, list] of byRole) known.set(role, list.length >= 40 ? overdispersion(list) : everyone);
  return (role) => Math.max(leastSpread, known.get(role) ?? everyone);
}

export interface Expectations {
  observed: Float64Array;
  expected: Float64Array;
  variance: Float64Array;
  chances: Float64Array;
  count: Float64Array;
}

interface Totals {
  events: number;
  chances: number;
  /** cents squared */
  squares: number;
}

const nothing: Totals = { events: 0, chances: 0, squares: 0 };

/** What each entity did in each month, and what its peers, without it, would have done in its place. */
export function expectations(board: Board, test: ShareTest | MoneyTest): Expectations {
  const { cells, index, months, setAside } = board;
  const size = board.ids.length * months;
  const result: Expectations = {
    observed: new Float64Array(size),
    expected: new Float64Array(size),
    variance: new Float64Array(size),
    chances: new Float64Array(size),
    count: new Float64Array(size),
  };
  const totals = new Map<string, Totals>();
  const keysOf = (cell: Cell) => [
    `${cell.month}`,
    `${cell.month} r ${cell.region}`,
    `${cell.month} g ${cell.group}`,
  ];
  const own = cells.map((cell) => countsOf(cell, test));
  cells.forEach((cell, c) => {
    if (setAside.has(cell.id)) return;
    for (const key of keysOf(cell)) {
      const entry = totals.get(key);
      if (entry) {
        entry.events += own[c]!.events;
        entry.chances += own[c]!.chances;
        entry.squares += own[c]!.squares;
      } else totals.set(key, { ...own[c]! });
    }
  });
  cells.forEach((cell, c) => {
    if (cell.id === '') return;
    const mine = own[c]!;
    const part = setAside.has(cell.id) ? 0 : 1;
    let rate = test.kind === 'share' ? 0.01 : 0;
    let backing = 0;
    let unit = 1;
    keysOf(cell).forEach((key, level) => {
      const total = totals.get(key) ?? nothing;
      const events = total.events - part * mine.events;
      const chances = total.chances - part * mine.chances;
      // One event of money is as large as the peers' squares say.
      if (test.kind === 'money' && events > 0)
        unit = Math.max(1, (total.squares - part * mine.squares) / events);
      const strength = level === 0 ? 0.5 : lent;
      const borrowed = rate > 0 ? (strength * unit) / rate : 0;
      backing = chances + borrowed;
      rate = backing > 0 ? (events + borrowed * rate) / backing : 0;
    });
    const place = index.get(cell.id)! * months + cell.month;
    const expected = mine.chances * rate;
    const chance = test.kind === 'share' ? expected * (1 - Math.min(0.99, rate)) : unit * expected;
    result.observed[place]! += mine.events;
    result.expected[place]! += expected;
    result.chances[place]! += mine.chances;
    result.count[place]! += test.kind === 'share' ? mine.events : cell.sums[at[test.count]]!;
    const unsure = backing > 0 && mine.chances > 0 ? chance * (mine.chances / backing) : 0;
    result.variance[place]! += Math.max(chance, mine.squares) + unsure;
  });
  return result;
}

function countsOf(cell: Cell, test: ShareTest | MoneyTest): Totals {
  let chances = 0;
  for (const name of test.of) chances += cell.sums[at[name]]!;
  const squares = test.kind === 'money' ? cell.sums[at[test.squares]]! * 10_000 : 0;
  return { events: cell.sums[at[test.events]]!, chances, squares };
}
