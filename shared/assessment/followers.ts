import { encodeKey } from '../storage/index.ts';
import type { App } from './app.ts';
import { eventBuckets, inWords } from './eventKeys.ts';
import type { ActivePartitions, StoredEvent } from './record.ts';

/**
 * What comes after the answer: a follower takes every stored event, in the order of receipt within a partition, at least
 * once. `take` must be harmless when it is called again with the same event.
 */
export interface Follower {
  name: string;
  take(stored: StoredEvent): Promise<void>;
}

/**
 * Table `followers`. PartitionKey: the follower's name. RowKey: environment | event type. `places`: for each of the 16
 * partitions the outbox row up to which all is done, as a JSON list; `caughtUp`: the last day of writing after which
 * nothing is left. Read and written once in a run for each event type.
 */
export const followersTable = 'followers';

/** Outbox rows may still appear at times up to so many ms back (DESIGN.md): no place passes that. */
export const settleMs = 5 * 60_000;

/** Rows that were taken and lie after the place, so that the next run in this process need not take them again. */
const recent = new Map<string, Set<string>>();
const mostRecent = 200_000;

/**
 * Lets a follower take what is new. Gives how many events it took, and in how many partitions it could not go on, with the
 * first event or type where that was so and why.
 */
export async function follow(
  app: Pick<App, 'storage' | 'records' | 'clock'>,
  follower: Follower,
): Promise<{ taken: number; failed: number; problem?: string }> {
  const table = app.storage.table(followersTable);
  const now = app.clock();
  const result: Awaited<ReturnType<typeof follow>> = { taken: 0, failed: 0 };
  const done = recent.get(follower.name) ?? new Set<string>();
  recent.set(follower.name, done);
  if (done.size > mostRecent) done.clear();

  async function partition(at: ActivePartitions): Promise<void> {
    const keys = {
      partitionKey: follower.name,
      rowKey: `${encodeKey(at.environment)}|${encodeKey(at.type)}`,
    };
    const row = await table.read(keys.partitionKey, keys.rowKey);
    // a process may have noted yesterday and worked past midnight
    const idle = at.day < new Date(now - 2 * 86_400_000).toISOString().slice(0, 10);
    if (idle && row?.caughtUp === at.day) return;
    const before: string[] = typeof row?.places === 'string' ? JSON.parse(row.places) : [];
    const runs = await Promise.all(
      Array.from({ length: eventBuckets }, (_, bucket) => one(at, bucket, before[bucket] ?? '')),
    );
    const places = runs.map(({ place }) => place);
    const caughtUp = idle && runs.every(({ whole }) => whole) ? at.day : '';
    if (JSON.stringify(places) !== JSON.stringify(before) || caughtUp !== (row?.caughtUp ?? ''))
      await table.put({ ...keys, places: JSON.stringify(places), caughtUp });
  }

  async function one(
    at: ActivePartitions,
    bucket: number,
    after: string,
  ): Promise<{ place: string; whole: boolean }> {
    let place = after;
    let where = inWords(at);
    try {
      for await (const next of app.records.outbox(at, bucket, after)) {
        where = inWords(next.stored.key);
        const name = `${at.environment}|${at.type}|${bucket}|${next.place}`;
        if (!done.has(name)) {
          await follower.take(next.stored);
          result.taken++;
        }
        if (Date.parse(next.stored.received) < now - settleMs) {
          place = next.place;
          done.delete(name);
        } else done.add(name);
      }
      return { place, whole: true };
    } catch (error) {
      result.failed++;
      result.problem ??= `${where}: ${String(error)}`;
      return { place, whole: false };
    }
  }

  for await (const at of app.records.active()) await partition(at);
  return result;
}
