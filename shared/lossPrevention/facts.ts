import type { Engine } from '../duck.ts';
import { literal } from '../duck.ts';
import {
  closingSeconds,
  deepShare,
  leastForClosing,
  roundCents,
  type SumName,
  soonSeconds,
  sumNames,
} from './sums.ts';

/** Sums that products are judged by; the others stay 0 for them. */
export const productSums = [
  'transactions',
  'returns',
  'returned',
  'sold',
  'noReceipt',
  'noReceiptValue',
  'cash',
  'cashValue',
  'otherStore',
  'otherStoreValue',
  'lines',
  'gross',
  'manual',
  'manualValue',
  'deepManual',
  'deepManualValue',
  'overrides',
  'overrideValue',
  'deepOverrides',
  'deepOverrideValue',
  'offers',
  'withheld',
  'withheldValue',
  'discountValue',
] as const satisfies readonly SumName[];

/** Sums that customers are judged by. */
export const customerSums = [
  'transactions',
  'sales',
  'sold',
  'returns',
  'returned',
  'returnedSquares',
  'noReceipt',
  'noReceiptValue',
  'cash',
  'cashValue',
  'otherStore',
  'otherStoreValue',
  'soon',
  'soonValue',
  'closing',
  'closingValue',
  'lines',
  'gross',
  'manual',
  'manualValue',
  'deepManual',
  'deepManualValue',
  'overrides',
  'overrideValue',
  'discountValue',
] as const satisfies readonly SumName[];

export const tillDimensions = ['staff', 'terminal', 'store', 'region', 'role', 'currency'] as const;
export const productDimensions = ['item', 'category', 'staff', 'currency'] as const;
export const customerDimensions = ['customer', 'store', 'region', 'staff', 'currency'] as const;
export const cardDimensions = ['staff', 'store', 'region', 'role', 'currency', 'card'] as const;

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

const truthy = (column: string) =>
  `coalesce(lower(${column}) IN ('1', '1.0', '1.00', 'true', 'yes', 'y'), false)`;
const cents = (value: string) => `CAST(coalesce(round(abs(${value}) * 100), 0) AS BIGINT)`;
const square = (value: string) => `((${value} + 50) // 100) * ((${value} + 50) // 100)`;

/**
 * Makes the table `fact` (one row a transaction, with every sum) and `line` (one row a sold or returned line) from the
 * entity tables. Rows of different units never meet, so what comes of a unit does not depend on what is read with it.
 * `cash` are the payment methods that are cash. Answers the counts by unit.
 */
