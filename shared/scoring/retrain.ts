import { scoreOf } from './calibration.ts';
import { stabilityIndex } from './drift.ts';
import { featureNames, schemaHash } from './features/schema.ts';
import type { HoldOutMetrics, Model } from './model.ts';
import type { ModelPlace, ModelStore } from './modelStore.ts';
import { logitsOf, measure, promotes, type TrainerSettings, trainModel } from './trainer.ts';
import type { TrainingRows } from './trainingRows.ts';
import { compileScorer } from './trees/scorer.ts';
import { TrainingError } from './trees/train.ts';

const DAY = 86_400_000;
const WEEK = 7 * DAY;

/**
 * Whether it is time to train: a week has passed, or so many new frauds became known that a day-old model is out of date (50, or a
 * quarter of what it was trained on).
 */
export function retrainingDue(
  last: { at: number; frauds: number } | undefined,
  now: number,
  newFrauds: number,
): boolean {
  if (last === undefined) return true;
  const age = now - last.at;
  return age >= WEEK || (age >= DAY && newFrauds >= Math.max(50, last.frauds / 4));
}

/** The rows received at `from` or later and before `until`, milliseconds since 1970. */
export function rowsBetween(rows: TrainingRows, from: number, until: number): TrainingRows {
  const first = rows.at.findIndex((at) => at >= from);
  const start = first < 0 ? rows.at.length : first;
  const next = rows.at.findIndex((at) => at >= until);
  const end = next < 0 ? rows.at.length : next;
  return {
    ...rows,
    columns: rows.columns.map((column) => column.subarray(start, Math.max(start, end))),
    labels: rows.labels.subarray(start, Math.max(start, end)),
    at: rows.at.subarray(start, Math.max(start, end)),
  };
}

export interface Challenge {
  challenger: Model;
  promoted: boolean;
  /** both on the rows of the last matured week, which neither was trained on; absent where there was nothing to compare with */
  onLastWeek?: { challenger: HoldOutMetrics; champion: HoldOutMetrics };
}

function measured(model: Model, rows: TrainingRows): HoldOutMetrics {
  return measure(logitsOf(compileScorer(model.forest), rows.columns), rows.labels);
}

/** So much of the last week a champion may know, since rows do not end at the same moment of each day. */
const KNOWN_OF_WEEK = DAY;

/**
 * Trains a challenger and holds it against the champion. With a champion, the challenger learns from all rows but the last matured
 * week, and takes its place only if on that week neither average precision nor recall at 1 % false positives falls. Without
 * one, or where the champion was made for other features, it learns from all rows and is promoted. Such a champion knows the
 * last week itself, so that no challenger is trained until another week has matured. Throws TrainingError then, and where the rows
 * do not suffice: all stays as it is.
 */
export function challenge(
  rows: TrainingRows,
  champion: Model | undefined,
  settings: TrainerSettings,
): Challenge {
  const features = settings.features ?? featureNames;
  if (champion === undefined || champion.info.schemaHash !== schemaHash(features))
    return { challenger: trainModel(rows, settings), promoted: true };
  const end = rows.at.at(-1) ?? 0;
  const lastWeek = end - WEEK;
  const { to: known } = champion.info.trainedOn;
  if (known > lastWeek + KNOWN_OF_WEEK)
    throw new TrainingError(
      `The model in force has learnt from events until ${iso(known)}. Another is held against it on a week that it does not know: when events until ${iso(known + WEEK)} are mature.`,
    );
  const challenger = trainModel(rowsBetween(rows, Number.NEGATIVE_INFINITY, lastWeek), settings);
  const week = rowsBetween(rows, Math.max(lastWeek, known + 1), Number.POSITIVE_INFINITY);
  const onLastWeek = { challenger: measured(challenger, week), champion: measured(champion, week) };
  return { challenger, onLastWeek, promoted: promotes(onLastWeek.champion, onLastWeek.challenger) };
}

const iso = (at: number) => new Date(at).toISOString();

/**
 * Trains a challenger, stores it, and puts it in force or notes why not. A champion that no instance can use any more, as after
 * a release that defines features anew, is none. Throws TrainingError where the rows do not suffice.
 */
export async function retrain(
  store: ModelStore,
  place: ModelPlace,
  rows: TrainingRows,
  note: { at: string; by: string },
): Promise<{ version: string } & Challenge> {
  const { champion: inForce } = await store.current(place);
  const champion = inForce === undefined ? undefined : await store.usable(place, inForce);
  const result = challenge(rows, champion, { kind: place.kind, created: note.at });
  const version = await store.save(place, result.challenger);
  const entry = { ...note, ...result.onLastWeek };
  // rolled back while this was training: it was not held against what is in force now
  const promoted = result.promoted && (await store.promote(place, version, entry, { champion: inForce }));
  if (!promoted) await store.keep(place, version, entry);
  return { version, ...result, promoted };
}

export interface DriftReport {
  rows: number;
  /** population stability index of the score */
  score: number;
  /** and of each feature, the greatest first */
  features: { name: string; index: number }[];
}

/** How far rows, given as columns, have moved from what the model was trained on. */
export function driftReport(model: Model, columns: readonly Float32Array[]): DriftReport {
  const { reference, calibration, features } = model.info;
  const logits = logitsOf(compileScorer(model.forest), columns);
  const scores = logits.map((logit) => scoreOf(calibration, logit));
  return {
    rows: logits.length,
    score: stabilityIndex(reference.score, scores),
    features: features
      .map((name, i) => ({ name, index: stabilityIndex(reference.features[i]!, columns[i]!) }))
      .sort((a, b) => b.index - a.index),
  };
}
