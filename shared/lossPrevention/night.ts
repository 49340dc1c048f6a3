import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { literal } from '../duck.ts';
import { batches, bringAndRead, type Pending, readBatch, type UnitRecord, type Workplace } from './batch.ts';
import type { Files } from './files.ts';
import { type FileProblem, findLayout, type Layout } from './layout.ts';
import type { Mapping } from './mapping.ts';
import { type MonthTable, monthTables, rolledTables, writeMonth } from './partials.ts';
import { emptyTables } from './read.ts';
import type { EntityName } from './schema.ts';

/** What a run needs to know; all names are within `lake` and `out`, which belong to one environment alone. */
export interface NightSettings extends Workplace {
  prefix: string;
  mapping?: Mapping;
  progress(progress: NightProgress): Promise<void> | void;
}

export interface NightProgress {
  daysDone: number;
  daysAll: number;
  /** rows read in this run, and rows that were rejected */
  rows: number;
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
const engineVersion = 'sums-6';

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
  const current = new Set<string>();
  for (const unit of layout.units) {
    const files = unit.files.map(({ name, etag, entities }) => [name, etag, entities]);
    const folder = `partials/${keyOf([...about, unit.id, JSON.stringify(files)])}`;
    current.add(folder);
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
  const used = new Set(result.units.map((unit) => unit.folder));
  await forget(out, 'partials/', (folder, file) =>
    file === 'rejects.csv' ? current.has(folder) : used.has(folder),
  );
  const months = new Set(result.months.map((month) => month.folder));
  await forget(out, 'months/', (folder) => months.has(folder));
  problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.reason < b.reason ? -1 : 1));
  return result;
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
  const files = layout.methods.map((file) => ({ unit: 0, file }));
  for (const { file, read } of await bringAndRead(settings, files, false))
    if (!read.ok) problems.push({ file: file.name, reason: `not used: ${read.reason}` });
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
  const parts: Record<(typeof rolledTables)[number], string[]> = {
    tills: [],
    products: [],
    productEvents: [],
    customers: [],
    customerEvents: [],
    cards: [],
  };
  for (const [i, from] of folders.entries())
    await Promise.all(
      rolledTables.map(async (table) => {
        const path = join(local, `${table}-${i}.parquet`);
        if (!(await out.fetch(`${from}/${table}.parquet`, path)))
          throw new Error(`the partial sums ${from} are not complete`);
        parts[table].push(path);
      }),
    );
  await writeMonth(engine, month, parts, join(local, 'month'));
  for (const table of monthTables)
    await out.put(`${folder}/${table}.parquet`, join(local, 'month', `${table}.parquet`));
  await out.write(
    `${folder}/month.json`,
    `${JSON.stringify({ month, units: folders })}\n`,
    'application/json',
  );
}

/** Removes what is no longer part of the result. */
async function forget(
  out: Files,
  prefix: string,
  kept: (folder: string, file: string) => boolean,
): Promise<void> {
  const gone: string[] = [];
  for await (const { name } of out.list(prefix)) {
    const end = name.lastIndexOf('/');
    if (!kept(name.slice(0, end), name.slice(end + 1))) gone.push(name);
  }
  // The marker goes first, so that half a folder is never taken for a whole one.
  gone.sort((a, b) => Number(b.endsWith('.json')) - Number(a.endsWith('.json')));
  for (const name of gone) await out.remove(name);
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

/** What there is of tills, products or customers in the months, brought to this machine, as a FROM clause with the month's index. Sums that a row lacks are NULL. */
export async function monthsFrom(
  settings: Pick<NightSettings, 'out' | 'engine'>,
  months: NightResult['months'],
  of: 'tills' | 'products' | 'customers',
): Promise<string> {
  const local = join(settings.engine.directory, 'months');
  await mkdir(local, { recursive: true });
  const selects: string[] = [];
  for (const [i, { folder }] of months.entries())
    for (const table of tablesOf[of]) {
      const path = join(local, `${table}-${i}.parquet`);
      if (!(await settings.out.fetch(`${folder}/${table}.parquet`, path)))
        throw new Error(`the sums of ${folder} are not complete`);
      selects.push(`SELECT ${i} AS month, * FROM read_parquet(${literal(path)})`);
    }
  return `(${selects.join(' UNION ALL BY NAME ')})`;
}

const tablesOf = {
  tills: ['tills'],
  products: ['products', 'productEvents'],
  customers: ['customers', 'customerEvents'],
} as const satisfies Record<string, readonly MonthTable[]>;
