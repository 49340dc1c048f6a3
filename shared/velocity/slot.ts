import { unitSeconds } from './window.ts';

/*
 * The one scale of time in which counters remember. Every window begins at the start of its unit, and windows in seconds
 * reach back a minute, in minutes an hour, in hours a day, in days 90 days. So what lies further back than the windows in
 * seconds reach need only be known to the minute, then to the hour, then to the day, and no window's answer changes.
 * A slot is such a piece of time, numbered from a counter's newest second backwards: 0–120 seconds, then minutes, hours,
 * days; 301 in all.
 *
 * The spans are those of the windows and a minute more: answers are exact for every reader whose clock is at most 60 s
 * behind the newest event.
 */
const spans = [
  { seconds: unitSeconds.s, back: 120, first: 0 },
  { seconds: unitSeconds.m, back: 61, first: 121 },
  { seconds: unitSeconds.h, back: 25, first: 183 },
  { seconds: unitSeconds.d, back: 91, first: 209 },
] as const;

/** The slot of a second, counted from `newest` (both seconds since the epoch); undefined where no window reaches it. */
export function slotOf(second: number, newest: number): number | undefined {
  for (const span of spans) {
    const back = Math.floor(newest / span.seconds) - Math.floor(second / span.seconds);
    if (back <= span.back) return span.first + back;
  }
  return undefined;
}

/** The first second of a slot. `slotOf(secondOf(slot))` is the slot. */
export function secondOf(slot: number, newest: number): number {
  for (const span of spans) {
    const back = slot - span.first;
    if (back <= span.back) return (Math.floor(newest / span.seconds) - back) * span.seconds;
  }
  throw new RangeError(`slot ${slot} does not exist`);
}

/** The first second of the slot that the second is in; undefined where no window reaches it. */
export function coarse(second: number, newest: number): number | undefined {
  const slot = slotOf(second, newest);
  return slot === undefined ? undefined : secondOf(slot, newest);
}
