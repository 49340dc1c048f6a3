import { openLake } from '../lake/index.ts';
import {
  collectTrainingRows,
  type DayCount,
  LEAST_FRAUDS,
  type ModelKind,
  maturityOf,
  modelEvents,
  openModelStore,
  retrain,
  TrainingError,
} from '../scoring/index.ts';
import { openStorage, type StorageSettings } from '../storage/index.ts';
import { lakeSource } from './lakeSource.ts';

const DAY = 86_400_000;

/** Rows are of so many days at most, and of so many at least where there are as many. */
const MOST_DAYS = 60;
const LEAST_DAYS = 28;

/** So many frauds are enough to learn from: with fewer, rows go further back. */
const ENOUGH_FRAUDS = 1000;

/** Days before the first row that fill histories: windows of 30 days that end a week back. */
const WARM_UP_DAYS = 37;

/** One training: whose model, and as of when. */
export interface TrainingJob {
  storage: StorageSettings;
  /** id of the root environment */
  root: string;
  /** ids of all environments of its tree */
  environments: readonly string[];
  kind: ModelKind;
  /** ISO 8601 */
  at: string;
  by: string;
}

/** What came of a training. */
export interface Trained {
  outcome: 'promoted' | 'kept as challenger' | 'not trained';
  /** why nothing was trained */
  detail?: string;
  version?: string;
  rows?: number;
  frauds?: number;
  /** receipt of the first and last row, ISO 8601 */
  from?: string;
  to?: string;
  /** of the process or thread that trained */
  peakMemoryMB?: number;
}

/**
 * Trains a challenger on what the lake knows and puts it in force where it is better. Nothing changes before the very last
 * write, so that one that dies on the way can simply be started again.
 */
export async function train(job: TrainingJob): Promise<Trained> {
  const { root, environments, kind, at, by } = job;
  const storage = openStorage(job.storage);
  const { directories } = await import('../scoring/scorecardDirectories.ts');
  const asOf = Date.parse(at);
  const types = modelEvents[kind];
  const ripe = asOf - Math.min(...types.map((type) => maturityOf(type))) * DAY;
  const days = Math.max(...types.map((type) => maturityOf(type))) + MOST_DAYS + WARM_UP_DAYS;
  const source = lakeSource(openLake(storage), {
    environments,
    types,
    from: new Date(asOf - days * DAY).toISOString(),
    eventsUntil: new Date(ripe).toISOString(),
    labelsUntil: at,
  });
  try {
    const rows = await collectTrainingRows(source, directories, {
      asOf,
      types,
      from: (counts) => firstDay(counts, asOf - days * DAY),
    });
    const result = await retrain(openModelStore(storage), { environment: root, kind }, rows, { at, by });
    return {
      outcome: result.promoted ? 'promoted' : 'kept as challenger',
      version: result.version,
      rows: rows.at.length,
      frauds: rows.labels.reduce((sum, label) => sum + label, 0),
      from: new Date(rows.at[0] ?? asOf).toISOString(),
      to: new Date(rows.at.at(-1) ?? asOf).toISOString(),
      peakMemoryMB: Math.round(process.resourceUsage().maxRSS / 1024),
    };
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    return { outcome: 'not trained', detail: error.message };
  }
}

/**
 * The day that rows begin with: as few days as it takes for enough frauds, but four weeks at least, and sixty days at most. The
 * histories of the first days that were read lack what came before, so that no rows begin there; unless nothing came before.
 * Throws TrainingError where the frauds do not suffice.
 */
export function firstDay(days: readonly DayCount[], readFrom: number): number {
  const [oldest] = days;
  const isYoung = oldest !== undefined && oldest.at > readFrom + DAY;
  const latest = days.at(-1)?.at ?? readFrom;
  const earliest = Math.max(isYoung ? 0 : readFrom + WARM_UP_DAYS * DAY, latest - (MOST_DAYS - 1) * DAY);
  const inReach = days.filter(({ at }) => at >= earliest);
  let frauds = 0;
  let first = latest;
  for (const day of inReach.toReversed()) {
    if (frauds >= ENOUGH_FRAUDS && latest - first >= (LEAST_DAYS - 1) * DAY) break;
    frauds += day.frauds;
    first = day.at;
  }
  if (frauds < LEAST_FRAUDS)
    throw new TrainingError(
      `${frauds} mature events are known frauds; a model needs ${LEAST_FRAUDS}. The scorecard goes on.`,
    );
  return first;
}
