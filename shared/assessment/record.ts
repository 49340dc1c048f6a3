import type { Decision } from '../events/decision.ts';
import type { Link, Subject } from '../events/eventTypes.ts';
import type { JsonObject } from '../fql/index.ts';
import { Problem } from '../problem.ts';
import {
  encodeKey,
  joinText,
  type Operation,
  type Row,
  type Storage,
  splitText,
  type Table,
} from '../storage/index.ts';
import type { Contribution } from '../velocity/index.ts';
import {
  bucketKey,
  type EventKey,
  eventBuckets,
  ownKey,
  ownKeysOf,
  partitionOf,
  receiptOf,
} from './eventKeys.ts';
import type { Evidence } from './evidence.ts';

export type { EventKey };

/** What an observation event is answered with, and known by from then on. */
export interface Acknowledgement {
  transactionReferenceId: string;
}

/** An event as it is kept: whole, with what its decision rested on. Never changed after it was written. */
export interface StoredEvent {
  key: EventKey;
  /** id of the root of the environment's tree, under which velocities count */
  root: string;
  /** when it was received, ISO 8601: the clock of its assessment, unless that took long (once.ts) */
  received: string;
  event: JsonObject;
  /** a decision of an assessment, else an acknowledgement */
  answer: Decision | Acknowledgement;
  evidence: Evidence;
  /** what it adds to velocities; recovery applies exactly these */
  contributions: Contribution[];
  /** data subjects and assessments that the event names */
  subjects?: Subject[];
  links?: Link[];
  /** observation events: the assessment it belongs to, where that was there already */
  assessment?: EventKey;
  /** observation events: the assessments any of which it waits for; what it adds is worked out when one is found (later.ts) */
  waitsFor?: Awaited[];
  /** a number of the process that recorded it: which shard of busy histories it counts in */
  spread?: number;
  /** past events that were imported: nobody decided about them here, and their time of receipt is that of the event */
  imported?: Imported;
}

/** Where an imported event came from. */
export interface Imported {
  /** id of the import */
  import: string;
  /** when that was begun, ISO 8601: an event that waits for another waits from then on */
  at: string;
  /** place of its file in the import's list, and its line there */
  file: number;
  line: number;
  /** its id was known when it was stored, so that others may have waited for it */
  expected?: true;
  /** the import was given up before all that the event adds was applied: another import of it takes it over */
  unfinished?: true;
}

/** An event that is not there yet, by what is known of it. */
export type Awaited = Pick<EventKey, 'type' | 'id'>;

/**
 * Table `events`. PartitionKey: environment | type | hash of the id modulo 16. RowKey, by its first letter:
 * - `e|id and correlation id`: the event; point reads by review, search and repeats
 * - `l|id`: names the latest event of the id; point read by later events. Without an event where one is only waited for
 * - `p|id and correlation id`: stands while the event's velocities and histories may not all be applied, or its external calls
 *   not be told of; read as a range by recovery
 * - `o|time of receipt|…`: the outbox, read as a range by followers in the order of receipt
 * - `w|…`, `a|…`, `x|…`: later events and what they belong to (later.ts)
 * - `f|…`, `s|…`: what labels say (labels.ts)
 * The first four are written in one transaction, so that an event is stored whole or not at all.
 *
 * Table `activePartitions`. PartitionKey: `events`. RowKey: environment | type. `day`: the last day on which a process
 * wrote events there, so that recovery knows where to look; `cleanSince`: the `day` after which nothing incomplete was
 * found, so that it need not look again. Read as one range.
 */
export const recordNames = { tables: ['events', 'activePartitions'], containers: ['evidence'] } as const;

/** Evidence longer than this goes to a blob that is written first (DESIGN.md). */
const EVIDENCE_IN_ROW = 48 * 1024;

/** The partitions of one environment and event type. */
export interface ActivePartitions {
  environment: string;
  type: string;
  /** `2026-11-21` */
  day: string;
}

/** Do other events wait for events like this where it is not there yet? */
export function mayBeAwaited({ key, answer }: Pick<StoredEvent, 'key' | 'answer'>): boolean {
  return 'decision' in answer || key.type === 'AccountUpdate';
}

