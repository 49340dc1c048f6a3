import { createHash } from 'node:crypto';
import { encodeKey, joinBytes, type Row, type StoredRow, splitBytes } from '../storage/index.ts';
import type { Aggregate } from './aggregate.ts';
import { unitSeconds } from './window.ts';

/*
 * Table `velocities`.
 *   PartitionKey  {root environment}|{hash of the key}|{shard}: all velocities that an event gives the same key share one,
 *                 so that one transaction per distinct key applies the event
 *   RowKey        c|{velocity id}           a counter
 *                 m|{day}|{hash of the event}[|{part}]  "this event is applied here"; day is the event's, as days since
 *                 the epoch
 * Reads: a counter (point read), also several in parallel; the markers older than a day (a range), to remove them.
 */
export const tableName = 'velocities';

/** What is stored of one counter. */
export interface StoredCounter {
  aggregate: Aggregate;
  version: number;
  /** how often it was written: of two states the later one */
  revision: number;
  bytes: Uint8Array;
  etag: string;
}

export function partitionKeyOf(root: string, key: string, shard: number): string {
  // the key is personal data more often than not, and long now and then: only its hash is stored
  return `${encodeKey(root)}|${hashOf(key)}|${shard}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url');
}

export function counterKeyOf(velocity: string): string {
  return `c|${encodeKey(velocity)}`;
}

/** An event's day is part of the key, so that old markers are a range. A replay has the same, for it has the same times. */
export function markerKeyOf(event: string, at: number, part: number): string {
  return `m|${dayOf(at)}|${hashOf(event)}${part === 0 ? '' : `|${part}`}`;
}

/** The row keys of the markers of days before this time's. */
export function markersBefore(at: number): { from: string; before: string } {
  return { from: 'm|', before: `m|${dayOf(at)}` };
}

function dayOf(at: number): string {
  return String(Math.floor(at / 1000 / unitSeconds.d)).padStart(6, '0');
}

export function counterRow(partitionKey: string, rowKey: string, counter: Omit<StoredCounter, 'etag'>): Row {
  const { aggregate, version, revision, bytes } = counter;
  return { partitionKey, rowKey, aggregate, version, revision, ...splitBytes('data', bytes) };
}

export function counterOf(row: StoredRow): StoredCounter {
  const { aggregate, version, revision, etag } = row;
  const bytes = joinBytes('data', row);
  if (!isAggregate(aggregate) || typeof version !== 'number' || typeof revision !== 'number' || !bytes)
    throw new Error(`the row ${row.rowKey} of table ${tableName} is no counter`);
  // a copy: what was read is a piece of 64 KiB of the process's memory, which a counter that is kept would keep
  return { aggregate, version, revision, bytes: new Uint8Array(bytes), etag };
}

function isAggregate(value: unknown): value is Aggregate {
  return value === 'count' || value === 'distinct' || value === 'sum';
}
