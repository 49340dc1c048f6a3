import { type EntityKind, entityKinds } from './entities.ts';
import {
  DAY_MS,
  DAY_WIDTH,
  DAYS_KEPT,
  findSeen,
  type History,
  type Partner,
  QUARTER_MS,
  QUARTER_WIDTH,
  SEEN_WIDTH,
} from './history.ts';

/** Features of one entity's history as of an event, in the order in which `historyValues` writes them. */
const measures = [
  'count1h',
  'count24h',
  'count7d',
  'count30d',
  'amount24h',
  'amount7d',
  'amount30d',
  'meanAmount',
  'amountRatio',
  'amountDeviation',
  'hoursSinceLast',
  'daysKnown',
  'fraudsKnown',
  'fraudsKnown14d',
  'fraudRateHalfLife7d',
  'fraudRateHalfLife30d',
  'fraudShare1d',
  'fraudShare7d',
  'fraudShare30d',
] as const;
export type HistoryMeasure = (typeof measures)[number] | 'new' | 'distinct30d';

/** What a user's history is asked about the event's other entities: known to this user, and how many there were. */
const partnersOfUser: readonly EntityKind[] = ['device', 'ip', 'payment', 'email', 'address', 'place'];
/** Kinds whose histories are asked how many users they have seen. */
const sharedKinds: readonly EntityKind[] = ['device', 'ip', 'payment', 'email', 'address'];

export interface HistoryFeature {
  kind: EntityKind;
  measure: HistoryMeasure;
  /** the other entity's kind, of `new` and `distinct30d` */
  partner?: EntityKind;
}

export const historyFeatures: readonly HistoryFeature[] = entityKinds.flatMap((kind) => [
  ...measures.map((measure) => ({ kind, measure })),
  ...(kind === 'user'
    ? partnersOfUser.flatMap((partner) => [
        { kind, measure: 'new' as const, partner },
        { kind, measure: 'distinct30d' as const, partner },
      ])
    : sharedKinds.includes(kind)
      ? [{ kind, measure: 'distinct30d' as const, partner: 'user' as const }]
      : []),
]);

/**
 * A label is counted on to be known after this many days; counts of younger events are kept out of the fraud rates' denominators
 * (except those already known to be fraud), or every entity would look safer than it is.
 */
export const MATURE_DAYS = 7;

/** Fraud rates are smoothed towards this rate as if this many events had shown it. */
const PRIOR_RATE = 0.005;
const PRIOR_EVENTS = 5;

/** Weights by age in days: half after 7, half after 30. */
const FAST_DECAY = Array.from({ length: DAYS_KEPT }, (_, age) => 2 ** (-age / 7));
const SLOW_DECAY = Array.from({ length: DAYS_KEPT }, (_, age) => 2 ** (-age / 30));

/** Lengths of the windows, ending when labels are known, over which the plain fraud share is taken. */
const SHARE_DAYS = [1, 7, 30];

function distinctSince(seen: readonly number[], kind: number, day: number): number {
  let count = 0;
  for (let at = 0; at < seen.length; at += SEEN_WIDTH)
    if (seen[at + 1] === kind && seen[at + 2]! > day) count++;
  return count;
}

/**
 * Writes the features of one entity's history, as of an event at `at` of `amount`, into `out` from `start`; gives where the next
 * ones go. Windows of hours count in quarters of an hour, windows of days in UTC days and a part of the last. An entity the
 * event does not name gives NaN throughout; one never seen before gives counts of 0.
 */
