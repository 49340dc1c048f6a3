import type { Lake } from '../lake/index.ts';
import {
  driftReport,
  hashKey,
  type Model,
  type ModelKind,
  type ModelStore,
  modelEvents,
} from '../scoring/index.ts';
import type { Blobs } from '../storage/index.ts';
import { openSample } from './sample.ts';
import { nameOf, type Place } from './status.ts';

const DAY = 86_400_000;

/** How far a week's scored events had moved from what the model in force was trained on. */
export interface DriftWeek {
  /** the week's Monday, UTC */
  week: string;
  version: string;
  /** events that a model had scored, of the week's or a sample of them */
  events: number;
  /** population stability index of the score; absent where no model had scored any */
  score?: number;
  /** and of the features, the greatest first */
  features: { name: string; index: number }[];
}

const driftFile = 'drift.json';
const weeksKept = 53;
const featuresKept = 20;

/** About so many events of a week are looked at. */
const mostEvents = 50_000;

/** The reports of a place, the newest first. */
export async function readDrift(blobs: Blobs, place: Place): Promise<DriftWeek[]> {
  const found = await blobs.read(nameOf(place, driftFile));
  return found ? JSON.parse(new TextDecoder().decode(found.content)) : [];
}

/** The Monday on which the last whole week began. */
export function lastWeek(now: number): string {
  const midnight = now - (now % DAY);
  // 1 January 1970 was a Thursday
  const sinceMonday = (midnight / DAY + 3) % 7;
  return new Date(midnight - (sinceMonday + 7) * DAY).toISOString().slice(0, 10);
}

export interface DriftParts {
  lake: Lake;
  blobs: Blobs;
  models: ModelStore;
}

/**
 * Reports on a week, unless that is done or nothing is in force that could be compared: no model, or one that can no longer be read.
 * Says whether there was anything to do.
 */
export async function reportDrift(
  { lake, blobs, models }: DriftParts,
  place: Place,
  environments: readonly string[],
  week: string,
): Promise<boolean> {
  const { champion } = await models.current({ environment: place.root, kind: place.kind });
  if (champion === undefined) return false;
  const before = await readDrift(blobs, place);
  if (before.some((one) => one.week === week)) return false;
  const model = await models.usable({ environment: place.root, kind: place.kind }, champion);
  if (!model) return false;
  const report = driftReport(model, await scoredRows(lake, place.kind, environments, week, model));
  const one: DriftWeek = {
    week,
    version: champion,
    events: report.rows,
    ...(report.rows > 0 ? { score: report.score } : {}),
    features: report.rows > 0 ? report.features.slice(0, featuresKept) : [],
  };
  // the same report whoever writes it
  await blobs.write(nameOf(place, driftFile), JSON.stringify([one, ...before].slice(0, weeksKept)), {
    contentType: 'application/json',
  });
  return true;
}

/** What is read of a line: the rows that were scored, as the evidence has them. */
interface ScoredLine {
  evidence?: { scoring?: Partial<Record<ModelKind, { schemaHash: string; row: (number | null)[] }>> };
}

/** Rows that models of the same features scored in a week, as columns. */
async function scoredRows(
  lake: Lake,
  kind: ModelKind,
  environments: readonly string[],
  week: string,
  { info }: Model,
): Promise<Float32Array[]> {
  const range = {
    environments,
    types: modelEvents[kind],
    from: `${week}T00:00:00.000Z`,
    to: new Date(Date.parse(week) + 7 * DAY).toISOString(),
  };
  const sample = openSample(info.features.length, mostEvents);
  for await (const line of lake.read(range)) {
    const order = hashKey(line.slice(0, 200));
    if (!sample.admits(order)) continue;
    const { evidence }: ScoredLine = JSON.parse(line);
    const scored = evidence?.scoring?.[kind];
    if (scored?.schemaHash === info.schemaHash) sample.add(order, scored.row);
  }
  return sample.columns();
}
