import type { FeatureEvent } from '../../shared/scoring/features/event.ts';
import { openMemoryHistories } from '../../shared/scoring/features/memory.ts';
import { featureNames } from '../../shared/scoring/features/schema.ts';
import { directories } from '../../shared/scoring/scorecardDirectories.ts';
import { purchaseOf, type Transactions } from './simulator.ts';

/**
 * Holdfast's own features of simulated purchases: the purchases are replayed in order of time, each fraud becoming known
 * `delayDays` after it happened. Rows before `firstDay` only fill the histories; their values stay 0.
 */
export function ownFeatures(transactions: Transactions, firstDay: number, delayDays: number): Float32Array[] {
  const histories = openMemoryHistories(directories);
  const columns = featureNames.map(() => new Float32Array(transactions.count));
  const event = (row: number): FeatureEvent => ({
    type: 'Purchase',
    id: `purchase-${row}`,
    at: transactions.at[row]!,
    payload: purchaseOf(transactions, row),
  });
  let known = 0;
  for (let row = 0; row < transactions.count; row++) {
    const now = transactions.at[row]!;
    for (; transactions.at[known]! + delayDays * 86_400_000 <= now; known++)
      if (transactions.fraud[known] === 1) histories.label(event(known), 1);
    const current = event(row);
    if (transactions.day[row]! >= firstDay) {
      const values = histories.row(current);
      for (let i = 0; i < values.length; i++) columns[i]![row] = values[i]!;
    }
    histories.observe(current);
  }
  return columns;
}
