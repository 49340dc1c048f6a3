import fc from 'fast-check';
import { expect, test } from 'vitest';
import { add, bucketOf, type Histogram, mergeInto, quantile, read, upTo, write } from './histogram.ts';

const latency = fc.double({ min: 0, max: 15_000, noNaN: true });
const some = fc.array(latency, { minLength: 1, maxLength: 200 });

function of(values: readonly number[]): Histogram {
  const histogram: Histogram = new Map();
  for (const value of values) add(histogram, value);
  return histogram;
}

test('a latency lies between the bounds of its bucket', () => {
  fc.assert(
    fc.property(latency, (ms) => {
      const bucket = bucketOf(ms);
      expect(ms).toBeLessThanOrEqual(upTo(bucket) * (1 + 1e-12));
      if (bucket > 0) expect(ms).toBeGreaterThan(upTo(bucket - 1) * (1 - 1e-12));
    }),
  );
});

test('a quantile is within 4.5 % of the exact one', () => {
  fc.assert(
    fc.property(some, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (values, q) => {
      const sorted = values.map((value) => Math.max(value, 1)).sort((a, b) => a - b);
      const exact = sorted[Math.max(Math.ceil(q * sorted.length), 1) - 1] ?? 0;
      expect(Math.abs(quantile(of(values), q) / exact - 1)).toBeLessThan(0.045);
    }),
  );
});

test('merging histograms is the histogram of all values, in any order', () => {
  fc.assert(
    fc.property(some, some, (a, b) => {
      const left = of(a);
      mergeInto(left, of(b));
      const right = of(b);
      mergeInto(right, of(a));
      expect(write(left)).toBe(write(of([...a, ...b])));
      expect(write(left)).toBe(write(right));
    }),
  );
});

test('reads what it wrote', () => {
  fc.assert(
    fc.property(some, (values) => {
      expect(write(read(write(of(values))))).toBe(write(of(values)));
    }),
  );
  expect(read('')).toEqual(new Map());
  expect(quantile(new Map(), 0.5)).toBe(0);
});
