import { type Random, random } from './random.ts';

export interface WorldSettings {
  seed: number;
  stores: number;
  staffPerStore: number;
  months: number;
  /** first month, yyyy-mm */
  start: string;
  /** mean transactions of one cashier in a month */
  transactionsPerMonth: number;
  /** share of staff with planted abuse, 0..1; 0 plants nothing at all */
  abuse: number;
}

export const roles = ['Cashier', 'ServiceDesk', 'Manager', 'Markdown'] as const;
export type Role = (typeof roles)[number];

export const abuseKinds = [
  'noReceiptRefunds',
  'ownCardRefunds',
  'soonRefunds',
  'closingRefunds',
  'otherStoreRefunds',
  'manualDiscounts',
  'severalCards',
  'priceOverrides',
  'voids',
  'withheldDiscounts',
] as const;
export type AbuseKind = (typeof abuseKinds)[number];

export interface Abuse {
  kind: AbuseKind;
  /** months counted from the start, inclusive */
  from: number;
  to: number;
  /** extra dishonest acts in an active month */
  perMonth: number;
}

/** How a person works; the numbers are shares of transactions or lines unless they say otherwise. */
export interface Habits {
  pace: number;
  returns: number;
  noReceipt: number;
  cash: number;
  otherStore: number;
  manual: number;
  override: number;
  voids: number;
  noReason: number;
}

export interface Staff {
  id: string;
  role: Role;
  habits: Habits;
  abuse?: Abuse;
}

export interface Store {
  id: string;
  region: string;
  currency: string;
  outlet: boolean;
  /** closing hour */
  closes: number;
  staff: Staff[];
  terminals: string[];
  /** a till whose drawer is dipped into under whoever is logged in: its index, and the acts a month */
  tampered?: { terminal: number; from: number; to: number; perMonth: number };
  customers: number;
}

export interface Product {
  id: string;
  category: string;
  /** cents */
  price: number;
  /** part of a standing offer, in per cent */
  offer: number;
  returns: number;
}

export interface World {
  settings: WorldSettings;
  stores: Store[];
  products: Product[];
  /** products that a ring steals and returns without a receipt */
  stolen: number[];
  /** store index * 100,000 + customer index of customers that wear and return */
  wardrobers: Set<number>;
}

const categories = [
  { name: 'Apparel', price: 3500, returns: 1.6 },
  { name: 'Shoes', price: 6000, returns: 1.8 },
  { name: 'Electronics', price: 9000, returns: 1.3 },
  { name: 'Home', price: 2500, returns: 0.8 },
  { name: 'Beauty', price: 1500, returns: 0.4 },
  { name: 'Grocery', price: 600, returns: 0.15 },
];

/** Builds stores, people, products and the planted abuse. The same settings give the same world; `abuse` changes only what is planted. */
export function makeWorld(settings: WorldSettings): World {
  const products = makeProducts(settings.seed, Math.max(120, settings.stores * 6));
  const stores: Store[] = [];
  for (let s = 0; s < settings.stores; s++) stores.push(makeStore(settings, s));
  const world: World = { settings, stores, products, stolen: [], wardrobers: new Set() };
  if (settings.abuse > 0) plant(world);
  return world;
}

function makeProducts(seed: number, count: number): Product[] {
  const r = random(`products ${seed}`);
  return Array.from({ length: count }, (_, i) => {
    const category = categories[i % categories.length]!;
    const price = Math.max(199, Math.round((category.price * r.spread(0.6)) / 100) * 100 - 1);
    return {
      id: `P${String(i + 1).padStart(5, '0')}`,
      category: category.name,
      price,
      offer: r.chance(0.15) ? 10 + 5 * r.below(5) : 0,
      returns: category.returns * r.spread(0.3),
    };
  });
}

function makeStore(settings: WorldSettings, index: number): Store {
  const r = random(`store ${settings.seed} ${index}`);
  const outlet = r.chance(0.1);
  const region = `R${1 + (index % Math.max(1, Math.ceil(settings.stores / 12)))}`;
  const id = `S${String(index + 1).padStart(4, '0')}`;
  const climate = {
    returns: r.spread(0.25),
    noReceipt: r.spread(0.3),
    cash: r.spread(0.2),
    manual: r.spread(0.3),
  };
  const staff: Staff[] = [];
  for (let i = 0; i < settings.staffPerStore; i++) {
    const role = roleOf(i, settings.staffPerStore);
    staff.push({
      id: `E${String(index + 1).padStart(4, '0')}${String(i + 1).padStart(3, '0')}`,
      role,
      habits: habits(r, role, outlet, climate),
    });
  }
  const tills = Math.max(2, Math.ceil(settings.staffPerStore / 3));
  return {
    id,
    region,
    currency: region === 'R3' ? 'CAD' : 'USD',
    outlet,
    closes: 19 + r.below(4),
    staff,
    terminals: Array.from({ length: tills }, (_, t) => `${id}-T${t + 1}`),
    customers: settings.staffPerStore * 40,
  };
}

