import { type Engine, literal } from '../duck.ts';
import { type Cell, nameOf, type TillRow } from './cells.ts';
import {
  addSums,
  at,
  customerSums,
  noSums,
  productSums,
  type SumName,
  sumNames,
  type tillDimensions,
} from './sums.ts';

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

type TillDimension = (typeof tillDimensions)[number];

/** A till's row with the currency of its sums. */
export interface TillRowOfCurrency extends TillRow {
  currency: string;
}

const added = (names: readonly SumName[]) =>
  names.map((name) => `CAST(coalesce(sum(${name}), 0) AS DOUBLE) AS ${name}`).join(', ');

function sumsOf(values: Float64Array, names: readonly SumName[]): Float64Array {
  const sums = noSums();
  for (let i = 0; i < names.length; i++) sums[at[names[i]!]] = values[i]!;
  return sums;
}

/** The tills of all months, added up over the dimensions that are not asked for. */
export async function tillRows(
  engine: Engine,
  from: string,
  dimensions: readonly TillDimension[],
  where = 'true',
): Promise<TillRowOfCurrency[]> {
  const rows: TillRowOfCurrency[] = [];
  const names = ['month', ...dimensions].join(', ');
  await engine.eachOfNumbers(
    `SELECT ${names}, ${added(sumNames)} FROM ${from} WHERE ${where} GROUP BY ${names} ORDER BY ${names}`,
    dimensions.length + 1,
    (texts, values) => {
      const row: TillRowOfCurrency = {
        month: Number(texts[0]),
        staff: '',
        terminal: '',
        store: '',
        region: '',
        role: '',
        currency: '',
        sums: values.slice(),
      };
      dimensions.forEach((name, i) => {
        row[name] = texts[i + 1]!;
      });
      rows.push(row);
    },
  );
  return rows;
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
  const places = new Map<string, Place>();
  const cells: Cell[] = [];
  const key = 'month, item, category, currency';
  await engine.eachOfNumbers(
    `SELECT ${key}, ${added(productSums)} FROM ${from} WHERE ${asideSql(flagged)} GROUP BY ${key} ORDER BY ${key}`,
    4,
    ([month = '', id = '', category = '', currency = ''], values) => {
      places.set(id, { place: category, role: '', currency });
      const last = cells.at(-1);
      const sums = sumsOf(values, productSums);
      if (last?.id === id && last.group === category && last.month === Number(month))
        addSums(last.sums, sums);
      else cells.push({ id, month: Number(month), group: category, region: '', role: '', site: '', sums });
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
  const cells: Cell[] = [];
  await engine.eachOfNumbers(
    `WITH known AS (${known})
     SELECT month, CASE WHEN k.customer IS NULL THEN '' ELSE c.customer END AS who, store, region, currency, ${added(customerSums)}
     FROM ${from} c LEFT JOIN known k ON k.customer = c.customer WHERE ${asideSql(flagged)}
     GROUP BY ALL ORDER BY month, who, store, region, currency`,
    5,
    ([month = '', id = '', store = '', region = '', currency = ''], values) => {
      const sums = sumsOf(values, customerSums);
      const weight = sums[at.transactions]!;
      const known = places.get(id);
      if (!known || weight > known.weight) places.set(id, { place: store, role: '', currency, weight });
      const last = cells.at(-1);
      if (last?.id === id && last.group === store && last.month === Number(month)) addSums(last.sums, sums);
      else cells.push({ id, month: Number(month), group: store, region, role: '', site: '', sums });
    },
  );
  return { cells, places };
}
