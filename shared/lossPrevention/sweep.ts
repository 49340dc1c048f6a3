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

/** Cells and what is known of their entities, with room that is used again for every test. */
export interface Board {
  cells: readonly Cell[];
  ids: readonly string[];
  index: ReadonlyMap<string, number>;
  roles: readonly string[];
  months: number;
  /** of each cell: its entity (−1: none, it only stands for the average), whether it shapes what is expected, and its
   * peers of three levels (everyone, region, group), its site, and what it itself did there (−1: none) */
  entity: Int32Array;
  counts: Uint8Array;
  peers: readonly Int32Array[];
  sites: Int32Array;
  selves: Int32Array;
  groups: number;
  /** of each cell, the rate of its region without it */
  rates: Float64Array;
  /** events, chances and squares of each cell, for one test */
  own: Figures;
  found: Expectations;
  windowed: Expectations;
  places: Int32Array;
  sample: Figures;
}

interface Figures {
  events: Float64Array;
  chances: Float64Array;
  /** cents squared */
  squares: Float64Array;
}

const figures = (size: number): Figures => ({
  events: new Float64Array(size),
  chances: new Float64Array(size),
  squares: new Float64Array(size),
});

/** Prepares cells for any number of tests; `setAside` entities do not shape what is expected of the others. */
export function boardOf(cells: readonly Cell[], months: number, setAside: ReadonlySet<string>): Board {
  const ids = [...new Set(cells.map((cell) => cell.id))].filter((id) => id !== '').sort();
  const index = new Map(ids.map((id, i) => [id, i]));
  const roles = ids.map(() => '');
  for (const cell of cells) if (cell.id !== '') roles[index.get(cell.id)!] = cell.role;
  const keys = new Map<string, number>();
  const keyOf = (text: string) => {
    const known = keys.get(text) ?? keys.size;
    keys.set(text, known);
    return known;
  };
  const peers = [
    (cell: Cell) => `${cell.month}`,
    (cell: Cell) => `${cell.month} r ${cell.region}`,
    (cell: Cell) => `${cell.month} g ${cell.group}`,
  ].map((of) => Int32Array.from(cells, (cell) => keyOf(of(cell))));
  // A site is what it is in all months, so they are taken together.
  const ofSite = (cell: Cell, text: string) => (cell.site === '' ? -1 : keyOf(text));
  const sites = Int32Array.from(cells, (cell) => ofSite(cell, `s ${cell.site}`));
  const selves = Int32Array.from(cells, (cell) => ofSite(cell, `i ${cell.id} s ${cell.site}`));
  const size = ids.length * months;
  return {
    cells,
    ids,
    index,
    roles,
    months,
    entity: Int32Array.from(cells, (cell) => index.get(cell.id) ?? -1),
    counts: Uint8Array.from(cells, (cell) => (setAside.has(cell.id) ? 0 : 1)),
    peers,
    sites,
    selves,
    groups: keys.size,
    rates: new Float64Array(cells.length),
    own: figures(cells.length),
    found: expectationsOf(size),
    windowed: expectationsOf(size),
    places: new Int32Array(size),
    sample: figures(size),
  };
}

/** One test of one entity in the months up to one. */
interface Found {
  entity: number;
  month: number;
  window: number;
  observed: number;
  expected: number;
  chances: number;
  z: number;
  peerTail: number;
  ownTail: number | undefined;
}

/**
 * Runs one test over all entities, months and windows, and shows those above what is expected of them (all of `only`).
 * What is shown is the same object each time: nobody may keep it.
 */
