import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../fql/index.ts';
import { encodeKey, type Row, type Storage, type Table } from '../storage/index.ts';
import { type EventKey, hash } from './eventKeys.ts';
import type { StoredEvent } from './record.ts';

/**
 * Table `subjects`: which events name a person or a thing of theirs. PartitionKey: environment | hash of kind and value modulo
 * 16, so that the rows of many events go into one transaction. RowKey: kind | value |, then `a|` for assessments, `o|` for
 * others, then the time of receipt counted backwards, so that the latest stands first; `kind` is `User`, `PaymentInstrument`,
 * `Email`, `Phone`, `Device`, `IP`, or the path of an assessment's own data subject id. Read as a range of a kind and value: by
 * later events that know only a customer (its first row), by export and deletion (all of it).
 *
 * The rows that later events look for are written by the process that recorded the event, within a second and before it
 * looks for them itself; all rows by the outbox's follower (followers.ts), which makes up for processes that died.
 */
export const subjectsTable = 'subjects';

/** One thing that an event names. */
export interface Named {
  kind: string;
  value: string;
}

/** Kinds by which later events look for the latest assessment. */
const lookedFor: ReadonlySet<string> = new Set(['User', 'PaymentInstrument', 'Email']);

/** What the rows of an event are made from. */
export type Traced = Pick<StoredEvent, 'key' | 'received' | 'event' | 'answer' | 'subjects' | 'links'>;

/** More than these nobody looks for at once; the follower writes the rest. */
const mostNoted = 20;

export interface Subjects {
  /** Writes every row of an event; the same rows however often it is called. */
  write(stored: StoredEvent): Promise<void>;
  /** The same for many events, with few writes. */
  writeAll(stored: readonly StoredEvent[]): Promise<void>;
  /** Removes every row of an event. */
  remove(stored: Traced): Promise<void>;
  /** Removes the row by which a subject leads to an event that is there no more. */
  removeRow(named: Named, key: EventKey, received: string): Promise<void>;
  /** Writes the rows of an assessment that later events look for, in the background. */
  note(stored: StoredEvent): void;
  /** Waits for what `note` was told in this process. */
  settled(): Promise<void>;
  /** Events that name the subject; assessments first, of either the latest first. */
  events(environment: string, named: Named): AsyncIterable<{ key: EventKey; received: string }>;
  /** The latest assessment that names the subject, of one of the types where given. */
  latest(environment: string, named: Named, types?: readonly string[]): Promise<EventKey | undefined>;
}

/** Opens the index; `subjectsTable` must exist. */
export function openSubjects(storage: Storage): Subjects {
  const table = storage.table(subjectsTable);
  const noted = batchPuts(table);

  async function* range(
    environment: string,
    named: Named,
    part?: 'a',
  ): AsyncGenerator<{ key: EventKey; received: string }> {
    const { partitionKey, prefix } = placeOf(environment, named);
    const from = part ? `${prefix}|${part}` : prefix;
    for await (const row of table.range(partitionKey, { from: `${from}|`, before: `${from}}` })) {
      const { type, id, correlationId, received } = row;
      if (typeof type !== 'string' || typeof id !== 'string' || typeof correlationId !== 'string') continue;
      yield { key: { environment, type, id, correlationId }, received: String(received) };
    }
  }

  return {
    async write(stored) {
      await Promise.all(namedBy(stored).map((named) => table.put(rowOf(stored, named))));
    },

    async writeAll(stored) {
      const rows = stored.flatMap((one) => namedBy(one).map((named) => rowOf(one, named)));
      for (const own of Map.groupBy(rows, ({ partitionKey }) => partitionKey).values())
        await putAll(table, [...new Map(own.map((row) => [row.rowKey, row])).values()]);
    },

    async remove(stored) {
      const rows = namedBy(stored).map((one) => rowOf(stored, one));
      await Promise.all(rows.map(({ partitionKey, rowKey }) => table.remove(partitionKey, rowKey)));
    },

    async removeRow(named, key, received) {
      for (const part of ['a', 'o'] as const) {
        const { partitionKey, rowKey } = keysOf(key, received, part, named);
        await table.remove(partitionKey, rowKey);
      }
    },

    note(stored) {
      if (!isAssessment(stored)) return;
      const named = namedBy(stored).filter(({ kind }) => lookedFor.has(kind));
      for (const one of named.slice(0, mostNoted)) noted.add(rowOf(stored, one));
    },

    settled: () => noted.flush(),

    events: (environment, named) => range(environment, named),

    async latest(environment, named, types) {
      for await (const { key } of range(environment, named, 'a'))
        if (!types || types.includes(key.type)) return key;
      return undefined;
    },
  };
}

/** Did the event get a decision? */
export function isAssessment(stored: Pick<StoredEvent, 'answer'>): boolean {
  return 'decision' in stored.answer;
}

const buckets = 16;

