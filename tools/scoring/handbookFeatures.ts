import type { Transactions } from './simulator.ts';

const DAY = 86_400_000;
const WINDOWS = [1, 7, 30];
/** Days until a fraud is known. */
const DELAY = 7;

/** Names of the fifteen features of the Fraud Detection Handbook's baseline (section 3.4). */
export const handbookFeatureNames: readonly string[] = [
  'amount',
  'weekend',
  'night',
  ...WINDOWS.flatMap((days) => [`customerCount${days}d`, `customerMeanAmount${days}d`]),
  ...WINDOWS.flatMap((days) => [`terminalCount${days}d`, `terminalRisk${days}d`]),
];

/** Rows of each entity, in order of time. */
function rowsBy(entity: Int32Array): Map<number, number[]> {
  const result = new Map<number, number[]>();
  for (let row = 0; row < entity.length; row++) {
    const rows = result.get(entity[row]!);
    if (rows) rows.push(row);
    else result.set(entity[row]!, [row]);
  }
  return result;
}

/**
 * The handbook's features: the customer's number and mean amount of transactions in 1, 7 and 30 days up to and including
 * this one; the terminal's number of transactions and share of frauds in windows as long that end seven days ago, because
 * younger frauds are not known yet.
 */
export function handbookFeatures(transactions: Transactions): Float32Array[] {
  const { count, at, amount, fraud } = transactions;
  const columns = handbookFeatureNames.map(() => new Float32Array(count));
  for (let row = 0; row < count; row++) {
    const date = new Date(at[row]!);
    columns[0]![row] = amount[row]!;
    columns[1]![row] = date.getUTCDay() % 6 === 0 ? 1 : 0;
    columns[2]![row] = date.getUTCHours() <= 6 ? 1 : 0;
  }
  for (const rows of rowsBy(transactions.customer).values()) {
    for (const [index, days] of WINDOWS.entries()) {
      let first = 0;
      let sum = 0;
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        sum += amount[row]!;
        while (at[rows[first]!]! <= at[row]! - days * DAY) sum -= amount[rows[first++]!]!;
        columns[3 + 2 * index]![row] = i - first + 1;
        columns[4 + 2 * index]![row] = sum / (i - first + 1);
      }
    }
  }
  for (const rows of rowsBy(transactions.terminal).values()) {
    for (const [index, days] of WINDOWS.entries()) {
      let first = 0;
      let next = 0;
      let frauds = 0;
      for (const row of rows) {
        const end = at[row]! - DELAY * DAY;
        while (at[rows[next]!]! <= end) frauds += fraud[rows[next++]!]!;
        while (first < next && at[rows[first]!]! <= end - days * DAY) frauds -= fraud[rows[first++]!]!;
        columns[9 + 2 * index]![row] = next - first;
        columns[10 + 2 * index]![row] = next > first ? frauds / (next - first) : 0;
      }
    }
  }
  return columns;
}
