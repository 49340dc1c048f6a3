import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../duck.ts';
import { headBytes, sniff } from '../sniff.ts';
import { csv } from './dashboard/format.ts';
import { forgetFacts, makeFacts } from './facts.ts';
import type { Files } from './files.ts';
import { gzipFault } from './gzip.ts';
import type { FileProblem, LakeFile, Unit } from './layout.ts';
import { monthsOfUnits, unitTables, writePartials } from './partials.ts';
import { type Brought, emptyTables, type FileRead, readFiles } from './read.ts';
import type { Reject } from './rejects.ts';
import { entityNames } from './schema.ts';

/** Where files come from, where sums go, and the engine between them. */
export interface Workplace {
  lake: Files;
  out: Files;
  engine: Engine;
  /** which run this is */
  run?: string;
  /** larger files are refused: DFP's own limit was 10 GB */
  largestFileBytes: number;
  signal: AbortSignal;
}

/** A unit that is to be read, and the folder of `out` that its sums belong to. */
export interface Pending {
  unit: Unit;
  folder: string;
}

/** What became of one unit; kept beside its partial sums as `unit.json`. */
export interface UnitRecord {
  id: string;
  /** the run that read it, which may have died since: a transaction is counted as used by that run */
  run: string;
  files: { name: string; etag: string; rows: number; rejects: number }[];
  months: { month: string; days: number }[];
  transactions: number;
  lines: number;
  payments: number;
  duplicates: number;
  unmatched: number;
  rejects: number;
}

/** What one unit's files gave; without a record none of them is used. */
export interface UnitRead {
  record?: UnitRecord;
  rows: number;
  rejects: number;
  problems: FileProblem[];
}

/**
 * Small units are read together: a statement costs more than the rows of a quiet day. But what is read stands in memory
 * many times as wide as in the file, so not many together.
 */
const batchBytes = 10 * 1048576;
const batchUnits = 32;

const sizeOf = (file: LakeFile) => file.size * (file.gzip ? 6 : 1);

