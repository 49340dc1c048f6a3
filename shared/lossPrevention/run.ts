import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, literal, openEngine, type SqlValue } from '../duck.ts';
import { makeWorkFolder } from '../workFolder.ts';
import type { JournalRow } from './dashboard/entities.ts';
import { writeDashboard } from './dashboard/write.ts';
import type { Files } from './files.ts';
import {
  type FindingSettings,
  type Findings,
  findAnomalies,
  findingDefaults,
  type Kind,
} from './findings.ts';
import type { FileProblem } from './layout.ts';
import type { Mapping } from './mapping.ts';
import { bringUpToDate, monthsFrom, type NightProgress, type NightResult } from './night.ts';

export interface RunSettings {
  /** what is read; nothing in it is ever changed */
  lake: Files;
  /** what is kept and shown, of one environment */
  out: Files;
  /** only files below this path of the lake */
  prefix?: string;
  mapping?: Mapping;
  findings?: FindingSettings;
  /** bytes of memory for the engine; default 256 MiB */
  memoryBytes?: number;
  threads?: number;
  /** where the job makes its own folder; default the system's */
  temporary?: string;
  /** its id: a run that goes on under the same id after it died counts what it read before as well */
  run?: string;
  /** default 10 GB, DFP's limit */
  largestFileBytes?: number;
  signal?: AbortSignal;
  progress?(progress: RunProgress): Promise<void> | void;
}

export interface RunProgress extends NightProgress {
  step: 'reading' | 'scoring' | 'writing';
}

export interface RunSummary {
  /** where the dashboard lies in `out` */
  dashboard: string;
  months: string[];
  transactions: number;
  /** transactions in the days that this run read anew, before it died as well: what usage counts */
  transactionsRead: number;
  flagged: Record<Kind, number>;
  unitsRead: number;
  monthsRolled: number;
  rowsRead: number;
  rejects: number;
  unmatched: number;
  duplicates: number;
  /** files that are not part of the result */
  problems: FileProblem[];
}

export type RunOutcome =
  /** `readBy`: transactions of the days that make up the result, by the run that read them */
  | { ok: true; summary: RunSummary; readBy: ReadonlyMap<string, number> }
  | { ok: false; reason: 'busy' }
  /** nothing in the lake could be used */
  | { ok: false; reason: 'no data'; problems: FileProblem[] };

/** Months that are looked at, counted from the last. */
const mostMonths = 13;

/** A change of what pages look like makes a new dashboard of the same findings. */
const dashboardVersion = 'pages-8';

/**
 * One run from lake to dashboard. Only one at a time writes to `out` (`busy` otherwise). A run that died is continued by
 * the next; `latest.json` names the newest finished dashboard and is written last.
 */
