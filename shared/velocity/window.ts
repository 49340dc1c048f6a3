/** A time span as rules write it: 1–59 `s`, 1–59 `m`, 1–23 `h`, 1–90 `d`. */
export interface Window {
  count: number;
  unit: 's' | 'm' | 'h' | 'd';
}

/** Seconds. Days are UTC days, which begin at multiples of this since the epoch. */
export const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/**
 * The first second (since the epoch) of a window: the start of the unit that lies `count` units before the one of `now`
 * (milliseconds). At 11:04, `2h` begins at 09:00.
 */
export function windowStart(window: Window, now: number): number {
  const unit = unitSeconds[window.unit];
  return (Math.floor(now / 1000 / unit) - window.count) * unit;
}
