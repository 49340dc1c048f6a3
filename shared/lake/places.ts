import { createHash } from 'node:crypto';
import { encodeKey } from '../storage/index.ts';
import type { LakeKey } from './line.ts';

/**
 * Container `events`: `{environment}/{type}/{yyyy}/{MM}/{dd}/` has the events of an environment and type that were received on
 * that day of UTC: `{name}.ndjson`, a line an event, in the order of receipt, and from the next night on `day.parquet`. The Parquet
 * file carries in its own metadata the names of the NDJSON files whose events it has; where one of these is still there, it does
 * not count. So the one write of the Parquet file is the swap, whatever dies before or after it.
 *
 * Table `lake`. PartitionKey and RowKey:
 * - `places`; environment | type: what the lake has events of. Read as a range
 * - `open`; day | environment | type: days with NDJSON files, to be compacted. Read as a range
 * - `gone|` environment | type | day; a hash of the event's key: events that were deleted. Written before their lines are
 *   removed and read again after each write of lines, so that no line comes back that was on its way; removed where the event
 *   is imported anew. Read as a range
 */
export const lakeNames = { tables: ['lake'], containers: ['events'] } as const;

/** The events of one environment and type on one day. */
export interface LakeDay {
  environment: string;
  type: string;
  /** of UTC, e.g. `2026-11-21` */
  day: string;
}

/** The folder of a day, with a slash at its end. */
export function folderOf({ environment, type, day }: LakeDay): string {
  return `${encodeKey(environment)}/${encodeKey(type)}/${day.replaceAll('-', '/')}/`;
}

export const parquetName = 'day.parquet';

/** PartitionKey of the events of a day that were deleted. */
export function goneKey({ environment, type, day }: LakeDay): string {
  return `gone|${placeKey({ environment, type })}|${day}`;
}

/** Environment and type as one key. */
export function placeKey({ environment, type }: Pick<LakeDay, 'environment' | 'type'>): string {
  return `${encodeKey(environment)}|${encodeKey(type)}`;
}

/** What stands for a key that must not be kept. */
export function hashOfKey({ environment, type, id, correlationId }: LakeKey): string {
  return createHash('sha256')
    .update(JSON.stringify([environment, type, id, correlationId]))
    .digest('base64url');
}
