import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { all } from '../all.ts';
import { Problem } from '../problem.ts';
import {
  joinBytes,
  joinText,
  type Operation,
  type Row,
  type Storage,
  splitBytes,
  splitText,
  type Table,
} from '../storage/index.ts';
import { type Entity, entitiesOf } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import { emptyHistory, type History, hashKey, mergeHistories, withLabel } from './features/history.ts';
import { decodeHistory, encodeHistory } from './features/historyCodec.ts';
import { observed } from './features/memory.ts';
import { amountOf, type Histories } from './features/schema.ts';
import { dayOf, dayText, type HistoryPlace, markerOf, placeOf, shardOf, shardsOf } from './historyRows.ts';
import { covers, type Label, type LabelTarget, wins } from './labels.ts';
import type { Directories } from './scorecardFacts.ts';

/** What labels may be about as a whole. */
const labelled: ReadonlySet<string> = new Set<LabelTarget['kind']>(['user', 'payment', 'email']);

/** The types of events by which an entity has a history of its own. */
const families = ['Purchase', 'AccountCreation'];

/** Findings about one entity that are kept; of one period only the one that counts. */
const LABELS_KEPT = 50;

const OPERATIONS = 100;
const LONGEST_WAIT_MS = 100;
const GIVE_UP_MS = 60_000;
/** Markers outlive every replay; a history has long forgotten the day by then. */
const MARKER_DAYS = 93;
const SWEEP_EVERY = 64;
const CACHED = 20_000;
/** Histories that `observeAll` writes at once. */
const PARTITIONS_AT_ONCE = 48;

export interface HistoryStore {
  /** The histories of an event's entities, in one parallel round; an entity without one is left out. */
  read(root: string, type: string, entities: readonly Entity[]): Promise<Histories>;
  /** Reads what counting such an event will have to know and this process does not: in the round of other reads, not before a write. */
  prefetch(root: string, type: string, entities: readonly Entity[], spread?: number): Promise<void>;
  /**
   * Counts an event in the histories of its entities, exactly once however often it is called with the same key, event and spread, in
   * this process or another. Gives the labels of its entities that reach it. `key` names the event where labels look for it;
   * `spread` is any whole number of the writer's own, so that processes rarely write the same row. Throws a Problem (503) where
   * storage is gone or too busy: a later call completes it.
   */
  observe(root: string, key: string, event: FeatureEvent, spread?: number): Promise<Label[]>;
  /** The same for many events; those of one history go into it together. Gives the labels by the events' keys, where there are any. */
  observeAll(root: string, events: readonly KeyedEvent[]): Promise<Map<string, Label[]>>;
  /** Counts an event as fraud (1) or takes that back (−1), once for each key: the key of what brought the change. */
  label(root: string, key: string, event: FeatureEvent, frauds: 1 | -1): Promise<void>;
  /**
   * Keeps a label of a user, payment instrument or mail address, so that it reaches events to come, and gives the keys of the
   * events of the days of its period that were observed already.
   */
  labelEntity(root: string, label: Label): Promise<string[]>;
  /**
   * Takes an event's name out of the histories of its entities, and deletes those that no other event of the last three months stands
   * behind; what it added to the others stays, as a number of nobody.
   */
  forget(root: string, key: string, event: FeatureEvent, spread?: number): Promise<void>;
  /** Forgets a label that `labelEntity` kept; what it did to events that were there stays. */
  forgetLabel(root: string, label: Label): Promise<void>;
}

/** An event and what it is known by. */
export interface KeyedEvent {
  key: string;
  event: FeatureEvent;
}

interface Stored {
  history: History;
  labels: readonly Label[];
  etag: string | undefined;
}

/** One change of one row, with the marker that makes it happen once; one that may happen again has none. */
interface Job {
  marker?: Row;
  change(stored: Stored): Stored;
  deadline: number;
  resolve(labels: readonly Label[]): void;
  reject(error: unknown): void;
}

