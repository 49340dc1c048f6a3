import { type Random, random } from './random.ts';
import { type AbuseKind, customerId, type Product, type Staff, type Store, type World } from './world.ts';

/** Money is in cents throughout. */
export interface Line {
  product: Product;
  quantity: number;
  /** what the shelf says, of one piece */
  original: number;
  /** what was charged, of one piece, before discounts */
  price: number;
  periodic: number;
  manual: number;
  /** a reason was given for the manual discount */
  reason: boolean;
  net: number;
}

export interface Payment {
  tender: 'cash' | 'card' | 'gift';
  card: string;
  amount: number;
}

export interface Sale {
  number: string;
  terminal: string;
  /** seconds since midnight, in the store's time */
  second: number;
  staff: Staff;
  customer: string;
  voided: boolean;
  isReturn: boolean;
  /** the sale that is returned; absent without a receipt */
  original?: { number: string; terminal: string; store: string };
  lines: Line[];
  payments: Payment[];
}

interface Past {
  number: string;
  terminal: string;
  line: Line;
  payment: Payment;
  customer: string;
  second: number;
  day: number;
}

/** What a store remembers from one day to the next: recent sales, for returns to refer to. */
export interface Memory {
  recent: Past[];
  next: number;
}

export const newMemory = (): Memory => ({ recent: [], next: 1 });

/** The transactions of one store on one day, in order of time. Must be called day after day with the same memory. */
export function storeDay(
  world: World,
  storeIndex: number,
  day: number,
  month: number,
  memory: Memory,
): Sale[] {
  const store = world.stores[storeIndex]!;
  const r = random(`day ${world.settings.seed} ${storeIndex} ${day}`);
  const bad = random(`bad ${world.settings.seed} ${storeIndex} ${day}`);
  const context: Context = { world, store, storeIndex, day, r, memory };
  const sales: Sale[] = [];
  const weekend = day % 7 >= 5 ? 1.3 : 0.9;
  const perDay = (world.settings.transactionsPerMonth / 21.5) * weekend;
  store.staff.forEach((person) => {
    if (!r.chance(0.71)) return;
    const terminal = store.terminals[r.below(store.terminals.length)]!;
    const starts = 9 + r.below(store.closes - 9 - 5);
    const ends = Math.min(store.closes, starts + 8);
    const shift: Shift = { person, terminal, from: starts * 3600, to: ends * 3600 };
    for (let n = r.poisson(perDay * person.habits.pace); n > 0; n--) sales.push(ordinary(context, shift));
    if (person.abuse && month >= person.abuse.from && month <= person.abuse.to) {
      const context2 = { ...context, r: bad };
      for (let n = bad.poisson(person.abuse.perMonth / 21.5); n > 0; n--)
        sales.push(...dishonest(context2, shift, person.abuse.kind));
    }
    const till = store.tampered;
    if (till && month >= till.from && month <= till.to && terminal === store.terminals[till.terminal]) {
      const context2 = { ...context, r: bad };
      for (let n = bad.poisson(till.perMonth / 30 / 1.5); n > 0; n--)
        sales.push(refund(context2, shift, { receipt: false, tender: 'cash' }));
    }
  });
  ringReturns({ ...context, r: bad }, sales);
  sales.sort((a, b) => a.second - b.second || (a.number < b.number ? -1 : 1));
  return sales;
}

interface Context {
  world: World;
  store: Store;
  storeIndex: number;
  day: number;
  r: Random;
  memory: Memory;
}

interface Shift {
  person: Staff;
  terminal: string;
  from: number;
  to: number;
}

function ordinary(context: Context, shift: Shift): Sale {
  const { r } = context;
  const { habits } = shift.person;
  const season = 1 + 0.25 * Math.sin((2 * Math.PI * context.day) / 365);
  if (r.chance(habits.voids)) return purchase(context, shift, { voided: true });
  if (r.chance(habits.returns * season) && context.memory.recent.length > 0)
    return refund(context, shift, {
      receipt: !r.chance(habits.noReceipt),
      tender: r.chance(habits.cash) ? 'cash' : 'original',
      otherStore: r.chance(habits.otherStore),
    });
  return purchase(context, shift);
}

interface Purchase {
  manual?: { depth: number; reason: boolean };
  override?: number;
  withheld?: boolean;
  cards?: number;
  cash?: boolean;
  second?: number;
  customer?: string;
  voided?: boolean;
}

