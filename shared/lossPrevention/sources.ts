import { type Engine, literal, type SqlValue } from '../duck.ts';
import { type Cell, gather, nameOf, type TillRow } from './cells.ts';
import { addSums, at, customerSums, noSums, productSums, type SumName, sumNames } from './sums.ts';

/** The month tables as FROM clauses (`monthsFrom`), with the month's index in a column `month`. */
export interface MonthSources {
  tills: string;
  products: string;
  customers: string;
}

/** Where an entity belongs, for the reader. */
export interface Place {
  place: string;
  role: string;
  currency: string;
}

/** A till's row with the currency of its sums. */
export interface TillRowOfCurrency extends TillRow {
  currency: string;
}

/** The tills of all months, added up over the dimensions that are not asked for. */
export async function tillRows(
  engine: Engine,
  from: string,
  dimensions: readonly string[],
  where = 'true',
): Promise<TillRowOfCurrency[]> {
  const rows: TillRowOfCurrency[] = [];
  const names = ['month', ...dimensions].join(', ');
  await engine.each(
    `SELECT ${names}, ${sumNames.map((name) => `CAST(sum(${name}) AS BIGINT) AS ${name}`).join(', ')}
     FROM ${from} WHERE ${where} GROUP BY ${names} ORDER BY ${names}`,
    (row) => {
      const text = (name: string) => String(row[name] ?? '');
      rows.push({
        month: Number(row.month),
        staff: text('staff'),
        terminal: text('terminal'),
        store: text('store'),
        region: text('region'),
        role: text('role'),
        currency: text('currency'),
        sums: sumsOf(row, sumNames),
      });
    },
  );
  return rows;
}

function sumsOf(row: Record<string, SqlValue>, names: readonly SumName[]): Float64Array {
  const sums = noSums();
  for (const name of names) sums[at[name]] = Number(row[name]);
  return sums;
}

/** Terminals are named by themselves where that is unique, else with their store. */
export function uniqueTerminals(rows: readonly TillRow[]): (row: TillRow) => string {
  const stores = new Map<string, string>();
  let unique = true;
  for (const row of rows) {
    if (row.terminal !== '' && (stores.get(row.terminal) ?? row.store) !== row.store) unique = false;
    stores.set(row.terminal, row.store);
  }
  return (row) => (row.terminal === '' ? '' : unique ? row.terminal : `${row.store} / ${row.terminal}`);
}

/** Where each entity is most of the time. */
export function placesOf(
  rows: readonly TillRowOfCurrency[],
  idOf: (row: TillRow) => string,
  placeOf: (row: TillRow) => string,
  roleOf: (row: TillRow) => string,
): Map<string, Place> {
  const weights = new Map<string, Map<string, { place: Place; weight: number }>>();
  for (const row of rows) {
    const id = idOf(row);
    const place: Place = { place: placeOf(row), role: roleOf(row), currency: row.currency };
    const key = nameOf(place.place, place.role, place.currency);
    const own = weights.get(id) ?? new Map<string, { place: Place; weight: number }>();
    weights.set(id, own);
    const entry = own.get(key);
    if (entry) entry.weight += row.sums[at.transactions]!;
    else own.set(key, { place, weight: row.sums[at.transactions]! });
  }
  return new Map(
    [...weights].map(([id, own]) => {
      const sorted = [...own].sort(([a, x], [b, y]) => y.weight - x.weight || (a < b ? -1 : 1));
      return [id, sorted[0]![1].place];
    }),
  );
}

/** The condition that leaves out what the staff named did. */
export const asideSql = (flagged: ReadonlySet<string>) =>
  flagged.size === 0 ? 'true' : `staff NOT IN (${[...flagged].map(literal).join(', ')})`;

/** The cells of products, whose peers are those of the category, without what the flagged staff did. */
export async function ofProducts(engine: Engine, from: string, flagged: ReadonlySet<string>) {
  const rows = await engine.rows(
    `SELECT month, item, category, currency, ${productSums.map((name) => `CAST(coalesce(sum(${name}), 0) AS BIGINT) AS ${name}`).join(', ')}
     FROM ${from} WHERE ${asideSql(flagged)} GROUP BY ALL ORDER BY ALL`,
  );
  const places = new Map<string, Place>();
  const cells = gather(
    rows.map((row) => ({ row, sums: sumsOf(row, productSums) })),
    ({ row }) => {
      const id = String(row.item);
      const category = String(row.category);
      places.set(id, { place: category, role: '', currency: String(row.currency) });
      return { id, month: Number(row.month), group: category, region: '', role: '' };
    },
  );
  return { cells, places };
}

/**
 * Customers with fewer returns than this only stand for the average, unless they come so often that they tell how much
 * honest customers differ. Most customers of a retailer are of that kind.
 */
const leastVisits = 20;
const leastReturns = 2;

/**
 * The cells of customers, whose peers are those of the store, without what the flagged staff did; those seen too seldom are
 * together the one without a name.
 */
export async function ofCustomers(engine: Engine, from: string, flagged: ReadonlySet<string>) {
  const known = `SELECT customer FROM ${from} GROUP BY customer
    HAVING sum(transactions) >= ${leastVisits} OR sum(returns) >= ${leastReturns}`;
  const places = new Map<string, Place & { weight: number }>();
  const cells = new Map<string, Cell>();
  await engine.each(
    `WITH known AS (${known})
     SELECT month, CASE WHEN k.customer IS NULL THEN '' ELSE c.customer END AS who, store, region, currency,
       ${customerSums.map((name) => `CAST(coalesce(sum(${name}), 0) AS BIGINT) AS ${name}`).join(', ')}
     FROM ${from} c LEFT JOIN known k ON k.customer = c.customer WHERE ${asideSql(flagged)} GROUP BY ALL ORDER BY month, who, store, region, currency`,
    (row) => {
      const id = String(row.who);
      const store = String(row.store);
      const sums = sumsOf(row, customerSums);
      const weight = sums[at.transactions]!;
      const known = places.get(id);
      if (!known || weight > known.weight)
        places.set(id, { place: store, role: '', currency: String(row.currency), weight });
      const key = nameOf(String(row.month), id, store);
      const cell = cells.get(key);
      if (cell) addSums(cell.sums, sums);
      else
        cells.set(key, {
          id,
          month: Number(row.month),
          group: store,
          region: String(row.region),
          role: '',
          sums,
        });
    },
  );
  return { cells: [...cells.values()], places };
}
