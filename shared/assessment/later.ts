import type { Json } from '../fql/index.ts';
import { encodeKey, joinText, type Row, type Storage, splitText } from '../storage/index.ts';
import type { Contribution } from '../velocity/index.ts';
import { type EventKey, hash, ownKey, partitionOf } from './eventKeys.ts';
import type { Awaited } from './record.ts';

/*
 * Later events beside what they belong to, in table `events` (record.ts has the partitions):
 * - `w|id|hash`: in the partition of an event that is awaited: the key of one that waits for it; read as a range by the
 *   awaited event when it is recorded
 * - `a|id and correlation id`: in the partition of one that waited: what it belongs to and what it adds to velocities. It is
 *   an insert, so that both are settled once, whoever finds the two together; point read
 * - `x|id and correlation id|time of receipt|hash`: in the partition of an assessment: a later event that belongs to it; read
 *   as a range by review
 * - `l|id` under the type `:assessments`: names the latest custom assessment with the event id, for labels that do not say
 *   of which kind it is; point read
 */

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
  park(key: EventKey, waitsFor: readonly Awaited[]): Promise<void>;
  unpark(key: EventKey, waitsFor: readonly Awaited[]): Promise<void>;
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
  /** The type of the latest custom assessment with this event id. */
  typeOf(environment: string, id: string): Promise<string | undefined>;
}

/** Opens what lies beside events. The tables of `recordNames` must exist. */
export function openLaterEvents(storage: Storage): LaterEvents {
  const events = storage.table('events');

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

  return {
    async park(key, waitsFor) {
      const columns = splitText('key', JSON.stringify(key));
      await Promise.all(
        waitsFor.map(async (awaited) => {
          const row = waitingRow(key, awaited);
          await events.put({ ...row, ...columns });
          // the awaited event finds its id known, and looks who waits
          const { partitionKey } = row;
          await events.insert({ partitionKey, rowKey: `l|${encodeKey(awaited.id)}` });
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

    async waiting(environment, { type, id }) {
      const prefix = `w|${encodeKey(id)}`;
      const keys: EventKey[] = [];
      const partitionKey = partitionOf({ environment, type, id });
      for await (const row of events.range(partitionKey, { from: `${prefix}|`, before: `${prefix}}` }))
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
