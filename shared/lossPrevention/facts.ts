import type { Engine } from '../duck.ts';
import { literal } from '../duck.ts';
import {
  closingSeconds,
  deepShare,
  leastForClosing,
  type productSums,
  roundCents,
  type SumName,
  soonSeconds,
  sumNames,
} from './sums.ts';

/** What was read but belongs to nothing, or stood there twice. */
export interface FactCounts {
  transactions: number;
  lines: number;
  payments: number;
  /** transactions with the key of another, of which one was kept */
  duplicates: number;
  /** sales lines and payments whose transaction is not in the unit */
  unmatched: number;
}

/** Whether a text is one of some; as a list, because IN becomes a join. Most cells are empty, 0 or 1. */
const oneOf = (column: string, values: readonly string[]) =>
  `CASE WHEN ${column} IS NULL OR ${column} = '0' THEN false ELSE list_contains([${values.map(literal).join(', ')}], lower(${column})) END`;
const truthy = (column: string) => oneOf(column, ['1', '1.0', '1.00', 'true', 'yes', 'y']);
/** The size of a DECIMAL with four places as a whole number: exact below 10¹¹, and much faster than wide decimals. */
const tenThousandths = (value: string) => `abs(CAST(${value} AS DOUBLE)) * 10000`;
const cents = (value: string) => `coalesce((CAST(${tenThousandths(value)} AS BIGINT) + 50) // 100, 0)`;
/** Whole currency units, squared; larger amounts than these are mistakes, and must not overflow. */
const square = (value: string) => `power(least((${value} + 50) // 100, 100000000), 2)`;
/** A sum as a whole number that JavaScript can hold; one nonsensical amount must not stop a night. */
export const whole = (sum: string) => `CAST(least(${sum}, ${Number.MAX_SAFE_INTEGER}) AS BIGINT)`;

/** Forgets the facts of what was read before. */
export async function forgetFacts(engine: Engine): Promise<void> {
  await engine.run('DROP VIEW IF EXISTS fact');
  for (const table of ['joined', 'line']) await engine.run(`DROP TABLE IF EXISTS ${table}`);
}

/**
 * Makes `fact` (one row a transaction, with every sum; a view of `joined`) and `line` (one row a sold or returned line) from
 * the entity tables, and drops those, because memory is short. Rows of different units never meet, so what comes of a unit
 * does not depend on what is read with it. `cash` are the payment methods that are cash; `feeds`: the tables have the
 * columns of a change feed. Answers the counts by unit.
 */
