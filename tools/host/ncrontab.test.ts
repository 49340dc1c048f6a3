import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DefinitionError, parseSchedule, timeSpan } from './ncrontab.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const nextOf = (expression: string, from: string) => {
  const next = parseSchedule(expression).next(at(from));
  return next === undefined ? undefined : new Date(next).toISOString().slice(0, 19);
};

describe('an NCRONTAB schedule', () => {
  test.each([
    // expression, from, the occurrence after
    ['* * * * * *', '2026-01-01T00:00:00', '2026-01-01T00:00:01'],
    ['* * * * *', '2026-01-01T00:00:00', '2026-01-01T00:01:00'],
    ['0 */5 * * * *', '2026-01-01T00:00:00', '2026-01-01T00:05:00'],
    ['0/15 * * * * *', '2026-01-01T00:00:44', '2026-01-01T00:00:45'],
    ['2/5 * * * * *', '2026-01-01T00:00:57', '2026-01-01T00:01:02'],
    ['10-40/15 * * * *', '2026-01-01T00:26:00', '2026-01-01T00:40:00'],
    ['*/70 * * * * *', '2026-01-01T00:00:00', '2026-01-01T00:01:00'],
    ['*/0 * * * * *', '2026-01-01T00:00:00', '2026-01-01T00:00:01'],
    ['59/5 * * * * *', '2026-01-01T00:00:00', '2026-01-01T00:00:59'],
    ['45-47,48,49 * * * * *', '2026-01-01T00:00:49', '2026-01-01T00:01:45'],
    ['* 0-1 10 * * *', '2026-02-24T09:50:35', '2026-02-24T10:00:00'],
    ['30 3 * * *', '2026-12-31T03:30:00', '2027-01-01T03:30:00'],
    ['0 0 3 * * *', '2026-01-01T02:59:59', '2026-01-01T03:00:00'],
    // names: any beginning, any case
    ['0 0 0 * * MON', '2026-11-21T00:00:00', '2026-11-23T00:00:00'],
    ['0 0 0 * * sunday', '2026-11-21T00:00:00', '2026-11-22T00:00:00'],
    ['0 0 0 1 Sept *', '2026-11-21T00:00:00', '2027-09-01T00:00:00'],
    ['0 0 0 1 M *', '2026-01-01T00:00:00', '2026-03-01T00:00:00'],
    ['0 0 0 1 Mar,Jan *', '2026-01-01T00:00:00', '2026-03-01T00:00:00'],
    // a range that runs backwards is read forwards
    ['0 0 0 * * FRI-MON', '2026-11-21T00:00:00', '2026-11-23T00:00:00'],
    ['0 0 20-8 * * *', '2026-01-01T09:00:00', '2026-01-01T10:00:00'],
    ['0 0 0 * * 1-5/2', '2026-11-23T00:00:00', '2026-11-25T00:00:00'],
    // both day fields must hold
    ['0 0 0 13 * FRI', '2026-11-21T00:00:00', '2027-08-13T00:00:00'],
    ['45 16 1 * Mon', '2003-01-01T12:00:00', '2003-09-01T16:45:00'],
    // the ends of months
    ['0 0 15,30,31 * *', '2000-02-15T00:00:00', '2000-03-15T00:00:00'],
    ['0 0 31 * *', '2026-04-01T00:00:00', '2026-05-31T00:00:00'],
    ['1 12 29 2 *', '2000-02-29T12:01:00', '2004-02-29T12:01:00'],
    ['0 0 29 Feb Mon', '2026-01-01T00:00:00', '2044-02-29T00:00:00'],
  ])('%s after %s is %s', (expression, from, expected) => {
    expect(nextOf(expression, from)).toBe(expected);
  });

  test('that never comes has no next occurrence', () => {
    expect(nextOf('* * * 31 Feb *', '2026-01-01T00:00:00')).toBeUndefined();
  });

  test.each([
    ['0 0 0 * * 7', '7 is not between 0 and 6'],
    ['0 0 0 ? * *', "'?' is no value"],
    ['0 0 0 L * *', "'L' is no value"],
    ['0 0 0 1W * *', "'1W' is no whole number"],
    ['60 * * * * *', '60 is not between 0 and 59'],
    ['0 0 24 * * *', '24 is not between 0 and 23'],
    ['0 0 0 0 * *', '0 is not between 1 and 31'],
    ['0 0 0 1 13 *', '13 is not between 1 and 12'],
    ['0 0 0 * Ma- *', 'a value is missing'],
    ['0 1,,2 * * * *', 'a value is missing'],
    ['0 ,1 * * * *', "',1' is no value"],
    ['0 1, * * * *', 'a value is missing'],
    ['0 1-2-3 * * * *', "'2-3' is no whole number"],
    ['0 -5 * * * *', "'-5' is no value"],
    ['0 *-5 * * * *', "'*' is no value"],
    ['0 */z * * * *', "'z' is no whole number"],
    ['0 0 0 * * MON#2', "'MON#2' is no value"],
  ])('%s is refused: %s', (expression, why) => {
    expect(() => parseSchedule(expression)).toThrow(DefinitionError);
    expect(() => parseSchedule(expression)).toThrow(why);
  });

  test.each(['', 'invalid', '@daily', '* * * *', '* * * * * * *', 'TZ=UTC * * * * *x'])(
    '%j is refused: neither five nor six fields',
    (expression) => {
      expect(() => parseSchedule(expression)).toThrow(DefinitionError);
    },
  );

  test.each([
    ['*/30 * * * * *', true],
    ['0,30 * * * * *', true],
    ['0 * * * * *', false],
    ['0 */5 * * * *', false],
    ['*/30 0 * * * *', false],
    ['00:00:59', true],
    ['00:01:00', false],
  ])('%s runs more than once a minute: %s', (expression, expected) => {
    expect(parseSchedule(expression).subMinute).toBe(expected);
  });
});

