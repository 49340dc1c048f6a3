import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { benjaminiHochberg, betaBinomialTail, logGamma, normalTail, overdispersion } from './statistics.ts';

describe('logGamma', () => {
  it('is the logarithm of the factorial', () => {
    let factorial = 0;
    for (let n = 1; n < 100; n++) {
      expect(logGamma(n)).toBeCloseTo(factorial, 9);
      factorial += Math.log(n);
    }
  });
});

describe('betaBinomialTail', () => {
  it('is the binomial tail without overdispersion', () => {
    // P(X >= 8 | 20, 0.2) of the binomial, by summation
    let tail = 0;
    for (let k = 8; k <= 20; k++)
      tail += Math.exp(logGamma(21) - logGamma(k + 1) - logGamma(21 - k)) * 0.2 ** k * 0.8 ** (20 - k);
    expect(betaBinomialTail(8, 20, 0.2, 0)).toBeCloseTo(tail, 6);
  });

  it('is uniform where a and b are 1: every count is equally likely', () => {
    // p = 1/2 and tau² p² = 1/12 give a = b = 1
    for (let x = 1; x <= 10; x++)
      expect(betaBinomialTail(x, 10, 0.5, Math.sqrt(1 / 3))).toBeCloseTo((11 - x) / 11, 9);
  });

  it('falls as the count rises, and is heavier the more people differ', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 2000 }),
        fc.double({ min: 0.001, max: 0.6, noNaN: true }),
        (n, p) => {
          let last = 1;
          for (let x = 0; x <= n; x += Math.ceil(n / 20)) {
            const tail = betaBinomialTail(x, n, p, 0.2);
            expect(tail).toBeLessThanOrEqual(last + 1e-9);
            expect(tail).toBeGreaterThan(0);
            last = tail;
          }
          const high = Math.min(n, Math.ceil(n * p * 2 + 3));
          expect(betaBinomialTail(high, n, p, 0.5)).toBeGreaterThanOrEqual(
            betaBinomialTail(high, n, p, 0) * 0.999,
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the normal distribution', () => {
  it('has its known tails', () => {
    expect(normalTail(0)).toBe(0.5);
    expect(normalTail(1.959964)).toBeCloseTo(0.025, 6);
    expect(normalTail(5) / 2.866516e-7).toBeCloseTo(1, 5);
    expect(normalTail(-1)).toBeCloseTo(0.841345, 6);
  });
});

describe('benjaminiHochberg', () => {
  it('passes the largest p below its line', () => {
    // Benjamini and Hochberg (1995), their example: 4 of 15 pass at 0.05
    const p = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
      0.759, 1,
    ];
    expect(benjaminiHochberg(p, 0.05)).toBe(0.0095);
  });

  it('passes nothing above Bonferroni where nothing stands out', () => {
    expect(benjaminiHochberg([0.4, 0.6, 0.9], 0.05)).toBeCloseTo(0.05 / 3);
  });
});

describe('overdispersion', () => {
  const uniform = (i: number, salt: number) => (((Math.sin(i * 12.9898 + salt) * 43758.5453) % 1) + 1) % 1;
  const normal = (i: number) =>
    Math.sqrt(-2 * Math.log(1 - uniform(i, 1))) * Math.cos(2 * Math.PI * uniform(i, 2));
  const people = (spread: number) =>
    Array.from({ length: 2000 }, (_, i) => 40 * (1 + spread * normal(i)) + Math.sqrt(40) * normal(i + 5000));
  const spreadOf = (observed: number[]) => {
    const forty = new Float64Array(observed.length).fill(40);
    return overdispersion(Float64Array.from(observed), forty, forty);
  };

  it('is nothing where chance explains everything', () => {
    expect(spreadOf(people(0))).toBeLessThan(0.05);
  });

  it('finds how much people differ', () => {
    expect(spreadOf(people(0.4))).toBeCloseTo(0.4, 1);
  });

  it('does not follow a few who stand out', () => {
    const crowd = people(0.2);
    const thieves = Array.from({ length: 100 }, () => 400);
    expect(spreadOf([...crowd, ...thieves])).toBeLessThan(spreadOf(crowd) * 1.35);
  });
});