export async function makeFacts(
  engine: Engine,
  cash: readonly string[],
  feeds = false,
): Promise<Map<number, FactCounts>> {
  if (feeds) await applyChanges(engine);
  const joins = await findJoinColumns(engine);
  const read = await countsOfTables(engine);
  await engine.run(`CREATE TEMP TABLE tx AS
    WITH all_tx AS (
      SELECT rowid AS id, unit, number, coalesce(terminal, '') AS terminal, coalesce(store, '') AS store, coalesce(area, '') AS area,
        coalesce(region, '') AS region, coalesce(staff, '') AS staff, coalesce(role, '') AS role,
        coalesce(customer, '') AS customer, coalesce(currency, '') AS currency, CAST(date AS DATE) AS day,
        CAST(CASE WHEN second BETWEEN 0 AND 86399 THEN second
          ELSE extract(hour FROM date) * 3600 + extract(minute FROM date) * 60 + floor(extract(second FROM date)) END AS INTEGER) AS second,
        ${oneOf('status', ['1', '1.0', 'voided'])} AS voided, ${truthy('returned')} AS flagged,
        ${cents('net')} AS net, refundReceipt IS NOT NULL AS refunded
      FROM raw_Transactions
      WHERE ${counted})
    SELECT * FROM all_tx ${(await haveDuplicates(engine)) ? oneOfAKind : ''}`);
  await engine.run('DROP TABLE raw_Transactions');
  await engine.run(`CREATE TEMP TABLE line AS
    WITH by_hand AS (
      SELECT unit, number, terminal, store, line,
        sum(abs(amount)) FILTER (WHERE coalesce(byHand, '0') NOT IN ('0', '', 'None')) AS manual,
        sum(abs(amount)) FILTER (WHERE coalesce(byHand, '0') IN ('0', '', 'None')) AS periodic, min(offer) AS offer
      FROM raw_Discounts GROUP BY ALL),
    sold AS (
      SELECT s.*, coalesce(s.manual, d.manual) AS by_hand, coalesce(s.periodic, d.periodic) AS by_offer,
        coalesce(s.offer, d.offer) AS part_of
      FROM raw_Sales s LEFT JOIN by_hand d ON s.unit = d.unit AND s.number = d.number AND s.line = d.line
        AND s.terminal IS NOT DISTINCT FROM d.terminal AND s.store IS NOT DISTINCT FROM d.store
      WHERE ${liveLine}),
    priced AS (
      SELECT t.id, coalesce(s.item, '') AS item, coalesce(s.category, '') AS category,
        CASE WHEN s.returned IS NOT NULL THEN ${truthy('s.returned')} ELSE t.flagged END AS ret,
        ${tenThousandths('coalesce(s.quantity, 1)')} AS pieces, ${tenThousandths('coalesce(s.original, s.price)')} AS original,
        ${tenThousandths('coalesce(s.price, s.original)')} AS price, ${cents('s.net')} AS net,
        ${cents('s.by_hand')} AS manual, ${cents('s.by_offer')} AS periodic,
        s.part_of IS NOT NULL AS offered, coalesce(trim(s.reason, '0. ') <> '', false) AS reasoned,
        s.priceChange IS NULL OR ${truthy('s.priceChange')} AS changed, s.originalNumber, s.originalTerminal,
        s.originalStore IS NOT NULL AND s.originalStore <> t.store AS elsewhere
      FROM sold s JOIN tx t ON ${joinOn('s', 'sales', joins)})
    SELECT id, item, category, ret, net, manual, periodic, offered, reasoned, originalNumber, originalTerminal, elsewhere,
      coalesce(${whole('round(original * pieces / 1e6)')}, net) AS gross,
      ${whole('CASE WHEN changed AND price < original THEN round((original - price) * pieces / 1e6) ELSE 0 END')} AS cut,
      changed AND price < original AND original - price >= ${deepShare} * original AS deep_cut,
      manual > 0 AND manual >= ${deepShare} * (net + manual) AS deep_manual
    FROM priced`);
  await engine.run('DROP TABLE raw_Sales');
  const tenders =
    cash.length > 0
      ? `lower(p.tender) IN (${cash.map((name) => literal(name.toLowerCase())).join(', ')})`
      : 'false';
  await engine.run(`CREATE TEMP TABLE paid AS
    WITH of_tx AS (
      SELECT t.id, coalesce(${tenders}, false) AS cash, p.card
      FROM raw_Payments p JOIN tx t ON ${joinOn('p', 'payments', joins)}
      WHERE NOT ${truthy('p.change')} AND (t.voided OR NOT ${truthy('p.voided')}))
    SELECT id, bool_or(cash) AS cash, min(card) FILTER (WHERE NOT cash) AS card,
      min(card) FILTER (WHERE NOT cash) <> max(card) FILTER (WHERE NOT cash) AS several FROM of_tx GROUP BY id`);
  await engine.run('DROP TABLE raw_Payments');
  await engine.run(`CREATE TEMP TABLE quick AS
    SELECT DISTINCT l.id FROM line l JOIN tx r ON r.id = l.id
    JOIN tx o ON o.unit = r.unit AND o.number = l.originalNumber AND (l.originalTerminal IS NULL OR o.terminal = l.originalTerminal)
    WHERE l.ret AND NOT o.voided AND o.id <> r.id
      AND (r.day - o.day) * 86400 + r.second - o.second BETWEEN 0 AND ${soonSeconds}`);
  await engine.run(joinedSql());
  for (const table of ['tx', 'paid', 'quick']) await engine.run(`DROP TABLE ${table}`);
  await engine.run(factSql());
  return countsOf(engine, read);
}

