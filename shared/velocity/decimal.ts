/** `units` × 10^-`scale`, exactly. */
export interface Decimal {
  units: bigint;
  scale: number;
}

const largestScale = 20;
const shortestForm = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * The decimal that a number is written as, so that sums are those of the amounts as people read them (0.7 + 0.1 is 0.8),
 * in whatever order they are added. Exact to 20 decimals, rounded beyond. Throws a RangeError for NaN and infinities.
 */
export function decimalOf(value: number): Decimal {
  const [, sign, whole, fraction = '', exponent = '0'] = shortestForm.exec(String(value)) ?? [];
  if (whole === undefined) throw new RangeError(`${value} is no finite number`);
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  if (scale < 0) return { units: digits * 10n ** BigInt(-scale), scale: 0 };
  if (scale <= largestScale) return { units: digits, scale };
  const excess = scale - largestScale;
  const divisor = 10n ** BigInt(excess);
  const half = digits < 0n ? -divisor / 2n : divisor / 2n;
  return { units: (digits + half) / divisor, scale: largestScale };
}

/** The units of a decimal at another, not smaller scale. */
export function unitsAt(scale: number, decimal: Decimal): bigint {
  return scale === decimal.scale ? decimal.units : decimal.units * 10n ** BigInt(scale - decimal.scale);
}

/** The nearest number; the largest finite one where it would be infinite. */
export function numberOf(decimal: Decimal): number {
  const value = Number(`${decimal.units}e-${decimal.scale}`);
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}
