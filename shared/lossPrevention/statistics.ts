/** Natural logarithm of the gamma function for x > 0 (Lanczos, g = 7, n = 9; relative error below 1e-13). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x + 6.5;
  let sum = lanczos[0]!;
  for (let i = 1; i < lanczos.length; i++) sum += lanczos[i]! / (x - 1 + i);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);
const logChoose = (n: number, k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/**
 * P(X >= x) of a beta-binomial with n trials, mean rate p (0 < p < 1) and relative deviation `tau` of the rate between
 * people (variance of the rate = tau² p²). With tau = 0 it is the binomial. Never below 1e-300.
 */
export function betaBinomialTail(x: number, n: number, p: number, tau: number): number {
  if (x <= 0) return 1;
  if (x > n || p <= 0) return 1e-300;
  if (p >= 1) return 1;
  const size = tau > 0 ? (1 - p) / (tau * tau * p) - 1 : 1e9;
  const strength = Math.min(1e9, Math.max(1e-3, size));
  const a = p * strength;
  const b = (1 - p) * strength;
  const lower = x < p * n;
  const start = lower ? x - 1 : x;
  let term = Math.exp(logChoose(n, start) + logBeta(start + a, n - start + b) - logBeta(a, b));
  let sum = term;
  if (lower) {
    for (let k = start; k > 0 && term > sum * 1e-12; k--) {
      term *= (k * (n - k + b)) / ((n - k + 1) * (k - 1 + a));
      sum += term;
    }
    return Math.min(1, Math.max(0, 1 - sum));
  }
  for (let k = start; k < n && term > sum * 1e-12; k++) {
    term *= ((n - k) * (k + a)) / ((k + 1) * (n - k - 1 + b));
    sum += term;
  }
  return Math.min(1, Math.max(1e-300, sum));
}

/** Upper tail of the standard normal, P(Z >= z) (continued fraction for z > 3, else complementary error function by series; relative error below 1e-7). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  if (z > 3) {
    let fraction = z;
    for (let k = 60; k > 0; k--) fraction = z + k / fraction;
    return Math.max(1e-300, density / fraction);
  }
  let term = z;
  let sum = z;
  for (let k = 1; k < 100 && term > 1e-17; k++) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 - density * sum;
}

/**
 * The largest p that Benjamini–Hochberg (1995) passes at rate q out of `count` tests, given the p values in any order;
 * q / count (the first step) when none passes.
 */
export function benjaminiHochberg(values: ArrayLike<number>, q: number, count = values.length): number {
  const sorted = Float64Array.from(values).sort();
  for (let i = sorted.length - 1; i >= 0; i--) if (sorted[i]! <= (q * (i + 1)) / count) return sorted[i]!;
  return q / Math.max(1, count);
}

/**
 * Relative deviation of people's own rates around what is expected of them, beyond chance: the additive model of
 * Spiegelhalter (2005, "Handling over-dispersion of performance indicators") with residuals winsorised at a tenth
 * on each side, so that the people looked for do not set the measure. What is expected and its
 * chance variance are above 0. 0 when there is no overdispersion or fewer than 10 items.
 */
export function overdispersion(
  observed: Float64Array,
  expected: Float64Array,
  variance: Float64Array,
): number {
  const count = observed.length;
  if (count < 10) return 0;
  const z = observed.map((seen, i) => (seen - expected[i]!) / Math.sqrt(variance[i]!));
  const sorted = z.slice().sort();
  const low = sorted[Math.floor(0.1 * (count - 1))]!;
  const high = sorted[Math.ceil(0.9 * (count - 1))]!;
  let phi = 0;
  let weights = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const clipped = Math.min(high, Math.max(low, z[i]!));
    phi += clipped * clipped;
    const weight = (expected[i]! * expected[i]!) / variance[i]!;
    weights += weight;
    squares += weight * weight;
  }
  // A normal deviate clipped at its deciles has mean square 0.6786.
  phi = phi / count / winsorisedSquare;
  const excess = count * phi - (count - 1);
  const scale = weights - squares / weights;
  return excess <= 0 || scale <= 0 ? 0 : Math.sqrt(excess / scale);
}

const winsorisedSquare = 0.6786;