/** On hold and training are no transactions. */
const counted = `NOT (${oneOf('status', ['5', '6', 'onhold', 'training'])})`;
const liveLine = `NOT (${oneOf('s.status', ['1', '1.0', 'voided'])})`;

/** One row a key; equal keys are decided by the rows' own text, so that the order of files does not matter. */
const oneOfAKind = `QUALIFY row_number() OVER (PARTITION BY unit, number, terminal, store, area
  ORDER BY day, second, staff, customer, net, voided, flagged) = 1`;

/** Looking for a second of a kind costs much less than sorting, and there hardly ever is one. */
async function haveDuplicates(engine: Engine): Promise<boolean> {
  const rows = await engine.rows(
    `SELECT 1 FROM raw_Transactions WHERE ${counted} GROUP BY unit, number, terminal, store, area HAVING count(*) > 1 LIMIT 1`,
  );
  return rows.length > 0;
}

/** The lines and payments of each transaction beside it. */
function joinedSql(): string {
  const sold = (value: string, when = 'true') =>
    whole(`sum(CASE WHEN NOT ret AND (${when}) THEN ${value} ELSE 0 END)`);
  const count = (when = 'true') => `CAST(count(*) FILTER (WHERE NOT ret AND (${when})) AS INTEGER)`;
  return `CREATE TEMP TABLE joined AS
    WITH of_lines AS (
      SELECT id, ${whole('sum(CASE WHEN ret THEN net ELSE 0 END)')} AS back_cents, ${sold('net')} AS sold_cents,
        bool_or(ret) AS has_return, bool_or(ret AND originalNumber IS NOT NULL) AS has_original,
        min(originalNumber) FILTER (WHERE ret) AS of_receipt, bool_or(ret AND elsewhere) AS elsewhere, ${count()} AS line_count,
        CAST(count(*) FILTER (WHERE ret) AS INTEGER) AS back_count, ${sold('gross')} AS gross_cents,
        ${count('manual > 0')} AS manual_count, ${sold('manual')} AS manual_cents,
        ${sold('net + manual', 'manual > 0')} AS manual_gross, ${sold(square('manual'))} AS manual_squares,
        ${count('deep_manual')} AS deep_manuals, ${sold('manual', 'deep_manual')} AS deep_manual_cents,
        ${count('cut > 0')} AS cuts, ${sold('cut')} AS cut_cents, ${sold(square('cut'))} AS cut_squares,
        ${count('deep_cut')} AS deep_cuts, ${sold('cut', 'deep_cut')} AS deep_cut_cents,
        ${count('manual > 0 AND NOT reasoned')} AS unreasoned, ${sold('manual', 'manual > 0 AND NOT reasoned')} AS unreasoned_cents,
        ${count('offered')} AS offer_count, ${count('offered AND periodic = 0 AND manual = 0')} AS withheld_count,
        ${sold('net', 'offered AND periodic = 0 AND manual = 0')} AS withheld_cents,
        ${sold('manual + periodic')} AS discounts, min(category) AS main_category
      FROM line GROUP BY id),
    days AS (
      SELECT unit, store, day, CASE WHEN count(*) >= ${leastForClosing} THEN max(second) - ${closingSeconds} END AS closing_from
      FROM tx GROUP BY ALL)
    SELECT t.*, l.* EXCLUDE (id), p.* EXCLUDE (id), q.id IS NOT NULL AS quickly, NOT t.voided AS live,
      coalesce(l.has_return, t.flagged) AS is_return, coalesce(t.second >= d.closing_from, false) AS at_closing,
      CASE WHEN l.id IS NULL THEN t.net ELSE l.back_cents END AS returned_cents
    FROM tx t JOIN days d ON d.unit = t.unit AND d.store = t.store AND d.day = t.day
      LEFT JOIN of_lines l ON l.id = t.id LEFT JOIN paid p ON p.id = t.id LEFT JOIN quick q ON q.id = t.id`;
}

