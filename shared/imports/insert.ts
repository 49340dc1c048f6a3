import type { App } from '../assessment/app.ts';
import { ownKey, partitionOf } from '../assessment/eventKeys.ts';
import { eventRow, type StoredEvent } from '../assessment/record.ts';
import { encodeKey, joinText, type Operation, type Row, type Table } from '../storage/index.ts';
import { forEachAtOnce } from './pool.ts';
import type { StagedEvent } from './staged.ts';
import type { Place } from './store.ts';

/** An event that is to be stored. */
interface Insertion {
  stored: StoredEvent;
  /** does it give way to an event of the same type and id, under whatever correlation id? */
  yields: boolean;
}

/**
 * What became of it: stored, now or by an earlier try of this import (or by another one that was given up, from which it is taken
 * over), and then as that try stored it; or known before.
 * `expected`: its id was known, so that others may wait for it.
 */
type Inserted = { known: false; stored: StoredEvent; expected: boolean } | { known: true };

const mostEvents = 48;
const mostBytes = 3_000_000;
const partitionsAtOnce = 12;
const readAtOnce = 48;
const tries = 20;

/**
 * Stores past events, each once, many in a transaction; the outcomes are in the order of the events. They get no row in the
 * outbox: followers go on where they are, and usage counts what was received here. An event that was stored by an earlier
 * try is known by its place in the files.
 */
export async function insertAll(table: Table, events: readonly Insertion[]): Promise<Inserted[]> {
  const outcomes = new Map<Insertion, Inserted>();
  const partitions = Map.groupBy(events, ({ stored }) => partitionOf(stored.key));
  await forEachAtOnce(partitions, partitionsAtOnce, async ([partitionKey, own]) => {
    for (const batch of batchesOf(own)) await insertBatch(table, partitionKey, batch, outcomes);
  });
  return events.map((event) => outcomes.get(event) ?? { known: true });
}

/** Events of one id go into different transactions, in their order. */
function* batchesOf(events: readonly Insertion[]): Generator<Insertion[]> {
  let left = events.map((event) => ({ event, size: 2 * JSON.stringify(event.stored).length }));
  while (left.length > 0) {
    const batch: Insertion[] = [];
    const ids = new Set<string>();
    const rest: typeof left = [];
    let bytes = 0;
    for (const one of left) {
      const { id } = one.event.stored.key;
      const fits = batch.length === 0 || (batch.length < mostEvents && bytes + one.size <= mostBytes);
      if (fits && !ids.has(id)) {
        batch.push(one.event);
        bytes += one.size;
      } else rest.push(one);
      // an id that waits is waited for
      ids.add(id);
    }
    yield batch;
    left = rest;
  }
}

async function insertBatch(
  table: Table,
  partitionKey: string,
  batch: readonly Insertion[],
  outcomes: Map<Insertion, Inserted>,
): Promise<void> {
  const plain = await table.transact(
    batch.flatMap(({ stored }): Operation[] => [
      { kind: 'insert', row: eventRow(stored) },
      { kind: 'insert', row: pointerRow(partitionKey, stored) },
    ]),
  );
  if (plain.ok) {
    for (const event of batch) outcomes.set(event, { known: false, stored: event.stored, expected: false });
    return;
  }
  // something of it is there: each is looked at
  let left = batch;
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt === tries) throw new Error(`events of ${partitionKey} are being written by too many at once`);
    const planned = await Promise.all(left.map((event) => planOf(table, partitionKey, event)));
    const operations: Operation[] = [];
    for (const plan of planned) operations.push(...plan.operations);
    const answer = operations.length > 0 ? await table.transact(operations) : { ok: true };
    for (const { event, outcome, operations: own } of planned)
      if (answer.ok || own.length === 0) outcomes.set(event, outcome);
    left = left.filter((event) => !outcomes.has(event));
  }
}

/**
 * Leaves those of these events in order that this import stored, where it ends without applying all that they add: the index of
 * data subjects has them, so that export and deletion find them, and another import of the same events takes them over.
 */