export async function runLossPrevention(settings: RunSettings): Promise<RunOutcome> {
  const { out } = settings;
  const lock = await out.lock('run.lock');
  if (!lock) return { ok: false, reason: 'busy' };
  const directory = await makeWorkFolder('holdfast-lp-', settings.temporary);
  try {
    const signal = settings.signal ? AbortSignal.any([settings.signal, lock.signal]) : lock.signal;
    const engine = await openEngine({
      directory,
      memoryBytes: settings.memoryBytes ?? 256 * 1048576,
      threads: settings.threads ?? 1,
    });
    try {
      return await runWith(settings, engine, signal);
    } finally {
      engine.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    await lock.release();
  }
}

async function runWith(settings: RunSettings, engine: Engine, signal: AbortSignal): Promise<RunOutcome> {
  const { lake, out, run = randomUUID() } = settings;
  let last: NightProgress = { daysDone: 0, daysAll: 0, rows: 0, rejects: 0 };
  const night = await bringUpToDate({
    lake,
    out,
    engine,
    run,
    prefix: settings.prefix ?? '',
    ...(settings.mapping ? { mapping: settings.mapping } : {}),
    largestFileBytes: settings.largestFileBytes ?? 10e9,
    signal,
    progress: (progress) => {
      last = progress;
      return settings.progress?.({ ...progress, step: 'reading' });
    },
  });
  if (night.months.length === 0) return { ok: false, reason: 'no data', problems: night.problems };
  await settings.progress?.({ ...last, step: 'scoring' });
  const months = night.months.slice(-mostMonths);
  const sources = {
    tills: await monthsFrom({ out, engine }, months, 'tills'),
    products: await monthsFrom({ out, engine }, months, 'products'),
    customers: await monthsFrom({ out, engine }, months, 'customers'),
  };
  const names = months.map(({ month }) => month);
  const findings = await findAnomalies(engine, sources, names, settings.findings ?? findingDefaults);
  await settings.progress?.({ ...last, step: 'writing' });
  signal.throwIfAborted();
  const records = night.units.map(({ record }) => record);
  const total = (of: (record: (typeof records)[number]) => number) =>
    records.reduce((sum, record) => sum + of(record), 0);
  const notes = {
    problems: night.problems,
    rejects: total((record) => record.rejects),
    unmatched: total((record) => record.unmatched),
    duplicates: total((record) => record.duplicates),
  };
  const version = createHash('sha256')
    .update(JSON.stringify([dashboardVersion, findings, notes]))
    .digest('hex')
    .slice(0, 24);
  const dashboard = `dashboards/${version}`;
  const finished = await out.read('latest.json');
  const written = finished !== undefined && new TextDecoder().decode(finished) === latest(dashboard);
  // The folder's name follows from what is in it: the newest dashboard needs no second writing.
  if (!written)
    await writeDashboard(
      findings,
      notes,
      await readJournal({ out, engine }, night, findings, names),
      (name, content, type) => {
        signal.throwIfAborted();
        return out.write(`${dashboard}/${name}`, content, type);
      },
    );
  await out.write('latest.json', latest(dashboard), 'application/json');
  await forgetOldDashboards(out, dashboard, written ? 1 : 2);
  const { sections } = findings;
  const readBy = new Map<string, number>();
  for (const record of records) readBy.set(record.run, (readBy.get(record.run) ?? 0) + record.transactions);
  return {
    ok: true,
    readBy,
    summary: {
      dashboard,
      months: names,
      transactions: findings.transactions,
      transactionsRead: readBy.get(run) ?? 0,
      flagged: {
        staff: sections.staff.flagged,
        terminals: sections.terminals.flagged,
        stores: sections.stores.flagged,
        customers: sections.customers.flagged,
        products: sections.products.flagged,
      },
      unitsRead: night.unitsRead,
      monthsRolled: night.monthsRolled,
      rowsRead: night.rowsRead,
      rejects: notes.rejects,
      unmatched: notes.unmatched,
      duplicates: notes.duplicates,
      problems: night.problems,
    },
  };
}

const latest = (dashboard: string) => `${JSON.stringify({ dashboard })}\n`;

const journalMonths = 6;
const journalRows = 200;
const journalKinds = ['staff', 'terminals', 'customers'] as const;

/** The latest notable transactions of the last six months, of every entity that has a page. */
async function readJournal(
  place: { out: Files; engine: Engine },
  night: NightResult,
  findings: Findings,
  months: readonly string[],
): Promise<(kind: Kind, id: string) => readonly JournalRow[] | undefined> {
  const { out, engine } = place;
  const since = months.slice(-journalMonths)[0]!;
  const folder = join(engine.directory, 'journal');
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const { folder: unit, record } of night.units) {
    if (!record.months.some(({ month }) => month >= since)) continue;
    const path = join(folder, `${paths.length}.parquet`);
    if (await out.fetch(`${unit}/journal.parquet`, path)) paths.push(path);
  }
  const paged = (kind: Kind) =>
    findings.sections[kind].entities.filter((entity) => entity.page).map(({ id }) => id);
  const ids = { staff: paged('staff'), terminals: paged('terminals'), customers: paged('customers') };
  const list = (values: readonly string[]) => (values.length > 0 ? values.map(literal).join(', ') : 'NULL');
  const terminalNames = `(terminal IN (${list(ids.terminals)}) OR concat(store, ' / ', terminal) IN (${list(ids.terminals)}))`;
  const byKey = new Map<string, JournalRow[]>();
  const known = {
    staff: new Set(ids.staff),
    terminals: new Set(ids.terminals),
    customers: new Set(ids.customers),
  };
  const put = (kind: (typeof journalKinds)[number], id: string, row: JournalRow) => {
    if (!known[kind].has(id)) return;
    const key = `${kind}|${id}`;
    const own = byKey.get(key) ?? [];
    byKey.set(key, own);
    if (own.length < journalRows) own.push(row);
  };
  const query = `SELECT strftime(day, '%Y-%m-%d') AS on_day, * EXCLUDE (day) FROM read_parquet([${paths.map(literal).join(', ')}])
    WHERE strftime(day, '%Y-%m') >= ${literal(since)}
      AND (staff IN (${list(ids.staff)}) OR ${terminalNames} OR customer IN (${list(ids.customers)}))
    ORDER BY on_day DESC, second DESC, number, terminal, store`;
  const take = (row: Record<string, SqlValue>) => {
    const entry: JournalRow = {
      day: String(row.on_day),
      second: Number(row.second),
      number: String(row.number),
      staff: String(row.staff),
      terminal: String(row.terminal),
      store: String(row.store),
      customer: String(row.customer),
      currency: String(row.currency),
      sold: Number(row.sold),
      discount: Number(row.discountValue),
      overridden: Number(row.overrideValue),
      returned: Number(row.returned),
      voided: Number(row.voidValue),
      receipt: row.receipt === true,
      isReturn: row.is_return === true,
      cash: row.in_cash === true,
      card: row.by_card === true,
      category: String(row.category),
    };
    put('staff', entry.staff, entry);
    put('customers', entry.customer, entry);
    put('terminals', entry.terminal, entry);
    put('terminals', `${entry.store} / ${entry.terminal}`, entry);
  };
  if (paths.length > 0) await engine.each(query, take);
  return (kind, id) =>
    kind === 'staff' || kind === 'terminals' || kind === 'customers'
      ? (byKey.get(`${kind}|${id}`) ?? [])
      : undefined;
}

/**
 * Older dashboards go. Readers may still be on the pages of the previous one when a new one was written; a run that finds
 * nothing new is later, and keeps one only, since the other may show people who were taken out of the files.
 */
async function forgetOldDashboards(out: Files, current: string, most: 1 | 2): Promise<void> {
  const before = await out.read('previous.json');
  const previous: unknown = before ? JSON.parse(new TextDecoder().decode(before)) : undefined;
  const listed = Array.isArray(previous) ? previous.filter((name) => typeof name === 'string') : [];
  const kept = [current, ...listed.filter((name) => name !== current)].slice(0, most);
  await out.write('previous.json', JSON.stringify(kept), 'application/json');
  for await (const { name } of out.list('dashboards/'))
    if (!kept.some((folder) => name.startsWith(`${folder}/`))) await out.remove(name);
}