export async function makeFacts(engine: Engine, cash: readonly string[]): Promise<Map<number, FactCounts>> {
  await applyChanges(engine);
  await findJoinColumns(engine);
  // One row a key; equal keys are decided by the rows' own text, so that the order of files does not matter.
  await engine.run(`CREATE OR REPLACE TEMP TABLE tx AS
    WITH all_tx AS (
      SELECT r.unit, number, coalesce(terminal, '') AS terminal, coalesce(store, '') AS store, coalesce(area, '') AS area,
        coalesce(region, '') AS region, coalesce(staff, '') AS staff, coalesce(role, '') AS role,
        coalesce(customer, '') AS customer, coalesce(currency, '') AS currency, CAST(date AS DATE) AS day,
        CAST(CASE WHEN second BETWEEN 0 AND 86399 THEN second
          ELSE extract(hour FROM date) * 3600 + extract(minute FROM date) * 60 + floor(extract(second FROM date)) END AS INTEGER) AS second,
        coalesce(lower(status) IN ('1', '1.0', 'voided'), false) AS voided, ${truthy('returned')} AS flagged,
        ${cents('net')} AS net, refundReceipt, ${keyOf('r', 'sales')} AS sales_key, ${keyOf('r', 'payments')} AS payments_key
      FROM raw_Transactions r JOIN filled f ON f.unit = r.unit
      WHERE NOT coalesce(lower(status) IN ('5', '6', 'onhold', 'training'), false))
    SELECT row_number() OVER () AS id, *, max(second) OVER (PARTITION BY unit, store, day) AS last, count(*) OVER (PARTITION BY unit, store, day) AS busy
    FROM (SELECT * FROM all_tx QUALIFY row_number() OVER (PARTITION BY unit, number, terminal, store, area
      ORDER BY day, second, staff, customer, net, voided, flagged) = 1)`);
  await engine.run(`CREATE OR REPLACE TEMP TABLE line AS
    WITH by_hand AS (
      SELECT unit, number, terminal, store, line,
        sum(abs(amount)) FILTER (WHERE coalesce(byHand, '0') NOT IN ('0', '', 'None')) AS manual,
        sum(abs(amount)) FILTER (WHERE coalesce(byHand, '0') IN ('0', '', 'None')) AS periodic, min(offer) AS offer
      FROM raw_Discounts GROUP BY ALL),
    sold AS (
      SELECT s.*, ${keyOf('s', 'sales')} AS key, coalesce(s.manual, d.manual) AS by_hand, coalesce(s.periodic, d.periodic) AS by_offer,
        coalesce(s.offer, d.offer) AS part_of
      FROM raw_Sales s JOIN filled f ON f.unit = s.unit LEFT JOIN by_hand d ON s.unit = d.unit AND s.number = d.number AND s.line = d.line
        AND s.terminal IS NOT DISTINCT FROM d.terminal AND s.store IS NOT DISTINCT FROM d.store
      WHERE NOT coalesce(lower(s.status) IN ('1', '1.0', 'voided'), false)),
    priced AS (
      SELECT t.id, coalesce(s.item, '') AS item, coalesce(s.category, '') AS category,
        CASE WHEN s.returned IS NOT NULL THEN ${truthy('s.returned')} ELSE t.flagged END AS ret,
        abs(coalesce(s.quantity, 1)) AS pieces, abs(coalesce(s.original, s.price)) AS original,
        abs(coalesce(s.price, s.original)) AS price, ${cents('s.net')} AS net,
        ${cents('s.by_hand')} AS manual, ${cents('s.by_offer')} AS periodic,
        s.part_of IS NOT NULL AS offered, regexp_matches(coalesce(s.reason, ''), '[^0. ]') AS reasoned,
        s.priceChange IS NULL OR ${truthy('s.priceChange')} AS changed, s.originalNumber, s.originalTerminal,
        s.originalStore IS NOT NULL AND s.originalStore <> t.store AS elsewhere
      FROM sold s JOIN tx t ON t.unit = s.unit AND t.sales_key = s.key)
    SELECT id, item, category, ret, net, manual, periodic, offered, reasoned, originalNumber, originalTerminal, elsewhere,
      CAST(coalesce(round(original * pieces * 100), net) AS BIGINT) AS gross,
      CAST(CASE WHEN changed AND price < original THEN round((original - price) * pieces * 100) ELSE 0 END AS BIGINT) AS cut,
      changed AND price < original AND original - price >= ${deepShare} * original AS deep_cut,
      manual > 0 AND manual >= ${deepShare} * (net + manual) AS deep_manual
    FROM priced`);
  const tenders =
    cash.length > 0
      ? `lower(p.tender) IN (${cash.map((name) => literal(name.toLowerCase())).join(', ')})`
      : 'false';
  await engine.run(`CREATE OR REPLACE TEMP TABLE paid AS
    SELECT t.id, bool_or(coalesce(${tenders}, false)) AS cash, count(*) AS payments,
      count(DISTINCT p.card) FILTER (WHERE NOT coalesce(${tenders}, false)) AS cards,
      min(p.card) FILTER (WHERE NOT coalesce(${tenders}, false)) AS card
    FROM raw_Payments p JOIN filled f ON f.unit = p.unit
      JOIN tx t ON t.unit = p.unit AND t.payments_key = ${keyOf('p', 'payments')}
    WHERE NOT ${truthy('p.change')} AND NOT ${truthy('p.voided')} GROUP BY t.id`);
  await engine.run(`CREATE OR REPLACE TEMP TABLE quick AS
    SELECT DISTINCT l.id FROM line l JOIN tx r ON r.id = l.id
    JOIN tx o ON o.unit = r.unit AND o.number = l.originalNumber AND (l.originalTerminal IS NULL OR o.terminal = l.originalTerminal)
    WHERE l.ret AND NOT o.voided AND o.id <> r.id
      AND (r.day - o.day) * 86400 + r.second - o.second BETWEEN 0 AND ${soonSeconds}`);
  await engine.run(factSql());
  return countsOf(engine);
}

