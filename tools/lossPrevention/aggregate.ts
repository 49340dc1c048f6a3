import {
  addSums,
  at,
  closingSeconds,
  deepShare,
  leastForClosing,
  noSums,
  roundCents,
  type SumName,
  soonSeconds,
  usualRefundsToCard,
} from '../../shared/lossPrevention/sums.ts';
import type { Sale } from './day.ts';
import type { Store } from './world.ts';

/** The hand-written streaming aggregation: the same sums as the engine's, straight from the generator. The measure of both. */
export interface Totals {
  /** month, staff, terminal, store, role, region joined by | -> sums */
  tills: Map<string, Float64Array>;
  /** month, product, category, staff */
  products: Map<string, Float64Array>;
  /** month, customer, store, region, staff */
  customers: Map<string, Float64Array>;
  /** month, staff, store, role, region, card -> refunds to it: count and cents by customer, else by receipt */
  cards: Map<string, Map<string, [number, number]>>;
}

export const newTotals = (): Totals => ({
  tills: new Map(),
  products: new Map(),
  customers: new Map(),
  cards: new Map(),
});

/** Adds the transactions of one store on one day (all of them: closing time and quick returns need to see the day). */
export function addDay(
  totals: Totals,
  store: Store,
  month: string,
  sales: readonly Sale[],
  detail: boolean,
): void {
  const times = new Map<string, number>();
  let last = 0;
  for (const sale of sales) {
    last = Math.max(last, sale.second);
    if (!sale.isReturn && !sale.voided) times.set(`${sale.terminal}|${sale.number}`, sale.second);
  }
  const closing = sales.length >= leastForClosing ? last - closingSeconds : Number.POSITIVE_INFINITY;
  for (const sale of sales) {
    const sums = sumsOf(sale, store, closing, times);
    const role = sale.staff.role;
    add(totals.tills, `${month}|${sale.staff.id}|${sale.terminal}|${store.id}|${role}|${store.region}`, sums);
    const card = sums[at.toCard]! > 0 ? sale.payments.find((payment) => payment.card)!.card : '';
    if (card) {
      const key = `${month}|${sale.staff.id}||${store.id}|${role}|${store.region}|${card}`;
      const byBuyer = totals.cards.get(key) ?? new Map<string, [number, number]>();
      totals.cards.set(key, byBuyer);
      const buyer = sale.customer || (sale.original?.number ?? '');
      const [count, value] = byBuyer.get(buyer) ?? [0, 0];
      byBuyer.set(buyer, [count + 1, value + sums[at.returned]!]);
    }
    if (!detail) continue;
    if (sale.customer)
      add(totals.customers, `${month}|${sale.customer}|${store.id}|${store.region}|${sale.staff.id}`, sums);
    for (const line of sale.lines) {
      const one = sumsOf({ ...sale, lines: [line] }, store, closing, times);
      add(totals.products, `${month}|${line.product.id}|${line.product.category}|${sale.staff.id}`, one);
    }
  }
}

function add(map: Map<string, Float64Array>, key: string, sums: Float64Array): void {
  const entry = map.get(key);
  if (!entry) {
    map.set(key, Float64Array.from(sums));
    return;
  }
  addSums(entry, sums);
}

/** Adds the repeated refunds to one card, as rows without a terminal; to be called once, after the last day. */
export function closeCards(totals: Totals): void {
  for (const [key, byBuyer] of totals.cards) {
    let count = 0;
    let value = 0;
    let most = 1;
    for (const [buyer, [refunds, cents]] of byBuyer) {
      count += refunds;
      value += cents;
      if (buyer !== '') most = Math.max(most, refunds);
    }
    const many = count - (most - 1) - usualRefundsToCard;
    if (many <= 0) continue;
    const sums = noSums();
    sums[at.sameCard] = many;
    sums[at.sameCardValue] = Math.floor((value * many) / count);
    add(totals.tills, key.slice(0, key.lastIndexOf('|')), sums);
  }
}

function sumsOf(sale: Sale, store: Store, closing: number, times: Map<string, number>): Float64Array {
  const sums = noSums();
  const put = (name: SumName, value: number) => {
    sums[at[name]] = value;
  };
  const value = sale.lines.reduce((sum, line) => sum + line.net, 0);
  if (sale.voided) {
    put('voids', 1);
    put('voidValue', value);
    if (sale.payments.some((payment) => payment.tender === 'cash')) put('cashVoids', 1);
    return sums;
  }
  put('transactions', 1);
  if (sale.isReturn) {
    put('returns', 1);
    put('returned', value);
    put('returnedSquares', square(value));
    const event = (count: SumName, money: SumName) => {
      put(count, 1);
      put(money, value);
    };
    if (!sale.original) event('noReceipt', 'noReceiptValue');
    if (sale.payments.some((payment) => payment.tender === 'cash')) event('cash', 'cashValue');
    if (sale.original && sale.original.store !== store.id) event('otherStore', 'otherStoreValue');
    const bought = sale.original && times.get(`${sale.original.terminal}|${sale.original.number}`);
    if (bought !== undefined && sale.second >= bought && sale.second - bought <= soonSeconds)
      event('soon', 'soonValue');
    if (sale.second >= closing) event('closing', 'closingValue');
    if (value > 0 && value % roundCents === 0) event('round', 'roundValue');
    if (sale.payments.some((payment) => payment.tender === 'card' && payment.card)) put('toCard', 1);
    return sums;
  }
  put('sales', 1);
  put('sold', value);
  let manual = 0;
  for (const line of sale.lines) {
    const count = (name: SumName, amount: number) => put(name, sums[at[name]]! + amount);
    count('lines', 1);
    count('gross', line.original * line.quantity);
    count('discountValue', line.manual + line.periodic);
    if (line.manual > 0) {
      manual += line.manual;
      count('manual', 1);
      count('manualValue', line.manual);
      count('manualGross', line.net + line.manual);
      count('manualSquares', square(line.manual));
      if (line.manual >= deepShare * (line.net + line.manual)) {
        count('deepManual', 1);
        count('deepManualValue', line.manual);
      }
      if (!line.reason) {
        count('noReason', 1);
        count('noReasonValue', line.manual);
      }
    }
    if (line.price < line.original) {
      const lost = (line.original - line.price) * line.quantity;
      count('overrides', 1);
      count('overrideValue', lost);
      count('overrideSquares', square(lost));
      if (line.original - line.price >= deepShare * line.original) {
        count('deepOverrides', 1);
        count('deepOverrideValue', lost);
      }
    }
    if (line.product.offer > 0) {
      count('offers', 1);
      if (line.periodic === 0 && line.manual === 0) {
        count('withheld', 1);
        count('withheldValue', line.net);
      }
    }
  }
  const cards = new Set(sale.payments.filter((payment) => payment.card).map((payment) => payment.card));
  if (manual > 0 && cards.size > 1) {
    put('severalCards', 1);
    put('severalCardsValue', manual);
  }
  return sums;
}

const square = (cents: number) => Math.floor((cents + 50) / 100) ** 2;
