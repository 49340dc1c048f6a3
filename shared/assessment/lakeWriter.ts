import { dayOf, type LakeEvent, lakeLine } from '../lake/index.ts';
import { encodeKey } from '../storage/index.ts';
import type { App } from './app.ts';
import { eventBuckets, inWords } from './eventKeys.ts';
import { followersTable, settleMs } from './followers.ts';
import type { ActivePartitions, StoredEvent } from './record.ts';

const minuteMs = 60_000;

/** A stored event as the lake keeps it: all but what it added to velocities and what it is found by. */
export function lakeEventOf({ key, root, received, event, answer, evidence }: StoredEvent): LakeEvent {
  const { enrichment, ...rest } = evidence;
  const { ipCountry, binCountry } = evidence.scoring ?? {};
  const known = {
    ...(typeof enrichment === 'object' ? enrichment : {}),
    ...(ipCountry === undefined ? {} : { ipCountry }),
    ...(binCountry === undefined ? {} : { binCountry }),
  };
  return { received, key, root, event, answer, enrichment: known, evidence: rest };
}

/**
 * Writes the events of every minute that is closed into the lake, from the outbox: one file for each environment, type and
 * minute with events. How far it is stands in table `followers`, partition `lake`, one row for each environment and type:
 * `until`, the end of the last minute that was written. A minute is closed when nothing can be stored in it any more, so
 * its file is the same whenever it is written. Gives how many events it wrote, and for how many types it could not go on,
 * with the first of these and why.
 */
export async function writeLake(
  app: Pick<App, 'storage' | 'records' | 'lake' | 'clock'>,
  signal?: AbortSignal,
): Promise<{ written: number; failed: number; problem?: string }> {
  const table = app.storage.table(followersTable);
  const closed = minuteOf(app.clock() - settleMs);
  const result: Awaited<ReturnType<typeof writeLake>> = { written: 0, failed: 0 };
  for await (const at of app.records.active()) {
    if (signal?.aborted) break;
    const keys = { partitionKey: 'lake', rowKey: `${encodeKey(at.environment)}|${encodeKey(at.type)}` };
    try {
      const row = await table.read(keys.partitionKey, keys.rowKey);
      let from = String(row?.until ?? '');
      // nothing came since: a process may have noted the day and worked past midnight
      if (from > daysAfter(at.day, 2)) continue;
      while (from < closed && !signal?.aborted) {
        const minute = await nextMinute(app, at, from);
        if (minute === undefined || minute >= closed) from = closed;
        else {
          result.written += await writeMinute(app, at, minute);
          from = endOf(minute);
        }
        await table.put({ ...keys, until: from });
      }
    } catch (error) {
      result.failed++;
      result.problem ??= `${inWords(at)}: ${String(error)}`;
    }
  }
  return result;
}

/** The first minute with events that begins at `from` or later. */
async function nextMinute(
  { records }: Pick<App, 'records'>,
  at: ActivePartitions,
  from: string,
): Promise<string | undefined> {
  const firsts = await Promise.all(
    Array.from({ length: eventBuckets }, async (_, bucket) => {
      for await (const place of records.receipts(at, bucket, from && `o|${from}`)) return place.slice(2, 26);
      return undefined;
    }),
  );
  const first = firsts.filter((one) => one !== undefined).sort()[0];
  return first === undefined ? undefined : minuteOf(Date.parse(first));
}

async function writeMinute(
  { records, lake }: Pick<App, 'records' | 'lake'>,
  at: ActivePartitions,
  minute: string,
): Promise<number> {
  const end = endOf(minute);
  const lines = await Promise.all(
    Array.from({ length: eventBuckets }, async (_, bucket) => {
      const own: string[] = [];
      for await (const { stored } of records.outbox(at, bucket, `o|${minute}`)) {
        if (stored.received >= end) break;
        own.push(lakeLine(lakeEventOf(stored)));
      }
      return own;
    }),
  );
  const all = lines.flat();
  const { environment, type } = at;
  if (all.length > 0)
    await lake.write({ environment, type, day: dayOf(minute) }, minute.slice(11, 16).replace(':', ''), all);
  return all.length;
}

/** The beginning of the minute that a moment lies in, ISO 8601. */
const minuteOf = (at: number) => new Date(at - (at % minuteMs)).toISOString();
const endOf = (minute: string) => new Date(Date.parse(minute) + minuteMs).toISOString();
const daysAfter = (day: string, days: number) => new Date(Date.parse(day) + days * 86_400_000).toISOString();
