import { randomUUID } from 'node:crypto';
import type { Json } from '../problem.ts';
import { Problem } from '../problem.ts';
import type { StoredRow, Table } from '../storage/index.ts';
import { joinText, splitText } from '../storage/index.ts';
import type { VersionDocument } from './documents.ts';

/*
 * Table `activity`: who changed what and when.
 *   PartitionKey  environment id; an entry has a row for the environment it happened in and one for each above it
 *   RowKey        {9999999999999 - milliseconds, 13 digits}|{entry id}: newest first
 *   Reads         ranges of one partition. Writes are puts under a key that the entry itself gives: repeats change nothing.
 */

export type Operation = 'Create' | 'Update' | 'Activate' | 'Deactivate' | 'Rollback' | 'Delete';

/** One change. `before` and `after` hold the members that differ, long texts cut. */
export interface ActivityEntry {
  id: string;
  at: number;
  by: string;
  operation: Operation;
  /** kind of resource: `rules`, `environments`, `supportLists` … */
  kind: string;
  name: string;
  version?: number;
  environment: string;
  environmentName: string;
  /** the environment and those above it: where the entry is listed */
  scopes: string[];
  before?: Json;
  after?: Json;
}

export function activityEntry(entry: Omit<ActivityEntry, 'id'>): ActivityEntry {
  return { id: randomUUID(), ...entry };
}

const longestText = 1000;
const longestSummary = 20_000;

/** The members that differ between two contents, on both sides. */
export function summarize(before: unknown, after: unknown): { before?: Json; after?: Json } {
  const left = isRecord(before) ? before : {};
  const right = isRecord(after) ? after : {};
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
    (name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]),
  );
  const side = (content: Record<string, unknown>): Json => {
    const members = names.filter((name) => content[name] !== undefined);
    const summary = Object.fromEntries(members.map((name) => [name, cut(content[name])]));
    return JSON.stringify(summary).length <= longestSummary ? summary : { members };
  };
  return {
    ...(before === undefined ? {} : { before: side(left) }),
    ...(after === undefined ? {} : { after: side(right) }),
  };
}

function cut(value: unknown): Json {
  if (typeof value === 'string')
    return value.length <= longestText ? value : `${value.slice(0, longestText)}…`;
  if (Array.isArray(value)) return value.map(cut);
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cut(item)]));
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rowKey(entry: ActivityEntry): string {
  return `${String(9_999_999_999_999 - entry.at).padStart(13, '0')}|${entry.id}`;
}

/** Stores entries; any number of times, with the same outcome. */
export async function writeActivity(table: Table, entries: readonly ActivityEntry[]): Promise<void> {
  const rows = entries.flatMap((entry) =>
    entry.scopes.map((scope) => ({
      partitionKey: scope,
      rowKey: rowKey(entry),
      ...splitText('entry', JSON.stringify(entry)),
    })),
  );
  await Promise.all(rows.map((row) => table.put(row)));
}

export interface ActivityFilter {
  kind?: string;
  name?: string;
  operation?: string;
  by?: string;
}

export interface ActivityPage {
  entries: ActivityEntry[];
  /** where the next page starts; absent at the end */
  next?: string;
}

/** rows looked at for one page: a filter that nothing meets must not read a year of entries in one request */
const rowsPerPage = 2000;

/** Entries of an environment and those below it, newest first. `from` is the `next` of the page before. */
export async function readActivity(
  table: Table,
  environment: string,
  options: { limit: number; from?: string; filter?: ActivityFilter },
): Promise<ActivityPage> {
  if (options.from !== undefined && !/^\d{13}\|[0-9a-f-]{36}$/.test(options.from)) {
    throw Problem.badRequest('The page mark was not given by this service.', {
      errors: [{ path: 'from', message: 'give the `next` of the page before' }],
    });
  }
  const entries: ActivityEntry[] = [];
  const { filter = {} } = options;
  let read = 0;
  const start = options.from === undefined ? {} : { from: `${options.from}!` };
  for await (const row of table.range(environment, { ...start, limit: rowsPerPage })) {
    read++;
    const entry = parseEntry(row);
    if (matches(entry, filter)) entries.push(entry);
    if (entries.length === options.limit || read === rowsPerPage) return { entries, next: row.rowKey };
  }
  return { entries };
}

function parseEntry(row: StoredRow): ActivityEntry {
  return JSON.parse(joinText('entry', row) ?? '');
}

function matches(entry: ActivityEntry, filter: ActivityFilter): boolean {
  return (
    (filter.kind === undefined || entry.kind === filter.kind) &&
    (filter.name === undefined || entry.name.toLowerCase() === filter.name.toLowerCase()) &&
    (filter.operation === undefined || entry.operation === filter.operation) &&
    (filter.by === undefined || entry.by === filter.by)
  );
}

/** What a new version of a resource did. */
export function operationOf(
  before: VersionDocument | undefined,
  after: VersionDocument,
  restored: number | undefined,
): Operation {
  if (restored !== undefined) return 'Rollback';
  if (!before) return 'Create';
  const [was, is] = [statusOf(before.content), statusOf(after.content)];
  if (was === is || is === undefined) return 'Update';
  const others = JSON.stringify({ ...objectOf(before.content), status: is });
  if (others !== JSON.stringify(objectOf(after.content))) return 'Update';
  return is === 'Active' ? 'Activate' : 'Deactivate';
}

function objectOf(content: unknown): object {
  return typeof content === 'object' && content !== null ? content : {};
}

function statusOf(content: unknown): unknown {
  return Reflect.get(objectOf(content), 'status');
}
