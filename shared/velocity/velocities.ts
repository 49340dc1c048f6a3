import { all } from '../all.ts';
import type { Operation, Storage } from '../storage/index.ts';
import { type Aggregate, answerOf } from './aggregate.ts';
import { counterCache } from './cache.ts';
import { type Change, type Job, partitionWriter } from './partition.ts';
import { counterKeyOf, counterOf, markerKeyOf, markersBefore, partitionKeyOf, tableName } from './rows.ts';
import { type Window, windowStart } from './window.ts';

/** A velocity as read: its id (unique over all environments) and over how many shards its counters may lie. */
export interface VelocityRef {
  id: string;
  aggregate: Aggregate;
  shards: number;
}

export interface Wanted {
  ref: VelocityRef;
  key: string;
  window: Window;
}

/** What one event adds to one velocity, as the event stores it: recovery applies exactly this. */
export interface Contribution {
  /** the velocity's id */
  velocity: string;
  /** of its definition; a higher one with another aggregate starts the counter anew */
  version: number;
  aggregate: Aggregate;
  key: string;
  /** the amount (a finite number), the distinct value; a count adds 1 whatever it says */
  value: number | string;
  /** when the event was received, milliseconds */
  at: number;
  shard: number;
}

export interface Velocities {
  /**
   * The answers, in the order asked, of windows that end at `now` (milliseconds); 0 where nothing was counted, and for an
   * empty key, without a call. All counters are read in one parallel round, each once however many windows need it.
   * `upcoming` are writes that are likely to follow: what they have to know is read in the same round, so that they begin
   * without one of their own.
   */
  read(
    root: string,
    wanted: readonly Wanted[],
    now: number,
    upcoming?: readonly Pick<Contribution, 'velocity' | 'key' | 'shard'>[],
  ): Promise<number[]>;
  /**
   * Adds an event's contributions, exactly once however often it is called with the same event, root and contributions,
   * in this process or another. Resolves when all are durably applied. Rejects with a Problem 503 (storage gone, or 60 s
   * of conflicts): then some may be applied, and a later call completes them. Empty keys and values add nothing.
   */
  apply(root: string, event: string, contributions: readonly Contribution[]): Promise<void>;
  /**
   * Removes up to 100 markers of events over 93 days old from one partition; how many there were. Such an event may be
   * replayed without its marker: no window reaches its time any more, so it changes no answer. `apply` does this by
   * itself, at every 64th update or so.
   */
  sweep(root: string, key: string, shard: number, now: number): Promise<number>;
}

const defaultPatienceMs = 60_000;
const cacheBytes = 32 * 1024 * 1024;
// with it one transaction stays within 100 operations and 4 MiB also where every counter is a large one
const countersPerMarker = 25;
const markerDays = 93;
const defaultSweepShare = 1 / 64;

export interface VelocityOptions {
  /** how long an `apply` meets conflicts before it gives up; 60 s where absent */
  patienceMs?: number;
  /** the share of updates after which old markers are looked for; 1 of 64 where absent */
  sweepShare?: number;
}

