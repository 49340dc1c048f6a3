import { describe, expect, it } from 'vitest';
import type { DayCount } from '../scoring/index.ts';
import { lastWeek } from './drift.ts';
import { firstDay } from './train.ts';

const day = 86_400_000;
const begin = Date.UTC(2026, 0, 1);

/** Days in a row from `first` on, each with so many frauds. */
const daysOf = (first: number, count: number, frauds: number): DayCount[] =>
  Array.from({ length: count }, (_, i) => ({ at: begin + (first + i) * day, events: 1000, frauds }));

const dayNumber = (days: readonly DayCount[]) => (firstDay(days, begin) - begin) / day;

describe('the first day of training rows', () => {
  it('is four weeks back where that has frauds enough', () => {
    expect(dayNumber(daysOf(0, 97, 200))).toBe(97 - 28);
  });

  it('lies as far back as it takes for enough frauds, but no further than sixty days', () => {
    expect(dayNumber(daysOf(0, 97, 25))).toBe(97 - 40);
    expect(dayNumber(daysOf(0, 97, 1))).toBe(97 - 60);
  });

  it('leaves a warm-up to an old shop, whose histories began before what is read', () => {
    expect(dayNumber(daysOf(0, 60, 2))).toBe(37);
  });

  it('is the first day of a young shop', () => {
    expect(dayNumber(daysOf(80, 17, 2))).toBe(80);
  });

  it('is none without twenty known frauds', () => {
    expect(() => dayNumber(daysOf(80, 17, 1))).toThrow('17 mature events are known frauds; a model needs 20');
    expect(() => dayNumber([])).toThrow('0 mature events');
    expect(dayNumber(daysOf(80, 20, 1))).toBe(80);
  });
});

it('the last week is the last whole one, from Monday to Sunday', () => {
  for (const [now, week] of [
    ['2026-11-22T23:59:59.999Z', '2026-11-09'],
    ['2026-11-23T00:00:00.000Z', '2026-11-16'],
    ['2026-11-25T12:00:00.000Z', '2026-11-16'],
  ] as const)
    expect(lastWeek(Date.parse(now))).toBe(week);
});
