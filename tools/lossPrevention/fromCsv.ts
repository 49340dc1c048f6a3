import { addDay, closeCards, newTotals, type Totals } from './aggregate.ts';
import type { Line, Payment, Sale } from './day.ts';
import type { WrittenEntity } from './rows.ts';
import type { Product, Staff, Store } from './world.ts';

/**
 * The hand-written aggregation from the sample's CSV files, day by day: what a program made for just this data costs.
 * It knows the columns by their place and expects no quotes.
 */
export async function handWritten(
  days: readonly string[],
  lines: (entity: WrittenEntity, day: string) => AsyncIterable<string>,
): Promise<Totals> {
  const totals = newTotals();
  for (const day of days) {
    const sales = new Map<string, Sale>();
    const stores = new Map<string, { store: Store; sales: Sale[] }>();
    for await (const cells of rows(lines('Transactions', day))) {
      const [
        number = '',
        terminal = '',
        storeId = '',
        region = '',
        staff = '',
        ,
        second = '',
        status,
        returned,
        ,
        ,
        customer = '',
        currency = '',
        ,
        role = '',
      ] = cells;
      const sale: Sale = {
        number,
        terminal,
        second: Number(second),
        staff: staffOf(staff, role),
        customer,
        voided: status === '1',
        isReturn: returned === '1',
        lines: [],
        payments: [],
      };
      sales.set(number, sale);
      const entry = stores.get(storeId) ?? { store: storeOf(storeId, region, currency), sales: [] };
      stores.set(storeId, entry);
      entry.sales.push(sale);
    }
    for await (const cells of rows(lines('Sales', day))) {
      const sale = sales.get(cells[0]!);
      if (!sale) continue;
      sale.lines.push(lineOf(cells));
      if (cells[16]) sale.original = { number: cells[16], terminal: cells[17]!, store: cells[18]! };
    }
    for await (const cells of rows(lines('Payments', day)))
      sales.get(cells[0]!)?.payments.push(paymentOf(cells));
    for (const entry of stores.values()) addDay(totals, entry.store, day.slice(0, 7), entry.sales, true);
  }
  closeCards(totals);
  return totals;
}

async function* rows(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  let first = true;
  for await (const line of lines) {
    if (!first) yield line.split(',');
    first = false;
  }
}

const cents = (text: string | undefined) => Math.round(Number(text) * 100);

const noHabits = {
  pace: 0,
  returns: 0,
  noReceipt: 0,
  cash: 0,
  otherStore: 0,
  manual: 0,
  override: 0,
  voids: 0,
  noReason: 0,
};
const known = new Map<string, Staff>();

function staffOf(id: string, role: string): Staff {
  let staff = known.get(id);
  if (!staff) {
    staff = {
      id,
      role: role === 'ServiceDesk' || role === 'Manager' || role === 'Markdown' ? role : 'Cashier',
      habits: noHabits,
    };
    known.set(id, staff);
  }
  return staff;
}

function storeOf(id: string, region: string, currency: string): Store {
  return { id, region, currency, outlet: false, closes: 0, staff: [], terminals: [], customers: 0 };
}

function lineOf(cells: readonly string[]): Line {
  const product: Product = {
    id: cells[4]!,
    category: cells[5]!,
    price: cents(cells[7]),
    offer: cells[12] === '' ? 0 : 1,
    returns: 0,
  };
  return {
    product,
    quantity: Number(cells[6]),
    original: product.price,
    price: cents(cells[8]),
    net: cents(cells[9]),
    manual: cents(cells[10]),
    periodic: cents(cells[11]),
    reason: cells[13] !== '',
  };
}

function paymentOf(cells: readonly string[]): Payment {
  const tender = cells[4] === '1' ? 'cash' : cells[4] === '2' ? 'card' : 'gift';
  return { tender, card: cells[6]!, amount: cents(cells[5]) };
}
