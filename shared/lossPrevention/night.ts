import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, literal } from '../duck.ts';
import { csv } from './dashboard/format.ts';
import { makeFacts } from './facts.ts';
import type { Files } from './files.ts';
import { gzipFault } from './gzip.ts';
import { type FileProblem, findLayout, type LakeFile, type Layout, type Unit } from './layout.ts';
import type { Mapping } from './mapping.ts';
import { addUp, monthsOfUnits, monthTables, unitTables, writeMonth, writePartials } from './partials.ts';
import { emptyTables, type Reject, readFileInto } from './read.ts';
import { type EntityName, entityNames } from './schema.ts';
import { headBytes, sniff } from './sniff.ts';

/** What a run needs to know; all names are within `lake` and `out`. */
export interface NightSettings {
  lake: Files;
  /** where partial sums, results and run records are kept: of one environment alone */
  out: Files;
  engine: Engine;
  prefix: string;
  mapping?: Mapping;
  /** which run this is */
  run?: string;
  /** larger files are refused: DFP's own limit was 10 GB */
  largestFileBytes: number;
  signal: AbortSignal;
  progress(progress: NightProgress): Promise<void> | void;
}

export interface NightProgress {
  daysDone: number;
  daysAll: number;
  /** rows read in this run, and rows that were rejected */
  rows: number;
  rejects: number;
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

export interface NightResult {
  /** months with data, in order, and where their sums are in `out` */
  months: { month: string; folder: string }[];
  /** folders of the units' partial sums, with the months they touch */
  units: { folder: string; record: UnitRecord }[];
  /** files that are not part of the result, and why */
  problems: FileProblem[];
  ignored: number;
  /** how much of it this run did itself */
  unitsRead: number;
  monthsRolled: number;
  rowsRead: number;
  rejects: number;
}

/** Part of every key: a change of what the sums mean makes everything new. */
const engineVersion = 'sums-4';

/**
 * Brings the sums up to date: reads the units whose files are new or changed since they were last read, rolls up the
 * months these touch, and forgets what belongs to files that are gone. Every step is kept as soon as it is done, under a
 * key of what it was made from, so a run that dies is picked up where it was.
 */
export async function bringUpToDate(settings: NightSettings): Promise<NightResult> {
  const { out, signal } = settings;
  const layout = await findLayout(settings.lake, settings.prefix, settings.mapping);
  const problems = [...layout.problems];
  const cash = await cashTenders(settings, layout, problems);
  const about = [engineVersion, JSON.stringify(cash), JSON.stringify(settings.mapping ?? null)];
  const known = new Set<string>();
  for await (const { name } of out.list('partials/')) if (name.endsWith('/unit.json')) known.add(name);

  const result: NightResult = {
    months: [],
    units: [],
    problems,
    ignored: layout.ignored,
    unitsRead: 0,
    monthsRolled: 0,
    rowsRead: 0,
    rejects: 0,
  };
  let done = 0;
  const tell = () =>
    settings.progress({
      daysDone: done,
      daysAll: layout.units.length,
      rows: result.rowsRead,
      rejects: result.rejects,
    });
  const todo: Pending[] = [];
  for (const unit of layout.units) {
    const files = unit.files.map(({ name, etag, entities }) => [name, etag, entities]);
    const folder = `partials/${keyOf([...about, unit.id, JSON.stringify(files)])}`;
    const kept = known.has(`${folder}/unit.json`) ? await out.read(`${folder}/unit.json`) : undefined;
    const record = kept && parseRecord(kept);
    if (record) result.units.push({ folder, record });
    else todo.push({ unit, folder });
  }
  done = result.units.length;
  await tell();
  for (const batch of batches(todo)) {
    signal.throwIfAborted();
    for (const { folder, read } of await readBatch(settings, batch, cash)) {
      result.rejects += read.rejects;
      result.rowsRead += read.rows;
      problems.push(...read.problems);
      if (read.record) {
        result.unitsRead++;
        result.units.push({ folder, record: read.record });
      }
    }
    done += batch.length;
    await tell();
  }
  result.units.sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  await rollMonths(settings, result);
  await forget(out, 'partials/', new Set(result.units.map((unit) => unit.folder)));
  await forget(out, 'months/', new Set(result.months.map((month) => month.folder)));
  problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.reason < b.reason ? -1 : 1));
  return result;
}

interface Pending {
  unit: Unit;
  folder: string;
}

/** Small units are read together: a statement costs more than the rows of a quiet day. */
const batchBytes = 24 * 1048576;
const batchUnits = 32;