export async function leaveAll(
  { storage, subjects }: Pick<App, 'storage' | 'subjects'>,
  { environment, id }: Place,
  events: readonly StagedEvent[],
): Promise<void> {
  const table = storage.table('events');
  const own: { stored: StoredEvent; etag: string }[] = [];
  await forEachAtOnce(events, readAtOnce, async (staged) => {
    const key = { environment, ...staged.key };
    const row = await table.read(partitionOf(key), `e|${ownKey(key)}`);
    if (!row) return;
    const stored = storedOf(row);
    if (stored.imported?.import === id) own.push({ stored, etag: row.etag });
  });
  await subjects.writeAll(own.map(({ stored }) => stored));
  await forEachAtOnce(own, readAtOnce, async ({ stored, etag }) => {
    const { imported } = stored;
    if (!imported || imported.unfinished) return;
    const left = eventRow({ ...stored, imported: { ...imported, unfinished: true } });
    const written = await table.put(left, etag);
    if (!written.ok) throw new Error(`the event ${left.rowKey} was changed meanwhile`);
  });
}

interface Plan {
  event: Insertion;
  outcome: Inserted;
  operations: Operation[];
}

async function planOf(table: Table, partitionKey: string, event: Insertion): Promise<Plan> {
  const { stored, yields } = event;
  const row = eventRow(stored);
  const pointer = pointerRow(partitionKey, stored);
  const [there, latest] = await Promise.all([
    table.read(partitionKey, row.rowKey),
    table.read(partitionKey, pointer.rowKey),
  ]);
  if (there) {
    const existing = storedOf(there);
    if (existing.imported?.unfinished && stored.imported) {
      // with what it adds as it was stored: some of it may have been applied
      const taken = expected({ ...existing, imported: stored.imported });
      const outcome: Inserted = { known: false, stored: taken, expected: true };
      return { event, outcome, operations: [{ kind: 'put', row: eventRow(taken), etag: there.etag }] };
    }
    const outcome: Inserted = isSame(existing, stored)
      ? { known: false, stored: existing, expected: existing.imported?.expected === true }
      : { known: true };
    return { event, outcome, operations: [] };
  }
  if (!latest)
    return {
      event,
      outcome: { known: false, stored, expected: false },
      operations: [
        { kind: 'insert', row },
        { kind: 'insert', row: pointer },
      ],
    };
  const met = expected(stored);
  const outcome: Inserted = { known: false, stored: met, expected: true };
  const insert: Operation = { kind: 'insert', row: eventRow(met) };
  const point: Operation = { kind: 'put', row: pointer, etag: latest.etag };
  // an id that is only waited for
  if (typeof latest.event !== 'string') return { event, outcome, operations: [insert, point] };
  if (yields) return { event, outcome: { known: true }, operations: [] };
  const pointedAt = await table.read(partitionKey, latest.event);
  const isLater = !pointedAt || String(pointedAt.received) <= stored.received;
  return { event, outcome, operations: isLater ? [insert, point] : [insert] };
}

/** The event as one that others may wait for, which a further try of the import has to know as well. */
function expected(stored: StoredEvent): StoredEvent {
  return stored.imported ? { ...stored, imported: { ...stored.imported, expected: true } } : stored;
}

function pointerRow(partitionKey: string, { key }: StoredEvent): Row {
  return { partitionKey, rowKey: `l|${encodeKey(key.id)}`, event: `e|${ownKey(key)}` };
}

function storedOf(row: Row): StoredEvent {
  const text = joinText('event', row);
  const evidence = joinText('evidence', row);
  return {
    ...JSON.parse(text ?? '{}'),
    ...(evidence === undefined ? {} : { evidence: JSON.parse(evidence) }),
  };
}

function isSame({ imported: one }: StoredEvent, { imported: other }: StoredEvent): boolean {
  return (
    one !== undefined && one.import === other?.import && one.file === other.file && one.line === other.line
  );
}