/** Every sum of every transaction; a view, because most of them are zeros that need no room. */
function factSql(): string {
  const event = (condition: string): [string, string] => [
    `CASE WHEN live AND is_return AND (${condition}) THEN 1 ELSE 0 END`,
    `CASE WHEN live AND is_return AND (${condition}) THEN returned_cents ELSE 0 END`,
  ];
  const live = (value: string) => `CASE WHEN live THEN coalesce(${value}, 0) ELSE 0 END`;
  const noReceipt = event('NOT coalesce(has_original, false) AND NOT refunded');
  const cashPaid = event('coalesce(cash, false)');
  const otherStore = event('coalesce(elsewhere, false)');
  const soon = event('quickly');
  const closing = event('at_closing');
  const round = event(`returned_cents > 0 AND returned_cents % ${roundCents} = 0`);
  const several = 'live AND NOT is_return AND coalesce(manual_cents, 0) > 0 AND coalesce(several, false)';
  const sums: Record<SumName, string> = {
    transactions: 'CASE WHEN live THEN 1 ELSE 0 END',
    voids: 'CASE WHEN live THEN 0 ELSE 1 END',
    voidValue: 'CASE WHEN live THEN 0 ELSE coalesce(sold_cents + back_cents, net) END',
    cashVoids: 'CASE WHEN NOT live AND coalesce(cash, false) THEN 1 ELSE 0 END',
    sales: 'CASE WHEN live AND NOT is_return THEN 1 ELSE 0 END',
    sold: 'CASE WHEN NOT live THEN 0 WHEN sold_cents IS NOT NULL THEN sold_cents WHEN is_return THEN 0 ELSE net END',
    returns: 'CASE WHEN live AND is_return THEN 1 ELSE 0 END',
    returned: 'CASE WHEN live AND is_return THEN returned_cents ELSE 0 END',
    returnedSquares: `CASE WHEN live AND is_return THEN ${square('returned_cents')} ELSE 0 END`,
    noReceipt: noReceipt[0],
    noReceiptValue: noReceipt[1],
    cash: cashPaid[0],
    cashValue: cashPaid[1],
    otherStore: otherStore[0],
    otherStoreValue: otherStore[1],
    soon: soon[0],
    soonValue: soon[1],
    closing: closing[0],
    closingValue: closing[1],
    round: round[0],
    roundValue: round[1],
    toCard: 'CASE WHEN live AND is_return AND card IS NOT NULL THEN 1 ELSE 0 END',
    sameCard: '0',
    sameCardValue: '0',
    lines: live('line_count'),
    gross: live('gross_cents'),
    manual: live('manual_count'),
    manualValue: live('manual_cents'),
    manualGross: live('manual_gross'),
    manualSquares: live('manual_squares'),
    deepManual: live('deep_manuals'),
    deepManualValue: live('deep_manual_cents'),
    severalCards: `CASE WHEN ${several} THEN 1 ELSE 0 END`,
    severalCardsValue: `CASE WHEN ${several} THEN manual_cents ELSE 0 END`,
    overrides: live('cuts'),
    overrideValue: live('cut_cents'),
    overrideSquares: live('cut_squares'),
    deepOverrides: live('deep_cuts'),
    deepOverrideValue: live('deep_cut_cents'),
    noReason: live('unreasoned'),
    noReasonValue: live('unreasoned_cents'),
    offers: live('offer_count'),
    withheld: live('withheld_count'),
    withheldValue: live('withheld_cents'),
    discountValue: live('discounts'),
  };
  return `CREATE TEMP VIEW fact AS
    SELECT id, unit, number, terminal, store, region, staff, role, customer, currency, day, second, cash AS in_cash, card,
      is_return, coalesce(has_original, false) OR refunded AS receipt, coalesce(main_category, '') AS category,
      CASE WHEN customer <> '' THEN customer ELSE coalesce(of_receipt, '') END AS buyer,
      ${sumNames.map((name) => `CAST(${sums[name]} AS BIGINT) AS ${name}`).join(',\n      ')}
    FROM joined`;
}

