import { join } from 'node:path';
import { type Engine, literal } from '../duck.ts';
import { productEvent, productSql, whole } from './facts.ts';
import {
  cardDimensions,
  customerDimensions,
  customerEvents,
  customerPlain,
  productEvents,
  productPlain,
  sumNames,
  tillDimensions,
  usualRefundsToCard,
} from './sums.ts';

/**
 * What a month keeps. Products and customers are in two tables each: one that has every line or visit and few columns,
 * one for the few where something happened. Their rows stay apart by staff member, so that what flagged staff did can be
 * set aside; hardly two of a month have all in common, so they are not added up before that.
 */
export const monthTables = ['tills', 'products', 'productEvents', 'customers', 'customerEvents'] as const;
export type MonthTable = (typeof monthTables)[number];
/** The Parquet files that a unit (a day, as a rule) leaves behind. */
export const unitTables = [...monthTables, 'cards', 'journal'] as const;
type UnitTable = (typeof unitTables)[number];
/** The Parquet files of a unit that its months are made of. */
export const rolledTables = [...monthTables, 'cards'] as const;

const added = (names: readonly string[]) =>
  names.map((name) => `${whole(`sum(${name})`)} AS ${name}`).join(', ');

/** A table's rows of one unit. */
function selectOf(table: UnitTable, unit: number): string {
  const own = `unit = ${unit}`;
  const customers = (names: readonly string[]) =>
    `SELECT day, ${customerDimensions.join(', ')}, ${names.join(', ')} FROM fact WHERE ${own} AND customer <> '' AND transactions > 0`;
  switch (table) {
    case 'tills':
      return `SELECT day, ${tillDimensions.join(', ')}, ${added(sumNames)} FROM fact WHERE ${own} GROUP BY ALL`;
    case 'products':
      return productSql(productPlain, own);
    case 'productEvents':
      return productSql(productEvents, `${own} AND (${productEvent})`);
    case 'customers':
      return customers(customerPlain);
    case 'customerEvents':
      return `${customers(customerEvents)} AND (returns > 0 OR manual > 0 OR overrides > 0)`;
    case 'cards':
      return `SELECT day, ${cardDimensions.join(', ')}, CAST(sum(returns) AS BIGINT) AS refunds,
        ${whole('sum(returned)')} AS value FROM fact WHERE ${own} AND toCard > 0 AND staff <> '' GROUP BY ALL`;
    case 'journal':
      // Plain sales say nothing about anybody; what an investigator looks at is kept.
      return `SELECT day, second, number, staff, terminal, store, customer, currency, sold, discountValue, manualValue,
        overrideValue, returned, voidValue, receipt, is_return, in_cash, card IS NOT NULL AS by_card, category FROM fact
        WHERE ${own} AND (returns > 0 OR voids > 0 OR manual > 0 OR overrides > 0 OR withheld > 0)`;
  }
}

/** Adds the facts of one unit up, and writes the sums into `folder`. */
export async function writePartials(engine: Engine, unit: number, folder: string): Promise<void> {
  for (const table of unitTables) await copy(engine, selectOf(table, unit), join(folder, `${table}.parquet`));
}

/** The months that each unit of the facts touches, with the number of its days in them. */
export async function monthsOfUnits(engine: Engine): Promise<Map<number, { month: string; days: number }[]>> {
  const rows = await engine.rows(
    `SELECT unit, strftime(day, '%Y-%m') AS month, count(DISTINCT day) AS days FROM joined GROUP BY ALL ORDER BY ALL`,
  );
  const months = new Map<number, { month: string; days: number }[]>();
  for (const row of rows) {
    const unit = Number(row.unit);
    const own = months.get(unit) ?? [];
    months.set(unit, own);
    own.push({ month: String(row.month), days: Number(row.days) });
  }
  return months;
}

/** Rolls the partial sums of one month up. `parts` are the files of each table of the units with days in the month. */
export async function writeMonth(
  engine: Engine,
  month: string,
  parts: Readonly<Record<(typeof rolledTables)[number], readonly string[]>>,
  folder: string,
): Promise<void> {
  const from = (table: keyof typeof parts) =>
    `read_parquet([${parts[table].map(literal).join(', ')}]) WHERE strftime(day, '%Y-%m') = ${literal(month)}`;
  const repeated = sumNames.map((name) => {
    if (name === 'sameCard') return 'CAST(sum(many) AS BIGINT)';
    if (name === 'sameCardValue') return whole('sum(value * many // refunds)');
    return 'CAST(0 AS BIGINT)';
  });
  const dimensions = cardDimensions.filter((name) => name !== 'card' && name !== 'buyer').join(', ');
  // A customer who returns often has one card, and so has a receipt that comes back piece by piece; one card for the
  // purchases of many is another thing. Refunds to one card add
  // up over all terminals, so they stand in rows without one.
  await copy(
    engine,
    `WITH by_buyer AS (
       SELECT ${cardDimensions.join(', ')}, sum(refunds) AS refunds, sum(value) AS value FROM ${from('cards')} GROUP BY ALL),
     by_card AS (
       SELECT ${dimensions}, card, sum(refunds) AS refunds, sum(value) AS value,
         sum(refunds) - coalesce(max(refunds) FILTER (WHERE buyer <> '') - 1, 0) - ${usualRefundsToCard} AS many
       FROM by_buyer GROUP BY ALL HAVING many > 0)
     SELECT ${tillDimensions.join(', ')}, ${added(sumNames)} FROM ${from('tills')} GROUP BY ALL
     UNION ALL SELECT staff, '' AS terminal, store, region, role, currency, ${repeated.join(', ')} FROM by_card GROUP BY ${dimensions}
     ORDER BY ALL`,
    join(folder, 'tills.parquet'),
  );
  for (const table of monthTables)
    if (table !== 'tills')
      await copy(engine, `SELECT * EXCLUDE (day) FROM ${from(table)}`, join(folder, `${table}.parquet`));
}

async function copy(engine: Engine, select: string, path: string): Promise<void> {
  await engine.run(`COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`);
}