describe('a TimeSpan schedule', () => {
  test('comes at its interval after each run', () => {
    expect(nextOf('01:30:00', '2026-01-01T00:00:10')).toBe('2026-01-01T01:30:10');
  });

  test.each([
    ['00:00:45', 45_000],
    ['12:00', 43_200_000],
    ['1.00:00', 86_400_000],
    ['7', 604_800_000],
    ['00:00:01.5', 1_500],
    ['24:00:00', undefined],
    ['00:60:00', undefined],
    ['1:2:3:4', undefined],
  ])('%s is %s ms', (text, expected) => {
    expect(timeSpan(text)).toBe(expected);
  });

  test.each(['00:00:00', '-00:05:00'])('%s is refused', (text) => {
    expect(() => parseSchedule(text)).toThrow(DefinitionError);
  });
});

/** A field of a schedule: its text, and the values it stands for. */
const field = (min: number, max: number) => {
  const value = fc.integer({ min, max });
  const step = fc.integer({ min: 1, max: max + 5 });
  const all = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const item = fc.oneof(
    fc.constant({ text: '*', values: all }),
    value.map((one) => ({ text: `${one}`, values: [one] })),
    fc.tuple(value, value).map(([a, b]) => ({
      text: `${a}-${b}`,
      values: all.filter((one) => one >= Math.min(a, b) && one <= Math.max(a, b)),
    })),
    step.map((by) => ({ text: `*/${by}`, values: all.filter((one) => (one - min) % by === 0) })),
    fc.tuple(value, step).map(([from, by]) => ({
      text: `${from}/${by}`,
      values: all.filter((one) => one >= from && (one - from) % by === 0),
    })),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    values: new Set(items.flatMap(({ values }) => values)),
  }));
};

const instant = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) });

describe('for all schedules', () => {
  test('the next occurrence is the first second after that every field holds', () => {
    const fields = fc.tuple(
      field(0, 59),
      field(0, 59),
      field(0, 23),
      field(1, 31),
      field(1, 12),
      field(0, 6),
    );
    fc.assert(
      fc.property(fields, instant, (all, from) => {
        const [seconds, minutes, hours, days, months, weekdays] = all;
        const holds = (time: number) => {
          const date = new Date(time);
          return (
            seconds.values.has(date.getUTCSeconds()) &&
            minutes.values.has(date.getUTCMinutes()) &&
            hours.values.has(date.getUTCHours()) &&
            days.values.has(date.getUTCDate()) &&
            months.values.has(date.getUTCMonth() + 1) &&
            weekdays.values.has(date.getUTCDay())
          );
        };
        const next = parseSchedule(all.map(({ text }) => text).join(' ')).next(from);
        if (next === undefined) return;
        expect(next).toBeGreaterThan(from);
        expect(next % 1000).toBe(0);
        expect(holds(next)).toBe(true);
        // nothing between; looked at one by one near both ends, which is where carries go wrong
        const first = Math.floor(from / 1000) * 1000 + 1000;
        for (let time = first; time < Math.min(next, first + 400_000); time += 1000)
          expect(holds(time)).toBe(false);
        for (let time = Math.max(first, next - 400_000); time < next; time += 1000)
          expect(holds(time)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test('five fields are six with second 0', () => {
    fc.assert(
      fc.property(field(0, 59), field(0, 23), instant, (minutes, hours, from) => {
        const five = `${minutes.text} ${hours.text} * * *`;
        expect(parseSchedule(five).next(from)).toBe(parseSchedule(`0 ${five}`).next(from));
      }),
    );
  });

  test('no text makes the reader do anything but read or refuse', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789*/-,?L# :.MONmon') });
    fc.assert(
      fc.property(text, instant, (expression, from) => {
        try {
          const next = parseSchedule(expression).next(from);
          if (next !== undefined) expect(next).toBeGreaterThan(from);
        } catch (error) {
          expect(error).toBeInstanceOf(DefinitionError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