function factSql(): string {
  const sold = (value: string, when = 'true') =>
    `sum(CASE WHEN NOT ret AND (${when}) THEN ${value} ELSE 0 END)`;
  const event = (condition: string): [string, string] => [
    `CASE WHEN live AND is_return AND (${condition}) THEN 1 ELSE 0 END`,
    `CASE WHEN live AND is_return AND (${condition}) THEN returned_cents ELSE 0 END`,
  ];
  const live = (value: string) => `CASE WHEN live THEN coalesce(${value}, 0) ELSE 0 END`;
  const noReceipt = event('NOT coalesce(has_original, false) AND refundReceipt IS NULL');
  const cashPaid = event('coalesce(cash, false)');
  const otherStore = event('coalesce(elsewhere, false)');
  const soon = event('quickly');
  const closing = event(`busy >= ${leastForClosing} AND second >= last - ${closingSeconds}`);
  const round = event(`returned_cents > 0 AND returned_cents % ${roundCents} = 0`);
  const several = 'live AND NOT is_return AND coalesce(manual_cents, 0) > 0 AND coalesce(cards, 0) > 1';
  const sums: Record<SumName, string> = {
    transactions: 'CASE WHEN live THEN 1 ELSE 0 END',
    voids: 'CASE WHEN live THEN 0 ELSE 1 END',
    voidValue: 'CASE WHEN live THEN 0 ELSE coalesce(sold_cents + back_cents, net) END',
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
  return `CREATE OR REPLACE TEMP TABLE fact AS
    WITH of_lines AS (
      SELECT id, sum(CASE WHEN ret THEN net ELSE 0 END) AS back_cents, ${sold('net')} AS sold_cents,
        bool_or(ret) AS has_return, bool_or(ret AND originalNumber IS NOT NULL) AS has_original,
        bool_or(ret AND elsewhere) AS elsewhere, ${sold('1')} AS line_count, ${sold('gross')} AS gross_cents,
        ${sold('1', 'manual > 0')} AS manual_count, ${sold('manual')} AS manual_cents,
        ${sold('net + manual', 'manual > 0')} AS manual_gross, ${sold(square('manual'))} AS manual_squares,
        ${sold('1', 'deep_manual')} AS deep_manuals, ${sold('manual', 'deep_manual')} AS deep_manual_cents,
        ${sold('1', 'cut > 0')} AS cuts, ${sold('cut')} AS cut_cents, ${sold(square('cut'))} AS cut_squares,
        ${sold('1', 'deep_cut')} AS deep_cuts, ${sold('cut', 'deep_cut')} AS deep_cut_cents,
        ${sold('1', 'manual > 0 AND NOT reasoned')} AS unreasoned, ${sold('manual', 'manual > 0 AND NOT reasoned')} AS unreasoned_cents,
        ${sold('1', 'offered')} AS offer_count, ${sold('1', 'offered AND periodic = 0 AND manual = 0')} AS withheld_count,
        ${sold('net', 'offered AND periodic = 0 AND manual = 0')} AS withheld_cents,
        ${sold('manual + periodic')} AS discounts, min(category) AS main_category
      FROM line GROUP BY id),
    joined AS (
      SELECT t.*, l.* EXCLUDE (id), p.* EXCLUDE (id), q.id IS NOT NULL AS quickly, NOT t.voided AS live,
        coalesce(l.has_return, t.flagged) AS is_return,
        CASE WHEN l.id IS NULL THEN t.net ELSE l.back_cents END AS returned_cents
      FROM tx t LEFT JOIN of_lines l ON l.id = t.id LEFT JOIN paid p ON p.id = t.id LEFT JOIN quick q ON q.id = t.id)
    SELECT id, unit, number, terminal, store, region, staff, role, customer, currency, day, second, cash AS in_cash, card,
      is_return, coalesce(has_original, false) OR refundReceipt IS NOT NULL AS receipt, coalesce(main_category, '') AS category,
      ${sumNames.map((name) => `CAST(${sums[name]} AS BIGINT) AS ${name}`).join(',\n      ')}
    FROM joined`;
}

/** The same sums of each line, as far as products are judged by them; hardly two lines of a day have all in common, so nothing is added up yet. */
export function productSql(): string {
  const back = (condition = 'true') => `CASE WHEN l.ret AND (${condition}) THEN 1 ELSE 0 END`;
  const money = (condition = 'true') => `CASE WHEN l.ret AND (${condition}) THEN l.net ELSE 0 END`;
  const sold = (value: string, when = 'true') => `CASE WHEN NOT l.ret AND (${when}) THEN ${value} ELSE 0 END`;
  const withheld = 'l.offered AND l.periodic = 0 AND l.manual = 0';
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
    withheld: sold('1', withheld),
    withheldValue: sold('l.net', withheld),
    discountValue: sold('l.manual + l.periodic'),
  };
  return `SELECT f.unit, f.day, l.item, l.category, f.staff, f.currency,
      ${productSums.map((name) => `CAST(${sums[name]} AS BIGINT) AS ${name}`).join(', ')}
    FROM line l JOIN fact f ON f.id = l.id WHERE f.transactions > 0 AND l.item <> ''`;
}