function purchase(context: Context, shift: Shift, special: Purchase = {}): Sale {
  const { r, world, store } = context;
  const { habits } = shift.person;
  const customer = special.customer ?? someCustomer(context);
  const lines: Line[] = [];
  const count = 1 + r.poisson(1.1);
  for (let i = 0; i < count; i++) {
    const drawn = r.below(world.products.length);
    const product = special.withheld && i === 0 ? offered(world, drawn) : world.products[drawn]!;
    const quantity = r.chance(0.12) ? 2 : 1;
    const cut = special.override ?? (r.chance(habits.override) ? depthOf(r, shift.person, 0.1) : 0);
    const price = cut > 0 ? Math.max(1, Math.round(product.price * (1 - cut))) : product.price;
    const given = product.offer > 0 && !special.withheld && !r.chance(0.01);
    const periodic = given ? Math.round((price * quantity * product.offer) / 100) : 0;
    const depth = special.manual?.depth ?? (r.chance(habits.manual) ? depthOf(r, shift.person, 0.05) : 0);
    const manual = Math.round((price * quantity - periodic) * depth);
    const reason = special.manual ? special.manual.reason : !r.chance(habits.noReason);
    lines.push({
      product,
      quantity,
      original: product.price,
      price,
      periodic,
      manual,
      reason,
      net: price * quantity - periodic - manual,
    });
  }
  const total = lines.reduce((sum, line) => sum + line.net, 0);
  const second = special.second ?? shift.from + r.below(shift.to - shift.from);
  const payments: Payment[] = [];
  const cards = special.cards ?? (r.chance(0.006) ? 2 : 1);
  const cash = special.cash ?? (cards === 1 && r.chance(0.3));
  for (let i = 0; i < cards; i++) {
    const amount = Math.floor(total / cards) + (i === 0 ? total % cards : 0);
    payments.push(
      cash
        ? { tender: 'cash', card: '', amount }
        : { tender: 'card', card: cardOf(context, customer, i), amount },
    );
  }
  const sale: Sale = {
    number: `${store.id}-${context.memory.next++}`,
    terminal: shift.terminal,
    second,
    staff: shift.person,
    customer,
    voided: special.voided === true,
    isReturn: false,
    lines,
    payments,
  };
  if (!sale.voided) remember(context, sale);
  return sale;
}

/** The first product of an offer at or after an index. */
function offered(world: World, from: number): Product {
  const { products } = world;
  for (let i = 0; i < products.length; i++) {
    const product = products[(from + i) % products.length]!;
    if (product.offer > 0) return product;
  }
  return products[from]!;
}

/** How much an honest discount takes off: seldom deep, but often where clearance is the work. */
function depthOf(r: Random, person: Staff, least: number): number {
  const clearance = person.role === 'Markdown' ? 0.35 : 0.1;
  return r.chance(clearance) ? 0.2 + 0.4 * r.next() : least + 0.2 * r.next();
}

interface Refund {
  receipt: boolean;
  tender: 'cash' | 'original' | { card: string };
  otherStore?: boolean;
  second?: number;
  round?: boolean;
  past?: Past;
  product?: Product;
}

function refund(context: Context, shift: Shift, how: Refund): Sale {
  const { r, world, store, memory } = context;
  const past = how.past ?? pickReturned(context);
  const product = how.product ?? past?.line.product ?? world.products[r.below(world.products.length)]!;
  let net = how.product ? product.price : (past?.line.net ?? product.price);
  const quantity = past?.line.quantity ?? 1;
  if (how.round) net = Math.max(1000, Math.round(net / 1000) * 1000);
  const line: Line = {
    product,
    quantity,
    original: product.price,
    price: Math.round(net / quantity),
    periodic: 0,
    manual: 0,
    reason: true,
    net,
  };
  const paid = past?.payment;
  const payment: Payment =
    how.tender === 'cash' || (how.tender === 'original' && !how.receipt) || !paid
      ? { tender: how.receipt || how.tender === 'cash' ? 'cash' : 'gift', card: '', amount: net }
      : how.tender === 'original'
        ? { ...paid, amount: net }
        : { tender: 'card', card: how.tender.card, amount: net };
  const other = how.otherStore ? world.stores[r.below(world.stores.length)]! : store;
  return {
    number: `${store.id}-${memory.next++}`,
    terminal: shift.terminal,
    second: how.second ?? shift.from + r.below(shift.to - shift.from),
    staff: shift.person,
    customer: how.receipt ? (past?.customer ?? '') : '',
    voided: false,
    isReturn: true,
    original:
      how.receipt && past
        ? other === store
          ? { number: past.number, terminal: past.terminal, store: store.id }
          : { number: `${other.id}-${1 + r.below(5000)}`, terminal: other.terminals[0]!, store: other.id }
        : undefined,
    lines: [line],
    payments: [payment],
  };
}

