import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Blobs } from '../storage/index.ts';
import { headOf } from './line.ts';
import { coversOf, parquetLines } from './parquet.ts';
import { folderOf, type LakeDay, parquetName } from './places.ts';
import type { Workspace } from './workspace.ts';

/** A file of a day went away or was replaced while the day was read. */
export class Moved extends Error {}

const ending = '.ndjson';

/** Files named by a minute: they come one after the other, and others beside them. */
export const isMinute = (name: string): boolean => /^\d{4}$/.test(name);

/** What a day consists of at a moment. */
export interface DayFiles {
  parquet?: { etag: string; path: string; covers: string[] };
  /** NDJSON files whose events the Parquet file has not, without their ending */
  fresh: string[];
  /** those that it has, left by a process that died */
  covered: string[];
}

/** Looks at a day and brings its Parquet file to this machine. Throws Moved. */
export async function openDay(blobs: Blobs, workspace: Workspace, day: LakeDay): Promise<DayFiles> {
  const folder = folderOf(day);
  const names: string[] = [];
  let etag: string | undefined;
  for await (const item of blobs.list(folder)) {
    const name = item.name.slice(folder.length);
    if (name === parquetName) etag = item.etag;
    else if (name.endsWith(ending)) names.push(name.slice(0, -ending.length));
  }
  if (etag === undefined) return { fresh: names, covered: [] };
  const path = workspace.path(parquetName);
  try {
    const source = await blobs.stream(folder + parquetName);
    if (!source) throw new Moved(`${folder}${parquetName} is gone.`);
    await pipeline(source, createWriteStream(path));
  } catch (error) {
    // replaced in the middle of it
    throw new Moved(`${folder}${parquetName} could not be read whole.`, { cause: error });
  }
  const covers = await coversOf(await workspace.engine(), path);
  const known = new Set(covers);
  return {
    parquet: { etag, path, covers },
    fresh: names.filter((name) => !known.has(name)),
    covered: names.filter((name) => known.has(name)),
  };
}

/** The lines of a day's files in order, each event once. Throws Moved. */
export async function* dayLines(
  blobs: Blobs,
  workspace: Workspace,
  day: LakeDay,
  { parquet, fresh }: DayFiles,
  brief = false,
): AsyncGenerator<string> {
  const minutes = fresh.filter(isMinute);
  const sources = [minutes, ...fresh.filter((name) => !isMinute(name)).map((name) => [name])];
  const all = sources.map((names) => blobLines(blobs, folderOf(day), names));
  if (parquet) all.unshift(parquetLines(await workspace.engine(), parquet.path, brief));
  let last = '';
  for await (const line of merge(all)) {
    const head = headOf(line);
    if (head !== last) yield line;
    last = head;
  }
}

async function* blobLines(blobs: Blobs, folder: string, names: readonly string[]): AsyncGenerator<string> {
  for (const name of names) {
    const found = await blobs.read(folder + name + ending);
    if (!found) throw new Moved(`${folder}${name}${ending} is gone.`);
    yield* linesOf(found.content);
  }
}

/** The lines of a file's content. */
export function linesOf(content: Uint8Array): string[] {
  return new TextDecoder()
    .decode(content)
    .split('\n')
    .filter((line) => line !== '');
}

/** Lines of several sources, each in order, in the order of all. */
export async function* merge(sources: readonly AsyncIterable<string>[]): AsyncGenerator<string> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = async (iterator: AsyncIterator<string>) => {
    const { done, value } = await iterator.next();
    return done ? undefined : { iterator, line: value, head: headOf(value) };
  };
  try {
    let waiting = (await Promise.all(iterators.map(next))).filter((one) => one !== undefined);
    while (waiting.length > 0) {
      let first = waiting[0]!;
      for (const one of waiting) if (one.head < first.head) first = one;
      yield first.line;
      const following = await next(first.iterator);
      if (following) waiting[waiting.indexOf(first)] = following;
      else waiting = waiting.filter((one) => one !== first);
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}

const tries = 5;

/** The lines of a day in order, each event once, also while its files are being replaced. */
export async function* readDay(
  blobs: Blobs,
  workspace: Workspace,
  day: LakeDay,
  brief: boolean,
): AsyncGenerator<string> {
  let last = '';
  for (let attempt = 1; ; attempt++) {
    let files: DayFiles | undefined;
    try {
      files = await openDay(blobs, workspace, day);
      for await (const line of dayLines(blobs, workspace, day, files, brief)) {
        const head = headOf(line);
        if (head <= last) continue;
        last = head;
        yield line;
      }
      return;
    } catch (error) {
      if (!(error instanceof Moved) || attempt >= tries) throw error;
    } finally {
      if (files?.parquet) await rm(files.parquet.path, { force: true });
    }
  }
}
