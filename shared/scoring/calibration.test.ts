import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CalibrationError, calibrate, probabilityOf, scoreOf, scoreOfRate } from './calibration.ts';
import { normal, randomSource } from './trees/random.ts';

function holdOut(rows: number, seed: number) {
  const random = randomSource(seed);
  const labels = Uint8Array.from({ length: rows }, (_, i) => (i % 50 === 0 ? 1 : 0));
  return { labels, logits: Float64Array.from(labels, (label) => -5 + 4 * label + 1.5 * normal(random)) };
}

describe('the score', () => {
  it('means the share of good traffic at or above it', () => {
    const { logits, labels } = holdOut(50_000, 1);
    const calibration = calibrate(logits, labels);
    const fresh = holdOut(200_000, 2);
    const good = Float64Array.from(
      fresh.logits.filter((_, i) => fresh.labels[i] === 0),
      (logit) => scoreOf(calibration, logit),
    );
    const share = (score: number) => good.filter((s) => s >= score).length / good.length;
    expect(share(250)).toBeCloseTo(0.1, 2);
    expect(share(500) / 0.01).toBeGreaterThan(0.85);
    expect(share(500) / 0.01).toBeLessThan(1.15);
    // 700 is 0.16 % of good traffic: within the noise of the 78 hold-out rows that lie there.
    expect(share(700) / 10 ** -2.8).toBeGreaterThan(0.7);
    expect(share(700) / 10 ** -2.8).toBeLessThan(1.4);
  });

  it('is 250 at 10 %, 500 at 1 %, 750 at 0.1 %, and ends at 0 and 999', () => {
    expect([1, 0.1, 0.01, 0.001, 1e-4, 0].map(scoreOfRate)).toEqual([0, 250, 500, 750, 999, 999]);
  });

  it('never falls as the logit rises, nor does the probability, whatever the hold-out', () => {
    const anyHoldOut = fc
      .array(
        fc.tuple(
          fc.oneof(fc.double({ min: -20, max: 20, noNaN: true }), fc.integer({ min: -3, max: 3 })),
          fc.boolean(),
        ),
        {
          minLength: 0,
          maxLength: 80,
        },
      )
      .map((rows) => [...rows, ...Array.from({ length: 60 }, (_, i) => [i % 7, false] as const)]);
    fc.assert(
      fc.property(anyHoldOut, fc.array(fc.double({ min: -50, max: 50, noNaN: true })), (rows, probes) => {
        const calibration = calibrate(
          rows.map(([logit]) => logit),
          Uint8Array.from(rows, ([, fraud]) => (fraud ? 1 : 0)),
        );
        const sorted = [...probes, ...rows.map(([logit]) => logit)].sort((a, b) => a - b);
        const scores = sorted.map((logit) => scoreOf(calibration, logit));
        const probabilities = sorted.map((logit) => probabilityOf(calibration, logit));
        for (let i = 0; i < sorted.length; i++) {
          expect(Number.isInteger(scores[i])).toBe(true);
          expect(scores[i]).toBeGreaterThanOrEqual(i === 0 ? 0 : scores[i - 1]!);
          expect(scores[i]).toBeLessThanOrEqual(999);
          if (i > 0) expect(probabilities[i]).toBeGreaterThanOrEqual(probabilities[i - 1]!);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('counts tied rows at their own logit, so that no threshold flags more than it says', () => {
    const logits = Float64Array.from({ length: 1000 }, (_, i) => (i < 900 ? -3 : i < 980 ? 0 : 2));
    const calibration = calibrate(logits, new Uint8Array(1000));
    expect(scoreOf(calibration, -3)).toBe(0);
    expect(scoreOf(calibration, 0)).toBe(250);
    expect(scoreOf(calibration, 2)).toBe(scoreOfRate(0.02));
    expect(scoreOf(calibration, 30)).toBe(999);
  });

  it('keeps frauds apart that lie beyond every legitimate row', () => {
    const { logits, labels } = holdOut(2000, 3);
    const calibration = calibrate(logits, labels);
    const top = Math.max(...logits.filter((_, i) => labels[i] === 0));
    expect(scoreOf(calibration, top + 0.5)).toBeGreaterThan(scoreOf(calibration, top));
  });
});

describe('the probability', () => {
  it('has the mean of the labels and follows the true odds', () => {
    const random = randomSource(5);
    const logits = Float64Array.from({ length: 40_000 }, () => -4 + 2 * normal(random));
    // The model overstates: the true logit is 0.7 z − 1.
    const labels = Uint8Array.from(logits, (z) => (random() < 1 / (1 + Math.exp(1 - 0.7 * z)) ? 1 : 0));
    const { slope, intercept } = calibrate(logits, labels);
    expect(slope).toBeCloseTo(0.7, 1);
    expect(intercept).toBeCloseTo(-1, 0);
  });
});

describe('a hold-out that is hostile', () => {
  it('is refused with its reason', () => {
    expect(() => calibrate([1, 2], Uint8Array.of(0, 1))).toThrow(CalibrationError);
    expect(() => calibrate(new Float64Array(60).fill(Number.NaN), new Uint8Array(60))).toThrow(/row 0/);
    expect(() => calibrate([1], new Uint8Array(2))).toThrow(/1 logits for 2 labels/);
  });

  it('without frauds, or with all logits equal, gives finite numbers', () => {
    const same = calibrate(new Float64Array(100).fill(2), new Uint8Array(100));
    expect(scoreOf(same, 2)).toBe(0);
    expect(probabilityOf(same, 2)).toBeLessThan(0.05);
    expect(Number.isFinite(probabilityOf(same, -2))).toBe(true);
  });
});