export interface Records {
  /**
   * Stores the event once. Where its key is taken: the event that has it. `expected` says whether its id was known before,
   * so that others may wait for it (later.ts); of events that nobody waits for it is always true.
   */
  insert(
    stored: StoredEvent,
  ): Promise<{ inserted: true; expected: boolean } | { inserted: false; existing: StoredEvent }>;
  /** Notes that all contributions of the event are applied. Not awaited by the answer: recovery would find out the same. */
  complete(key: EventKey): void;
  /** Is everything of the event applied? */
  isComplete(key: EventKey): Promise<boolean>;
  read(key: EventKey): Promise<StoredEvent | undefined>;
  /** The latest event with this id. */
  latest(environment: string, type: string, id: string): Promise<StoredEvent | undefined>;
  /** All events with this id, whatever their correlation ids. */
  ofId(environment: string, type: string, id: string): AsyncIterable<StoredEvent>;
  /** Events received before `before` that may lack velocities; each to be read, so that one which cannot be hides no others. */
  incomplete(before: number): AsyncIterable<{
    of: Pick<EventKey, 'environment' | 'type'>;
    read(): Promise<StoredEvent | undefined>;
  }>;
  /** Where events were ever written, with the last day of that. */
  active(): AsyncIterable<ActivePartitions>;
  /** The outbox of one partition from after the place given, in the order of receipt. */
  outbox(
    partition: Pick<EventKey, 'environment' | 'type'>,
    bucket: number,
    after: string,
  ): AsyncIterable<{ place: string; stored: StoredEvent }>;
  /** RowKeys of that outbox, without the events, those that were deleted too. They begin with `o|` and the time of receipt. */
  receipts(
    partition: Pick<EventKey, 'environment' | 'type'>,
    bucket: number,
    after: string,
    before?: string,
  ): AsyncIterable<string>;
  /** Waits for all that `complete` was told. */
  flush(): Promise<void>;
}

/** The row of an event, `e|…`. Without columns for its evidence it holds that itself. */
export function eventRow(
  { evidence, ...rest }: StoredEvent,
  evidenceColumns: Record<string, string | number> = splitText('evidence', JSON.stringify(evidence)),
): Row {
  return {
    partitionKey: partitionOf(rest.key),
    rowKey: `e|${ownKey(rest.key)}`,
    received: rest.received,
    ...splitText('event', JSON.stringify(rest)),
    ...evidenceColumns,
  };
}

