import { z } from 'zod';
import { runsPage } from './dashboard/runs.ts';
import type { Files } from './files.ts';
import { findingDefaults, kinds } from './findings.ts';
import { mappingSchema } from './mapping.ts';
import type { RunProgress, RunSettings, RunSummary } from './run.ts';

/** What a merchant sets for an environment. */
export const lossPreventionSettingsSchema = z.strictObject({
  /** only blobs whose names start with it */
  prefix: z.string().max(512).default(''),
  /** whether the nightly timer runs it */
  nightly: z.boolean().default(true),
  rate: z.number().gt(0).lt(1).default(findingDefaults.rate),
  thresholds: z.partialRecord(z.enum(kinds), z.int().min(1).max(998)).default({}),
  mapping: mappingSchema.optional(),
});
export type LossPreventionSettings = z.infer<typeof lossPreventionSettingsSchema>;

export interface RunRecord {
  id: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed';
  /** who or what asked for it */
  by: string;
  requested: string;
  started?: string;
  updated?: string;
  finished?: string;
  progress?: RunProgress & { secondsLeft?: number };
  summary?: RunSummary;
  /** why it failed */
  reason?: string;
}

const recordName = (id: string) => `runs/${id}.json`;

/** Makes the record of a run that is to be done. Ids sort by time. */
export async function requestRun(out: Files, by: string, now: Date): Promise<RunRecord> {
  const id = `${now.toISOString().replaceAll(/[-:.]/g, '')}-${crypto.randomUUID().slice(0, 8)}`;
  const record: RunRecord = { id, status: 'queued', by, requested: now.toISOString() };
  await save(out, record);
  for (const old of (await runIds(out)).slice(keptRuns)) await out.remove(recordName(old));
  return record;
}

/** The month in which a run was asked for, e.g. `2026-11`: its id begins with the time. */
export const monthOfRun = (id: string): string => `${id.slice(0, 4)}-${id.slice(4, 6)}`;

/** Records that are kept: more than a year of nights. */
const keptRuns = 500;

/** The record of a run; undefined where there is none. */
export async function readRun(out: Files, id: string): Promise<RunRecord | undefined> {
  if (!/^[0-9A-Za-z-]{1,64}$/.test(id)) return undefined;
  const content = await out.read(recordName(id));
  return content && JSON.parse(new TextDecoder().decode(content));
}

/** The latest runs, newest first. */
export async function listRuns(out: Files, limit: number): Promise<RunRecord[]> {
  const latest = (await runIds(out)).slice(0, limit);
  const records = await Promise.all(latest.map((id) => readRun(out, id)));
  return records.flatMap((record) => record ?? []);
}

async function runIds(out: Files): Promise<string[]> {
  const ids: string[] = [];
  for await (const { name } of out.list('runs/')) ids.push(name.slice('runs/'.length, -'.json'.length));
  return ids.sort().reverse();
}

/** Milliseconds after which a run that tells nothing of itself counts as dead; it tells every few seconds. */
const silence = 30 * 60_000;

/** A record as it is to be shown: a run whose process died, and that nothing brought back, does not run. */
export function shownAt(record: RunRecord, now: Date): RunRecord {
  const heard = record.updated ?? record.requested;
  if (record.status !== 'running' || now.getTime() - Date.parse(heard) < silence) return record;
  const reason = `It was last heard of at ${heard}. The next run goes on where it was.`;
  return { ...record, status: 'failed', reason };
}

/** Runs that the page of runs shows. */
export const shownRuns = 10;
/** Milliseconds between two writes of a run's progress. */
const tellEvery = 2000;

export type Executed = { record: RunRecord } | 'busy' | 'unfinished';

export interface ExecuteOptions {
  /** told whenever the record changes */
  shown?(record: RunRecord): void;
  /**
   * Told how a run ended, before its record says so: where that fails or the process dies the run is done again, which
   * reads nothing anew, and this is told again. `readBy`: transactions in the result by the run that read them.
   */
  ended?(record: RunRecord, readBy: ReadonlyMap<string, number>): Promise<void>;
  /** the run is not tried again: a failure is its end */
  last?: boolean;
  /** when a run that still reads stops, to be gone on with by another call */
  until?: Date;
}

