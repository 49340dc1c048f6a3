import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../problem.ts';
import {
  encodeKey,
  joinBytes,
  type Operation,
  type Storage,
  splitBytes,
  type Table,
} from '../storage/index.ts';
import { type Entity, entitiesOf, historyKey } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import {
  DAY_MS,
  emptyHistory,
  type History,
  hashKey,
  mergeHistories,
  withLabel,
} from './features/history.ts';
import { decodeHistory, encodeHistory } from './features/historyCodec.ts';
import { observed } from './features/memory.ts';
import { amountOf, type Histories } from './features/schema.ts';
import type { Directories } from './scorecardFacts.ts';

/**
 * Table `histories`. PartitionKey: root environment | entity (purchases or accounts, kind, key) | shard. RowKey:
 * - `h`: the entity's history, packed; one point read a shard, beside the velocities' in the same round
 * - `m|day of receipt|hash`: stands for an event or label that is counted; the same transaction writes both, so that each counts once
 */
export const historyTable = { tables: ['histories'] } as const;

/** Entities that many events share at once are spread over shards; their histories are merged when read. */
function shardsOf({ kind }: Entity): number {
  return kind === 'place' || kind === 'product' ? 4 : 1;
}

const OPERATIONS = 100;
const LONGEST_WAIT_MS = 100;
const GIVE_UP_MS = 60_000;
/** Markers outlive every replay; a history has long forgotten the day by then. */
const MARKER_DAYS = 93;
const SWEEP_EVERY = 64;
const CACHED = 20_000;

export interface HistoryStore {
  /** The histories of an event's entities, in one parallel round; an entity without one is left out. */
  read(root: string, type: string, entities: readonly Entity[]): Promise<Histories>;
  /**
   * Counts an event in the histories of its entities, exactly once however often it is called with the same key, in this process
   * or another. Throws a Problem (503) where storage is gone or too busy: a later call completes it.
   */
  observe(root: string, key: string, event: FeatureEvent): Promise<void>;
  /** Counts an event as fraud (1) or takes that back (−1), once for each key: the key of what brought the change. */
  label(root: string, key: string, event: FeatureEvent, frauds: 1 | -1): Promise<void>;
}

/** One change of one history, with the marker that makes it happen once. */
interface Job {
  marker: string;
  change(history: History): History;
  deadline: number;
  resolve(): void;
  reject(error: unknown): void;
}

interface Stored {
  history: History;
  etag: string | undefined;
}

const markerOf = (day: number, key: string) =>
  `m|${String(day).padStart(6, '0')}|${createHash('sha256').update(key).digest('base64url').slice(0, 22)}`;