/** With one more label: of those of one period the one that wins, of all the latest found. */
function withEntityLabel(labels: readonly Label[], added: Label): Label[] {
  const period = ({ target }: Label) => (target.kind === 'event' ? '' : `${target.from}|${target.until}`);
  const rival = labels.find((label) => period(label) === period(added));
  if (rival && !wins(added, rival)) return [...labels];
  return [...labels.filter((label) => label !== rival), added]
    .sort((a, b) => a.found - b.found)
    .slice(-LABELS_KEPT);
}

/** Opens the histories. The table of `historyTable` must exist. */
export function openHistories(storage: Storage, directories: Directories): HistoryStore {
  const table: Table = storage.table('histories');
  const queues = new Map<string, Job[]>();
  // What this process last saw of a row, so that a write needs no read of its own where the assessment has just read it.
  const cache = new Map<string, Stored>();

  function remember(partitionKey: string, stored: Stored): Stored {
    cache.delete(partitionKey);
    cache.set(partitionKey, stored);
    const oldest = cache.keys().next();
    if (cache.size > CACHED && !oldest.done) cache.delete(oldest.value);
    return stored;
  }

  async function load({ partitionKey, rowKey }: HistoryPlace): Promise<Stored> {
    const row = await table.read(partitionKey, rowKey);
    const bytes = row && joinBytes('history', row);
    const labels = row && joinText('labels', row);
    return remember(partitionKey, {
      history: bytes ? decodeHistory(bytes) : emptyHistory,
      labels: labels === undefined ? [] : JSON.parse(labels),
      etag: row?.etag,
    });
  }

  /** Applies jobs of one partition in one transaction; gives back those that must be tried again. */
  async function attempt(place: HistoryPlace, jobs: readonly Job[]): Promise<Job[]> {
    const { partitionKey } = place;
    let due = jobs;
    while (due.length > 0) {
      const stored = cache.get(partitionKey) ?? (await load(place));
      const markers = new Map<string, Row>();
      let next = stored;
      for (const { marker, change } of due) {
        if (marker && markers.has(marker.rowKey)) continue;
        if (marker) markers.set(marker.rowKey, marker);
        next = change(next);
      }
      const { history, labels, etag } = next;
      const row: Row = {
        ...place,
        ...splitBytes('history', encodeHistory(history)),
        ...(labels.length > 0 ? splitText('labels', JSON.stringify(labels)) : {}),
      };
      const inserts = [...markers.values()].map((marker): Operation => ({ kind: 'insert', row: marker }));
      const answer = await table.transact([
        ...inserts,
        etag === undefined ? { kind: 'insert', row } : { kind: 'put', row, etag },
      ]);
      if (answer.ok) {
        const written = answer.etags[inserts.length];
        if (written === undefined) cache.delete(partitionKey);
        else remember(partitionKey, { history, labels, etag: written });
        for (const job of due) job.resolve(labels);
        return [];
      }
      const applied = [...markers.keys()][answer.index];
      cache.delete(partitionKey);
      // Another process was faster: its history is read, and the jobs go again.
      if (applied === undefined) return [...due];
      // Where one was counted before others probably were: all are looked up at once, not found out one by one.
      const counted = new Set([applied]);
      const others = [...markers.keys()].filter((rowKey) => rowKey !== applied);
      await Promise.all(
        others.map(async (rowKey) => {
          if (await table.read(partitionKey, rowKey)) counted.add(rowKey);
        }),
      );
      const known = (await load(place)).labels;
      const isCounted = ({ marker }: Job) => marker !== undefined && counted.has(marker.rowKey);
      for (const job of due.filter(isCounted)) job.resolve(known);
      due = due.filter((job) => !isCounted(job));
    }
    return [];
  }

  /** Works a partition's queue off, one transaction at a time; what comes meanwhile goes into the next one together. */
  async function work(place: HistoryPlace, queue: Job[]): Promise<void> {
    for (let conflicts = 0; queue.length > 0; ) {
      const batch = queue.splice(0, OPERATIONS - 1);
      const late = batch.filter(({ deadline }) => deadline <= performance.now());
      for (const job of late)
        job.reject(
          Problem.unavailable('A history is being updated by too many at once.', 5, { code: 'HistoryBusy' }),
        );
      const due = batch.filter((job) => !late.includes(job));
      if (due.length === 0) continue;
      try {
        const again = await attempt(place, due);
        conflicts = again.length === 0 ? 0 : conflicts + 1;
        queue.unshift(...again);
      } catch (error) {
        for (const job of due) job.reject(error);
      }
      if (conflicts > 0) await sleep(Math.random() * Math.min(LONGEST_WAIT_MS, 4 * 2 ** conflicts));
    }
    queues.delete(place.partitionKey);
  }

  function submit(
    place: HistoryPlace,
    marker: Row | undefined,
    change: Job['change'],
  ): Promise<readonly Label[]> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + GIVE_UP_MS;
      const job: Job = { ...(marker ? { marker } : {}), change, deadline, resolve, reject };
      const queue = queues.get(place.partitionKey);
      if (queue) queue.push(job);
      else {
        const started = [job];
        queues.set(place.partitionKey, started);
        void work(place, started);
      }
    });
  }

  /** Now and then, at one marker in 64, removes a partition's markers that no replay can need any more. */
  async function sweep(partitionKey: string, now: number): Promise<void> {
    const before = dayText(dayOf(now) - MARKER_DAYS);
    const old: Operation[] = [];
    for await (const { rowKey } of table.range(partitionKey, { from: 'm|', before, limit: OPERATIONS }))
      old.push({ kind: 'remove', partitionKey, rowKey });
    // where another was faster with one of them the next sweep finds the rest
    if (old.length > 0) await table.transact(old);
  }

  async function count(
    place: HistoryPlace,
    marker: Row,
    at: number,
    change: Job['change'],
  ): Promise<readonly Label[]> {
    const labels = await submit(place, marker, change);
    if (hashKey(`${marker.rowKey}${place.rowKey}`) % SWEEP_EVERY === 0)
      void sweep(place.partitionKey, Math.min(at, Date.now())).catch(() => {});
    return labels;
  }

  /** What counts an event in each of its histories. */
  function observations(root: string, { key, event }: KeyedEvent, spread: number) {
    const entities = entitiesOf(event);
    const amount = amountOf(event, directories);
    const rowKey = markerOf(event.at, `event|${key}`);
    return entities.map((entity) => {
      const place = placeOf(root, event.type, entity, shardOf(entity, spread));
      const { partitionKey } = place;
      const marker = { partitionKey, rowKey, ...(labelled.has(entity.kind) ? splitText('event', key) : {}) };
      return {
        partitionKey,
        async run(): Promise<Label[]> {
          const labels = await count(place, marker, event.at, (stored) => ({
            ...stored,
            history: observed(stored.history, entity, entities, event.at, amount),
          }));
          return labels.filter(({ target }) => covers(target, event.at));
        },
      };
    });
  }

  /** Removes a history that no event stands behind; one that changes meanwhile is looked at again. */
  async function removeUnlessNeeded(place: HistoryPlace, { kind }: Entity): Promise<void> {
    const { partitionKey } = place;
    for (;;) {
      const { etag } = await load(place);
      const rest: string[] = [];
      for await (const row of table.range(partitionKey, { from: 'm|', before: 'm}' })) {
        // a marker without a name stands for a label, or for an event in a history that labels do not ask
        if (!labelled.has(kind) || joinText('event', row) !== undefined) return;
        rest.push(row.rowKey);
      }
      cache.delete(partitionKey);
      const removed =
        etag === undefined ? { ok: true } : await table.remove(partitionKey, place.rowKey, etag);
      if (!removed.ok) continue;
      for (const rowKey of rest) await table.remove(partitionKey, rowKey);
      return;
    }
  }

  return {
    async read(root, type, entities) {
      const found = await Promise.all(
        entities.map(async (entity) => {
          const shards = Array.from({ length: shardsOf(entity) }, (_, shard) =>
            load(placeOf(root, type, entity, shard)),
          );
          const parts = await Promise.all(shards);
          return [entity.kind, parts.map(({ history }) => history).reduce(mergeHistories)] as const;
        }),
      );
      return Object.fromEntries(
        found.filter(([, history]) => history !== emptyHistory && !Number.isNaN(history.last)),
      );
    },

    async prefetch(root, type, entities, spread = 0) {
      const places = entities.map((entity) => placeOf(root, type, entity, shardOf(entity, spread)));
      await all(places.filter(({ partitionKey }) => !cache.has(partitionKey)).map(load));
    },

    observe: async (root, key, event, spread = 0) =>
      (await all(observations(root, { key, event }, spread).map(({ run }) => run()))).flat(),

    async observeAll(root, events) {
      const byPartition = Map.groupBy(
        events.flatMap((one) => observations(root, one, 0).map((job) => ({ ...job, key: one.key }))),
        ({ partitionKey }) => partitionKey,
      );
      const labels = new Map<string, Label[]>();
      const partitions = [...byPartition.values()];
      const workers = Array.from({ length: PARTITIONS_AT_ONCE }, async () => {
        for (let jobs = partitions.pop(); jobs; jobs = partitions.pop())
          await all(
            jobs.map(async ({ key, run }) => {
              const found = await run();
              if (found.length > 0) labels.set(key, [...(labels.get(key) ?? []), ...found]);
            }),
          );
      });
      await all(workers);
      return labels;
    },

    async label(root, key, event, frauds) {
      const rowKey = markerOf(event.at, `label|${key}`);
      await all(
        entitiesOf(event).map((entity) => {
          const place = placeOf(root, event.type, entity, 0);
          const { partitionKey } = place;
          return count(place, { partitionKey, rowKey }, event.at, (stored) => ({
            ...stored,
            history: withLabel(stored.history, event.at, frauds),
          }));
        }),
      );
    },

    async labelEntity(root, label) {
      const { target } = label;
      if (target.kind === 'event') return [];
      const entity: Entity = { kind: target.kind, key: target.key };
      const from = dayText(dayOf(target.from ?? 0));
      const before = `${target.until === undefined ? 'm' : dayText(dayOf(target.until))}}`;
      const found = await all(
        families.map(async (type) => {
          const place = placeOf(root, type, entity, 0);
          // first kept, then looked for: an event that is observed meanwhile is found, or finds the label
          await submit(place, undefined, (stored) => ({
            ...stored,
            labels: withEntityLabel(stored.labels, label),
          }));
          const keys: string[] = [];
          for await (const row of table.range(place.partitionKey, { from, before })) {
            const key = joinText('event', row);
            if (key !== undefined) keys.push(key);
          }
          return keys;
        }),
      );
      return found.flat();
    },

    async forget(root, key, event, spread = 0) {
      const marker = markerOf(event.at, `event|${key}`);
      await all(
        entitiesOf(event).map(async (entity) => {
          const place = placeOf(root, event.type, entity, shardOf(entity, spread));
          await table.remove(place.partitionKey, marker);
          // goods and stores are nobody's
          if (entity.kind !== 'product' && entity.kind !== 'place') await removeUnlessNeeded(place, entity);
        }),
      );
    },

    async forgetLabel(root, label) {
      const { target } = label;
      if (target.kind === 'event') return;
      const same = (one: Label) => isDeepStrictEqual(one, label);
      await all(
        families.map(async (type) => {
          const place = placeOf(root, type, { kind: target.kind, key: target.key }, 0);
          if (!(await load(place)).labels.some(same)) return;
          await submit(place, undefined, (stored) => ({
            ...stored,
            labels: stored.labels.filter((one) => !same(one)),
          }));
          const { history, labels, etag } = await load(place);
          if (labels.length > 0 || !Number.isNaN(history.last)) return;
          await table.remove(place.partitionKey, place.rowKey, etag);
          cache.delete(place.partitionKey);
        }),
      );
    },
  };
}
