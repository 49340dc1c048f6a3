import { choose, normal, poisson, randomSource } from '../../shared/scoring/trees/random.ts';

/**
 * A simulator of card transactions with known frauds, built from the description that chapter 3 of the Fraud Detection
 * Handbook (Le Borgne, Siblini, Lebichot, Bontempi 2022) gives of its own: customers and terminals on a square of 100 by 100;
 * a customer uses the terminals within a radius, some times a day, for amounts around a mean of its own. Three kinds of
 * fraud: amounts over 220; two terminals a day compromised for 28 days; three customers a day whose card is used for 14 days,
 * a third of their transactions then being fraud for five times the amount. Devices and drift are additions of ours.
 */
export interface SimulatorSettings {
  customers: number;
  terminals: number;
  days: number;
  seed: number;
  /** how far customers go for a terminal */
  radius: number;
  /** milliseconds since 1970 of the first day's start */
  start: number;
  terminalsPerDay: number;
  customersPerDay: number;
  /**
   * From this day on fraud looks different: amounts under 3 instead of over 220, and stolen cards used for a fifth instead of
   * five times the usual amount.
   */
  driftDay?: number;
  /** a stolen card is used from one of the thief's devices, not the customer's */
  thievesOwnDevices?: boolean;
}

export const handbookSettings: SimulatorSettings = {
  customers: 5000,
  terminals: 10_000,
  days: 183,
  seed: 1,
  radius: 5,
  start: Date.UTC(2018, 3, 1),
  terminalsPerDay: 2,
  customersPerDay: 3,
};

/** Transactions in order of time, a member an array. */
export interface Transactions {
  count: number;
  /** milliseconds since 1970 */
  at: Float64Array;
  /** days since the start */
  day: Int32Array;
  customer: Int32Array;
  terminal: Int32Array;
  device: Int32Array;
  amount: Float64Array;
  fraud: Uint8Array;
  /** 0 none, 1 amount out of range, 2 compromised terminal, 3 stolen card */
  scenario: Uint8Array;
}

interface Customer {
  x: number;
  y: number;
  mean: number;
  perDay: number;
  devices: number;
}

const DAY = 86_400_000;
const COMPROMISED_TERMINAL_DAYS = 28;
const STOLEN_CARD_DAYS = 14;

/** Simulates the transactions. The same settings give the same transactions. */
export function simulate(settings: SimulatorSettings): Transactions {
  const random = randomSource(settings.seed);
  const customers: Customer[] = Array.from({ length: settings.customers }, () => ({
    x: 100 * random(),
    y: 100 * random(),
    mean: 5 + 95 * random(),
    perDay: 4 * random(),
    devices: 1 + Math.floor(2 * random()),
  }));
  const terminals = Array.from({ length: settings.terminals }, () => ({
    x: 100 * random(),
    y: 100 * random(),
  }));
  const rows: [at: number, customer: number, terminal: number, device: number, amount: number][] = [];
  for (const [id, customer] of customers.entries()) {
    const near = [...terminals.keys()].filter((t) => {
      const { x, y } = terminals[t]!;
      return (x - customer.x) ** 2 + (y - customer.y) ** 2 < settings.radius ** 2;
    });
    if (near.length === 0) continue;
    for (let day = 0; day < settings.days; day++) {
      for (let left = poisson(random, customer.perDay); left > 0; left--) {
        // Around noon, give or take five and a half hours; what falls outside the day does not happen.
        const second = Math.floor(43_200 + 20_000 * normal(random));
        if (second <= 0 || second >= 86_400) continue;
        const drawn = customer.mean * (1 + 0.5 * normal(random));
        const amount = drawn < 0 ? 2 * customer.mean * random() : drawn;
        const terminal = near[Math.floor(random() * near.length)]!;
        const device = 2 * id + Math.floor(random() * customer.devices);
        const at = settings.start + day * DAY + second * 1000;
        rows.push([at, id, terminal, device, Math.round(amount * 100) / 100]);
      }
    }
  }
  rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const transactions: Transactions = {
    count: rows.length,
    at: Float64Array.from(rows, (row) => row[0]),
    day: Int32Array.from(rows, (row) => Math.floor((row[0] - settings.start) / DAY)),
    customer: Int32Array.from(rows, (row) => row[1]),
    terminal: Int32Array.from(rows, (row) => row[2]),
    device: Int32Array.from(rows, (row) => row[3]),
    amount: Float64Array.from(rows, (row) => row[4]),
    fraud: new Uint8Array(rows.length),
    scenario: new Uint8Array(rows.length),
  };
  addFrauds(transactions, settings, random);
  return transactions;
}

function addFrauds(transactions: Transactions, settings: SimulatorSettings, random: () => number): void {
  const { count, day, amount, fraud, scenario } = transactions;
  const driftDay = settings.driftDay ?? Number.POSITIVE_INFINITY;
  const mark = (row: number, kind: number) => {
    fraud[row] = 1;
    scenario[row] = kind;
  };
  for (let row = 0; row < count; row++)
    if (day[row]! < driftDay ? amount[row]! > 220 : amount[row]! < 3) mark(row, 1);

  const until = (perDay: number, of: number, length: number) => {
    // The day each of them is compromised until, as of each day.
    const result: Int32Array[] = [];
    const current = new Int32Array(of).fill(-1);
    for (let today = 0; today < settings.days; today++) {
      for (const chosen of choose(random, of, Math.min(perDay, of))) current[chosen] = today + length;
      result.push(current.slice());
    }
    return result;
  };
  const terminalsUntil = until(settings.terminalsPerDay, settings.terminals, COMPROMISED_TERMINAL_DAYS);
  const customersUntil = until(settings.customersPerDay, settings.customers, STOLEN_CARD_DAYS);
  for (let row = 0; row < count; row++) {
    const today = day[row]!;
    if (terminalsUntil[today]![transactions.terminal[row]!]! > today) mark(row, 2);
    if (customersUntil[today]![transactions.customer[row]!]! > today && random() < 1 / 3) {
      amount[row] = Math.round(amount[row]! * (today < driftDay ? 5 : 0.2) * 100) / 100;
      mark(row, 3);
      if (settings.thievesOwnDevices)
        transactions.device[row] = 2 * settings.customers + Math.floor(random() * settings.customers);
    }
  }
}

/** Transaction `row` as a canonical Purchase. */
export function purchaseOf(transactions: Transactions, row: number): Record<string, unknown> {
  const customer = transactions.customer[row]!;
  const at = new Date(transactions.at[row]!).toISOString();
  return {
    purchaseId: `purchase-${row}`,
    merchantLocalDate: at,
    customerLocalDate: at,
    totalAmount: transactions.amount[row]!,
    currency: 'USD',
    terminalId: `terminal-${transactions.terminal[row]}`,
    user: { userId: `customer-${customer}` },
    deviceContext: { externalDeviceId: `device-${transactions.device[row]}` },
    paymentInstrumentList: [{ type: 'CreditCard', merchantPaymentInstrumentId: `card-${customer}` }],
  };
}
