import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../problem.ts';
import { type Operation, StorageUnavailable, type Table } from '../storage/index.ts';
import { type Aggregate, type Entry, withEntries } from './aggregate.ts';
import type { CounterCache } from './cache.ts';
import { counterOf, counterRow, type StoredCounter } from './rows.ts';

/** One event's part in one partition: its marker, and what it adds to each counter. */
export interface Job {
  marker: string;
  changes: readonly Change[];
  /** after this time (performance.now()) it is given up with a 503 */
  deadline: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface Change {
  /** the counter's row key */
  counter: string;
  aggregate: Aggregate;
  version: number;
  entry: Entry;
}

const operationLimit = 100;
// of counters as bytes: base64 and the parts' headers stay within the service's 4 MiB for a transaction
const byteLimit = 2_500_000;
const longestWaitMs = 100;

/**
 * The writer of one partition: one transaction at a time, and what comes meanwhile goes into the next one together. A
 * transaction holds markers first, then counters under their etags.
 * - refused at a marker (409): that event is applied already, and perhaps others, which their markers say: their jobs are
 *   done; the rest go again without them
 * - refused at a counter (409, 412, 404): another process was faster; its counters are read and the jobs go again, after a
 *   random wait, until their deadlines
 * `idle` is called when nothing is left, and the writer is not used again.
 */
export function partitionWriter(
  table: Table,
  partitionKey: string,
  cache: CounterCache,
  idle: () => void,
): { add(job: Job): void } {
  let waiting: Job[] = [];
  let running = false;

  async function run(): Promise<void> {
    for (let conflicts = 0; waiting.length > 0; ) {
      giveUpLate();
      const batch = nextBatch();
      const again = await attempt(batch).catch((error: unknown) => oneByOne(batch, error));
      if (again.length === 0) {
        conflicts = 0;
        continue;
      }
      waiting = [...again, ...waiting];
      conflicts += 1;
      await sleep(Math.random() * Math.min(longestWaitMs, 4 * 2 ** conflicts));
    }
    running = false;
    idle();
  }

  function giveUpLate(): void {
    const now = performance.now();
    const late = waiting.filter((job) => job.deadline <= now);
    if (late.length === 0) return;
    waiting = waiting.filter((job) => job.deadline > now);
    for (const job of late)
      job.reject(
        Problem.unavailable('A velocity is being updated by too many at once.', 5, { code: 'VelocityBusy' }),
      );
  }

  /** Takes from the front of the queue what one transaction holds; at least one job where there is one. */
  function nextBatch(): Job[] {
    const markers = new Set<string>();
    const counters = new Set<string>();
    let bytes = 0;
    const taken = waiting.findIndex((job, index) => {
      markers.add(job.marker);
      for (const { counter } of job.changes) {
        if (counters.has(counter)) continue;
        counters.add(counter);
        bytes += cache.get(partitionKey, counter)?.bytes.length ?? 0;
      }
      return index > 0 && (markers.size + counters.size > operationLimit || bytes > byteLimit);
    });
    return waiting.splice(0, taken === -1 ? waiting.length : taken);
  }

  /** Applies the jobs; those it gives back met a conflict, and are to be done again. */
  async function attempt(batch: readonly Job[]): Promise<Job[]> {
    // an event that comes twice at once has one marker here and counts once; both are done when it is
    const jobs = Map.groupBy(batch, ({ marker }) => marker);
    while (jobs.size > 0) {
      const markers = [...jobs.keys()];
      const updates = await updatesOf([...jobs.values()].flatMap(([job]) => job?.changes ?? []));
      const answer = await table.transact([
        ...markers.map((rowKey): Operation => ({ kind: 'insert', row: { partitionKey, rowKey } })),
        ...updates.map(({ operation }) => operation),
      ]);
      if (answer.ok) {
        updates.forEach(({ counter, next }, index) => {
          const etag = answer.etags[markers.length + index];
          if (etag === undefined) cache.forget(partitionKey, counter);
          else cache.set(partitionKey, counter, { ...next, etag });
        });
        for (const job of [...jobs.values()].flat()) job.resolve();
        return [];
      }
      const applied = markers[answer.index];
      if (applied === undefined) {
        for (const { counter } of updates) cache.forget(partitionKey, counter);
        return [...jobs.values()].flat();
      }
      // where one was applied before others may be too: an import that goes on after a crash brings them all again
      for (const marker of await appliedOf(markers, applied)) {
        for (const job of jobs.get(marker) ?? []) job.resolve();
        jobs.delete(marker);
      }
    }
    return [];
  }

  /** Those of the markers that are there; one is known to be. */
  async function appliedOf(markers: readonly string[], known: string): Promise<string[]> {
    const there = await Promise.all(
      markers.map(
        async (marker) => marker === known || (await table.read(partitionKey, marker)) !== undefined,
      ),
    );
    return markers.filter((_, index) => there[index]);
  }

  /** What a batch cannot do together, because one job is at fault, its jobs may do alone. */
  async function oneByOne(batch: readonly Job[], error: unknown): Promise<Job[]> {
    if (batch.length === 1 || error instanceof StorageUnavailable) {
      // those that are resolved already stay so
      for (const job of batch) job.reject(error);
      return [];
    }
    const again: Job[] = [];
    for (const job of batch)
      again.push(...(await attempt([job]).catch((own: unknown) => oneByOne([job], own))));
    return again;
  }

  async function updatesOf(changes: readonly Change[]): Promise<Update[]> {
    const byCounter = Map.groupBy(changes, ({ counter }) => counter);
    return Promise.all(
      [...byCounter].map(async ([counter, own]) =>
        updateOf(partitionKey, counter, await latest(counter), own),
      ),
    );
  }

  async function latest(counter: string): Promise<StoredCounter | null> {
    const known = cache.get(partitionKey, counter);
    if (known !== undefined) return known;
    const row = await table.read(partitionKey, counter);
    const found = row ? counterOf(row) : null;
    cache.set(partitionKey, counter, found);
    return found;
  }

  return {
    add(job) {
      waiting.push(job);
      if (running) return;
      running = true;
      void run();
    },
  };
}

interface Update {
  counter: string;
  next: Omit<StoredCounter, 'etag'>;
  operation: Operation;
}

/**
 * The counter with these changes. Where the velocity's aggregate has changed, the higher version begins anew, and what
 * a lower one still brings is dropped: nobody reads it any more.
 */
function updateOf(
  partitionKey: string,
  counter: string,
  stored: StoredCounter | null,
  changes: readonly Change[],
): Update {
  const newest = changes.reduce((latest, change) => (change.version > latest.version ? change : latest));
  const base =
    stored && (stored.aggregate === newest.aggregate || stored.version > newest.version) ? stored : null;
  const { aggregate } = base ?? newest;
  const entries = changes.filter((change) => change.aggregate === aggregate).map(({ entry }) => entry);
  const next = {
    aggregate,
    version: Math.max(base?.version ?? 0, newest.version),
    revision: (stored?.revision ?? 0) + 1,
    bytes: withEntries(aggregate, base?.bytes, entries),
  };
  const row = counterRow(partitionKey, counter, next);
  const operation: Operation = stored ? { kind: 'put', row, etag: stored.etag } : { kind: 'insert', row };
  return { counter, next, operation };
}