/** The same sums of each line, as far as products are judged by them; hardly two lines of a day have all in common, so nothing is added up yet. */
export function productSql(names: readonly (typeof productSums)[number][], where: string): string {
  const back = (condition = 'true') => `CASE WHEN l.ret AND (${condition}) THEN 1 ELSE 0 END`;
  const money = (condition = 'true') => `CASE WHEN l.ret AND (${condition}) THEN l.net ELSE 0 END`;
  const sold = (value: string, when = 'true') => `CASE WHEN NOT l.ret AND (${when}) THEN ${value} ELSE 0 END`;
  const sums: Record<(typeof productSums)[number], string> = {
    transactions: '1',
    returns: back(),
    returned: money(),
    sold: sold('l.net'),
    noReceipt: back('f.noReceipt > 0'),
    noReceiptValue: money('f.noReceipt > 0'),
    cash: back('f.cash > 0'),
    cashValue: money('f.cash > 0'),
    otherStore: back('f.otherStore > 0'),
    otherStoreValue: money('f.otherStore > 0'),
    lines: sold('1'),
    gross: sold('l.gross'),
    manual: sold('1', 'l.manual > 0'),
    manualValue: sold('l.manual'),
    deepManual: sold('1', 'l.deep_manual'),
    deepManualValue: sold('l.manual', 'l.deep_manual'),
    overrides: sold('1', 'l.cut > 0'),
    overrideValue: sold('l.cut'),
    deepOverrides: sold('1', 'l.deep_cut'),
    deepOverrideValue: sold('l.cut', 'l.deep_cut'),
    offers: sold('1', 'l.offered'),
    withheld: sold('1', withheldLine),
    withheldValue: sold('l.net', withheldLine),
    discountValue: sold('l.manual + l.periodic'),
  };
  return `SELECT f.day, l.item, l.category, f.staff, f.currency,
      ${names.map((name) => `CAST(${sums[name]} AS BIGINT) AS ${name}`).join(', ')}
    FROM line l JOIN fact f ON f.id = l.id WHERE f.transactions > 0 AND l.item <> '' AND (${where})`;
}

const withheldLine = 'l.offered AND l.periodic = 0 AND l.manual = 0';
/** Of a line `l`: it counts for one of `productEvents`. */
export const productEvent = `l.ret OR l.manual > 0 OR l.cut > 0 OR (${withheldLine})`;

const joinColumns = ['terminal', 'store', 'area'] as const;

/** By unit, the columns beside the number by which its lines and payments find their transaction. */
type Joins = readonly { unit: number; sales: readonly string[]; payments: readonly string[] }[];

/** Finds the columns that both sides fill. */
async function findJoinColumns(engine: Engine): Promise<Joins> {
  const filled = (table: string) =>
    `(SELECT unit, ${joinColumns.map((column) => `count(${column}) > 0 AS ${column}`).join(', ')} FROM ${table} GROUP BY unit)`;
  const both = (side: string, name: string) =>
    joinColumns.map((column) => `coalesce(t.${column} AND ${side}.${column}, false) AS ${name}_${column}`);
  const rows = await engine.rows(
    `SELECT t.unit, ${both('s', 'sales')}, ${both('p', 'payments')} FROM ${filled('raw_Transactions')} t
     LEFT JOIN ${filled('raw_Sales')} s ON s.unit = t.unit LEFT JOIN ${filled('raw_Payments')} p ON p.unit = t.unit`,
  );
  return rows.map((row) => ({
    unit: Number(row.unit),
    sales: joinColumns.filter((column) => row[`sales_${column}`] === true),
    payments: joinColumns.filter((column) => row[`payments_${column}`] === true),
  }));
}

