import type { FeatureEvent } from './features/event.ts';
import { hashKey } from './features/history.ts';
import { type MemoryHistories, openMemoryHistories } from './features/memory.ts';
import { featureNames } from './features/schema.ts';
import { type LabelBook, openLabelBook } from './labelBook.ts';
import { type Label, maturityOf } from './labels.ts';
import type { Directories } from './scorecardFacts.ts';

/** Events and labels replayed in the order in which they were received: nothing is known before it arrived. */
export interface Replay {
  /** The event's feature row; afterwards its histories know of it. */
  event(event: FeatureEvent): Float32Array;
  /** The same without the row: its histories know of it from now on. */
  observe(event: FeatureEvent): void;
  label(label: Label): void;
  histories: MemoryHistories;
  book: LabelBook;
}

/** Starts a replay with nothing known. */
export function openReplay(directories: Directories): Replay {
  const histories = openMemoryHistories(directories);
  const book = openLabelBook();
  const apply = (changes: ReturnType<LabelBook['addLabel']>) => {
    for (const { event, frauds } of changes) histories.label(event, frauds);
  };
  const observe = (event: FeatureEvent) => {
    histories.observe(event);
    apply(book.addEvent(event));
  };
  return {
    event(event) {
      const row = histories.row(event);
      observe(event);
      return row;
    },
    observe,
    label: (label) => apply(book.addLabel(label)),
    histories,
    book,
  };
}

/** Feature rows with what is known of them, in the order of receipt: what a model is trained on. */
export interface TrainingRows {
  columns: Float32Array[];
  labels: Uint8Array;
  /** time of receipt of each row, ascending */
  at: Float64Array;
  /** share of the legitimate events that are among the rows; 1 where absent */
  legitimateShare?: number;
}

export interface CollectSettings {
  /** the moment as of which labels are known, milliseconds since 1970 */
  asOf: number;
  /** events received before this only fill the histories */
  from?: number;
  /** types of events that become rows; the others only fill the histories */
  types: readonly string[];
  /** days until an event without a label counts as legitimate, by type of event */
  maturity?: Readonly<Record<string, number>>;
  /** at most about so many legitimate rows, chosen by the hash of their ids; 200,000 where absent */
  mostLegitimate?: number;
}

/** A row takes about 1.3 kB while a model is trained: so many and the frauds stay under half a gigabyte. */
const MOST_LEGITIMATE = 200_000;

/**
 * Replays events and labels and gives the mature ones as training rows. Younger events are left out, also those already known
 * to be fraud: with them alone, recent fraud would look more frequent than it is. `events` and `labels` need no order; both are
 * taken in that of their receipt, labels before events of the same moment.
 */
export function collectTrainingRows(
  events: readonly FeatureEvent[],
  labels: readonly Label[],
  directories: Directories,
  settings: CollectSettings,
): TrainingRows {
  const { asOf, from = Number.NEGATIVE_INFINITY, types, maturity } = settings;
  const inOrder = events.filter(({ at }) => at <= asOf).sort((a, b) => a.at - b.at);
  const arriving = labels.filter(({ arrived }) => arrived <= asOf).sort((a, b) => a.arrived - b.arrived);
  const isWanted = ({ type, at }: FeatureEvent) =>
    types.includes(type) && at >= from && (asOf - at) / 86_400_000 >= maturityOf(type, maturity);

  // What is known in the end says which rows there will be, before any is made.
  const known = openLabelBook();
  for (const event of inOrder) known.addEvent(event);
  for (const label of arriving) known.addLabel(label);
  const isFraud = (event: FeatureEvent) => known.standing(event)?.fraud === true;
  const wanted = inOrder.filter(isWanted);
  const frauds = wanted.filter(isFraud).length;
  const share = Math.min(
    1,
    (settings.mostLegitimate ?? MOST_LEGITIMATE) / Math.max(1, wanted.length - frauds),
  );
  const kept = new Set(wanted.filter((event) => isFraud(event) || hashKey(event.id) < share * 2 ** 32));

  const rows: TrainingRows = {
    columns: featureNames.map(() => new Float32Array(kept.size)),
    labels: new Uint8Array(kept.size),
    at: new Float64Array(kept.size),
    legitimateShare: share,
  };
  const replay = openReplay(directories);
  let next = 0;
  let index = 0;
  for (const event of inOrder) {
    for (; next < arriving.length && arriving[next]!.arrived <= event.at; next++)
      replay.label(arriving[next]!);
    if (!kept.has(event)) {
      replay.observe(event);
      continue;
    }
    const row = replay.event(event);
    for (let column = 0; column < row.length; column++) rows.columns[column]![index] = row[column]!;
    rows.labels[index] = isFraud(event) ? 1 : 0;
    rows.at[index] = event.at;
    index++;
  }
  return rows;
}
