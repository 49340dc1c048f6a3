import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Blobs, Table } from '../storage/index.ts';
import { isMinute, linesOf, Moved, openDay } from './day.ts';
import { headOf, keyOf } from './line.ts';
import { withoutEvents } from './parquet.ts';
import { folderOf, goneKey, hashOfKey, type LakeDay, parquetName } from './places.ts';
import type { Workspace } from './workspace.ts';

/** Hashes of the keys of a day's events that were deleted. */
export async function goneOf(table: Table, day: LakeDay): Promise<Set<string>> {
  const hashes = new Set<string>();
  for await (const { rowKey } of table.range(goneKey(day))) hashes.add(rowKey);
  return hashes;
}

const tries = 5;

/** Removes events from all files of a day, by the hashes of their keys; `minutes` (`0859`) are those in which they were received. */
export async function removeFromDay(
  blobs: Blobs,
  workspace: Workspace,
  day: LakeDay,
  hashes: ReadonlySet<string>,
  minutes?: ReadonlySet<string>,
): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      return await tryRemove(blobs, workspace, day, hashes, minutes);
    } catch (error) {
      if (!(error instanceof Moved) || attempt >= tries) throw error;
    }
}

async function tryRemove(
  blobs: Blobs,
  workspace: Workspace,
  day: LakeDay,
  hashes: ReadonlySet<string>,
  minutes?: ReadonlySet<string>,
): Promise<void> {
  const { parquet, fresh, covered } = await openDay(blobs, workspace, day);
  const paths = parquet ? [parquet.path] : [];
  try {
    for (const name of [...fresh, ...covered])
      if (!isMinute(name) || !minutes || minutes.has(name))
        await removeFromFile(blobs, `${folderOf(day)}${name}.ndjson`, hashes);
    if (!parquet) return;
    const rewritten = await withoutEvents(workspace, parquet.path, hashes);
    if (rewritten === undefined) return;
    paths.push(rewritten);
    const written = await blobs.writeStream(folderOf(day) + parquetName, createReadStream(rewritten), {
      contentType: 'application/vnd.apache.parquet',
      etag: parquet.etag,
    });
    if (!written.ok) throw new Moved('The Parquet file was replaced meanwhile.');
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}

/** Removes lines from one NDJSON file; a file that has none left goes as well. */
async function removeFromFile(blobs: Blobs, name: string, hashes: ReadonlySet<string>): Promise<void> {
  const found = await blobs.read(name);
  // compacted meanwhile: the Parquet file is not what it was either
  if (!found) throw new Moved(`${name} is gone.`);
  const lines = linesOf(found.content);
  const kept = lines.filter((line) => !hashes.has(hashOfKey(keyOf(headOf(line)))));
  if (kept.length === lines.length) return;
  const { etag } = found;
  const done =
    kept.length === 0
      ? await blobs.remove(name, { etag })
      : await blobs.write(name, kept.map((line) => `${line}\n`).join(''), {
          contentType: 'application/x-ndjson',
          etag,
        });
  if (!done.ok) throw new Moved(`${name} was changed meanwhile.`);
}
