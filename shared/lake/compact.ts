import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Blobs, Table } from '../storage/index.ts';
import { type DayFiles, dayLines, Moved, openDay } from './day.ts';
import { headOf, keyOf } from './line.ts';
import { writeParquet } from './parquet.ts';
import { folderOf, hashOfKey, type LakeDay, parquetName } from './places.ts';
import { goneOf, removeFromDay } from './remove.ts';
import type { Workspace } from './workspace.ts';

async function* without(lines: AsyncIterable<string>, gone: ReadonlySet<string>): AsyncGenerator<string> {
  for await (const line of lines)
    if (gone.size === 0 || !gone.has(hashOfKey(keyOf(headOf(line))))) yield line;
}

const tries = 5;

/**
 * Brings the NDJSON files of a day into its Parquet file, and removes them. Until the Parquet file is replaced, in one write,
 * nothing has changed for readers; from then on the NDJSON files do not count. Says whether there was anything to do.
 */
export async function compactDay(
  blobs: Blobs,
  table: Table,
  workspace: Workspace,
  day: LakeDay,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++)
    try {
      return await tryCompact(blobs, table, workspace, day);
    } catch (error) {
      if (!(error instanceof Moved) || attempt >= tries) throw error;
    }
}

async function tryCompact(blobs: Blobs, table: Table, workspace: Workspace, day: LakeDay): Promise<boolean> {
  const files = await openDay(blobs, workspace, day);
  const paths = files.parquet ? [files.parquet.path] : [];
  try {
    if (files.fresh.length > 0) {
      const gone = await goneOf(table, day);
      paths.push(await swap(blobs, workspace, day, files, gone));
      // deleted while the Parquet file was made
      const later = await goneOf(table, day);
      if (!later.isSubsetOf(gone)) await removeFromDay(blobs, workspace, day, later);
    }
    for (const name of [...files.covered, ...files.fresh])
      await blobs.remove(`${folderOf(day)}${name}.ndjson`);
    return files.fresh.length > 0;
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}

async function swap(
  blobs: Blobs,
  workspace: Workspace,
  day: LakeDay,
  files: DayFiles,
  gone: ReadonlySet<string>,
): Promise<string> {
  const { parquet, fresh } = files;
  const lines = without(dayLines(blobs, workspace, day, files), gone);
  const path = await writeParquet(workspace, lines, [...(parquet?.covers ?? []), ...fresh].sort());
  const written = await blobs.writeStream(folderOf(day) + parquetName, createReadStream(path), {
    contentType: 'application/vnd.apache.parquet',
    ...(parquet ? { etag: parquet.etag } : { create: true }),
  });
  if (!written.ok) throw new Moved('The Parquet file was replaced meanwhile.');
  return path;
}
