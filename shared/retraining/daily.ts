import type { Lake } from '../lake/index.ts';
import {
  LEAST_FRAUDS,
  type ModelKind,
  type ModelStore,
  modelEvents,
  retrainingDue,
} from '../scoring/index.ts';
import { lastWeek, reportDrift } from './drift.ts';
import { labelsOf } from './lakeSource.ts';
import { type RetrainingParts, requestTraining } from './retraining.ts';
import { type Place, readStatus } from './status.ts';
import type { Tree } from './trees.ts';

const DAY = 86_400_000;

/** As far back as a training looks for labels. */
const labelDays = 125;

const kinds: readonly ModelKind[] = ['risk', 'bot'];

/**
 * Reports on the drift of the week that is over, and asks for the trainings that are due. What fails for one model stands in no
 * other's way: it is named among the problems, and done the next day.
 */
export async function lookAfterModels(
  app: RetrainingParts & { scoring: { models: ModelStore } },
  trees: readonly Tree[],
): Promise<{ asked: Place[]; problems: string[] }> {
  const { lake, storage, scoring } = app;
  const parts = { lake, blobs: storage.blobs('models'), models: scoring.models };
  const asked: Place[] = [];
  const problems: string[] = [];
  for (const { root, environments } of trees)
    for (const kind of kinds) {
      const place = { root, kind };
      const tried = async (what: string, work: () => Promise<unknown>) => {
        try {
          await work();
        } catch (error) {
          problems.push(`${what} of the ${kind} model of ${root}: ${String(error)}`);
        }
      };
      await tried('drift', () => reportDrift(parts, place, environments, lastWeek(app.clock())));
      await tried('training', async () => {
        if (!(await isDue(app, place, environments))) return;
        await requestTraining(app, place, 'timer');
        asked.push(place);
      });
    }
  return { asked, problems };
}

/**
 * Was the last training a week ago, or did so many new frauds become known since that it is worth it? The first one is due as soon
 * as there may be frauds enough.
 */
async function isDue(app: RetrainingParts, place: Place, environments: readonly string[]): Promise<boolean> {
  const now = app.clock();
  const { last } = await readStatus(app.storage.blobs('models'), place);
  const since = last ? Date.parse(last.at) : now - labelDays * DAY;
  const range = { environments, from: new Date(since).toISOString(), to: new Date(now).toISOString() };
  const before = last && { at: Date.parse(last.at), frauds: last.frauds };
  const due = (frauds: number) => (before ? retrainingDue(before, now, frauds) : frauds >= LEAST_FRAUDS);
  // what no number of frauds changes needs no look at them
  return due(0) || (due(Number.POSITIVE_INFINITY) && (await areEnough(app.lake, place.kind, range, due)));
}

/** Whether labels of a time say fraud of so many events that a kind of model learns from, or may, that it is enough. */
async function areEnough(
  lake: Lake,
  kind: ModelKind,
  range: { environments: readonly string[]; from: string; to: string },
  enough: (frauds: number) => boolean,
): Promise<boolean> {
  let count = 0;
  for await (const { fraud, target } of labelsOf(lake, range)) {
    if (fraud && (target.kind !== 'event' || modelEvents[kind].includes(target.type))) count++;
    if (enough(count)) return true;
  }
  return false;
}
