import type { FeatureEvent } from './features/event.ts';
import { type MemoryHistories, openMemoryHistories } from './features/memory.ts';
import { type LabelBook, openLabelBook } from './labelBook.ts';
import type { Label } from './labels.ts';
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

export interface ReplayHints {
  /** whether another event will come of which the entity of this key has a history; where absent, all are kept */
  comesAgain?(key: string): boolean;
  /** whether any label may reach the event; where absent, all are kept in mind for one */
  labelled?(event: FeatureEvent): boolean;
}

/** Starts a replay with nothing known. Hints spare memory where what comes is known; they change no row. */
export function openReplay(directories: Directories, { comesAgain, labelled }: ReplayHints = {}): Replay {
  const histories = openMemoryHistories(directories, comesAgain);
  const book = openLabelBook();
  const apply = (changes: ReturnType<LabelBook['addLabel']>) => {
    for (const { event, frauds } of changes) histories.label(event, frauds);
  };
  const observe = (event: FeatureEvent) => {
    histories.observe(event);
    if (!labelled || labelled(event)) apply(book.addEvent(event));
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