export function sweep(
  board: Board,
  test: ShareTest | MoneyTest,
  visit: (found: Found) => void,
  only?: ReadonlySet<number>,
): void {
  const { months, ids, roles } = board;
  const all = expectations(board, test);
  const { observed, expected, variance, chances, count } = board.windowed;
  const found: Found = {
    entity: 0,
    month: 0,
    window: 0,
    observed: 0,
    expected: 0,
    chances: 0,
    z: 0,
    peerTail: 0.5,
    ownTail: undefined,
  };
  for (const window of windows) {
    for (let entity = 0; entity < ids.length; entity++)
      for (let month = 0; month < months; month++) {
        const place = entity * months + month;
        observed[place] = expected[place] = variance[place] = chances[place] = count[place] = 0;
        if (month < window - 1) continue;
        for (let at = place - window + 1; at <= place; at++) {
          observed[place]! += all.observed[at]!;
          expected[place]! += all.expected[at]!;
          variance[place]! += all.variance[at]!;
          chances[place]! += all.chances[at]!;
          count[place]! += all.count[at]!;
        }
      }
    const spreadOf = spreads(board);
    found.window = window;
    for (let entity = 0; entity < ids.length; entity++) {
      const tau = spreadOf(roles[entity]!);
      for (let month = window - 1; month < months; month++) {
        const place = entity * months + month;
        if (!(chances[place]! > 0 && expected[place]! > 0)) continue;
        found.entity = entity;
        found.month = month;
        found.observed = observed[place]!;
        found.expected = expected[place]!;
        found.chances = chances[place]!;
        found.z =
          (found.observed - found.expected) / Math.sqrt(variance[place]! + (tau * found.expected) ** 2);
        found.peerTail = 0.5;
        found.ownTail = undefined;
        const enough = found.observed > found.expected && count[place]! >= (test.least ?? leastEvents);
        if (!enough) {
          if (only?.has(entity)) visit(found);
        } else if (test.kind === 'money') {
          // Student's t with as many degrees of freedom as payments, brought to a normal deviate (Wallace, 1959).
          const deviate = Math.sqrt(count[place]! * Math.log(1 + found.z ** 2 / count[place]!));
          found.peerTail = Math.min(0.5, normalTail(deviate) * moneyPenalty);
          visit(found);
        } else {
          const rate = Math.min(0.999, found.expected / found.chances);
          const unsure = Math.max(0, variance[place]! - found.expected * (1 - rate)) / found.expected ** 2;
          const tail = betaBinomialTail(found.observed, found.chances, rate, Math.sqrt(tau * tau + unsure));
          found.peerTail = Math.min(0.5, tail * peerPenalty);
          found.ownTail = tailByOwnHistory(found, tau, months, all);
          visit(found);
        }
      }
    }
  }
}

/** The tail against the person's own rate, as far as the other months tell it; undefined where that is not exceeded. */
function tailByOwnHistory(found: Found, tau: number, months: number, all: Expectations): number | undefined {
  let seen = 0;
  let due = 0;
  for (let m = 0; m < months; m++) {
    if (m > found.month - found.window && m <= found.month) continue;
    seen += all.observed[found.entity * months + m]!;
    due += all.expected[found.entity * months + m]!;
  }
  const shape = 1 / (tau * tau);
  const own = (found.expected * (shape + seen)) / (shape + due);
  if (found.observed <= own) return undefined;
  const spread = Math.sqrt(1 / (shape + seen) + drift * drift);
  return betaBinomialTail(found.observed, found.chances, Math.min(0.999, own / found.chances), spread);
}

/** The relative spread of each role where enough people have it, else of everyone, in the windows of the board. */
function spreads(board: Board): (role: string) => number {
  const { observed, expected, variance, chances } = board.windowed;
  const { places, sample } = board;
  let count = 0;
  for (let entity = 0; entity < board.ids.length; entity++)
    for (let place = entity * board.months; place < (entity + 1) * board.months; place++)
      if (chances[place]! > 0 && expected[place]! > 0)
        if (expected[place]! * expected[place]! >= 1.5 * variance[place]!) places[count++] = place;
  const of = (role?: string) => {
    let n = 0;
    for (let i = 0; i < count; i++) {
      const place = places[i]!;
      if (role !== undefined && board.roles[Math.floor(place / board.months)] !== role) continue;
      sample.events[n] = observed[place]!;
      sample.chances[n] = expected[place]!;
      sample.squares[n++] = variance[place]!;
    }
    const spread = () =>
      overdispersion(
        sample.events.subarray(0, n),
        sample.chances.subarray(0, n),
        sample.squares.subarray(0, n),
      );
    return { n, spread };
  };
  const everyone = of().spread();
  const known = new Map<string, number>();
  for (const role of new Set(board.roles)) {
    const { n, spread } = of(role);
    known.set(role, Math.max(leastSpread, n >= 40 ? spread() : everyone));
  }
  return (role) => known.get(role) ?? everyone;
}