function* batches(pending: readonly Pending[]): Generator<Pending[]> {
  let batch: Pending[] = [];
  let bytes = 0;
  for (const one of pending) {
    const size = one.unit.files.reduce((sum, file) => sum + file.size * (file.gzip ? 6 : 1), 0);
    if (batch.length > 0 && (batch.length >= batchUnits || bytes + size > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

interface UnitRead {
  record?: UnitRecord;
  rows: number;
  rejects: number;
  problems: FileProblem[];
}

async function readBatch(
  settings: NightSettings,
  batch: readonly Pending[],
  cash: readonly string[],
): Promise<{ folder: string; read: UnitRead }[]> {
  const { engine, out } = settings;
  for (const sql of emptyTables(entityNames)) await engine.run(sql);
  const reads: { folder: string; read: UnitRead; files: UnitRecord['files'] }[] = [];
  for (const [i, { unit, folder }] of batch.entries())
    reads.push({ folder, ...(await readUnit(settings, i, unit, folder)) });
  if (reads.every(({ read }) => read.problems.length > 0)) return reads;
  const counts = await makeFacts(engine, cash);
  await addUp(engine);
  const monthsOf = await monthsOfUnits(engine);
  const local = join(engine.directory, 'unit');
  await mkdir(local, { recursive: true });
  for (const [i, { folder, read, files }] of reads.entries()) {
    settings.signal.throwIfAborted();
    if (read.problems.length > 0) continue;
    await writePartials(engine, i, local);
    for (const table of unitTables)
      await out.put(`${folder}/${table}.parquet`, join(local, `${table}.parquet`));
    read.record = {
      id: batch[i]!.unit.id,
      run: settings.run ?? '',
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

const noFacts = { transactions: 0, lines: 0, payments: 0, duplicates: 0, unmatched: 0 };

/** Reads the files of a unit into the entity tables; where one cannot be used, none of them stays there. */
async function readUnit(
  settings: NightSettings,
  index: number,
  unit: Unit,
  folder: string,
): Promise<{ read: UnitRead; files: UnitRecord['files'] }> {
  const read: UnitRead = { rows: 0, rejects: 0, problems: [] };
  const files: UnitRecord['files'] = [];
  if (!unit.files.some((file) => file.entities.includes('Transactions'))) {
    read.problems = unit.files.map(({ name }) => ({
      file: name,
      reason: 'left out: no Transactions for the same day or folder yet',
    }));
    return { read, files };
  }
  const rejects: Reject[] = [];
  for (const file of unit.files) {
    settings.signal.throwIfAborted();
    const one = await bringAndRead(settings, index, file);
    rejects.push(...one.rejects);
    const { name, etag } = file;
    if (one.ok) files.push({ name, etag, rows: one.rows, rejects: one.rejects.length });
    else read.problems.push({ file: name, reason: `not used: ${one.reason}` });
  }
  read.rejects = rejects.length;
  if (rejects.length > 0) await writeRejects(settings.out, `${folder}/rejects.csv`, rejects);
  const failed = read.problems[0]?.file;
  if (failed === undefined) {
    read.rows = files.reduce((sum, file) => sum + file.rows, 0);
    return { read, files };
  }
  const named = new Set(read.problems.map((problem) => problem.file));
  for (const { name } of unit.files)
    if (!named.has(name)) read.problems.push({ file: name, reason: `left out with ${failed}` });
  for (const entity of entityNames)
    await settings.engine.run(`DELETE FROM raw_${entity} WHERE unit = ${index}`);
  return { read, files };
}

type BroughtIn = Awaited<ReturnType<typeof readFileInto>>;

async function bringAndRead(settings: NightSettings, unit: number, file: LakeFile): Promise<BroughtIn> {
  const { engine, lake } = settings;
  const refuse = (reason: string): BroughtIn => ({ ok: false, rows: 0, rejects: [], reason });
  if (file.size > settings.largestFileBytes)
    return refuse(`${file.size} bytes, more than the ${settings.largestFileBytes} that a file may have`);
  const head = await lake.head(file.name, headBytes);
  if (!head) return refuse('the file is gone since it was listed');
  const looksParquet = head.length >= 4 && new TextDecoder().decode(head.subarray(0, 4)) === 'PAR1';
  if (looksParquet !== (file.kind === 'parquet')) return refuse('the content is not what the name says');
  // What the first bytes give away needs no download.
  const shape = file.kind === 'csv' ? sniff(head, file.gzip) : undefined;
  if (shape?.ok === false) return refuse(shape.reason);
  await mkdir(join(engine.directory, 'in'), { recursive: true });
  const suffix = file.kind === 'parquet' ? 'parquet' : file.gzip ? 'csv.gz' : 'csv';
  const path = join(engine.directory, 'in', `file.${suffix}`);
  try {
    if (!(await lake.fetch(file.name, path))) return refuse('the file is gone since it was listed');
    const fault = file.gzip ? await gzipFault(path, settings.largestFileBytes) : undefined;
    return fault === undefined ? await readFileInto(engine, unit, file, path, head) : refuse(fault);
  } finally {
    await rm(path, { force: true });
  }
}

/** The payment methods that are cash: by DFP's default function or the name, else Commerce's usual number 1. */
async function cashTenders(
  settings: NightSettings,
  layout: Layout,
  problems: FileProblem[],
): Promise<string[]> {
  const { engine } = settings;
  const entity: EntityName = 'PaymentMethod';
  for (const sql of emptyTables([entity])) await engine.run(sql);
  for (const file of layout.methods) {
    const read = await bringAndRead(settings, 0, file);
    if (!read.ok) problems.push({ file: file.name, reason: `not used: ${read.reason}` });
  }
  const rows = await engine.rows(
    `SELECT DISTINCT lower(number) AS number FROM raw_PaymentMethod
     WHERE lower(trim(purpose)) = 'cash' OR lower(trim(name)) = 'cash' ORDER BY 1`,
  );
  return rows.length > 0 ? rows.map((row) => String(row.number)) : ['1', 'cash'];
}

async function rollMonths(settings: NightSettings, result: NightResult): Promise<void> {
  const { out, engine, signal } = settings;
  const byMonth = new Map<string, string[]>();
  for (const { folder, record } of result.units)
    for (const { month } of record.months) {
      const list = byMonth.get(month);
      if (list) list.push(folder);
      else byMonth.set(month, [folder]);
    }
  const known = new Set<string>();
  for await (const { name } of out.list('months/')) if (name.endsWith('/month.json')) known.add(name);
  for (const [month, folders] of [...byMonth].sort(([a], [b]) => (a < b ? -1 : 1))) {
    signal.throwIfAborted();
    folders.sort();
    const folder = `months/${month}-${keyOf([engineVersion, month, ...folders])}`;
    if (!known.has(`${folder}/month.json`)) {
      await rollMonth(settings, month, folders, folder);
      result.monthsRolled++;
    }
    result.months.push({ month, folder });
  }
  await rm(join(engine.directory, 'parts'), { recursive: true, force: true });
}

async function rollMonth(
  settings: NightSettings,
  month: string,
  folders: readonly string[],
  folder: string,
): Promise<void> {
  const { out, engine } = settings;
  const local = join(engine.directory, 'parts');
  await rm(local, { recursive: true, force: true });
  await mkdir(join(local, 'month'), { recursive: true });
  const parts = {
    tills: [] as string[],
    products: [] as string[],
    customers: [] as string[],
    cards: [] as string[],
  };
  const tables = ['tills', 'products', 'customers', 'cards'] as const;
  for (const [i, from] of folders.entries())
    for (const table of tables) {
      const path = join(local, `${table}-${i}.parquet`);
      if (!(await out.fetch(`${from}/${table}.parquet`, path)))
        throw new Error(`the partial sums ${from} are not complete`);
      parts[table].push(path);
    }
  await writeMonth(engine, month, parts, join(local, 'month'));
  for (const table of monthTables)
    await out.put(`${folder}/${table}.parquet`, join(local, 'month', `${table}.parquet`));
  await out.write(
    `${folder}/month.json`,
    `${JSON.stringify({ month, units: folders })}\n`,
    'application/json',
  );
}

/** Removes folders that are no longer part of the result. */
async function forget(out: Files, prefix: string, kept: ReadonlySet<string>): Promise<void> {
  const gone: string[] = [];
  for await (const { name } of out.list(prefix))
    if (!kept.has(name.slice(0, name.lastIndexOf('/'))) && !name.endsWith('/rejects.csv')) gone.push(name);
  // The marker goes first, so that half a folder is never taken for a whole one.
  gone.sort((a, b) => Number(b.endsWith('.json')) - Number(a.endsWith('.json')));
  for (const name of gone) await out.remove(name);
}

async function writeRejects(out: Files, name: string, rejects: readonly Reject[]): Promise<void> {
  const header = ['file', 'row', 'column', 'reason', 'text'];
  const rows = rejects.map(({ file, row, column, reason, text }) => [file, row, column, reason, text]);
  await out.write(name, csv(header, rows), 'text/csv; charset=utf-8');
}

function parseRecord(content: Uint8Array): UnitRecord | undefined {
  try {
    const record: UnitRecord = JSON.parse(new TextDecoder().decode(content));
    return record;
  } catch {
    return undefined;
  }
}

function keyOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** The month tables of a table's name, brought to this machine, as a FROM clause with the month's index. */
export async function monthsFrom(
  settings: Pick<NightSettings, 'out' | 'engine'>,
  months: NightResult['months'],
  table: (typeof monthTables)[number],
): Promise<string> {
  const local = join(settings.engine.directory, 'months');
  await mkdir(local, { recursive: true });
  const selects: string[] = [];
  for (const [i, { folder }] of months.entries()) {
    const path = join(local, `${table}-${i}.parquet`);
    if (!(await settings.out.fetch(`${folder}/${table}.parquet`, path)))
      throw new Error(`the sums of ${folder} are not complete`);
    selects.push(`SELECT ${i} AS month, * FROM read_parquet(${literal(path)})`);
  }
  return `(${selects.join(' UNION ALL ')})`;
}
