import { type EventKey, eventBuckets, inWords } from '../assessment/eventKeys.ts';
import type { Records } from '../assessment/record.ts';
import { type Api, apiOf } from '../config/index.ts';
import { encodeKey, joinText, type Storage, splitText } from '../storage/index.ts';

/*
 * Table `usage`: how many assessments were made.
 *   PartitionKey  environment id, encoded
 *   RowKey        t|{event type, encoded}                 of one event type: `places`, for each of its 16 partitions the receipt
 *                                                 up to which all are counted, and `months`, what that came to. Both in one
 *                                                 row, written under its ETag: a receipt is counted exactly once.
 *                 b|{month}|{API}|{id, encoded}   a batch's own count: an insert, so that it counts once
 *   Reads         the range of one partition.
 */
export const usageTable = 'usage';

/** Receipts may still appear at times up to so many ms back (DESIGN.md): none is settled before. */
const settleMs = 5 * 60_000;

/** How many assessments of an API, by month, e.g. `2026-11`. */
export type Months = Record<string, number>;
export type Counted = Partial<Record<Api, Months>>;

export interface Counts {
  /** Counts all receipts that are old enough. Safe to run anywhere, at any time, by several processes. `problem`: the first type that failed, and why. */
  settle(): Promise<{ failed: number; problem?: string }>;
  /** What an environment itself has used, up to this moment. `tail` is told each receipt that is not settled yet. */
  of(environment: string, tail?: (receipt: string) => void): Promise<Counted>;
  /** Adds what a batch has used, once for its id. */
  addBatch(environment: string, api: Api, month: string, id: string, count: number): Promise<void>;
}

interface Settled {
  places: string[];
  months: Months;
}

/** Opens the counts; `usageTable` must exist. Times are those of receipt, months are of UTC. */
export function openCounts(
  storage: Storage,
  records: Pick<Records, 'active' | 'receipts'>,
  now: () => number,
): Counts {
  const table = storage.table(usageTable);

  const rowKey = (type: string) => `t|${encodeKey(type)}`;

  async function settleType(environment: string, type: string, day: string): Promise<void> {
    const keys = { partitionKey: encodeKey(environment), rowKey: rowKey(type) };
    const row = await table.read(keys.partitionKey, keys.rowKey);
    // nothing was written since all of it was counted; a process may have noted the day before midnight
    const idle = day < new Date(now() - 2 * 86_400_000).toISOString().slice(0, 10);
    if (idle && row?.caughtUp === day) return;
    const { places, months } = settledOf(row);
    const before = `o|${new Date(now() - settleMs).toISOString()}`;
    const next: Settled = { places: [], months: { ...months } };
    for (let bucket = 0; bucket < eventBuckets; bucket++) {
      let place = places[bucket] ?? '';
      for await (const receipt of records.receipts({ environment, type }, bucket, place, before)) {
        count(next.months, receipt);
        place = receipt;
      }
      next.places.push(place);
    }
    const caughtUp = idle ? day : '';
    const text = JSON.stringify(next);
    if (row && text === JSON.stringify({ places, months }) && row.caughtUp === caughtUp) return;
    const written = { ...keys, type, caughtUp, ...splitText('settled', text) };
    // whoever was faster has counted the same receipts
    await (row ? table.put(written, row.etag) : table.insert(written));
  }

  return {
    async settle() {
      const result: Awaited<ReturnType<Counts['settle']>> = { failed: 0 };
      for await (const { environment, type, day } of records.active()) {
        if (apiOf(type) === undefined) continue;
        try {
          await settleType(environment, type, day);
        } catch (error) {
          result.failed++;
          result.problem ??= `${inWords({ environment, type })}: ${String(error)}`;
        }
      }
      return result;
    },

    async of(environment, tail) {
      const counted: Counted = {};
      const add = (api: Api, months: Months) => {
        const known = counted[api] ?? {};
        counted[api] = known;
        for (const [month, value] of Object.entries(months)) known[month] = (known[month] ?? 0) + value;
      };
      const settled = new Map<string, Settled>();
      for await (const row of table.range(encodeKey(environment))) {
        if (row.rowKey.startsWith('b|')) {
          const [, month = '', api] = row.rowKey.split('|');
          if (api === 'lossPrevention') add(api, { [month]: Number(row.count) });
        } else settled.set(String(row.type), settledOf(row));
      }
      const types: string[] = [];
      for await (const active of records.active())
        if (active.environment === environment) types.push(active.type);
      await Promise.all(
        types.map(async (type) => {
          const api = apiOf(type);
          if (api === undefined) return;
          const { places, months } = settled.get(type) ?? { places: [], months: {} };
          add(api, months);
          await Promise.all(
            Array.from({ length: eventBuckets }, async (_, bucket) => {
              const fresh: Months = {};
              for await (const receipt of records.receipts(
                { environment, type },
                bucket,
                places[bucket] ?? '',
              )) {
                count(fresh, receipt);
                tail?.(receiptName({ environment, type }, receipt));
              }
              add(api, fresh);
            }),
          );
        }),
      );
      return counted;
    },

    async addBatch(environment, api, month, id, number) {
      await table.insert({
        partitionKey: encodeKey(environment),
        rowKey: `b|${month}|${api}|${encodeKey(id)}`,
        count: number,
      });
    },
  };
}

/** What tells a receipt from every other: its row key holds the time and the hash of the event's own key. */
export function receiptName(
  { environment, type }: Pick<EventKey, 'environment' | 'type'>,
  receipt: string,
): string {
  return `${environment}|${type}|${receipt}`;
}

/** A receipt is called `o|2026-11-21T…`. */
function count(months: Months, receipt: string): void {
  const month = receipt.slice(2, 9);
  months[month] = (months[month] ?? 0) + 1;
}

function settledOf(row: Parameters<typeof joinText>[1] | undefined): Settled {
  const text = row && joinText('settled', row);
  return text === undefined ? { places: [], months: {} } : JSON.parse(text);
}