export function historyValues(
  kind: EntityKind,
  history: History | undefined,
  at: number,
  amount: number,
  partners: readonly Partner[],
  out: Float32Array,
  start: number,
): number {
  const asked = kind === 'user' ? partnersOfUser : sharedKinds.includes(kind) ? (['user'] as const) : [];
  const end = start + measures.length + (kind === 'user' ? 2 : 1) * asked.length;
  if (history === undefined) {
    out.fill(Number.NaN, start, end);
    return end;
  }
  const today = Math.floor(at / DAY_MS);
  const elapsed = at / DAY_MS - today;
  const quarter = Math.floor(at / QUARTER_MS);
  let count1h = 0;
  let count24h = 0;
  let amount24h = 0;
  const { quarters, days, seen } = history;
  for (let i = 0; i < quarters.length; i += QUARTER_WIDTH) {
    const age = quarter - quarters[i]!;
    if (age < 96) {
      count24h += quarters[i + 1]!;
      amount24h += quarters[i + 2]!;
    }
    if (age < 4) count1h += quarters[i + 1]!;
  }
  let count7d = 0;
  let count30d = 0;
  let amount7d = 0;
  let amount30d = 0;
  let count = 0;
  let sum = 0;
  let squares = 0;
  let frauds = 0;
  let frauds14d = 0;
  let fastFrauds = 0;
  let fastEvents = 0;
  let slowFrauds = 0;
  let slowEvents = 0;
  const shareFrauds = [0, 0, 0];
  const shareEvents = [0, 0, 0];
  for (let i = 0; i < days.length; i += DAY_WIDTH) {
    const age = today - days[i]!;
    const events = days[i + 1]!;
    const dayAmount = days[i + 2]!;
    const dayFrauds = Math.max(0, days[i + 4]!);
    count += events;
    sum += dayAmount;
    squares += days[i + 3]!;
    frauds += dayFrauds;
    if (age < 14) frauds14d += dayFrauds;
    // Of the day at a window's far end, the part counts that still lies inside: as if its events were spread evenly.
    const in7d = age < 7 ? 1 : age === 7 ? 1 - elapsed : 0;
    const in30d = age < 30 ? 1 : age === 30 ? 1 - elapsed : 0;
    count7d += in7d * events;
    amount7d += in7d * dayAmount;
    count30d += in30d * events;
    amount30d += in30d * dayAmount;
    const matureShare = age > MATURE_DAYS ? 1 : age === MATURE_DAYS ? elapsed : 0;
    const mature = Math.max(matureShare * events, dayFrauds);
    // Days ahead of the event (it came late) count as today.
    const fast = FAST_DECAY[Math.max(0, age)] ?? 0;
    const slow = SLOW_DECAY[Math.max(0, age)] ?? 0;
    fastFrauds += fast * dayFrauds;
    fastEvents += fast * mature;
    slowFrauds += slow * dayFrauds;
    slowEvents += slow * mature;
    if (matureShare > 0) {
      for (let window = 0; window < SHARE_DAYS.length; window++) {
        const end = MATURE_DAYS + SHARE_DAYS[window]!;
        const inside = age < end ? 1 : age === end ? 1 - elapsed : 0;
        shareFrauds[window]! += inside * dayFrauds;
        shareEvents[window]! += inside * mature;
      }
    }
  }
  const mean = count > 0 ? sum / count : Number.NaN;
  const spread = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const smoothed = (some: number, all: number) => (some + PRIOR_EVENTS * PRIOR_RATE) / (all + PRIOR_EVENTS);
  const values = [
    count1h,
    count24h,
    count7d,
    count30d,
    amount24h,
    amount7d,
    amount30d,
    mean,
    mean > 0 ? amount / mean : Number.NaN,
    // The floor under the spread keeps a customer who always pays the same from looking wild at the first cent more.
    count > 1 ? (amount - mean) / Math.max(spread, 0.05 * Math.abs(mean), 0.01) : Number.NaN,
    (at - history.last) / 3_600_000,
    (at - history.first) / DAY_MS,
    frauds,
    frauds14d,
    smoothed(fastFrauds, fastEvents),
    smoothed(slowFrauds, slowEvents),
    smoothed(shareFrauds[0]!, shareEvents[0]!),
    smoothed(shareFrauds[1]!, shareEvents[1]!),
    smoothed(shareFrauds[2]!, shareEvents[2]!),
  ];
  out.set(values, start);
  let next = start + measures.length;
  for (const partnerKind of asked) {
    const index = entityKinds.indexOf(partnerKind);
    const partner = partners.find((one) => one.kind === index);
    if (kind === 'user')
      out[next++] = partner === undefined ? Number.NaN : findSeen(seen, partner) < 0 ? 1 : 0;
    out[next++] = distinctSince(seen, index, today - 30);
  }
  return next;
}