/** The condition by which a row finds its transaction `t`. Units differ seldom, so as a rule it is plain equality. */
function joinOn(row: string, side: 'sales' | 'payments', joins: Joins): string {
  const conditions = [`t.unit = ${row}.unit`, `t.number = ${row}.number`];
  for (const column of joinColumns) {
    const units = joins.filter((join) => join[side].includes(column)).map(({ unit }) => unit);
    if (units.length === 0) continue;
    const own = `coalesce(${row}.${column}, '')`;
    const where = (of: string, value: string) =>
      units.length === joins.length
        ? value
        : `CASE WHEN ${of}.unit IN (${units.join(', ')}) THEN ${value} ELSE '' END`;
    conditions.push(`${where('t', `t.${column}`)} = ${where(row, own)}`);
  }
  return conditions.join(' AND ');
}

/** Tables with a change feed: the last change of each record, in the order of log sequence numbers, decides. */
async function applyChanges(engine: Engine): Promise<void> {
  for (const entity of ['Transactions', 'Sales', 'Payments', 'Discounts']) {
    const table = `raw_${entity}`;
    const [row = {}] = await engine.rows(`SELECT count(*) AS changes FROM ${table} WHERE change_lsn <> ''`);
    if (row.changes === 0) continue;
    await engine.run(`CREATE TEMP TABLE settled AS SELECT * FROM ${table}
      QUALIFY change_id = '' OR row_number() OVER (PARTITION BY unit, change_id
        ORDER BY change_lsn DESC, change_sequence DESC, change_action DESC) = 1`);
    await engine.run(`DELETE FROM settled WHERE upper(change_action) IN ('2', 'DELETE')`);
    await engine.run(`DROP TABLE ${table}`);
    await engine.run(`ALTER TABLE settled RENAME TO ${table}`);
  }
}

interface RowCounts {
  transactions: number;
  lines: number;
  payments: number;
  /** of these, transactions that are none on hold, and lines that were not voided */
  counted: number;
  live: number;
}

async function countsOfTables(engine: Engine): Promise<Map<number, RowCounts>> {
  const rows = await engine.rows(`
    SELECT unit, CAST(sum(transactions) AS BIGINT) AS transactions, CAST(sum(lines) AS BIGINT) AS lines,
      CAST(sum(payments) AS BIGINT) AS payments, CAST(sum(counted) AS BIGINT) AS counted, CAST(sum(live) AS BIGINT) AS live FROM (
        SELECT unit, count(*) AS transactions, 0 AS lines, 0 AS payments, count(*) FILTER (WHERE ${counted}) AS counted, 0 AS live
          FROM raw_Transactions GROUP BY unit
        UNION ALL SELECT unit, 0, count(*), 0, 0, count(*) FILTER (WHERE ${liveLine}) FROM raw_Sales s GROUP BY unit
        UNION ALL SELECT unit, 0, 0, count(*), 0, 0 FROM raw_Payments GROUP BY unit)
    GROUP BY unit`);
  return new Map(
    rows.map((row) => [
      Number(row.unit),
      {
        transactions: Number(row.transactions),
        lines: Number(row.lines),
        payments: Number(row.payments),
        counted: Number(row.counted),
        live: Number(row.live),
      },
    ]),
  );
}

async function countsOf(
  engine: Engine,
  read: ReadonlyMap<number, RowCounts>,
): Promise<Map<number, FactCounts>> {
  const rows = await engine.rows(
    `SELECT unit, count(*) AS kept, CAST(sum(line_count) AS BIGINT) AS sold, CAST(sum(back_count) AS BIGINT) AS back
     FROM joined GROUP BY unit`,
  );
  const matched = new Map(rows.map((row) => [Number(row.unit), row]));
  return new Map(
    [...read].map(([unit, { transactions, lines, payments, counted, live }]) => {
      const own = matched.get(unit);
      const found = Number(own?.sold ?? 0) + Number(own?.back ?? 0);
      const duplicates = counted - Number(own?.kept ?? 0);
      return [unit, { transactions, lines, payments, duplicates, unmatched: live - found }];
    }),
  );
}
