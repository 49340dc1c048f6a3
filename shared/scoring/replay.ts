import type { FeatureEvent } from './features/event.ts';
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
}

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
  const replay = openReplay(directories);
  const kept: { event: FeatureEvent; row: Float32Array }[] = [];
  let next = 0;
  for (const event of inOrder) {
    for (; next < arriving.length && arriving[next]!.arrived <= event.at; next++)
      replay.label(arriving[next]!);
    const row = replay.event(event);
    const age = (asOf - event.at) / 86_400_000;
    if (types.includes(event.type) && event.at >= from && age >= maturityOf(event.type, maturity))
      kept.push({ event, row });
  }
  for (const label of arriving.slice(next)) replay.label(label);
  return {
    columns: featureNames.map((_, column) => Float32Array.from(kept, ({ row }) => row[column]!)),
    labels: Uint8Array.from(kept, ({ event }) => (replay.book.standing(event)?.fraud ? 1 : 0)),
    at: Float64Array.from(kept, ({ event }) => event.at),
  };
}
