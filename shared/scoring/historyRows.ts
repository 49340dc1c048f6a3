import { createHash } from 'node:crypto';
import { encodeKey } from '../storage/index.ts';
import { type Entity, historyKey } from './features/entities.ts';
import { DAY_MS } from './features/history.ts';

/**
 * Table `histories`. PartitionKey: root environment | hash of the entity (purchases or accounts, kind, key) | shard. RowKey:
 * - `h|hash of the entity`: its history, packed, and what was said of the entity as a whole (`labels`); one point read a shard,
 *   beside the velocities' in the same round
 * - `m|day of receipt|hash`: stands for an event or label that is counted; the same transaction writes both, so that each counts
 *   once. Of users, payment instruments and mail addresses it names the event (`event`): read as a range where a label reaches
 *   all events of one
 */
export const historyTable = { tables: ['histories'] } as const;

/** Processes are spread over so many shards of the entities that many events share at once. */
export const historyShards = 4;

/** How many shards an entity has; their histories are merged when read. A place may be that of every purchase of a shop. */
export function shardsOf({ kind }: Entity): number {
  return kind === 'place' ? historyShards : kind === 'product' ? 2 : 1;
}

const sha = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** How the row keys of the markers of a day begin. */
export const dayText = (day: number) => `m|${String(Math.max(0, day)).padStart(6, '0')}`;
export const dayOf = (at: number) => Math.floor(at / DAY_MS);
/** RowKey of the marker of what `key` names, of an event at time `at`. */
export const markerOf = (at: number, key: string) => `${dayText(dayOf(at))}|${sha(key)}`;

/** Where a history lies. */
export interface HistoryPlace {
  partitionKey: string;
  /** of the history */
  rowKey: string;
}

export function placeOf(root: string, type: string, entity: Entity, shard: number): HistoryPlace {
  const hash = sha(historyKey(type, entity));
  return { partitionKey: `${encodeKey(root)}|${hash}|${shard}`, rowKey: `h|${hash}` };
}

/** The shard that a writer with this number writes. */
export const shardOf = (entity: Entity, spread: number) => Math.abs(spread) % shardsOf(entity);