/** By entity and month: what was seen, what was to be expected, its chance variance, the chances, and the number of events. */
interface Expectations {
  observed: Float64Array;
  expected: Float64Array;
  variance: Float64Array;
  chances: Float64Array;
  count: Float64Array;
}

const expectationsOf = (size: number): Expectations => ({
  observed: new Float64Array(size),
  expected: new Float64Array(size),
  variance: new Float64Array(size),
  chances: new Float64Array(size),
  count: new Float64Array(size),
});

/** What each entity did in each month, and what its peers, without it, would have done in its place. Overwritten by the next test. */
export function expectations(board: Board, test: ShareTest | MoneyTest): Expectations {
  const { cells, months, own, found, peers, entity } = board;
  const share = test.kind === 'share';
  const events = at[test.events];
  const of = test.of.map((name) => at[name]);
  const squares = share ? undefined : at[test.squares];
  const counted = share ? events : at[test.count];
  const totals = figures(board.groups);
  for (let c = 0; c < cells.length; c++) {
    const { sums } = cells[c]!;
    own.events[c] = sums[events]!;
    own.chances[c] = 0;
    for (const name of of) own.chances[c]! += sums[name]!;
    own.squares[c] = squares === undefined ? 0 : sums[squares]! * 10_000;
    if (board.counts[c] === 0) continue;
    for (const level of peers) {
      const key = level[c]!;
      totals.events[key]! += own.events[c]!;
      totals.chances[key]! += own.chances[c]!;
      totals.squares[key]! += own.squares[c]!;
    }
  }
  const due = new Float64Array(board.groups);
  let unit = 1;
  // One event of money is as large as the peers' squares say.
  const shrink = (c: number, level: number, rate: number, strength: number) => {
    const key = peers[level]![c]!;
    const part = board.counts[c]!;
    const others = totals.events[key]! - part * own.events[c]!;
    if (!share && others > 0) unit = Math.max(1, (totals.squares[key]! - part * own.squares[c]!) / others);
    const borrowed = rate > 0 ? (strength * unit) / rate : 0;
    const backing = totals.chances[key]! - part * own.chances[c]! + borrowed;
    return { rate: backing > 0 ? (others + borrowed * rate) / backing : 0, backing };
  };
  for (let c = 0; c < cells.length; c++) {
    unit = 1;
    board.rates[c] = shrink(c, 1, shrink(c, 0, share ? 0.01 : 0, 0.5).rate, lent).rate;
    if (board.sites[c]! < 0 || board.counts[c] === 0) continue;
    for (const key of [board.sites[c]!, board.selves[c]!]) {
      totals.events[key]! += own.events[c]!;
      due[key]! += own.chances[c]! * board.rates[c]!;
    }
  }
  for (const values of Object.values(found)) values.fill(0);
  for (let c = 0; c < cells.length; c++) {
    if (entity[c]! < 0) continue;
    const cell = cells[c]!;
    unit = 1;
    const base = board.rates[c]! * ofSite(c);
    const { rate, backing } = shrink(c, 2, base, lent);
    const place = entity[c]! * months + cell.month;
    const chances = own.chances[c]!;
    const expected = chances * rate;
    const chance = share ? expected * (1 - Math.min(0.99, rate)) : unit * expected;
    found.observed[place]! += own.events[c]!;
    found.expected[place]! += expected;
    found.chances[place]! += chances;
    found.count[place]! += cell.sums[counted]!;
    const unsure = backing > 0 && chances > 0 ? chance * (chances / backing) : 0;
    found.variance[place]! += Math.max(chance, own.squares[c]!) + unsure;
  }
  return found;

  /** How far the others of the site are from what their regions and roles let expect (indirect standardisation), shrunk towards 1. */
  function ofSite(c: number): number {
    const site = board.sites[c]!;
    if (site < 0) return 1;
    const self = board.selves[c]!;
    const key = peers[1]![c]!;
    const one =
      share || totals.events[key]! <= 0 ? 1 : Math.max(1, totals.squares[key]! / totals.events[key]!);
    const seen = totals.events[site]! - totals.events[self]!;
    const expected = due[site]! - due[self]!;
    return (seen + lent * one) / (expected + lent * one);
  }
}
