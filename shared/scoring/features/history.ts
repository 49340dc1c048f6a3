/**
 * What is remembered of one entity (a user, a device, a card …): an immutable value. Arrays are flat, ascending by
 * their first member, and at most a few hundred numbers long, however busy the entity is. (Plain arrays of numbers:
 * copying one is several times cheaper than copying a typed array of this size.)
 */
export interface History {
  /** first and last event, milliseconds since 1970; NaN before the first */
  readonly first: number;
  readonly last: number;
  /** of each UTC day with events: day number, events, sum of amounts, sum of their squares, events known to be fraud */
  readonly days: readonly number[];
  /** of each quarter of an hour with events: number since 1970, events, sum of amounts */
  readonly quarters: readonly number[];
  /** other entities seen with this one: 32-bit hash, number of their kind, day last seen */
  readonly seen: readonly number[];
}

export const DAY_WIDTH = 5;
export const QUARTER_WIDTH = 3;
export const SEEN_WIDTH = 3;

/** Days and quarters of an hour that are kept, counted back from the last event. */
export const DAYS_KEPT = 60;
export const QUARTERS_KEPT = 96;
/** Other entities that are remembered: the latest ones. */
export const SEEN_KEPT = 64;

export const DAY_MS = 86_400_000;
export const QUARTER_MS = 900_000;

export const emptyHistory: History = {
  first: Number.NaN,
  last: Number.NaN,
  days: [],
  quarters: [],
  seen: [],
};

/** Another entity that an event shows together with this one. */
export interface Partner {
  /** index in `entityKinds` */
  kind: number;
  hash: number;
}

