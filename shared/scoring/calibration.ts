/**
 * What turns a model's logit into the score and the probability. Knots ascend in both arrays: `logits` distinct,
 * `falsePositiveRates` falling.
 */
export interface Calibration {
  logits: number[];
  /** share of the legitimate rows whose logit is at least the knot's */
  falsePositiveRates: number[];
  /** mean excess of legitimate logits over the last knot: the scale of the exponential tail beyond it */
  tailScale: number;
  /** probability = 1 / (1 + exp(−(slope · logit + intercept))) */
  slope: number;
  intercept: number;
}

/** The highest score. */
export const MAX_SCORE = 999;

/** Knots of the empirical curve; between two of them the rate falls by at most about 3 %. */
const KNOTS = 256;

/** Beyond this many of the highest legitimate rows the empirical rate is too coarse and the tail is fitted. */
const TAIL_ROWS = 20;

/** Rows that no calibration can be learnt from; the message says why. */
export class CalibrationError extends Error {}

/**
 * Learns the calibration from logits that trees gave to rows which they were not grown on. The false-positive rate is the empirical one,
 * ties included (a row counts at its own logit), down to the 20 highest legitimate rows; beyond them it falls
 * exponentially at their mean excess, as the tail of a logit does. The probability is Platt's (Platt 1999, with his
 * smoothed targets; Newton steps): two parameters, because a merchant may have tens of frauds and isotonic
 * regression needs hundreds. Throws CalibrationError.
 */
export function calibrate(logits: ArrayLike<number>, labels: Uint8Array): Calibration {
  if (logits.length !== labels.length)
    throw new CalibrationError(`${logits.length} logits for ${labels.length} labels.`);
  for (let row = 0; row < logits.length; row++)
    if (!Number.isFinite(logits[row]!)) throw new CalibrationError(`The logit of row ${row} is no number.`);
  const legitimate = Float64Array.from(logits)
    .filter((_, row) => labels[row] === 0)
    .sort();
  const count = legitimate.length;
  if (count < 50) throw new CalibrationError(`${count} of the rows are legitimate; a calibration needs 50.`);
  const tailRows = Math.min(TAIL_ROWS, Math.floor(count / 10));
  const tailStart = legitimate[count - tailRows]!;

  const knotLogits: number[] = [];
  const rates: number[] = [];
  let lastRate = Number.POSITIVE_INFINITY;
  const shrink = (tailRows / count) ** (1 / KNOTS);
  for (let i = 0; i < count; i++) {
    const logit = legitimate[i]!;
    if (logit > tailStart) break;
    if (i > 0 && legitimate[i - 1] === logit) continue;
    const rate = (count - i) / count;
    if (rate > lastRate * shrink && logit !== tailStart) continue;
    knotLogits.push(logit);
    rates.push(rate);
    lastRate = rate;
  }
  let excess = 0;
  let beyond = 0;
  for (let i = count - 1; i >= 0 && legitimate[i]! > tailStart; i--) {
    excess += legitimate[i]! - tailStart;
    beyond++;
  }
  // Where all of the tail is one tied value, or nearly, nothing is known of what lies beyond: the scale of the whole.
  const spread = legitimate[count - 1]! - legitimate[Math.floor(count / 2)]!;
  const tailScale = beyond > 0 && excess > 0 ? excess / beyond : Math.max(spread / Math.log(count), 1e-3);
  return { logits: knotLogits, falsePositiveRates: rates, tailScale, ...platt(logits, labels) };
}

/** Share of legitimate traffic with at least this logit, above 0 to 1; falls as the logit rises. */
export function falsePositiveRate(calibration: Calibration, logit: number): number {
  const { logits, falsePositiveRates: rates } = calibration;
  const last = logits.length - 1;
  if (logit <= logits[0]!) return rates[0]!;
  if (logit >= logits[last]!) {
    return rates[last]! * Math.exp(-(logit - logits[last]!) / calibration.tailScale);
  }
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (logits[middle]! <= logit) low = middle;
    else high = middle;
  }
  const share = (logit - logits[low]!) / (logits[high]! - logits[low]!);
  // On the scale of the score, the logarithm; a straight line between knots keeps it monotone.
  return Math.exp((1 - share) * Math.log(rates[low]!) + share * Math.log(rates[high]!));
}

/**
 * The score of a false-positive rate: min(999, round(−250 · log10(rate))). 250 is 10 % of good traffic, 500 1 %, 750
 * 0.1 %.
 */
export function scoreOfRate(rate: number): number {
  // "+ 0" because the logarithm of 1 gives −0.
  return Math.max(0, Math.min(MAX_SCORE, Math.round(-250 * Math.log10(rate)))) + 0;
}

/** The score of a logit, an integer from 0 to 999, never falling as the logit rises. */
export function scoreOf(calibration: Calibration, logit: number): number {
  return scoreOfRate(falsePositiveRate(calibration, logit));
}

/** The calibrated probability of fraud at a logit, never falling as the logit rises. */
export function probabilityOf(calibration: Calibration, logit: number): number {
  return 1 / (1 + Math.exp(-(calibration.slope * logit + calibration.intercept)));
}

/** Platt scaling: the slope is kept from falling below a thousandth, so that order is kept. */
function platt(logits: ArrayLike<number>, labels: Uint8Array): { slope: number; intercept: number } {
  const rows = labels.length;
  let frauds = 0;
  for (let row = 0; row < rows; row++) frauds += labels[row]!;
  const high = (frauds + 1) / (frauds + 2);
  const low = 1 / (rows - frauds + 2);
  const loss = (slope: number, intercept: number) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const z = slope * logits[row]! + intercept;
      const target = labels[row] === 1 ? high : low;
      sum += Math.max(z, 0) - z * target + Math.log1p(Math.exp(-Math.abs(z)));
    }
    return sum;
  };
  let slope = 1;
  let intercept = 0;
  let current = loss(slope, intercept);
  for (let step = 0; step < 100; step++) {
    // The tiny ridge keeps the step finite where all logits are equal.
    let g0 = 0;
    let g1 = 0;
    let h00 = 1e-9;
    let h01 = 0;
    let h11 = 1e-9;
    for (let row = 0; row < rows; row++) {
      const logit = logits[row]!;
      const p = 1 / (1 + Math.exp(-(slope * logit + intercept)));
      const residual = p - (labels[row] === 1 ? high : low);
      const w = p * (1 - p);
      g0 += residual * logit;
      g1 += residual;
      h00 += w * logit * logit;
      h01 += w * logit;
      h11 += w;
    }
    const determinant = h00 * h11 - h01 * h01;
    const stepSlope = (h11 * g0 - h01 * g1) / determinant;
    const stepIntercept = (h00 * g1 - h01 * g0) / determinant;
    let size = 1;
    let next = current;
    while (size > 1e-10) {
      next = loss(slope - size * stepSlope, intercept - size * stepIntercept);
      if (next < current) break;
      size /= 2;
    }
    if (!(next < current)) break;
    slope -= size * stepSlope;
    intercept -= size * stepIntercept;
    const gain = current - next;
    current = next;
    if (gain < 1e-12 * Math.max(1, current)) break;
  }
  if (slope < 1e-3) {
    const rate = Math.min(Math.max(frauds / rows, low), high);
    return { slope: 1e-3, intercept: Math.log(rate / (1 - rate)) };
  }
  return { slope, intercept };
}