/** Where the rows of a subject lie: their partition, and how their row keys begin. */
function placeOf(environment: string, { kind, value }: Named): { partitionKey: string; prefix: string } {
  const folded = foldValue(kind, value);
  const bucket =
    createHash('sha256')
      .update(JSON.stringify([kind, folded]))
      .digest()[0]! % buckets;
  const name = encodeKey(kind);
  // parts of any length would not fit a key
  const short = name.length <= 200 ? name : `~~${hash(kind)}`;
  return {
    partitionKey: `${encodeKey(environment)}|${bucket.toString(16)}`,
    prefix: `${short}|${encodeKey(folded)}`,
  };
}

function keysOf(key: EventKey, received: string, part: 'a' | 'o', named: Named) {
  const backwards = String(99_999_999_999_999 - Date.parse(received)).padStart(14, '0');
  const { partitionKey, prefix } = placeOf(key.environment, named);
  return { partitionKey, rowKey: `${prefix}|${part}|${backwards}|${hash(JSON.stringify(key))}` };
}

function rowOf(stored: Traced, named: Named): Row {
  const { key, received } = stored;
  const { type, id, correlationId } = key;
  return {
    ...keysOf(key, received, isAssessment(stored) ? 'a' : 'o', named),
    type,
    id,
    correlationId,
    received,
  };
}

/** Mail addresses are the same in any letter case; half a character stands in events as U+FFFD, however it is asked for. */
function foldValue(kind: string, value: string): string {
  const whole = value.toWellFormed();
  return kind === 'Email' ? whole.trim().toLowerCase() : whole;
}

const paths: readonly (readonly [kind: string, path: string])[] = [
  ['Email', 'user.email'],
  ['Email', 'email[].emailValue'],
  ['Email', 'email'],
  ['Phone', 'user.phoneNumber'],
  ['Phone', 'user.phone'],
  ['Phone', 'phone[].phoneNumber'],
  ['Phone', 'phoneNumber'],
  ['PaymentInstrument', 'paymentInstrumentList[].merchantPaymentInstrumentId'],
  ['PaymentInstrument', 'paymentInstruments[].merchantPaymentInstrumentId'],
  ['PaymentInstrument', 'user.paymentInstrument.merchantPaymentInstrumentId'],
  ['Device', 'deviceContext.deviceContextId'],
  ['Device', 'deviceContext.externalDeviceId'],
  ['Device', 'device.deviceContextId'],
  ['Device', 'device.externalDeviceId'],
  ['Device', 'deviceFingerprinting.id'],
  ['Device', 'deviceContextId'],
  ['IP', 'deviceContext.ipAddress'],
  ['IP', 'device.ipAddress'],
  ['IP', 'deviceFingerprinting.ipAddress'],
  ['IP', 'currentIpAddress'],
];

const linkKinds: ReadonlySet<string> = new Set(['User', 'PaymentInstrument', 'Email']);

/** Everything of a person that an event names, each once. */
export function namedBy({ event, subjects = [], links = [] }: Traced): Named[] {
  const found: Named[] = [
    ...subjects.map(({ property, value }) => ({ kind: property, value })),
    ...links.filter(({ to }) => linkKinds.has(to)).map(({ to, id }) => ({ kind: to, value: id })),
    ...paths.flatMap(([kind, path]) => textsAt(event, path).map((value) => ({ kind, value }))),
  ];
  return [
    ...new Map(
      found.map((one) => [JSON.stringify([one.kind, foldValue(one.kind, one.value)]), one]),
    ).values(),
  ];
}

/** The texts at a path like `email[].emailValue`, in the spelling of the canonical event; blank ones are none. */
function textsAt(event: JsonObject, path: string): string[] {
  let values: (Json | undefined)[] = [event];
  for (const part of path.split('.')) {
    const name = part.replace('[]', '');
    values = values.flatMap((value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
      const member = Object.getOwnPropertyDescriptor(value, name)?.value;
      return part.endsWith('[]') && Array.isArray(member) ? member : [member];
    });
  }
  return values.filter((value) => typeof value === 'string' && value.trim() !== '').map(String);
}

/** Puts rows in the background, those of a partition in one transaction; what fails is written by the follower. */
function batchPuts(table: Table): { add(row: Row): void; flush(): Promise<void> } {
  const waiting = new Map<string, Map<string, Row>>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<unknown> = Promise.resolve();

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batches = [...waiting.values()];
    waiting.clear();
    const before = flushing;
    flushing = Promise.allSettled([before, ...batches.map((rows) => putAll(table, [...rows.values()]))]);
    await flushing;
  }

  return {
    add(row) {
      const rows = waiting.get(row.partitionKey) ?? new Map<string, Row>();
      waiting.set(row.partitionKey, rows.set(row.rowKey, row));
      timer ??= setTimeout(flush, 1000).unref();
    },
    flush,
  };
}

/** Puts rows of one partition, each once, a hundred in a transaction. */
async function putAll(table: Table, rows: readonly Row[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 100)
    await table.transact(rows.slice(start, start + 100).map((row) => ({ kind: 'put', row })));
}