/**
 * Does a run and keeps its record. `busy` (nothing is written) where another run of the environment is under way: the
 * caller tries again later. `unfinished`: it was stopped by the signal, or its time was over. A run that was stopped, or
 * that a dead process left, is simply executed again.
 */
export async function executeRun(
  settings: RunSettings,
  requested: RunRecord,
  clock: () => Date,
  options: ExecuteOptions = {},
): Promise<Executed> {
  const { out } = settings;
  // loaded with the first run: most processes never make one
  const { runLossPrevention } = await import('./run.ts');
  const started = clock();
  let record: RunRecord = {
    ...requested,
    status: 'running',
    started: requested.started ?? started.toISOString(),
    updated: started.toISOString(),
  };
  delete record.reason;
  const stop = new AbortController();
  const signal = settings.signal ? AbortSignal.any([settings.signal, stop.signal]) : stop.signal;
  let told = 0;
  /** days that were done before: they say nothing of the time that is left */
  let before: number | undefined;
  const progress = async (step: RunProgress) => {
    const now = clock();
    before ??= step.daysDone;
    const own = step.daysDone - before;
    const seconds = (now.getTime() - started.getTime()) / 1000;
    const left =
      own > 0 && step.daysDone < step.daysAll ? (seconds / own) * (step.daysAll - step.daysDone) : undefined;
    record = {
      ...record,
      updated: now.toISOString(),
      progress: { ...step, ...(left === undefined ? {} : { secondsLeft: Math.ceil(left) }) },
    };
    options.shown?.(record);
    // what is read is kept, day by day; the steps after that are short, and begin anew
    if (options.until && now >= options.until && own > 0 && step.daysDone < step.daysAll) stop.abort();
    if (now.getTime() - told < tellEvery) return;
    told = now.getTime();
    await save(out, record);
  };
  const end = (): Pick<RunRecord, 'finished' | 'updated'> => {
    const finished = clock().toISOString();
    return { finished, updated: finished };
  };
  let readBy: ReadonlyMap<string, number> = new Map();
  try {
    const outcome = await runLossPrevention({ ...settings, signal, run: requested.id, progress });
    if (outcome.ok) {
      ({ readBy } = outcome);
      record = { ...record, status: 'succeeded', ...end(), summary: outcome.summary };
    } else if (outcome.reason === 'busy') return 'busy';
    else record = { ...record, status: 'failed', ...end(), reason: nothingUsable(outcome.problems) };
    await options.ended?.(record, readBy);
  } catch (error) {
    if (signal.aborted) {
      await save(out, record);
      return 'unfinished';
    }
    const reason = error instanceof Error ? error.message : String(error);
    const { summary: _, ...rest } = record;
    record = { ...rest, status: 'failed', ...end(), reason };
    await save(out, record).catch(() => undefined);
    if (options.last) await options.ended?.(record, readBy);
    throw error;
  }
  await save(out, record);
  // For folders: over HTTP the page is made when it is asked for.
  if (record.summary)
    await out.write(
      `${record.summary.dashboard}/runs.html`,
      runsPage(await listRuns(out, shownRuns)),
      'text/html; charset=utf-8',
    );
  options.shown?.(record);
  return { record };
}

function nothingUsable(problems: readonly { file: string; reason: string }[]): string {
  const [first] = problems;
  return first
    ? `Nothing in the lake could be used; the first of ${problems.length} problems: ${first.file}: ${first.reason}`
    : 'The lake has no Transactions files below the prefix.';
}

async function save(out: Files, record: RunRecord): Promise<void> {
  await out.write(recordName(record.id), `${JSON.stringify(record)}\n`, 'application/json');
}

/** The run settings that a merchant's settings mean. */
export function runSettingsOf(
  settings: LossPreventionSettings,
): Pick<RunSettings, 'prefix' | 'mapping' | 'findings'> {
  return {
    prefix: settings.prefix,
    ...(settings.mapping ? { mapping: settings.mapping } : {}),
    findings: {
      ...findingDefaults,
      rate: settings.rate,
      thresholds: { ...findingDefaults.thresholds, ...settings.thresholds },
    },
  };
}

/** The newest finished dashboard's folder; undefined before the first. */
export async function latestDashboard(out: Files): Promise<string | undefined> {
  const content = await out.read('latest.json');
  if (!content) return undefined;
  const latest: { dashboard: string } = JSON.parse(new TextDecoder().decode(content));
  return latest.dashboard;
}