function roleOf(index: number, count: number): Role {
  if (index === 0) return 'Manager';
  if (index === 1 || (count >= 16 && index === 2)) return 'ServiceDesk';
  if (index === 3) return 'Markdown';
  return 'Cashier';
}

interface Climate {
  returns: number;
  noReceipt: number;
  cash: number;
  manual: number;
}

function habits(r: Random, role: Role, outlet: boolean, climate: Climate): Habits {
  const person = (sigma: number) => r.spread(sigma);
  const desk = role === 'ServiceDesk';
  const manager = role === 'Manager';
  return {
    pace: person(0.35) * (manager ? 0.5 : 1),
    returns: Math.min(0.7, (desk ? 0.45 : 0.045) * (outlet ? 1.8 : 1) * climate.returns * person(0.25)),
    noReceipt: Math.min(0.6, 0.12 * climate.noReceipt * person(0.3) * (desk ? 1.3 : 1)),
    cash: Math.min(0.8, 0.3 * climate.cash * person(0.2)),
    otherStore: 0.06 * person(0.35) * (desk ? 1.5 : 1),
    manual:
      0.02 * climate.manual * person(0.4) * (outlet ? 2.5 : 1) * (role === 'Markdown' ? 10 : manager ? 4 : 1),
    override: 0.008 * person(0.45) * (outlet ? 2 : 1) * (role === 'Markdown' ? 6 : manager ? 5 : 1),
    voids: 0.012 * person(0.35) * (manager ? 5 : 1),
    noReason: Math.min(0.7, 0.12 * person(0.4)),
  };
}

function plant(world: World): void {
  const { settings } = world;
  const r = random(`abuse ${settings.seed}`);
  const everyone = world.stores.flatMap((store) => store.staff);
  const wanted = Math.round(everyone.length * settings.abuse);
  const order = everyone.map((_, i) => i);
  for (let i = 0; i < wanted; i++) {
    const j = i + r.below(order.length - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
    const length = Math.min(settings.months, 1 + r.below(4));
    const from = r.below(settings.months - length + 1);
    const kind = abuseKinds[i % abuseKinds.length]!;
    everyone[order[i]!]!.abuse = { kind, from, to: from + length - 1, perMonth: 7 * r.spread(0.55) };
  }
  for (const store of world.stores) {
    if (!r.chance(0.12)) continue;
    const from = r.below(settings.months);
    const to = Math.min(settings.months - 1, from + 1 + r.below(3));
    store.tampered = { terminal: r.below(store.terminals.length), from, to, perMonth: 14 * r.spread(0.3) };
  }
  for (let i = 0; i < Math.max(1, Math.round(world.products.length / 100)); i++)
    world.stolen.push(r.below(world.products.length));
  for (let s = 0; s < world.stores.length; s++)
    if (r.chance(0.5)) world.wardrobers.add(s * 100_000 + r.below(world.stores[s]!.customers));
}

/** What was planted, in the form of the truth file. */
export function truthOf(world: World) {
  return {
    staff: world.stores.flatMap((store) =>
      store.staff.flatMap((person) =>
        person.abuse ? [{ id: person.id, store: store.id, role: person.role, ...person.abuse }] : [],
      ),
    ),
    terminals: world.stores.flatMap((store) =>
      store.tampered
        ? [{ id: store.terminals[store.tampered.terminal]!, store: store.id, ...store.tampered }]
        : [],
    ),
    products: [...new Set(world.stolen)].map((i) => ({ id: world.products[i]!.id })),
    customers: [...world.wardrobers].map((key) => ({
      id: customerId(world.stores[Math.floor(key / 100_000)]!, key % 100_000),
    })),
  };
}

export function customerId(store: Store, index: number): string {
  return `C${store.id.slice(1)}${String(index + 1).padStart(4, '0')}`;
}