/** Opens the velocities of a storage account; `Storage.ensure({ tables: [velocityTable] })` is the caller's to call. */
export function openVelocities(storage: Storage, options: VelocityOptions = {}): Velocities {
  const table = storage.table(tableName);
  const cache = counterCache(cacheBytes);
  const writers = new Map<string, ReturnType<typeof partitionWriter>>();

  const read: Velocities['read'] = async (root, wanted, now, upcoming = []) => {
    const reads = new Map<string, Promise<{ aggregate: Aggregate; bytes: Uint8Array } | null>>();
    const readOnce = (partitionKey: string, rowKey: string) => {
      const name = `${partitionKey}\n${rowKey}`;
      const begun = reads.get(name) ?? readCounter(partitionKey, rowKey);
      reads.set(name, begun);
      return begun;
    };
    const answers = wanted.map(async ({ ref, key, window }) => {
      if (!key) return 0;
      const shards = Array.from({ length: ref.shards }, (_, shard) => partitionKeyOf(root, key, shard));
      const rows = await Promise.all(shards.map((shard) => readOnce(shard, counterKeyOf(ref.id))));
      const stored = rows.flatMap((row) => (row?.aggregate === ref.aggregate ? [row.bytes] : []));
      return answerOf(ref.aggregate, stored, windowStart(window, now));
    });
    const known = upcoming.map(async ({ velocity, key, shard }) => {
      const [partitionKey, rowKey] = [partitionKeyOf(root, key, shard), counterKeyOf(velocity)];
      // the write reads it itself where this fails
      if (key && cache.get(partitionKey, rowKey) === undefined)
        await readOnce(partitionKey, rowKey).catch(() => null);
    });
    // together: a read that fails while the others are under way is nobody's otherwise, and ends the process
    const [values] = await Promise.all([Promise.all(answers), Promise.all(known)]);
    return values;
  };

  async function readCounter(partitionKey: string, rowKey: string) {
    const row = await table.read(partitionKey, rowKey);
    const counter = row ? counterOf(row) : null;
    cache.set(partitionKey, rowKey, counter);
    return counter;
  }

  async function apply(root: string, event: string, contributions: readonly Contribution[]): Promise<void> {
    const partitions = Map.groupBy(
      contributions.filter(({ key, value }) => key && value !== ''),
      ({ key, shard }) => partitionKeyOf(root, key, shard),
    );
    await all(
      [...partitions].flatMap(([partitionKey, own]) =>
        markedParts(own).map((part, index) => submit(partitionKey, event, part, index)),
      ),
    );
  }

  function submit(partitionKey: string, event: string, part: Contribution[], index: number): Promise<void> {
    const at = part.reduce((latest, contribution) => Math.max(latest, contribution.at), 0);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    writerOf(partitionKey).add({
      marker: markerKeyOf(event, at, index),
      changes: part.map(changeOf),
      deadline: performance.now() + (options.patienceMs ?? defaultPatienceMs),
      resolve,
      reject,
    } satisfies Job);
    return promise.then(() => {
      if (Math.random() < (options.sweepShare ?? defaultSweepShare))
        // housekeeping: the next one will do what this one could not
        void sweepPartition(partitionKey, Math.min(at, Date.now())).catch(() => 0);
    });
  }

  function writerOf(partitionKey: string): ReturnType<typeof partitionWriter> {
    const found = writers.get(partitionKey);
    if (found) return found;
    const made = partitionWriter(table, partitionKey, cache, () => writers.delete(partitionKey));
    writers.set(partitionKey, made);
    return made;
  }

  async function sweepPartition(partitionKey: string, now: number): Promise<number> {
    const bounds = markersBefore(now - markerDays * 86_400_000);
    const removals: Operation[] = [];
    for await (const { rowKey } of table.range(partitionKey, { ...bounds, limit: 100 }))
      removals.push({ kind: 'remove', partitionKey, rowKey });
    // refused where another sweeps at the same time: it does what is to be done
    if (removals.length > 0) await table.transact(removals);
    return removals.length;
  }

  return {
    read,
    apply,
    sweep: (root, key, shard, now) => sweepPartition(partitionKeyOf(root, key, shard), now),
  };
}

function changeOf({ velocity, version, aggregate, value, at }: Contribution): Change {
  return { counter: counterKeyOf(velocity), aggregate, version, entry: { at, value } };
}

/**
 * The contributions to one partition in parts of at most 25 counters, each with a marker of its own. The same
 * contributions give the same parts, in whatever order they come.
 */
function markedParts(contributions: readonly Contribution[]): Contribution[][] {
  const counters = [...new Set(contributions.map(({ velocity }) => velocity))].sort();
  const parts: Contribution[][] = [];
  for (let start = 0; start < counters.length; start += countersPerMarker) {
    const own = new Set(counters.slice(start, start + countersPerMarker));
    parts.push(contributions.filter(({ velocity }) => own.has(velocity)));
  }
  return parts;
}