/** A 32-bit hash of a key (FNV-1a, Fowler, Noll and Vo, over UTF-16 units). */
export function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ (key.charCodeAt(i) & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (key.charCodeAt(i) >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

/** Adds `added` (its first member the key) into flat records of `width` numbers that ascend by key. */
function addRecord(
  records: readonly number[],
  width: number,
  added: readonly number[],
  oldest: number,
): readonly number[] {
  const key = added[0]!;
  const kept = dropBefore(records, width, oldest);
  if (key < oldest) return kept;
  let at = kept.length;
  while (at > 0 && kept[at - width]! > key) at -= width;
  const result = kept.slice();
  if (at > 0 && kept[at - width] === key)
    for (let i = 1; i < width; i++) result[at - width + i] = result[at - width + i]! + added[i]!;
  else if (at === kept.length) result.push(...added);
  else result.splice(at, 0, ...added);
  return result;
}

function dropBefore(records: readonly number[], width: number, oldest: number): readonly number[] {
  let start = 0;
  while (start < records.length && records[start]! < oldest) start += width;
  return start === 0 ? records : records.slice(start);
}

const later = (a: number, b: number) => (Number.isNaN(a) ? b : Math.max(a, b));
const earlier = (a: number, b: number) => (Number.isNaN(a) ? b : Math.min(a, b));

/** Where a partner's record begins, or where it would have to: records ascend by hash and kind. */
function placeOf(seen: readonly number[], { hash, kind }: Partner): number {
  let at = 0;
  while (at < seen.length && (seen[at]! < hash || (seen[at] === hash && seen[at + 1]! < kind)))
    at += SEEN_WIDTH;
  return at;
}

/** Where a partner's record begins, or −1. */
export function findSeen(seen: readonly number[], partner: Partner): number {
  const at = placeOf(seen, partner);
  return seen[at] === partner.hash && seen[at + 1] === partner.kind ? at : -1;
}

function addSeen(seen: readonly number[], partners: readonly Partner[], day: number): readonly number[] {
  let result = seen;
  for (const partner of partners) {
    const at = placeOf(result, partner);
    const known = result[at] === partner.hash && result[at + 1] === partner.kind;
    if (known && result[at + 2]! >= day) continue;
    const changed = result.slice();
    if (known) changed[at + 2] = day;
    else changed.splice(at, 0, partner.hash, partner.kind, day);
    result = changed;
  }
  return result.length > SEEN_KEPT * SEEN_WIDTH ? latestSeen(result) : result;
}

/** The partners seen last; of those seen on the same day the first by hash and kind. */
function latestSeen(seen: readonly number[]): readonly number[] {
  const kept = seen.slice();
  while (kept.length > SEEN_KEPT * SEEN_WIDTH) {
    let oldest = 0;
    for (let at = SEEN_WIDTH; at < kept.length; at += SEEN_WIDTH)
      if (kept[at + 2]! <= kept[oldest + 2]!) oldest = at;
    kept.splice(oldest, SEEN_WIDTH);
  }
  return kept;
}

/** The history after an event of the given amount (0 where it has none) at time `at`. Events may come out of order. */
export function withEvent(
  history: History,
  at: number,
  amount: number,
  partners: readonly Partner[],
): History {
  const last = later(history.last, at);
  const day = Math.floor(at / DAY_MS);
  const quarter = Math.floor(at / QUARTER_MS);
  return {
    first: earlier(history.first, at),
    last,
    days: addRecord(
      history.days,
      DAY_WIDTH,
      [day, 1, amount, amount * amount, 0],
      Math.floor(last / DAY_MS) - DAYS_KEPT + 1,
    ),
    quarters: addRecord(
      history.quarters,
      QUARTER_WIDTH,
      [quarter, 1, amount],
      Math.floor(last / QUARTER_MS) - QUARTERS_KEPT + 1,
    ),
    seen: addSeen(history.seen, partners, day),
  };
}

/**
 * The history after it became known that `frauds` (1, or −1 where a label is taken back) of the events at time `eventAt` are
 * fraud. To be applied when the label arrives, not when the event happened. Events no longer remembered change nothing.
 */
export function withLabel(history: History, eventAt: number, frauds: number): History {
  const day = Math.floor(eventAt / DAY_MS);
  const known = Number.isNaN(history.last) ? day : Math.floor(history.last / DAY_MS);
  const oldest = known - DAYS_KEPT + 1;
  if (day < oldest) return history;
  return { ...history, days: addRecord(history.days, DAY_WIDTH, [day, 0, 0, 0, frauds], oldest) };
}

function mergeRecords(
  a: readonly number[],
  b: readonly number[],
  width: number,
  oldest: number,
): readonly number[] {
  let result = dropBefore(a, width, oldest);
  for (let at = 0; at < b.length; at += width)
    result = addRecord(result, width, b.slice(at, at + width), oldest);
  return result;
}

function mergeSeen(a: readonly number[], b: readonly number[]): readonly number[] {
  const result = a.slice();
  for (let from = 0; from < b.length; from += SEEN_WIDTH) {
    const partner = { hash: b[from]!, kind: b[from + 1]! };
    const at = placeOf(result, partner);
    if (result[at] === partner.hash && result[at + 1] === partner.kind)
      result[at + 2] = Math.max(result[at + 2]!, b[from + 2]!);
    else result.splice(at, 0, partner.hash, partner.kind, b[from + 2]!);
  }
  return result.length > SEEN_KEPT * SEEN_WIDTH ? latestSeen(result) : result;
}

/** The history of all events of both: for events that were counted apart (shards, import beside live). */
export function mergeHistories(a: History, b: History): History {
  const last = Number.isNaN(b.last) ? a.last : later(a.last, b.last);
  const oldestDay = Math.floor(last / DAY_MS) - DAYS_KEPT + 1;
  const oldestQuarter = Math.floor(last / QUARTER_MS) - QUARTERS_KEPT + 1;
  return {
    first: Number.isNaN(b.first) ? a.first : earlier(a.first, b.first),
    last,
    days: mergeRecords(a.days, b.days, DAY_WIDTH, oldestDay),
    quarters: mergeRecords(a.quarters, b.quarters, QUARTER_WIDTH, oldestQuarter),
    seen: mergeSeen(a.seen, b.seen),
  };
}
