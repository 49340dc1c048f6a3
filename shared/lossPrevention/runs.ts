import { z } from 'zod';
import { runsPage } from './dashboard/runs.ts';
import type { Files } from './files.ts';
import { findingDefaults, kinds } from './findings.ts';
import { mappingSchema } from './mapping.ts';
import { type RunProgress, type RunSettings, type RunSummary, runLossPrevention } from './run.ts';

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
  return record;
}

/** The record of a run; undefined where there is none. */
export async function readRun(out: Files, id: string): Promise<RunRecord | undefined> {
  if (!/^[0-9A-Za-z-]{1,64}$/.test(id)) return undefined;
  const content = await out.read(recordName(id));
  return content && JSON.parse(new TextDecoder().decode(content));
}

/** The latest runs, newest first. */
export async function listRuns(out: Files, limit: number): Promise<RunRecord[]> {
  const ids: string[] = [];
  for await (const { name } of out.list('runs/')) ids.push(name.slice('runs/'.length, -'.json'.length));
  const latest = ids.sort().reverse().slice(0, limit);
  const records = await Promise.all(latest.map((id) => readRun(out, id)));
  return records.flatMap((record) => record ?? []);
}

/** Runs that the page of runs shows. */
export const shownRuns = 10;
/** Milliseconds between two writes of a run's progress. */
const tellEvery = 2000;

export type Executed = { record: RunRecord } | 'busy';

/**
 * Does a run and keeps its record. `busy` (nothing is written) where another run of the environment is under way: the
 * caller tries again later. A run that a dead process left is simply executed again.
 */
export async function executeRun(
  settings: RunSettings,
  requested: RunRecord,
  clock: () => Date,
  shown?: (record: RunRecord) => void,
): Promise<Executed> {
  const { out } = settings;
  const started = clock();
  let record: RunRecord = {
    ...requested,
    status: 'running',
    started: started.toISOString(),
    updated: started.toISOString(),
  };
  let told = 0;
  const progress = async (step: RunProgress) => {
    const now = clock();
    const seconds = (now.getTime() - started.getTime()) / 1000;
    const left =
      step.daysDone > 0 && step.daysDone < step.daysAll
        ? (seconds / step.daysDone) * (step.daysAll - step.daysDone)
        : undefined;
    record = {
      ...record,
      updated: now.toISOString(),
      progress: { ...step, ...(left === undefined ? {} : { secondsLeft: Math.ceil(left) }) },
    };
    shown?.(record);
    if (now.getTime() - told < tellEvery) return;
    told = now.getTime();
    await save(out, record);
  };
  try {
    const outcome = await runLossPrevention({ ...settings, progress });
    const finished = clock().toISOString();
    if (outcome.ok)
      record = { ...record, status: 'succeeded', finished, updated: finished, summary: outcome.summary };
    else if (outcome.reason === 'busy') return 'busy';
    else {
      const first = outcome.problems[0];
      const reason = first
        ? `Nothing in the lake could be used; the first of ${outcome.problems.length} problems: ${first.file}: ${first.reason}`
        : 'The lake has no Transactions files below the prefix.';
      record = { ...record, status: 'failed', finished, updated: finished, reason };
    }
  } catch (error) {
    const finished = clock().toISOString();
    record = {
      ...record,
      status: 'failed',
      finished,
      updated: finished,
      reason: error instanceof Error ? error.message : String(error),
    };
    await save(out, record).catch(() => undefined);
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
  shown?.(record);
  return { record };
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
