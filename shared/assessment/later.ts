import type { Json } from '../fql/index.ts';
import { encodeKey, joinText, type Row, type Storage, splitText } from '../storage/index.ts';
import type { Contribution } from '../velocity/index.ts';
import { bucketKey, type EventKey, eventBuckets, hash, ownKey, partitionOf } from './eventKeys.ts';
import type { Awaited, StoredEvent } from './record.ts';

/*
 * Later events beside what they belong to, in table `events` (record.ts has the partitions):
 * - `w|id|hash`: in the partition of an event that is awaited: the key of one that waits for it, and when that was received;
 *   read as a range by the awaited event when it is recorded
 * - `a|id and correlation id`: in the partition of one that waited: what it belongs to and what it adds to velocities. It is
 *   an insert, so that both are settled once, whoever finds the two together; point read
 * - `x|id and correlation id|time of receipt|hash`: in the partition of an assessment: a later event that belongs to it; read
 *   as a range by review
 * - `l|id` under the type `:assessments`: names the latest custom assessment with the event id, for labels that do not say
 *   of which kind it is; point read
 *
 * Table `activePartitions`, PartitionKey `parked`, RowKey day | environment | type: on that day events began to wait for events
 * of that type; read as a range by the sweep of those that waited too long.
 */

/** Days for which an event waits for the one it belongs to. */
export const longestWaitDays = 30;

/** Stands for any custom assessment. */
export const anyAssessment = ':assessments';

/** What a later event turned out to belong to. */
export interface Attachment {
  assessment: EventKey;
  contributions: Contribution[];
}

/** What a status event says became of an assessment. */
export interface EventStatus {
  statusType: string;
  [detail: string]: Json;
}

/** An event that belongs to an assessment. */
export interface LaterEvent {
  key: EventKey;
  /** ISO 8601 */
  received: string;
  status?: EventStatus;
}

export interface LaterEvents {
  /** Lets an event wait for others of its environment. */
  park(stored: Pick<StoredEvent, 'key' | 'received'>, waitsFor: readonly Awaited[]): Promise<void>;
  unpark(key: EventKey, waitsFor: readonly Awaited[]): Promise<void>;
  /** Lets an event wait no longer for what never came; nothing tells of the wait then. */
  giveUp(key: EventKey, waitsFor: readonly Awaited[]): Promise<void>;
  /** Gives up what was received before this time (ms) and still waits; how many that were. */
  giveUpBefore(time: number): Promise<number>;
  /** The events that wait for this one. */
  waiting(environment: string, awaited: Awaited): Promise<EventKey[]>;
  /** Settles what an event belongs to; where that was settled before, what it was. */
  settle(key: EventKey, attachment: Attachment): Promise<Attachment>;
  attachment(key: EventKey): Promise<Attachment | undefined>;
  /** Notes that an event belongs to an assessment. */
  list(assessment: EventKey, later: LaterEvent): Promise<void>;
  /** The same for many, with few writes. */
  listAll(pairs: readonly { assessment: EventKey; later: LaterEvent }[]): Promise<void>;
  /** What belongs to an assessment, in the order of receipt. */
  of(assessment: EventKey): Promise<LaterEvent[]>;
  /** Notes the latest custom assessment with this event id; whether the id was known before, so that others may wait for it. */
  name(key: EventKey): Promise<boolean>;
  /** Forgets a custom assessment that is there no more, unless another one has its event id. */
  unname(key: EventKey): Promise<void>;
  /** The type of the latest custom assessment with this event id. */
  typeOf(environment: string, id: string): Promise<string | undefined>;
}