/** Opens the store of events. `recordNames` must exist. */
export function openRecords(storage: Storage): Records {
  const events = storage.table('events');
  const active = storage.table('activePartitions');
  const evidence = storage.blobs('evidence');
  const completions = batchRemovals(events);
  const noted = new Map<string, Promise<void>>();

  /** Once a day, type and process: recovery must know of a partition before anything can be incomplete in it. */
  function noteActive(key: EventKey, day: string): Promise<void> {
    const name = `${encodeKey(key.environment)}|${encodeKey(key.type)}`;
    const known = noted.get(`${name}|${day}`);
    if (known) return known;
    const done = active
      .put({ partitionKey: 'events', rowKey: name, environment: key.environment, type: key.type, day })
      .then(() => undefined);
    noted.set(`${name}|${day}`, done);
    done.catch(() => noted.delete(`${name}|${day}`));
    return done;
  }

  async function load(partitionKey: string, rowKey: string): Promise<StoredEvent | undefined> {
    const row = await events.read(partitionKey, rowKey);
    if (!row) return undefined;
    const blob = row.evidenceBlob;
    const text =
      typeof blob === 'string'
        ? new TextDecoder().decode((await evidence.read(blob))?.content ?? missing(blob))
        : joinText('evidence', row);
    return {
      ...JSON.parse(joinText('event', row) ?? missing(rowKey)),
      evidence: JSON.parse(text ?? missing(rowKey)),
    };
  }

  return {
    async insert(stored) {
      const { evidence: known } = stored;
      const partitionKey = partitionOf(stored.key);
      const own = ownKey(stored.key);
      await noteActive(stored.key, stored.received.slice(0, 10));
      const evidenceText = JSON.stringify(known);
      let evidenceColumns: Record<string, string | number>;
      if (Buffer.byteLength(evidenceText) > EVIDENCE_IN_ROW) {
        // the name is this attempt's own: a concurrent repeat must not overwrite what the stored event rests on
        const name = `${encodeKey(stored.key.environment)}/${encodeKey(stored.key.type)}/${stored.received.slice(0, 10)}/${crypto.randomUUID()}.json`;
        await evidence.write(name, evidenceText, { contentType: 'application/json', create: true });
        evidenceColumns = { evidenceBlob: name };
      } else evidenceColumns = splitText('evidence', evidenceText);
      const row = eventRow(stored, evidenceColumns);
      const operations = (pointer: 'insert' | 'put'): Operation[] => [
        { kind: 'insert', row },
        {
          kind: pointer,
          row: { partitionKey, rowKey: `l|${encodeKey(stored.key.id)}`, event: row.rowKey },
        },
        { kind: 'put', row: { partitionKey, rowKey: `p|${own}`, received: stored.received } },
        {
          kind: 'put',
          row: { partitionKey, rowKey: receiptOf(stored.key, stored.received), event: row.rowKey },
        },
      ];
      // an id that is new here is the common case: nobody waits for it, which this one transaction finds out
      const first = mayBeAwaited(stored) ? await events.transact(operations('insert')) : undefined;
      if (first?.ok) return { inserted: true, expected: false };
      if (!first || first.index === 1) {
        const done = await events.transact(operations('put'));
        if (done.ok) return { inserted: true, expected: true };
      }
      const existing = await load(partitionKey, row.rowKey);
      if (!existing) throw Problem.unavailable('The event is being deleted; send it again.', 1);
      return { inserted: false, existing };
    },

    complete(key) {
      completions.add(partitionOf(key), `p|${ownKey(key)}`);
    },

    async isComplete(key) {
      return (await events.read(partitionOf(key), `p|${ownKey(key)}`)) === undefined;
    },

    read: (key) => load(partitionOf(key), `e|${ownKey(key)}`),

    async latest(environment, type, id) {
      const partitionKey = partitionOf({ environment, type, id });
      const pointer = await events.read(partitionKey, `l|${encodeKey(id)}`);
      return typeof pointer?.event === 'string' ? load(partitionKey, pointer.event) : undefined;
    },

    async *ofId(environment, type, id) {
      const partitionKey = partitionOf({ environment, type, id });
      const from = `e|${ownKeysOf(id)}`;
      for await (const { rowKey } of events.range(partitionKey, { from, before: `${from}~~~` })) {
        const stored = await load(partitionKey, rowKey);
        if (stored?.key.id === id) yield stored;
      }
    },

    async *incomplete(before) {
      // a process may have noted yesterday, worked past midnight and died
      const since = new Date(before - 2 * 86_400_000).toISOString().slice(0, 10);
      for await (const partition of active.range('events')) {
        const idle = String(partition.day) < since;
        if (idle && partition.cleanSince === partition.day) continue;
        const of = { environment: String(partition.environment), type: String(partition.type) };
        let clean = true;
        for (let bucket = 0; bucket < eventBuckets; bucket++) {
          const partitionKey = bucketKey(of.environment, of.type, bucket);
          for await (const pending of events.range(partitionKey, { from: 'p|', before: 'p}' })) {
            clean = false;
            if (Date.parse(String(pending.received)) >= before) continue;
            yield { of, read: () => load(partitionKey, `e${pending.rowKey.slice(1)}`) };
          }
        }
        if (idle && clean) {
          const { partitionKey, rowKey, etag, day } = partition;
          await active.merge({ partitionKey, rowKey, cleanSince: day }, etag);
        }
      }
    },

    async *active() {
      for await (const { environment, type, day } of active.range('events'))
        yield { environment: String(environment), type: String(type), day: String(day) };
    },

    async *outbox({ environment, type }, bucket, after) {
      const partitionKey = bucketKey(environment, type, bucket);
      const rows = events.range(partitionKey, { from: after ? `${after}!` : 'o|', before: 'o}' });
      for await (const { rowKey, event } of rows) {
        const stored = await load(partitionKey, String(event));
        // deleted since
        if (stored) yield { place: rowKey, stored };
      }
    },

    async *receipts({ environment, type }, bucket, after, before = 'o}') {
      const rows = events.range(bucketKey(environment, type, bucket), {
        from: after ? `${after}!` : 'o|',
        before,
      });
      for await (const { rowKey } of rows) yield rowKey;
    },

    flush: () => completions.flush(),
  };
}

function missing(what: string): never {
  throw new Error(`The stored event ${what} is not whole.`);
}

/** Removes rows in the background, many of a partition in one transaction. */
function batchRemovals(table: Table) {
  const waiting = new Map<string, string[]>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  async function removeAll(partitionKey: string, rowKeys: string[]): Promise<void> {
    for (let start = 0; start < rowKeys.length; start += 100) {
      const some = rowKeys.slice(start, start + 100);
      const done = await table.transact(some.map((rowKey) => ({ kind: 'remove', partitionKey, rowKey })));
      // recovery was faster with one of them
      if (!done.ok) for (const rowKey of some) await table.remove(partitionKey, rowKey);
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batches = [...waiting];
    waiting.clear();
    // what cannot be removed now stays marked as incomplete, and recovery finds it applied
    flushing = flushing.then(async () => {
      await Promise.allSettled(batches.map(([partitionKey, rowKeys]) => removeAll(partitionKey, rowKeys)));
    });
    return flushing;
  }

  return {
    add(partitionKey: string, rowKey: string) {
      const rows = waiting.get(partitionKey);
      if (rows) rows.push(rowKey);
      else waiting.set(partitionKey, [rowKey]);
      timer ??= setTimeout(flush, 200).unref();
    },
    flush,
  };
}
