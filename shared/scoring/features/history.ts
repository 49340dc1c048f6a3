/**
 * What is remembered of one entity (a user, a device, a card …): an immutable value. Arrays are flat, ascending by
 * their first member, and at most a few hundred numbers long, however busy the entity is.
 */
export interface History {
  /** first and last event, milliseconds since 1970; NaN before the first */
  readonly first: number;
  readonly last: number;
  /** of each UTC day with events: day number, events, sum of amounts, sum of their squares, events known to be fraud */
  readonly days: Float64Array;
  /** of each quarter of an hour with events: number since 1970, events, sum of amounts */
  readonly quarters: Float64Array;
  /** other entities seen with this one: 32-bit hash, number of their kind, day last seen */
  readonly seen: Float64Array;
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
  days: new Float64Array(),
  quarters: new Float64Array(),
  seen: new Float64Array(),
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
  records: Float64Array,
  width: number,
  added: readonly number[],
  oldest: number,
): Float64Array {
  const key = added[0]!;
  if (key < oldest) return dropBefore(records, width, oldest);
  const kept = dropBefore(records, width, oldest);
  let at = kept.length;
  while (at > 0 && kept[at - width]! > key) at -= width;
  if (at > 0 && kept[at - width] === key) {
    const result = kept === records ? kept.slice() : kept;
    for (let i = 1; i < width; i++) result[at - width + i] = result[at - width + i]! + added[i]!;
    return result;
  }
  const result = new Float64Array(kept.length + width);
  result.set(kept.subarray(0, at));
  result.set(added, at);
  result.set(kept.subarray(at), at + width);
  return result;
}

function dropBefore(records: Float64Array, width: number, oldest: number): Float64Array {
  let start = 0;
  while (start < records.length && records[start]! < oldest) start += width;
  return start === 0 ? records : records.slice(start);
}

const later = (a: number, b: number) => (Number.isNaN(a) ? b : Math.max(a, b));
const earlier = (a: number, b: number) => (Number.isNaN(a) ? b : Math.min(a, b));

function addSeen(seen: Float64Array, partners: readonly Partner[], day: number): Float64Array {
  let result = seen;
  for (const { hash, kind } of partners) {
    const at = findSeen(result, { hash, kind });
    if (at < 0) {
      const grown = new Float64Array(result.length + SEEN_WIDTH);
      grown.set(result);
      grown.set([hash, kind, day], result.length);
      result = grown;
    } else if (result[at + 2]! < day) {
      result = result.slice();
      result[at + 2] = day;
    }
  }
  return result === seen ? seen : orderSeen(result);
}

/** Where a partner's record begins, or −1. */
export function findSeen(seen: Float64Array, partner: Partner): number {
  for (let at = 0; at < seen.length; at += SEEN_WIDTH)
    if (seen[at] === partner.hash && seen[at + 1] === partner.kind) return at;
  return -1;
}

/** Sorted by hash and kind, the latest only: one form for one content, however it came about. */
function orderSeen(seen: Float64Array): Float64Array {
  let records: [number, number, number][] = [];
  for (let at = 0; at < seen.length; at += SEEN_WIDTH)
    records.push([seen[at]!, seen[at + 1]!, seen[at + 2]!]);
  const byKey = (a: readonly number[], b: readonly number[]) => a[0]! - b[0]! || a[1]! - b[1]!;
  if (records.length > SEEN_KEPT)
    records = records.sort((a, b) => b[2] - a[2] || byKey(a, b)).slice(0, SEEN_KEPT);
  return Float64Array.from(records.sort(byKey).flat());
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

function mergeRecords(a: Float64Array, b: Float64Array, width: number, oldest: number): Float64Array {
  let result = dropBefore(a, width, oldest);
  for (let at = 0; at < b.length; at += width)
    result = addRecord(result, width, Array.from(b.subarray(at, at + width)), oldest);
  return result;
}

/** The history of all events of both: for events that were counted apart (shards, import beside live). */
export function mergeHistories(a: History, b: History): History {
  const last = Number.isNaN(b.last) ? a.last : later(a.last, b.last);
  const seen = new Float64Array(a.seen.length + b.seen.length);
  seen.set(a.seen);
  let length = a.seen.length;
  for (let at = 0; at < b.seen.length; at += SEEN_WIDTH) {
    const partner = { hash: b.seen[at]!, kind: b.seen[at + 1]! };
    const found = findSeen(seen.subarray(0, a.seen.length), partner);
    if (found >= 0) seen[found + 2] = Math.max(seen[found + 2]!, b.seen[at + 2]!);
    else {
      seen.set(b.seen.subarray(at, at + SEEN_WIDTH), length);
      length += SEEN_WIDTH;
    }
  }
  return {
    first: Number.isNaN(b.first) ? a.first : earlier(a.first, b.first),
    last,
    days: mergeRecords(a.days, b.days, DAY_WIDTH, Math.floor(last / DAY_MS) - DAYS_KEPT + 1),
    quarters: mergeRecords(
      a.quarters,
      b.quarters,
      QUARTER_WIDTH,
      Math.floor(last / QUARTER_MS) - QUARTERS_KEPT + 1,
    ),
    seen: orderSeen(seen.subarray(0, length)),
  };
}
