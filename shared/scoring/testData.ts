import { randomSource } from './trees/random.ts';
import type { Labelled } from './trees/train.ts';

/** Rows whose fraud depends on an interaction, on a missing value and on noise: made data for tests, with the true logits. */
export function madeRows(rows: number, seed: number): Labelled & { logits: Float64Array } {
  const random = randomSource(seed);
  const columns = Array.from({ length: 5 }, () => new Float64Array(rows));
  const labels = new Uint8Array(rows);
  const logits = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const amount = Math.exp(3 + 1.2 * (random() + random() + random() - 1.5));
    const hour = Math.floor(random() * 24);
    const known = random() < 0.7 ? random() : Number.NaN;
    const kind = Math.floor(random() * 4);
    columns[0]![row] = amount;
    columns[1]![row] = hour;
    columns[2]![row] = known;
    columns[3]![row] = kind;
    columns[4]![row] = random();
    let logit = -4.5;
    if (amount > 45 && hour < 6) logit += 4;
    if (Number.isNaN(known)) logit += 1.5;
    if (kind === 3) logit += 1;
    logits[row] = logit;
    labels[row] = random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  }
  return { columns, labels, logits };
}

/** Row `index` of a table of columns. */
export function rowOf(data: { columns: readonly ArrayLike<number>[] }, index: number): Float64Array {
  return Float64Array.from(data.columns, (column) => column[index]!);
}
