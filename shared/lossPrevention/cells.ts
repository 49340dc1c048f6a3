import { addSums, at, noSums } from './sums.ts';

/** What one entity did in one month among one group of peers. */
export interface Cell {
  id: string;
  /** index of the month */
  month: number;
  /** the peers: store and role, category … */
  group: string;
  /** what the group is shrunk towards: region and role … */
  region: string;
  /** where the group is: how much those of other groups there differ from their regions says something of this one; may be empty */
  site: string;
  /** people of one role have their own overdispersion; may be empty */
  role: string;
  sums: Float64Array;
}

/** One line of the month roll-up of tills: a person at a terminal of a store in a month. */
export interface TillRow {
  month: number;
  staff: string;
  terminal: string;
  store: string;
  region: string;
  role: string;
  sums: Float64Array;
}

/** Adds rows up into cells; rows that `of` answers with undefined are left out. */
export function gather<Row extends { sums: Float64Array }>(
  rows: Iterable<Row>,
  of: (row: Row) => Omit<Cell, 'sums'> | undefined,
): Cell[] {
  const cells = new Map<string, Cell>();
  for (const row of rows) {
    const key = of(row);
    if (!key || key.id === '') continue;
    const text = JSON.stringify([key.month, key.id, key.group, key.region]);
    let cell = cells.get(text);
    if (!cell) {
      cell = { ...key, sums: noSums() };
      cells.set(text, cell);
    }
    addSums(cell.sums, row.sums);
  }
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
}

/** The cells that staff are judged by: their peers are those of the same store and role. */
export function staffCells(rows: Iterable<TillRow>): Cell[] {
  return gather(rows, (row) => ({
    id: row.staff,
    month: row.month,
    group: nameOf(row.store, row.role),
    region: nameOf(row.region, row.role),
    role: row.role,
    site: row.store,
  }));
}

/** A name of the parts that no other parts have. */
export const nameOf = (...parts: string[]): string => JSON.stringify(parts);

/**
 * Roles for data that has none, from the mix of work a person does in all but their busiest months: a service desk takes
 * returns all the time, markdown staff discount all the time, leads do a bit of everything that needs permission. A spell
 * of abuse changes neither the quiet months nor the whole mix, so it does not make its own peer group.
 */
export function inferRoles(rows: readonly TillRow[]): Map<string, string> {
  const byStaff = new Map<string, { store: string; months: Map<number, Float64Array> }>();
  for (const row of rows) {
    if (row.staff === '') continue;
    let entry = byStaff.get(row.staff);
    if (!entry) {
      entry = { store: row.store, months: new Map() };
      byStaff.set(row.staff, entry);
    }
    const sums = entry.months.get(row.month);
    if (sums) addSums(sums, row.sums);
    else entry.months.set(row.month, Float64Array.from(row.sums));
  }
  const mixes = [...byStaff].map(([id, { store, months }]) => ({
    id,
    store,
    mix: quietMix([...months.values()]),
  }));
  const medians = new Map<string, number[]>();
  for (const store of new Set(mixes.map((entry) => entry.store)))
    medians.set(
      store,
      [0, 1, 2, 3].map((k) => median(mixes.filter((m) => m.store === store).map((m) => m.mix[k]!))),
    );
  return new Map(
    mixes.map(({ id, store, mix }) => {
      const usual = medians.get(store)!;
      const [returns, manual, overrides, voids] = mix.map(
        (value, k) => value / Math.max(usual[k]!, floors[k]!),
      );
      if (mix[0]! >= 0.2 && returns! >= 3) return [id, 'desk'];
      if (manual! >= 3.5 && overrides! >= 2.5) return [id, 'markdown'];
      if (manual! >= 1.7 && overrides! >= 1.7 && voids! >= 1.7) return [id, 'lead'];
      return [id, 'till'];
    }),
  );
}

const floors = [0.005, 0.005, 0.002, 0.004];

function quietMix(months: Float64Array[]): number[] {
  const rate = (events: number, chances: number) =>
    quantile(
      months.map((sums) => (sums[chances]! > 0 ? sums[events]! / sums[chances]! : 0)),
      0.4,
    );
  return [
    rate(at.returns, at.transactions),
    rate(at.manual, at.lines),
    rate(at.overrides, at.lines),
    rate(at.voids, at.transactions),
  ];
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low]! + (place - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}

const median = (values: number[]) => quantile(values, 0.5);
