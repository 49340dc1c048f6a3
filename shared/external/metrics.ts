/** Per call and minute: requests, successes, latencies, errors by kind and code, by rule and clause. Kept for 90 days. */
import { randomUUID } from 'node:crypto';
import { encodeKey, type Operation, type Storage } from '../storage/index.ts';
import { count, fromRow, merge, newTally, type Sample, type Tally, toRow } from './tally.ts';

export type Grain = 'minute' | 'hour' | 'day';

export const grainMs: Readonly<Record<Grain, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

export const keptDays = 90;

export interface Period {
  /** start of the minute, hour or day, in milliseconds since 1970 */
  start: number;
  tally: Tally;
}

export interface Metrics {
  /** Adds a sample in memory. */
  record(environment: string, call: string, sample: Sample): void;
  /** Writes what was added since the last time; what could not be written stays and is tried with the next. */
  flush(): Promise<void>;
  /** The periods with traffic that `from` … `to` touches, whole, in order, over all instances. */
  query(environment: string, call: string, from: number, to: number, grain: Grain): Promise<Period[]>;
  /** How many requests there were since the beginning of the minute of `since`: all of this instance's, others' as flushed. */
  traffic(environment: string, call: string, since: number): Promise<number>;
  /** Deletes what is older than 90 days; returns how many rows. */
  sweep(): Promise<number>;
}

const table = 'externalmetrics';
const letters: Readonly<Record<Grain, string>> = { minute: 'm', hour: 'h', day: 'd' };
const grains: readonly Grain[] = ['minute', 'hour', 'day'];

interface Open {
  environment: string;
  call: string;
  /** by row key without the instance */
  periods: Map<string, { end: number; tally: Tally; dirty: boolean }>;
}

/**
 * The table `externalmetrics`: PartitionKey environment|call, RowKey m|h|d, the period's start, the instance. An instance
 * writes the row of the running minute, hour and day of a call that had traffic, over and over: three rows in one
 * transaction for each flush, however many requests there were. They are merged when read: a range of row keys of one
 * partition. PartitionKey `calls` lists the calls, for the sweep.
 */
export function openMetrics(
  storage: Storage,
  options: { now?: () => number; instance?: string } = {},
): Metrics {
  const now = options.now ?? Date.now;
  const instance = options.instance ?? randomUUID().slice(0, 8);
  const rows = storage.table(table);
  const open = new Map<string, Open>();
  const listed = new Map<string, number>();
  let flushing: Promise<void> = Promise.resolve();
  const partition = (environment: string, call: string) =>
    `${encodeKey(environment)}|${encodeKey(call.toLowerCase())}`;

  function record(environment: string, call: string, sample: Sample): void {
    const key = partition(environment, call);
    const entry = open.get(key) ?? { environment, call, periods: new Map() };
    open.set(key, entry);
    for (const grain of grains) {
      const start = floor(sample.at, grain);
      const rowKey = `${letters[grain]}|${stamp(start)}`;
      const period = entry.periods.get(rowKey) ?? {
        end: start + grainMs[grain],
        tally: newTally(),
        dirty: true,
      };
      entry.periods.set(rowKey, period);
      count(period.tally, sample);
      period.dirty = true;
    }
  }

  async function flushAll(): Promise<void> {
    if (open.size === 0) return;
    await storage.ensure({ tables: [table] });
    const results = await Promise.allSettled([...open].map(([key, entry]) => flushOne(key, entry)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async function flushOne(partitionKey: string, entry: Open): Promise<void> {
    const dirty = [...entry.periods].filter(([, period]) => period.dirty);
    for (const [, period] of dirty) period.dirty = false;
    try {
      for (let start = 0; start < dirty.length; start += 100) {
        const operations = dirty.slice(start, start + 100).map(
          ([rowKey, { tally }]): Operation => ({
            kind: 'put',
            row: { partitionKey, rowKey: `${rowKey}|${instance}`, ...toRow(tally) },
          }),
        );
        await rows.transact(operations);
      }
      await list(partitionKey, entry);
    } catch (error) {
      for (const [, period] of dirty) period.dirty = true;
      throw error;
    }
    const time = now();
    for (const [rowKey, period] of entry.periods)
      if (!period.dirty && period.end <= time) entry.periods.delete(rowKey);
    if (entry.periods.size === 0) open.delete(partitionKey);
  }

  /** Once a day and instance; a call that is gone leaves the list when its last rows are swept. */
  async function list(partitionKey: string, { environment, call }: Open): Promise<void> {
    const today = floor(now(), 'day');
    if (listed.get(partitionKey) === today) return;
    await rows.put({
      partitionKey: 'calls',
      rowKey: encodeKey(partitionKey),
      environment,
      call,
      seen: new Date(today),
    });
    listed.set(partitionKey, today);
  }

  /** One flush at a time, so that an older state of a row never comes after a newer one. */
  function flush(): Promise<void> {
    flushing = flushing.catch(() => {}).then(flushAll);
    return flushing;
  }

  async function query(
    environment: string,
    call: string,
    from: number,
    to: number,
    grain: Grain,
  ): Promise<Period[]> {
    await storage.ensure({ tables: [table] });
    const end = floor(to + grainMs[grain] - 1, grain);
    const range = {
      from: `${letters[grain]}|${stamp(floor(from, grain))}`,
      before: `${letters[grain]}|${stamp(end)}`,
    };
    const periods = new Map<number, Tally>();
    for await (const row of rows.range(partition(environment, call), range)) {
      const start = Date.parse(row.rowKey.split('|')[1] ?? '');
      const tally = periods.get(start) ?? newTally();
      merge(tally, fromRow(row));
      periods.set(start, tally);
    }
    return [...periods].map(([start, tally]) => ({ start, tally }));
  }

  async function traffic(environment: string, call: string, since: number): Promise<number> {
    await flush();
    const periods = await query(environment, call, since, now() + 1, 'minute');
    return periods.reduce((sum, { tally }) => sum + tally.requests, 0);
  }

  async function sweep(): Promise<number> {
    await storage.ensure({ tables: [table] });
    const cutoff = floor(now() - keptDays * grainMs.day, 'day');
    let swept = 0;
    for await (const entry of rows.range('calls')) {
      if (typeof entry.environment !== 'string' || typeof entry.call !== 'string') continue;
      const partitionKey = partition(entry.environment, entry.call);
      for (const letter of Object.values(letters))
        swept += await removeRange(partitionKey, `${letter}|`, `${letter}|${stamp(cutoff)}`);
      if (entry.seen instanceof Date && entry.seen.getTime() < cutoff)
        await rows.remove('calls', entry.rowKey, entry.etag);
    }
    return swept;
  }

  async function removeRange(partitionKey: string, from: string, before: string): Promise<number> {
    let removed = 0;
    let batch: Operation[] = [];
    const send = async () => {
      if (batch.length > 0) await rows.transact(batch);
      removed += batch.length;
      batch = [];
    };
    for await (const { rowKey } of rows.range(partitionKey, { from, before })) {
      batch.push({ kind: 'remove', partitionKey, rowKey });
      if (batch.length === 100) await send();
    }
    await send();
    return removed;
  }

  return { record, flush, query, traffic, sweep };
}

/** The start of the minute, hour or day (UTC) of a time. */
export function floor(time: number, grain: Grain): number {
  return Math.floor(time / grainMs[grain]) * grainMs[grain];
}

function stamp(time: number): string {
  return new Date(time).toISOString().slice(0, 16).concat('Z');
}
