import type { Transactions } from './simulator.ts';

/** Row numbers to train and to test on. */
export interface Fold {
  train: Int32Array;
  test: Int32Array;
}

/**
 * Weekly folds: 7 days to train on, 7 days until the frauds are known, 7 days to test on, each fold a week after the one
 * before. As in the handbook (section 3.4), customers already known to be defrauded are not tested: their cards are blocked.
 */
export function weeklyFolds(transactions: Transactions, firstDay: number, folds: number): Fold[] {
  const { day, customer, fraud, count } = transactions;
  return Array.from({ length: folds }, (_, index) => {
    const start = firstDay + 7 * index;
    const train: number[] = [];
    const test: number[] = [];
    const fraudDays = new Map<number, number>();
    for (let row = 0; row < count; row++) {
      const age = day[row]! - start;
      if (age < 0 || age >= 21) continue;
      if (fraud[row] === 1 && !fraudDays.has(customer[row]!)) fraudDays.set(customer[row]!, age);
      if (age < 7) train.push(row);
      // A fraud is known a week after it happened.
      if (age >= 14 && !((fraudDays.get(customer[row]!) ?? 99) < age - 7)) test.push(row);
    }
    return { train: Int32Array.from(train), test: Int32Array.from(test) };
  });
}

/** The given rows of columns. */
export function takeRows(columns: readonly Float32Array[], rows: Int32Array): Float32Array[] {
  return columns.map((column) => {
    const taken = new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) taken[i] = column[rows[i]!]!;
    return taken;
  });
}

/** The labels of the given rows. */
export function takeLabels(labels: Uint8Array, rows: Int32Array): Uint8Array {
  return Uint8Array.from(rows, (row) => labels[row]!);
}
