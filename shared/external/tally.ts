/** Counts of one call in one stretch of time: what is added up in memory, kept in a row, and merged when read. */
import { joinText, type Row, splitText } from '../storage/index.ts';
import { add, type Histogram, mergeInto, read, write } from './histogram.ts';

export interface Sample {
  /** when it ended, in milliseconds since 1970 */
  at: number;
  /** `Success` or the kind of the error */
  status: string;
  httpStatusCode: number;
  latencyMs: number;
  /** false: the breaker kept it back, so that its latency says nothing of the target */
  sent: boolean;
  rule: string;
  clause: string;
}

export interface Tally {
  requests: number;
  successes: number;
  /** of those that were sent, as are the latencies */
  latencySum: number;
  latencyMax: number;
  latencies: Histogram;
  /** `kind|code` to count */
  errors: Map<string, number>;
  /** by JSON of [rule, clause] */
  rules: Map<string, { requests: number; errors: Map<string, number> }>;
}

/** More places than this are added up under one with empty names, so that a row stays a row. */
const placeLimit = 200;

export function newTally(): Tally {
  return {
    requests: 0,
    successes: 0,
    latencySum: 0,
    latencyMax: 0,
    latencies: new Map(),
    errors: new Map(),
    rules: new Map(),
  };
}

export function count(tally: Tally, sample: Sample): void {
  tally.requests += 1;
  if (sample.sent) {
    tally.latencySum += sample.latencyMs;
    tally.latencyMax = Math.max(tally.latencyMax, sample.latencyMs);
    add(tally.latencies, sample.latencyMs);
  }
  const place = placeOf(tally, JSON.stringify([sample.rule, sample.clause]));
  place.requests += 1;
  if (sample.status === 'Success') {
    tally.successes += 1;
    return;
  }
  const error = `${sample.status}|${sample.httpStatusCode}`;
  increase(tally.errors, error, 1);
  increase(place.errors, error, 1);
}

/** Adds `other` to `tally`. */
export function merge(tally: Tally, other: Tally): void {
  tally.requests += other.requests;
  tally.successes += other.successes;
  tally.latencySum += other.latencySum;
  tally.latencyMax = Math.max(tally.latencyMax, other.latencyMax);
  mergeInto(tally.latencies, other.latencies);
  for (const [error, times] of other.errors) increase(tally.errors, error, times);
  for (const [key, { requests, errors }] of other.rules) {
    const place = placeOf(tally, key);
    place.requests += requests;
    for (const [error, times] of errors) increase(place.errors, error, times);
  }
}

/** The properties of a row. */
export function toRow(tally: Tally): Record<string, string | number> {
  const rules = [...tally.rules].map(([key, { requests, errors }]) => [key, requests, [...errors]]);
  return {
    requests: tally.requests,
    successes: tally.successes,
    latencySum: tally.latencySum,
    latencyMax: tally.latencyMax,
    latencies: write(tally.latencies),
    ...splitText('detail', JSON.stringify({ errors: [...tally.errors], rules })),
  };
}

/** The reverse of `toRow`. */
export function fromRow(row: Row): Tally {
  const number = (value: unknown) => (typeof value === 'number' ? value : 0);
  const detail: { errors: [string, number][]; rules: [string, number, [string, number][]][] } = JSON.parse(
    joinText('detail', row) ?? '{"errors":[],"rules":[]}',
  );
  return {
    requests: number(row.requests),
    successes: number(row.successes),
    latencySum: number(row.latencySum),
    latencyMax: number(row.latencyMax),
    latencies: read(typeof row.latencies === 'string' ? row.latencies : ''),
    errors: new Map(detail.errors),
    rules: new Map(
      detail.rules.map(([key, requests, errors]) => [key, { requests, errors: new Map(errors) }]),
    ),
  };
}

function placeOf(tally: Tally, key: string): { requests: number; errors: Map<string, number> } {
  const known = tally.rules.get(key);
  if (known) return known;
  const free = tally.rules.size < placeLimit ? key : '["",""]';
  const place = tally.rules.get(free) ?? { requests: 0, errors: new Map() };
  tally.rules.set(free, place);
  return place;
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
