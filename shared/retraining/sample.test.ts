import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openSample } from './sample.ts';

const most = 5;

it('a sample holds the rows of the lowest orders, whole, and all where they are few', () => {
  const rows = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 60 });
  fc.assert(
    fc.property(rows, (orders) => {
      const sample = openSample(3, most);
      const refused = orders.filter((order, row) => {
        const admitted = sample.admits(order);
        sample.add(order, [row, null, -row]);
        return !admitted;
      });
      const [kept = [], missing = [], negative = []] = sample.columns();
      if (orders.length < 2 * most) expect(kept.length).toBe(orders.length);
      else expect(kept.length).toBeGreaterThanOrEqual(most);
      expect(kept.length).toBeLessThan(2 * most);
      const ofRows = Array.from(kept, (row) => orders[row]!);
      expect(ofRows).toEqual(orders.filter((order) => ofRows.includes(order)));
      expect(ofRows.toSorted((a, b) => a - b)).toEqual(
        orders.toSorted((a, b) => a - b).slice(0, kept.length),
      );
      expect(refused.filter((order) => ofRows.includes(order))).toEqual([]);
      expect(Array.from(missing)).toEqual(Array.from(kept, () => Number.NaN));
      expect(Array.from(negative)).toEqual(Array.from(kept, (row) => -row));
    }),
  );
});