/** Opens what lies beside events. The tables of `recordNames` must exist. */
export function openLaterEvents(storage: Storage): LaterEvents {
  const events = storage.table('events');
  const active = storage.table('activePartitions');
  const noted = new Set<string>();

  /** Once a day, type and process: the sweep must know of a partition before anything waits in it. */
  async function noteParked(environment: string, type: string, day: string): Promise<void> {
    const rowKey = `${day}|${encodeKey(environment)}|${encodeKey(type)}`;
    if (noted.has(rowKey)) return;
    await active.put({ partitionKey: 'parked', rowKey, environment, type });
    noted.add(rowKey);
  }

  const waitingRow = (key: EventKey, { type, id }: Awaited) => ({
    partitionKey: partitionOf({ environment: key.environment, type, id }),
    rowKey: `w|${encodeKey(id)}|${hash(JSON.stringify(key))}`,
  });

  const listed = (assessment: EventKey, later: LaterEvent): Row => ({
    partitionKey: partitionOf(assessment),
    rowKey: `x|${ownKey(assessment)}|${later.received}|${hash(JSON.stringify(later.key))}`,
    ...splitText('later', JSON.stringify(later)),
  });

  async function attachment(key: EventKey): Promise<Attachment | undefined> {
    const row = await events.read(partitionOf(key), `a|${ownKey(key)}`);
    const text = row && joinText('attachment', row);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async function giveUp(key: EventKey, awaited: Awaited): Promise<void> {
    const { partitionKey, rowKey } = waitingRow(key, awaited);
    await events.remove(partitionKey, rowKey);
    const pointer = await events.read(partitionKey, `l|${encodeKey(awaited.id)}`);
    // it names an event, or the type of one: it is more than a mark that somebody waits
    if (!pointer || pointer.event !== undefined || pointer.type !== undefined) return;
    for await (const _other of waitingRows(partitionKey, awaited.id)) return;
    await events.remove(partitionKey, pointer.rowKey, pointer.etag);
  }

  const waitingRows = (partitionKey: string, id: string) =>
    events.range(partitionKey, { from: `w|${encodeKey(id)}|`, before: `w|${encodeKey(id)}}` });

  return {
    async park({ key, received }, waitsFor) {
      const columns = { received, ...splitText('key', JSON.stringify(key)) };
      await Promise.all(
        waitsFor.map(async (awaited) => {
          await noteParked(key.environment, awaited.type, received.slice(0, 10));
          const row = waitingRow(key, awaited);
          const { partitionKey } = row;
          await events.transact([
            { kind: 'put', row: { ...row, ...columns, id: awaited.id } },
            // the awaited event finds its id known, and looks who waits; as a change, so that `giveUp` leaves it
            { kind: 'merge', row: { partitionKey, rowKey: `l|${encodeKey(awaited.id)}`, waited: received } },
          ]);
        }),
      );
    },

    async unpark(key, waitsFor) {
      await Promise.all(
        waitsFor.map((awaited) => {
          const { partitionKey, rowKey } = waitingRow(key, awaited);
          return events.remove(partitionKey, rowKey);
        }),
      );
    },

    async giveUp(key, waitsFor) {
      await Promise.all(waitsFor.map((awaited) => giveUp(key, awaited)));
    },

    async giveUpBefore(time) {
      const before = new Date(time).toISOString();
      let count = 0;
      // a day ends after all that was received on it
      for await (const { rowKey, environment, type } of active.range('parked', {
        before: before.slice(0, 10),
      })) {
        for (let bucket = 0; bucket < eventBuckets; bucket++) {
          const partitionKey = bucketKey(String(environment), String(type), bucket);
          for await (const row of events.range(partitionKey, { from: 'w|', before: 'w}' })) {
            if (String(row.received) >= before) continue;
            const key: EventKey = JSON.parse(joinText('key', row) ?? missing(row));
            await giveUp(key, { type: String(type), id: String(row.id) });
            count++;
          }
        }
        await active.remove('parked', rowKey);
      }
      return count;
    },

    async waiting(environment, { type, id }) {
      const keys: EventKey[] = [];
      for await (const row of waitingRows(partitionOf({ environment, type, id }), id))
        keys.push(JSON.parse(joinText('key', row) ?? missing(row)));
      return keys;
    },

    async settle(key, made) {
      const row: Row = {
        partitionKey: partitionOf(key),
        rowKey: `a|${ownKey(key)}`,
        ...splitText('attachment', JSON.stringify(made)),
      };
      if ((await events.insert(row)).ok) return made;
      return (await attachment(key)) ?? made;
    },

    attachment,

    async list(assessment, later) {
      await events.put(listed(assessment, later));
    },

    async listAll(pairs) {
      const rows = pairs.map(({ assessment, later }) => listed(assessment, later));
      for (const own of Map.groupBy(rows, ({ partitionKey }) => partitionKey).values()) {
        const once = [...new Map(own.map((row) => [row.rowKey, row])).values()];
        for (let start = 0; start < once.length; start += 100)
          await events.transact(once.slice(start, start + 100).map((row) => ({ kind: 'put', row })));
      }
    },

    async of(assessment) {
      const prefix = `x|${ownKey(assessment)}`;
      const found: LaterEvent[] = [];
      const partitionKey = partitionOf(assessment);
      for await (const row of events.range(partitionKey, { from: `${prefix}|`, before: `${prefix}}` }))
        found.push(JSON.parse(joinText('later', row) ?? missing(row)));
      return found;
    },

    async name({ environment, type, id }) {
      const partitionKey = partitionOf({ environment, type: anyAssessment, id });
      const row = { partitionKey, rowKey: `l|${encodeKey(id)}`, type };
      if ((await events.insert(row)).ok) return false;
      await events.put(row);
      return true;
    },

    async unname({ environment, type, id }) {
      const partitionKey = partitionOf({ environment, type: anyAssessment, id });
      const row = await events.read(partitionKey, `l|${encodeKey(id)}`);
      if (row?.type !== type) return;
      const latest = await events.read(partitionOf({ environment, type, id }), `l|${encodeKey(id)}`);
      if (latest?.event === undefined) await events.remove(partitionKey, row.rowKey, row.etag);
    },

    async typeOf(environment, id) {
      const partitionKey = partitionOf({ environment, type: anyAssessment, id });
      const row = await events.read(partitionKey, `l|${encodeKey(id)}`);
      return typeof row?.type === 'string' ? row.type : undefined;
    },
  };
}

function missing({ rowKey }: Row): never {
  throw new Error(`The row ${rowKey} of table events is not whole.`);
}