/** Parts a list, in order, so that each part has at least one item and, beyond that, at most the bytes and items given. */
function* portions<Item>(items: readonly Item[], bytesOf: (item: Item) => number, most = Infinity) {
  let portion: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (portion.length > 0 && (portion.length >= most || bytes + size > batchBytes)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(item);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}

/** The units that are read together. */
export const batches = (pending: readonly Pending[]) =>
  portions(pending, ({ unit }) => unit.files.reduce((sum, file) => sum + sizeOf(file), 0), batchUnits);

/** Reads units, and leaves the sums of each that is whole in its folder. `cash` are the payment methods that are cash. */
export async function readBatch(
  place: Workplace,
  batch: readonly Pending[],
  cash: readonly string[],
): Promise<{ folder: string; read: UnitRead }[]> {
  const { engine, out } = place;
  const feeds = batch.some(({ unit }) => unit.files.some((file) => file.cdm?.changes));
  await forgetFacts(engine);
  for (const sql of emptyTables(entityNames, feeds)) await engine.run(sql);
  const reads = await readUnits(place, batch, feeds);
  if (reads.every(({ read }) => read.problems.length > 0)) return reads;
  const counts = await makeFacts(engine, cash, feeds);
  const monthsOf = await monthsOfUnits(engine);
  const local = join(engine.directory, 'unit');
  await mkdir(local, { recursive: true });
  for (const [i, { folder, read, files }] of reads.entries()) {
    place.signal.throwIfAborted();
    if (read.problems.length > 0) continue;
    await writePartials(engine, i, local);
    await Promise.all(
      unitTables.map((table) => out.put(`${folder}/${table}.parquet`, join(local, `${table}.parquet`))),
    );
    read.record = {
      id: batch[i]!.unit.id,
      run: place.run ?? '',
      files,
      months: monthsOf.get(i) ?? [],
      ...(counts.get(i) ?? noFacts),
      rejects: read.rejects,
    };
    // Written last: a unit without it was not finished.
    await out.write(`${folder}/unit.json`, `${JSON.stringify(read.record)}\n`, 'application/json');
  }
  return reads;
}

interface Reading {
  read: UnitRead;
  files: UnitRecord['files'];
  rejects: Reject[];
}

const nothingRead = (): Reading => ({
  read: { rows: 0, rejects: 0, problems: [] },
  files: [],
  rejects: [],
});

const noFacts = { transactions: 0, lines: 0, payments: 0, duplicates: 0, unmatched: 0 };

/** Reads the files of units into the entity tables; where one of a unit cannot be used, none of its files stays there. */
async function readUnits(place: Workplace, batch: readonly Pending[], feeds: boolean) {
  const { engine } = place;
  const units = batch.map(({ unit, folder }) => ({
    unit,
    folder,
    ...nothingRead(),
  }));
  const wanted = units.flatMap(({ unit }, i) => {
    if (unit.files.some((file) => file.entities.includes('Transactions')))
      return unit.files.map((file) => ({ unit: i, file }));
    return [];
  });
  for (const { unit, file, read } of await bringAndRead(place, wanted, feeds)) {
    const own = units[unit]!;
    own.rejects.push(...read.rejects);
    const { name, etag } = file;
    if (read.ok) own.files.push({ name, etag, rows: read.rows, rejects: read.rejects.length });
    else own.read.problems.push({ file: name, reason: `not used: ${read.reason}` });
  }
  for (const [i, { unit, folder, read, files, rejects }] of units.entries()) {
    read.rejects = rejects.length;
    if (rejects.length > 0) await writeRejects(place.out, `${folder}/rejects.csv`, rejects);
    const failed = read.problems[0]?.file;
    const named = new Set(read.problems.map((problem) => problem.file));
    if (failed !== undefined) {
      for (const { name } of unit.files)
        if (!named.has(name)) read.problems.push({ file: name, reason: `left out with ${failed}` });
      for (const entity of entityNames) await engine.run(`DELETE FROM raw_${entity} WHERE unit = ${i}`);
    } else if (files.length === 0)
      read.problems = unit.files.map(({ name }) => ({
        file: name,
        reason: 'left out: no Transactions for the same day or folder yet',
      }));
    else read.rows = files.reduce((sum, file) => sum + file.rows, 0);
  }
  return units;
}

/** Brings files to this machine and reads them into the entity tables, which have columns for changes if `feeds`. */
export async function bringAndRead<Wanted extends { unit: number; file: LakeFile }>(
  place: Workplace,
  wanted: readonly Wanted[],
  feeds: boolean,
): Promise<(Wanted & { read: FileRead })[]> {
  const result: (Wanted & { read: FileRead })[] = [];
  const folder = join(place.engine.directory, 'in');
  await mkdir(folder, { recursive: true });
  // Of a large unit only some files at a time are on this machine.
  for (const portion of portions(wanted, ({ file }) => sizeOf(file))) {
    const brought: { one: Wanted; as: Brought }[] = [];
    try {
      for (const one of portion) {
        place.signal.throwIfAborted();
        const number = result.length + brought.length;
        const as = await bring(place, one.unit, number, one.file);
        if ('reason' in as) result.push({ ...one, read: { ok: false, rows: 0, rejects: [], ...as } });
        else brought.push({ one, as });
      }
      const reads = await readFiles(
        place.engine,
        brought.map(({ as }) => as),
        feeds,
      );
      for (const [i, { one }] of brought.entries()) result.push({ ...one, read: reads[i]! });
    } finally {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
    }
  }
  return result;
}

async function bring(
  { engine, lake, largestFileBytes }: Workplace,
  unit: number,
  number: number,
  file: LakeFile,
): Promise<Brought | { reason: string }> {
  if (file.size > largestFileBytes)
    return { reason: `${file.size} bytes, more than the ${largestFileBytes} that a file may have` };
  const gone = { reason: 'the file is gone since it was listed' };
  const head = await lake.head(file.name, headBytes);
  if (!head) return gone;
  const looksParquet = head.length >= 4 && new TextDecoder().decode(head.subarray(0, 4)) === 'PAR1';
  if (looksParquet !== (file.kind === 'parquet')) return { reason: 'the content is not what the name says' };
  // What the first bytes give away needs no download.
  const shape = file.kind === 'csv' ? sniff(head, file.gzip, { header: true }) : undefined;
  if (shape?.ok === false) return { reason: shape.reason };
  const suffix = file.kind === 'parquet' ? 'parquet' : file.gzip ? 'csv.gz' : 'csv';
  const path = join(engine.directory, 'in', `${number}.${suffix}`);
  if (!(await lake.fetch(file.name, path))) return gone;
  const fault = file.gzip ? await gzipFault(path, largestFileBytes) : undefined;
  return fault === undefined ? { unit, number, file, path, head } : { reason: fault };
}

async function writeRejects(out: Files, name: string, rejects: readonly Reject[]): Promise<void> {
  const header = ['file', 'row', 'column', 'reason', 'text'];
  const rows = rejects.map(({ file, row, column, reason, text }) => [file, row, column, reason, text]);
  await out.write(name, csv(header, rows), 'text/csv; charset=utf-8');
}