function partitionOf(root: string, type: string, entity: Entity, shard: number): string {
  return [root, historyKey(type, entity), String(shard)].map(encodeKey).join('|');
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

  async function load(partitionKey: string): Promise<Stored> {
    const row = await table.read(partitionKey, 'h');
    const bytes = row && joinBytes('history', row);
    return remember(partitionKey, {
      history: bytes ? decodeHistory(bytes) : emptyHistory,
      etag: row?.etag,
    });
  }

  /** Applies jobs of one partition in one transaction; gives back those that must be tried again. */
  async function attempt(partitionKey: string, jobs: readonly Job[]): Promise<Job[]> {
    const byMarker = Map.groupBy(jobs, ({ marker }) => marker);
    while (byMarker.size > 0) {
      const { history, etag } = cache.get(partitionKey) ?? (await load(partitionKey));
      const markers = [...byMarker.keys()];
      const next = [...byMarker.values()].reduce((state, [job]) => job?.change(state) ?? state, history);
      const row = { partitionKey, rowKey: 'h', ...splitBytes('history', encodeHistory(next)) };
      const operations: Operation[] = markers.map((rowKey) => ({
        kind: 'insert',
        row: { partitionKey, rowKey },
      }));
      const answer = await table.transact([
        ...operations,
        etag === undefined ? { kind: 'insert', row } : { kind: 'put', row, etag },
      ]);
      if (answer.ok) {
        const written = answer.etags[markers.length];
        if (written === undefined) cache.delete(partitionKey);
        else remember(partitionKey, { history: next, etag: written });
        for (const job of [...byMarker.values()].flat()) job.resolve();
        return [];
      }
      const applied = markers[answer.index];
      if (applied === undefined) {
        // Another process was faster: its history is read, and the jobs go again.
        cache.delete(partitionKey);
        return [...byMarker.values()].flat();
      }
      for (const job of byMarker.get(applied) ?? []) job.resolve();
      byMarker.delete(applied);
    }
    return [];
  }

  /** Works a partition's queue off, one transaction at a time; what comes meanwhile goes into the next one together. */
  async function work(partitionKey: string, queue: Job[]): Promise<void> {
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
        const again = await attempt(partitionKey, due);
        conflicts = again.length === 0 ? 0 : conflicts + 1;
        queue.unshift(...again);
      } catch (error) {
        for (const job of due) job.reject(error);
      }
      if (conflicts > 0) await sleep(Math.random() * Math.min(LONGEST_WAIT_MS, 4 * 2 ** conflicts));
    }
    queues.delete(partitionKey);
  }

  function submit(partitionKey: string, marker: string, change: Job['change']): Promise<void> {
    return new Promise((resolve, reject) => {
      const job = { marker, change, deadline: performance.now() + GIVE_UP_MS, resolve, reject };
      const queue = queues.get(partitionKey);
      if (queue) queue.push(job);
      else {
        const started = [job];
        queues.set(partitionKey, started);
        void work(partitionKey, started);
      }
    });
  }

  /** Now and then, at one marker in 64, removes a partition's markers that no replay can need any more. */
  async function sweep(partitionKey: string, marker: string, now: number): Promise<void> {
    if (hashKey(marker) % SWEEP_EVERY !== 0) return;
    const before = markerOf(Math.floor(now / DAY_MS) - MARKER_DAYS, '').slice(0, 8);
    for await (const { rowKey } of table.range(partitionKey, { from: 'm|', before, limit: 100 }))
      await table.remove(partitionKey, rowKey);
  }

  async function applyAll(
    root: string,
    key: string,
    event: FeatureEvent,
    change: (entity: Entity, entities: readonly Entity[]) => Job['change'],
  ): Promise<void> {
    const entities = entitiesOf(event);
    const marker = markerOf(Math.floor(event.at / DAY_MS), key);
    await Promise.all(
      entities.map(async (entity) => {
        // The event's own hash chooses the shard, so that a repeat finds its marker.
        const shard = hashKey(`${event.type}|${event.id}`) % shardsOf(entity);
        const partitionKey = partitionOf(root, event.type, entity, shard);
        await submit(partitionKey, marker, change(entity, entities));
        await sweep(partitionKey, marker, event.at);
      }),
    );
  }

  return {
    async read(root, type, entities) {
      const found = await Promise.all(
        entities.map(async (entity) => {
          const shards = Array.from({ length: shardsOf(entity) }, (_, shard) =>
            partitionOf(root, type, entity, shard),
          );
          const parts = await Promise.all(shards.map(load));
          return [entity.kind, parts.map(({ history }) => history).reduce(mergeHistories)] as const;
        }),
      );
      return Object.fromEntries(
        found.filter(([, history]) => history !== emptyHistory && !Number.isNaN(history.last)),
      );
    },
    async observe(root, key, event) {
      const amount = amountOf(event, directories);
      await applyAll(
        root,
        `event|${key}`,
        event,
        (entity, entities) => (history) => observed(history, entity, entities, event.at, amount),
      );
    },
    async label(root, key, event, frauds) {
      await applyAll(root, `label|${key}`, event, () => (history) => withLabel(history, event.at, frauds));
    },
  };
}