function dishonest(context: Context, shift: Shift, kind: AbuseKind): Sale[] {
  const { r, store } = context;
  const card = `X${shift.person.id}`;
  const closing = store.closes * 3600 - 60 - r.below(1500);
  switch (kind) {
    case 'noReceiptRefunds':
      return [refund(context, shift, { receipt: false, tender: r.chance(0.5) ? 'cash' : 'original' })];
    case 'ownCardRefunds':
      return [refund(context, shift, { receipt: true, tender: { card } })];
    case 'soonRefunds': {
      const sale = purchase(context, shift, { cash: true, cards: 1 });
      const past = pastOf(sale, context.day);
      const second = Math.min(store.closes * 3600 - 1, sale.second + 60 + r.below(900));
      return [sale, refund(context, shift, { receipt: true, tender: 'cash', past, second })];
    }
    case 'closingRefunds':
      return [
        refund(context, shift, { receipt: true, tender: 'cash', second: closing, round: r.chance(0.7) }),
      ];
    case 'otherStoreRefunds':
      return [refund(context, shift, { receipt: true, tender: 'cash', otherStore: true })];
    case 'manualDiscounts':
      return [purchase(context, shift, { manual: { depth: 0.25 + 0.3 * r.next(), reason: r.chance(0.4) } })];
    case 'severalCards':
      return [purchase(context, shift, { manual: { depth: 0.2, reason: true }, cards: 2 + r.below(2) })];
    case 'priceOverrides':
      return [purchase(context, shift, { override: 0.3 + 0.3 * r.next() })];
    case 'voids':
      return [purchase(context, shift, { cash: true, cards: 1, voided: true })];
    case 'withheldDiscounts':
      return [purchase(context, shift, { withheld: true })];
  }
}

/** Stolen goods come back without a receipt at any till; wardrobers bring back most of what they buy. */
function ringReturns(context: Context, sales: Sale[]): void {
  const { r, world, store, storeIndex, memory } = context;
  const shiftOf = () => {
    const sale = sales[r.below(sales.length)]!;
    return { person: sale.staff, terminal: sale.terminal, from: sale.second, to: sale.second + 60 };
  };
  if (sales.length === 0) return;
  for (const index of world.stolen)
    if (r.chance(0.02))
      sales.push(
        refund(context, shiftOf(), { receipt: false, tender: 'cash', product: world.products[index]! }),
      );
  for (const key of world.wardrobers) {
    if (Math.floor(key / 100_000) !== storeIndex || !r.chance(0.25)) continue;
    const customer = customerId(store, key % 100_000);
    const bought = memory.recent.find((past) => past.customer === customer && past.day < context.day);
    if (bought && r.chance(0.7))
      sales.push(refund(context, shiftOf(), { receipt: true, tender: 'original', past: bought }));
    else sales.push(purchase(context, shiftOf(), { customer }));
  }
}

function someCustomer({ r, store }: Context): string {
  return r.chance(0.4) ? customerId(store, Math.floor(store.customers * r.next() ** 1.5)) : '';
}

function cardOf({ r }: Context, customer: string, index: number): string {
  return customer && r.chance(0.9) ? `K${customer}${index}` : `K${r.below(1e9)}`;
}

function pastOf(sale: Sale, day: number): Past {
  const { number, terminal, customer, second } = sale;
  return { number, terminal, customer, second, day, line: sale.lines[0]!, payment: sale.payments[0]! };
}

function remember({ memory, r, day }: Context, sale: Sale): void {
  const past = pastOf(sale, day);
  if (memory.recent.length < 400) memory.recent.push(past);
  else memory.recent[r.below(400)] = past;
}

function pickReturned({ r, memory, day }: Context): Past | undefined {
  let best: Past | undefined;
  for (let i = 0; i < 4; i++) {
    const past = memory.recent[r.below(memory.recent.length)];
    if (!past || (past.day === day && !r.chance(0.02))) continue;
    if (!best || past.line.product.returns > best.line.product.returns * (0.5 + r.next())) best = past;
  }
  return best;
}
