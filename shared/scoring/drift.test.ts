import { describe, expect, it } from 'vitest';
import { spreadOf, stabilityIndex } from './drift.ts';
import { normal, randomSource } from './trees/random.ts';

const values = (seed: number, shift = 0) => {
  const random = randomSource(seed);
  return Float64Array.from({ length: 5000 }, () => normal(random) + shift);
};

describe('population stability', () => {
  it('is near zero for the same population and large for a shifted one', () => {
    const reference = spreadOf(values(1));
    expect(stabilityIndex(reference, values(2))).toBeLessThan(0.01);
    expect(stabilityIndex(reference, values(2, 0.25))).toBeGreaterThan(0.03);
    expect(stabilityIndex(reference, values(2, 1))).toBeGreaterThan(0.25);
  });

  it('sees values that go missing', () => {
    const half = values(2).map((value, i) => (i % 2 === 0 ? Number.NaN : value));
    expect(stabilityIndex(spreadOf(values(1)), half)).toBeGreaterThan(0.25);
  });

  it('of an example worked by hand', () => {
    // Two bins, 50:50 then, 75:25 now: 0.25 ln 1.5 + (-0.25) ln 0.5.
    const reference = { edges: [0], shares: [0.5, 0.5], missing: 0 };
    const now = Float64Array.from({ length: 1e6 }, (_, i) => (i % 4 === 0 ? 1 : -1));
    expect(stabilityIndex(reference, now)).toBeCloseTo(0.25 * Math.log(1.5) - 0.25 * Math.log(0.5), 4);
  });

  it('counts missing values as a bin of their own', () => {
    // A quarter missing then, half now, the rest spread as before.
    const reference = { edges: [0], shares: [0.375, 0.375], missing: 0.25 };
    const now = Float64Array.of(Number.NaN, Number.NaN, -1, 1);
    const expected = 0.25 * Math.log(2) + 2 * (-0.125 * Math.log(0.25 / 0.375));
    expect(stabilityIndex(reference, now)).toBeCloseTo(expected, 12);
  });

  it('takes constants, ties and columns without any value', () => {
    const constant = spreadOf(new Float64Array(100).fill(3));
    expect(stabilityIndex(constant, new Float64Array(50).fill(3))).toBe(0);
    const nothing = spreadOf(new Float64Array(100).fill(Number.NaN));
    expect(stabilityIndex(nothing, new Float64Array(50).fill(Number.NaN))).toBe(0);
    expect(stabilityIndex(nothing, new Float64Array())).toBeNaN();
  });
});
