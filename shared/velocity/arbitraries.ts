import fc from 'fast-check';
import { slotOf } from './slot.ts';
import { unitSeconds, type Window, windowStart } from './window.ts';

/*
 * For the property tests: what happened when, as seen from the newest event, on all the scales at which memory changes;
 * and the clock and window of a reader whose clock is at most 60 s behind.
 */
const newest = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2027, 0, 1) });

const age = fc.oneof(
  fc.integer({ min: 0, max: 200_000 }),
  fc.integer({ min: 0, max: 4_000_000 }),
  fc.integer({ min: 0, max: 100_000_000 }),
  fc.integer({ min: 0, max: 95 * 86_400_000 }),
);

export const windows: fc.Arbitrary<Window> = fc.oneof(
  fc.integer({ min: 1, max: 59 }).map((count): Window => ({ count, unit: 's' })),
  fc.integer({ min: 1, max: 59 }).map((count): Window => ({ count, unit: 'm' })),
  fc.integer({ min: 1, max: 23 }).map((count): Window => ({ count, unit: 'h' })),
  fc.integer({ min: 1, max: 90 }).map((count): Window => ({ count, unit: 'd' })),
);

export interface Happened<T> {
  at: number;
  value: T;
}

/** Events in the order they arrive, in batches, and readings (clock, window). */
export function histories<T>(value: fc.Arbitrary<T>, maxLength: number) {
  const batch = fc.array(fc.tuple(age, value), { minLength: 1, maxLength });
  const ahead = fc.oneof(fc.integer({ min: -60_000, max: 200_000 }), age);
  return fc
    .tuple(
      newest,
      fc.array(batch, { minLength: 1, maxLength: 8 }),
      fc.array(fc.tuple(ahead, windows), { minLength: 5 }),
    )
    .map(([latest, batches, readings]) => {
      const events = batches.map((own) =>
        own.map(([back, what]): Happened<T> => ({ at: latest - back, value: what })),
      );
      const last = Math.max(...events.flat().map(({ at }) => at));
      return { batches: events, readings: readings.map(([plus, window]) => ({ now: last + plus, window })) };
    });
}

/** The naive model: the events that a window holds. */
export function eventsWithin<T>(events: readonly Happened<T>[], window: Window, now: number): Happened<T>[] {
  const start = windowStart(window, now) * 1000;
  return events.filter(({ at }) => at >= start);
}

/** Two seconds with the newest they are seen from. */
export const seconds = fc
  .tuple(newest, age, age)
  .map(([latest, one, other]) =>
    [latest, latest - one, latest - other].map((ms) => Math.floor(ms / unitSeconds.s / 1000)),
  )
  .filter(([latest = 0, one = 0]) => slotOf(one, latest) !== undefined);
