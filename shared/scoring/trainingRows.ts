import { entitiesOf, historyKey } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import { DAY_MS, hashKey } from './features/history.ts';
import { featureNames } from './features/schema.ts';
import { openLabelBook } from './labelBook.ts';
import { type Label, maturityOf } from './labels.ts';
import { openReplay } from './replay.ts';
import type { Directories } from './scorecardFacts.ts';

/** Feature rows with what is known of them, in the order of receipt: what a model is trained on. */
export interface TrainingRows {
  columns: Float32Array[];
  labels: Uint8Array;
  /** time of receipt of each row, ascending */
  at: Float64Array;
  /** share of the legitimate events that are among the rows; 1 where absent */
  legitimateShare?: number;
}

/** Where events and labels come from. Events are read twice, in the order of receipt; labels need no order. */
export interface TrainingSource {
  labels(): AsyncIterable<Label> | Iterable<Label>;
  events(): AsyncIterable<FeatureEvent> | Iterable<FeatureEvent>;
}

/** Events and labels in memory, in any order. */
export function sourceOf(events: readonly FeatureEvent[], labels: readonly Label[]): TrainingSource {
  const inOrder = [...events].sort((a, b) => a.at - b.at);
  return { labels: () => labels, events: () => inOrder };
}

/** Events of a day of UTC that can become rows. */
export interface DayCount {
  /** the day's beginning, milliseconds since 1970 */
  at: number;
  events: number;
  frauds: number;
}

export interface CollectSettings {
  /** the moment as of which labels are known, milliseconds since 1970 */
  asOf: number;
  /** types of events that become rows; the others only fill the histories */
  types: readonly string[];
  /** days until an event without a label counts as legitimate, by type of event */
  maturity?: Readonly<Record<string, number>>;
  /** at most about so many legitimate rows, chosen by the hash of their ids; 200,000 where absent */
  mostLegitimate?: number;
  /** rows begin at this moment, chosen when it is known what each day has, the earliest first; at the first event where absent */
  from?(days: readonly DayCount[]): number;
  /** 1,000,000 where absent */
  mostEvents?: number;
}

/**
 * Events that are replayed, the latest ones: of a million, the histories and rows took 0.7 GB and 70 s (measured). Where there
 * are more, the first third of the days that are left only fills histories.
 */
const MOST_EVENTS = 1_000_000;

/** A row takes about 1.3 kB while a model is trained: so many and the frauds stay under half a gigabyte. */
const MOST_LEGITIMATE = 200_000;

/**
 * Replays events and labels and gives the mature ones as training rows: in a row is nothing that was not known when its event
 * came; labels come before events of the same moment. Younger events are left out, also those already known to be fraud:
 * with them alone, recent fraud would look more frequent than it is.
 *
 * In memory are the labels, the events that one may reach, the histories of entities that come again, and the rows. The
 * events are read once to know which become rows, and once to make these.
 */
export async function collectTrainingRows(
  source: TrainingSource,
  directories: Directories,
  settings: CollectSettings,
): Promise<TrainingRows> {
  const { asOf, types, maturity } = settings;
  const labels: Label[] = [];
  for await (const label of source.labels()) if (label.arrived <= asOf) labels.push(label);
  labels.sort((a, b) => a.arrived - b.arrived);
  const labelled = reachedBy(labels);
  const isMature = ({ type, at }: FeatureEvent) =>
    types.includes(type) && (asOf - at) / DAY_MS >= maturityOf(type, maturity);

  const { days, frauds, coming } = await survey(source, labels, asOf, labelled, isMature);
  const begin = replayFrom(days, settings.mostEvents ?? MOST_EVENTS);
  const from = Math.max(begin.rows, settings.from?.(days) ?? Number.NEGATIVE_INFINITY);
  const isFraud = (event: FeatureEvent) => frauds.has(nameOf(event));
  const legitimate = days
    .filter(({ at }) => at + DAY_MS > from)
    .reduce((sum, { events, frauds: known }) => sum + events - known, 0);
  const share = Math.min(1, (settings.mostLegitimate ?? MOST_LEGITIMATE) / Math.max(1, legitimate));
  const isKept = (event: FeatureEvent) =>
    event.at >= from && isMature(event) && (isFraud(event) || hashKey(event.id) < share * 2 ** 32);

  const made: { row: Float32Array; fraud: number; at: number }[] = [];
  const replay = openReplay(directories, { comesAgain: coming.takeOne, labelled });
  let next = 0;
  for await (const event of source.events()) {
    if (event.at > asOf) break;
    if (event.at < begin.events) continue;
    for (; next < labels.length && labels[next]!.arrived <= event.at; next++) replay.label(labels[next]!);
    if (isKept(event)) made.push({ row: replay.event(event), fraud: isFraud(event) ? 1 : 0, at: event.at });
    else replay.observe(event);
  }
  const columns = featureNames.map((_, column) => Float32Array.from(made, ({ row }) => row[column]!));
  return {
    columns,
    labels: Uint8Array.from(made, ({ fraud }) => fraud),
    at: Float64Array.from(made, ({ at }) => at),
    legitimateShare: share,
  };
}

