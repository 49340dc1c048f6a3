import { type Storage, StorageUnavailable } from '../storage/index.ts';
import { compactDay } from './compact.ts';
import { merge, readDay } from './day.ts';
import { dayOf, headOf, keyOf, type LakeKey, receivedOf } from './line.ts';
import { folderOf, goneKey, hashOfKey, type LakeDay, placeKey } from './places.ts';
import { goneOf, removeFromDay } from './remove.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

/** What is read: events received at `from` or later and before `to`, ISO 8601 in UTC. */
export interface LakeRange {
  environments: readonly string[];
  /** all types where absent */
  types?: readonly string[];
  from: string;
  to: string;
  /** answers and what decisions rested on may be left out, which reads several times faster */
  brief?: boolean;
}

/** Every event that was received, by environment, type and day: for reports, replay and training. */
export interface Lake {
  /**
   * Writes a file of lines (`lakeLine`) that were all received on the day, in any order. `name` is 1 to 80 letters, digits
   * and hyphens; four digits are the minutes of the outbox's follower. The same name with the same lines may be written
   * again at any time, also after it was compacted; other lines need another name. Keep a file below some 16 MB. `anew` lets
   * events in that were removed before: they came again since.
   */
  write(day: LakeDay, name: string, lines: readonly string[], options?: { anew?: boolean }): Promise<void>;
  /** Lines of several environments and types in the order of receipt, each event once, also while files are compacted. */
  read(range: LakeRange): AsyncIterable<string>;
  /** Removes the lines of events, and keeps those out that are still on their way. */
  remove(events: readonly { key: LakeKey; received: string }[]): Promise<void>;
  /** Environments and types that the lake has, or had, events of. */
  places(): AsyncIterable<{ environment: string; type: string }>;
  /** Compacts days before the one given, the oldest first, until there are no more or the signal says so. */
  compact(before: string, signal?: AbortSignal): Promise<{ days: number; problems: string[] }>;
}

/** Opens the lake; `lakeNames` must exist. */
export function openLake(storage: Storage): Lake {
  const blobs = storage.blobs('events');
  const table = storage.table('lake');

  async function* places(): AsyncGenerator<{ environment: string; type: string }> {
    for await (const { environment, type } of table.range('places'))
      yield { environment: String(environment), type: String(type) };
  }

  async function* linesIn(day: LakeDay, workspace: Workspace, brief: boolean): AsyncGenerator<string> {
    try {
      yield* readDay(blobs, workspace, day, brief);
    } catch (error) {
      throw inDay(day, error);
    }
  }

  return {
    places,

    async write(day, name, lines, { anew = false } = {}) {
      if (!/^[A-Za-z0-9-]{1,80}$/.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name.`);
      const gone = await goneOf(table, day);
      const sorted = lines
        .map((line) => ({ line, head: headOf(line) }))
        .sort((a, b) => order(a.head, b.head));
      for (const { line } of sorted)
        if (dayOf(receivedOf(line)) !== day.day)
          throw new RangeError(`An event of ${receivedOf(line)} does not belong to ${day.day}.`);
      if (anew)
        for (const { head } of sorted) {
          const hash = hashOfKey(keyOf(head));
          if (gone.delete(hash)) await table.remove(goneKey(day), hash);
        }
      const put = async (without: ReadonlySet<string>) => {
        const kept = sorted.filter(({ head }) => !without.has(hashOfKey(keyOf(head))));
        const file = `${folderOf(day)}${name}.ndjson`;
        const content = kept.map(({ line }) => `${line}\n`).join('');
        if (content === '') await blobs.remove(file);
        else await blobs.write(file, content, { contentType: 'application/x-ndjson' });
      };
      await put(gone);
      const { environment, type } = day;
      await table.put({ partitionKey: 'places', rowKey: placeKey(day), environment, type });
      await table.put({ partitionKey: 'open', rowKey: `${day.day}|${placeKey(day)}`, environment, type });
      // deleted while it was being written
      const later = await goneOf(table, day);
      if (!later.isSubsetOf(gone)) await put(later);
    },

    async *read({ environments, types, from, to, brief = false }) {
      const wanted: { environment: string; type: string }[] = [];
      for await (const place of places())
        if (environments.includes(place.environment) && (!types || types.includes(place.type)))
          wanted.push(place);
      const workspace = await openWorkspace();
      try {
        for (const day of daysBetween(from, to)) {
          const sources = wanted.map((place) => linesIn({ ...place, day }, workspace, brief));
          for await (const line of merge(sources)) {
            const received = receivedOf(line);
            if (received >= from && received < to) yield line;
          }
        }
      } finally {
        await workspace.close();
      }
    },

    async remove(events) {
      const byDay = Map.groupBy(events, ({ key: { environment, type }, received }) =>
        goneKey({ environment, type, day: dayOf(received) }),
      );
      for (const [partitionKey, some] of byDay)
        for (const { key } of some) await table.put({ partitionKey, rowKey: hashOfKey(key) });
      const workspace = await openWorkspace();
      try {
        for (const some of byDay.values()) {
          const { key, received } = some[0]!;
          const day = { environment: key.environment, type: key.type, day: dayOf(received) };
          const minutes = new Set(some.map((one) => one.received.slice(11, 16).replace(':', '')));
          const hashes = new Set(some.map((one) => hashOfKey(one.key)));
          try {
            await removeFromDay(blobs, workspace, day, hashes, minutes);
          } catch (error) {
            throw inDay(day, error);
          }
        }
      } finally {
        await workspace.close();
      }
    },

    async compact(before, signal) {
      const result: { days: number; problems: string[] } = { days: 0, problems: [] };
      const workspace = await openWorkspace();
      try {
        for await (const { rowKey, etag, environment, type } of table.range('open', { before })) {
          if (signal?.aborted) break;
          const day = { environment: String(environment), type: String(type), day: rowKey.slice(0, 10) };
          try {
            if (await compactDay(blobs, table, workspace, day)) result.days++;
            // not where more was written meanwhile
            await table.remove('open', rowKey, etag);
          } catch (error) {
            result.problems.push(inDay(day, error).message);
          }
        }
      } finally {
        await workspace.close();
      }
      return result;
    },
  };
}

/** What went wrong, with the folder of the day: whoever reads the lake reads hundreds of them. */
function inDay(day: LakeDay, error: unknown): Error {
  if (error instanceof StorageUnavailable) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Error(`${folderOf(day)}: ${message}`, { cause: error });
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The days of UTC that lie in the range, in order. */
function* daysBetween(from: string, to: string): Generator<string> {
  const last = Date.parse(to);
  for (let at = Date.parse(`${dayOf(from)}T00:00:00.000Z`); at < last; at += 86_400_000)
    yield new Date(at).toISOString().slice(0, 10);
}