const joinColumns = ['terminal', 'store', 'area'] as const;

/** Finds, for each unit, the columns beside the number by which lines and payments find their transaction: those that both sides fill. */
async function findJoinColumns(engine: Engine): Promise<void> {
  const filled = (table: string) =>
    `(SELECT unit, ${joinColumns.map((column) => `count(${column}) > 0 AS ${column}`).join(', ')} FROM ${table} GROUP BY unit)`;
  const both = (side: string, name: string) =>
    joinColumns
      .map((column) => `coalesce(t.${column} AND ${side}.${column}, false) AS ${name}_${column}`)
      .join(', ');
  await engine.run(`CREATE OR REPLACE TEMP TABLE filled AS
    SELECT t.unit, ${both('s', 'sales')}, ${both('p', 'payments')} FROM ${filled('raw_Transactions')} t
    LEFT JOIN ${filled('raw_Sales')} s ON s.unit = t.unit LEFT JOIN ${filled('raw_Payments')} p ON p.unit = t.unit`);
}

/** The text that a row and its transaction have in common. */
const keyOf = (row: string, name: 'sales' | 'payments') =>
  `concat(${row}.number, ${joinColumns
    .map((column) => `CASE WHEN f.${name}_${column} THEN concat(chr(31), ${row}.${column}) END`)
    .join(', ')})`;

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

async function countsOf(engine: Engine): Promise<Map<number, FactCounts>> {
  const rows = await engine.rows(`
    SELECT unit, CAST(sum(transactions) AS BIGINT) AS transactions, CAST(sum(lines) AS BIGINT) AS lines,
      CAST(sum(payments) AS BIGINT) AS payments, CAST(sum(counted) AS BIGINT) AS counted,
      CAST(sum(kept) AS BIGINT) AS kept, CAST(sum(live) AS BIGINT) AS live, CAST(sum(matched) AS BIGINT) AS matched FROM (
        SELECT unit, count(*) AS transactions, 0 AS lines, 0 AS payments,
          count(*) FILTER (WHERE NOT coalesce(lower(status) IN ('5', '6', 'onhold', 'training'), false)) AS counted,
          0 AS kept, 0 AS live, 0 AS matched FROM raw_Transactions GROUP BY unit
        UNION ALL SELECT unit, 0, count(*), 0, 0, 0,
          count(*) FILTER (WHERE NOT coalesce(lower(status) IN ('1', '1.0', 'voided'), false)), 0 FROM raw_Sales GROUP BY unit
        UNION ALL SELECT unit, 0, 0, count(*), 0, 0, 0, 0 FROM raw_Payments GROUP BY unit
        UNION ALL SELECT unit, 0, 0, 0, 0, count(*), 0, 0 FROM tx GROUP BY unit
        UNION ALL SELECT unit, 0, 0, 0, 0, 0, 0, count(*) FROM line l JOIN tx t ON t.id = l.id GROUP BY unit)
    GROUP BY unit`);
  return new Map(
    rows.map((row) => [
      Number(row.unit),
      {
        transactions: Number(row.transactions),
        lines: Number(row.lines),
        payments: Number(row.payments),
        duplicates: Number(row.counted) - Number(row.kept),
        unmatched: Number(row.live) - Number(row.matched),
      },
    ]),
  );
}