/** Where to begin so that no more than so many events are replayed, and where rows may begin then. */
function replayFrom(days: readonly DayCount[], most: number): { events: number; rows: number } {
  let count = 0;
  for (const [index, { at }] of [...days.entries()].reverse()) {
    count += days[index]!.events;
    if (count <= most) continue;
    const events = Math.min(at + DAY_MS, days.at(-1)!.at);
    return { events, rows: events + (days.at(-1)!.at - events) / 3 };
  }
  return { events: Number.NEGATIVE_INFINITY, rows: Number.NEGATIVE_INFINITY };
}

/** What is known in the end says which rows there will be, before any is made. */
async function survey(
  source: TrainingSource,
  labels: readonly Label[],
  asOf: number,
  labelled: (event: FeatureEvent) => boolean,
  isMature: (event: FeatureEvent) => boolean,
): Promise<{ days: DayCount[]; frauds: Set<string>; coming: Counters }> {
  const book = openLabelBook();
  for (const label of labels) book.addLabel(label);
  const frauds = new Set<string>();
  const days = new Map<number, DayCount>();
  const coming = openCounters();
  for await (const event of source.events()) {
    if (event.at > asOf) break;
    for (const entity of entitiesOf(event)) coming.add(historyKey(event.type, entity));
    if (labelled(event)) book.addEvent(event);
    if (!isMature(event)) continue;
    const at = Math.floor(event.at / DAY_MS) * DAY_MS;
    const day = days.get(at) ?? { at, events: 0, frauds: 0 };
    days.set(at, day);
    day.events++;
    if (book.standing(event)?.fraud !== true) continue;
    day.frauds++;
    frauds.add(nameOf(event));
  }
  return { days: [...days.values()].sort((a, b) => a.at - b.at), frauds, coming };
}

const nameOf = ({ type, id, at }: FeatureEvent) => `${type}|${at}|${id}`;

/** Whether any of the labels may reach an event. */
function reachedBy(labels: readonly Label[]): (event: FeatureEvent) => boolean {
  const targets = new Set(
    labels.map(({ target }) =>
      target.kind === 'event' ? `${target.type}|${target.id}` : `${target.kind}|${target.key}`,
    ),
  );
  return (event) =>
    targets.has(`${event.type}|${event.id}`) ||
    entitiesOf(event).some(({ kind, key }) => targets.has(`${kind}|${key}`));
}

/** How often keys still come. Two that share a counter by their hash count as often as both. */
interface Counters {
  add(key: string): void;
  /** Counts one less; whether any is left. */
  takeOne(key: string): boolean;
}

function openCounters(): Counters {
  const counts = new Uint16Array(2 ** 23);
  const full = 65_535;
  const place = (key: string) => hashKey(key) % counts.length;
  return {
    add(key) {
      const at = place(key);
      if (counts[at]! < full) counts[at]!++;
    },
    takeOne(key) {
      const at = place(key);
      // nobody knows how often a full one was counted
      if (counts[at]! < full) counts[at]!--;
      return counts[at]! > 0;
    },
  };
}
