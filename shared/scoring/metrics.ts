/** Row numbers by falling score; equal scores by row number. */
function byFallingScore(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => scores[b]! - scores[a]! || a - b,
  );
}

/**
 * Walks the distinct scores from the highest down and reports, after each, how many frauds and legitimate rows score at
 * least that much.
 */
function walkThresholds(
  scores: ArrayLike<number>,
  labels: Uint8Array,
  visit: (frauds: number, legitimate: number, score: number) => void,
): void {
  const order = byFallingScore(scores);
  let frauds = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    frauds += labels[row]!;
    if (i + 1 < order.length && scores[order[i + 1]!] === scores[row]) continue;
    visit(frauds, i + 1 - frauds, scores[row]!);
  }
}

/** Number of rows labelled 1. */
export function countFrauds(labels: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < labels.length; i++) count += labels[i]!;
  return count;
}

/** Area under the ROC curve, 0 to 1, ties counting half; NaN where a class is absent. */
export function areaUnderRoc(scores: ArrayLike<number>, labels: Uint8Array): number {
  let area = 0;
  let lastFrauds = 0;
  let lastLegitimate = 0;
  walkThresholds(scores, labels, (frauds, legitimate) => {
    area += ((legitimate - lastLegitimate) * (frauds + lastFrauds)) / 2;
    lastFrauds = frauds;
    lastLegitimate = legitimate;
  });
  return area / (lastFrauds * lastLegitimate);
}

/** Average precision, 0 to 1: precision at each distinct score, weighted by the recall it adds; NaN without frauds. */
export function averagePrecision(scores: ArrayLike<number>, labels: Uint8Array): number {
  const total = countFrauds(labels);
  let sum = 0;
  let last = 0;
  walkThresholds(scores, labels, (frauds, legitimate) => {
    sum += ((frauds - last) / total) * (frauds / (frauds + legitimate));
    last = frauds;
  });
  return total === 0 ? Number.NaN : sum;
}

/** Greatest share of the frauds caught by a threshold that flags at most `rate` of the legitimate rows. */
export function recallAtFalsePositiveRate(
  scores: ArrayLike<number>,
  labels: Uint8Array,
  rate: number,
): number {
  const total = countFrauds(labels);
  const allowed = rate * (labels.length - total);
  let caught = 0;
  walkThresholds(scores, labels, (frauds, legitimate) => {
    if (legitimate <= allowed) caught = frauds;
  });
  return caught / total;
}

/**
 * Card precision (Dal Pozzolo 2015; Fraud Detection Handbook 4.4): the k groups (cards, customers) with the highest score are
 * checked each day; the share of them that had a fraud that day, averaged over the days. Without days, all rows are one day. Where
 * a day has fewer than k groups, all of them are checked.
 */
export function precisionAtK(
  scores: ArrayLike<number>,
  labels: Uint8Array,
  groups: ArrayLike<string | number>,
  k: number,
  days?: ArrayLike<string | number>,
): number {
  const byDay = new Map<string | number, Map<string | number, { score: number; fraud: number }>>();
  for (let row = 0; row < labels.length; row++) {
    const day = days?.[row] ?? 0;
    const group = groups[row]!;
    const cards = byDay.get(day) ?? new Map<string | number, { score: number; fraud: number }>();
    byDay.set(day, cards);
    const card = cards.get(group) ?? { score: Number.NEGATIVE_INFINITY, fraud: 0 };
    cards.set(group, {
      score: Math.max(card.score, scores[row]!),
      fraud: Math.max(card.fraud, labels[row]!),
    });
  }
  let sum = 0;
  for (const cards of byDay.values()) {
    const top = [...cards.values()].sort((a, b) => b.score - a.score).slice(0, k);
    sum += top.reduce((frauds, card) => frauds + card.fraud, 0) / top.length;
  }
  return sum / byDay.size;
}
