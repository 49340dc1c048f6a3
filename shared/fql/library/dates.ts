import {
  dateOf,
  dateParts,
  dateText,
  daysInMonth,
  formatDate,
  isLeapYear,
  maxDate,
  minDate,
  msPerDay,
} from '../runtime/dates.ts';
import { fail, shown } from '../runtime/fault.ts';
import { jsonToDate } from '../runtime/values.ts';
import type { RunInput } from '../types.ts';
import { constant, fn, type Member, method, property } from './member.ts';

/** A date inside the range of DateTime; outside it is a fault. */
export function inRange(value: number, site: number): number {
  if (!(value >= minDate && value <= maxDate))
    fail(site, 'out-of-range', 'The result is outside the years 1 to 9999.');
  return value;
}

function addMonths(date: number, count: number, site: number): number {
  const p = dateParts(date);
  const month = p.year * 12 + (p.month - 1) + count;
  const year = Math.floor(month / 12);
  const monthOfYear = month - year * 12 + 1;
  const day = Math.min(p.day, daysInMonth(year, monthOfYear));
  const moved = dateOf(year, monthOfYear, day, p.hour, p.minute, p.second, p.millisecond);
  return moved ?? fail(site, 'out-of-range', 'The result is outside the years 1 to 9999.');
}

function make(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  site: number,
): number {
  return (
    dateOf(year, month, day, hour, minute, second) ??
    fail(site, 'out-of-range', `There is no date ${year}-${month}-${day} ${hour}:${minute}:${second}.`)
  );
}

function format(date: number, pattern: string, site: number): string {
  return (
    formatDate(date, pattern) ?? fail(site, 'bad-format', `${shown(pattern)} is no format of a DateTime.`)
  );
}

function dayOfYear(date: number): number {
  return Math.floor((date - (dateOf(dateParts(date).year, 1, 1) ?? 0)) / msPerDay) + 1;
}

const midnight = (date: number): number => Math.floor(date / msPerDay) * msPerDay;

/** Whole days passed from a date to now, towards zero. */
function daysSince(input: RunInput, date: number, site: number): number {
  const days = Math.trunc((input.now - date) / msPerDay);
  return days === (days | 0) ? days | 0 : fail(site, 'overflow', 'More days than an Int32 can be.');
}

const D = 'DateTime';
const out = 'a result outside the years 1 to 9999';
const at = '@"user.creationDate"';
const part = (name: keyof ReturnType<typeof dateParts>, title: string, what: string, value: number) =>
  property(D, title, 'Int32', (d: number) => Math.floor(dateParts(d)[name]), what, [`${at}.${title}`, value]);
const add = (name: string, unit: number, value: string) =>
  method(
    D,
    `Add${name}`,
    [['count', 'Double']],
    D,
    (d: number, n: number, site: number) => inRange(d + n * unit, site),
    `The date so many ${name.toLowerCase()} later; fractions and negative numbers too.`,
    [`${at}.Add${name}(1)`, value],
    { faults: out },
  );

export const dates: readonly Member[] = [
  constant(
    D,
    'UtcNow',
    D,
    (input: RunInput) => input.now,
    'The clock of this assessment.',
    ['DateTime.UtcNow', '2024-05-01T11:04:30Z'],
    { input: true, inline: '$0.now' },
  ),
  constant(
    D,
    'Now',
    D,
    (input: RunInput) => input.now,
    'The same as UtcNow.',
    ['DateTime.Now', '2024-05-01T11:04:30Z'],
    { input: true, inline: '$0.now' },
  ),
  constant(
    D,
    'Today',
    D,
    (input: RunInput) => midnight(input.now),
    'The current date at 00:00:00.',
    ['DateTime.Today', '2024-05-01T00:00:00Z'],
    { input: true },
  ),
  constant(D, 'MinValue', D, () => minDate, 'What a missing DateTime is.', [
    'DateTime.MinValue',
    '0001-01-01T00:00:00Z',
  ]),
  constant(D, 'MaxValue', D, () => maxDate, 'The last DateTime.', ['DateTime.MaxValue.Year', 9999]),
  fn(
    '',
    'UtcNow',
    [],
    D,
    (input: RunInput) => input.now,
    'The clock of this assessment.',
    ['UtcNow()', '2024-05-01T11:04:30Z'],
    { input: true, inline: '$0.now' },
  ),
  fn(
    '',
    'DaysSince',
    [['date', D]],
    'Int32',
    daysSince,
    'Whole days passed since a date.',
    ['DaysSince(@"user.CreationDate")', 1526],
    { input: true, faults: 'more days than an Int32' },
  ),
  fn(
    D,
    'Create',
    [
      ['year', 'Int32'],
      ['month', 'Int32'],
      ['day', 'Int32'],
    ],
    D,
    (y: number, m: number, d: number, site: number) => make(y, m, d, 0, 0, 0, site),
    'A date at midnight.',
    ['DateTime.Create(2024, 2, 29)', '2024-02-29T00:00:00Z'],
    { faults: 'no such date' },
  ),
  fn(
    D,
    'Create',
    [
      ['year', 'Int32'],
      ['month', 'Int32'],
      ['day', 'Int32'],
      ['hour', 'Int32'],
      ['minute', 'Int32'],
      ['second', 'Int32'],
    ],
    D,
    make,
    'A date and time.',
    ['DateTime.Create(2024, 2, 29, 13, 5, 9)', '2024-02-29T13:05:09Z'],
    { faults: 'no such date' },
  ),
  fn(
    D,
    'DaysInMonth',
    [
      ['year', 'Int32'],
      ['month', 'Int32'],
    ],
    'Int32',
    (y: number, m: number, site: number) =>
      y >= 1 && y <= 9999 && m >= 1 && m <= 12
        ? daysInMonth(y, m)
        : fail(site, 'out-of-range', `There is no month ${y}-${m}.`),
    'The number of days of a month.',
    ['DateTime.DaysInMonth(2024, 2)', 29],
    { faults: 'no such month' },
  ),
  fn(
    D,
    'IsLeapYear',
    [['year', 'Int32']],
    'Boolean',
    (y: number) => isLeapYear(y),
    'Whether a year has a 29 February.',
    ['DateTime.IsLeapYear(2024)', true],
  ),
  fn(
    D,
    'Parse',
    [['text', 'String']],
    D,
    jsonToDate,
    'The DateTime that a text is.',
    ['DateTime.Parse("2024-05-01")', '2024-05-01T00:00:00Z'],
    { faults: 'text that is no date' },
  ),
  part('year', 'Year', 'The year.', 2020),
  part('month', 'Month', 'The month, 1 to 12.', 2),
  part('day', 'Day', 'The day of the month, 1 to 31.', 25),
  part('hour', 'Hour', 'The hour, 0 to 23.', 15),
  part('minute', 'Minute', 'The minute, 0 to 59.', 12),
  part('second', 'Second', 'The second, 0 to 59.', 26),
  part('millisecond', 'Millisecond', 'The millisecond, 0 to 999.', 0),
  part('weekday', 'DayOfWeek', 'The day of the week: Sunday is 0, Saturday 6.', 2),
  property(D, 'DayOfYear', 'Int32', dayOfYear, 'The day of the year, 1 to 366.', [`${at}.DayOfYear`, 56]),
  property(D, 'Date', D, midnight, 'The same date at 00:00:00.', [`${at}.Date`, '2020-02-25T00:00:00Z']),
  property(D, 'TimeOfDay', 'TimeSpan', (d: number) => d - midnight(d), 'The time passed since midnight.', [
    `${at}.TimeOfDay`,
    '15:12:26',
  ]),
  add('Days', msPerDay, '2020-02-26T15:12:26Z'),
  add('Hours', 3600000, '2020-02-25T16:12:26Z'),
  add('Minutes', 60000, '2020-02-25T15:13:26Z'),
  add('Seconds', 1000, '2020-02-25T15:12:27Z'),
  add('Milliseconds', 1, '2020-02-25T15:12:26.001Z'),
  method(
    D,
    'AddMonths',
    [['count', 'Int32']],
    D,
    addMonths,
    'The date so many months later; the day is cut to the month.',
    [`${at}.AddMonths(1)`, '2020-03-25T15:12:26Z'],
    { faults: out },
  ),
  method(
    D,
    'AddYears',
    [['count', 'Int32']],
    D,
    (d: number, n: number, site: number) => addMonths(d, n * 12, site),
    'The date so many years later.',
    [`${at}.AddYears(1)`, '2021-02-25T15:12:26Z'],
    { faults: out },
  ),
  method(
    D,
    'Add',
    [['time', 'TimeSpan']],
    D,
    (d: number, t: number, site: number) => inRange(d + t, site),
    'The date a TimeSpan later.',
    [`${at}.Add(TimeSpan.FromDays(1))`, '2020-02-26T15:12:26Z'],
    { faults: out },
  ),
  method(
    D,
    'Subtract',
    [['date', D]],
    'TimeSpan',
    (a: number, b: number) => a - b,
    'The time between two dates.',
    ['DateTime.UtcNow.Subtract(@"user.creationDate".ToDateTime()).Days', 1526],
    { inline: '($0 - $1)' },
  ),
  method(
    D,
    'Subtract',
    [['time', 'TimeSpan']],
    D,
    (d: number, t: number, site: number) => inRange(d - t, site),
    'The date a TimeSpan earlier.',
    ['DateTime.UtcNow.Subtract(TimeSpan.FromDays(1))', '2024-04-30T11:04:30Z'],
    { faults: out },
  ),
  method(
    D,
    'CompareTo',
    [['other', D]],
    'Int32',
    (a: number, b: number) => Math.sign(a - b),
    'Order in time: -1, 0 or 1.',
    [`${at}.CompareTo(DateTime.UtcNow)`, -1],
  ),
  method(
    D,
    'Equals',
    [['other', D]],
    'Boolean',
    (a: number, b: number) => a === b,
    'Whether two dates are the same.',
    ['DateTime.Today.Equals(DateTime.UtcNow)', false],
    { inline: '($0 === $1)' },
  ),
  method(D, 'ToString', [], 'String', dateText, 'ISO 8601 in UTC.', [
    'DateTime.Today.ToString()',
    '2024-05-01T00:00:00Z',
  ]),
  method(
    D,
    'ToString',
    [['format', 'String']],
    'String',
    format,
    'The date in a .NET format, invariant culture.',
    ['Convert.ToDateTime(@"user.creationDate").ToString("yyyy-MM-dd")', '2020-02-25'],
    { faults: 'a format that is none' },
  ),
  method(D, 'ToStr', [], 'String', dateText, 'ISO 8601 in UTC.', [
    'DateTime.Today.ToStr()',
    '2024-05-01T00:00:00Z',
  ]),
  method(D, 'ToShortDateString', [], 'String', (d: number) => formatDate(d, 'd') ?? '', 'MM/dd/yyyy.', [
    `${at}.ToShortDateString()`,
    '02/25/2020',
  ]),
  method(
    D,
    'ToUniversalTime',
    [],
    D,
    (d: number) => d,
    'The date itself: every DateTime is UTC.',
    ['DateTime.Today.ToUniversalTime()', '2024-05-01T00:00:00Z'],
    { inline: '$0' },
  ),
  method(
    D,
    'ToDateTime',
    [],
    D,
    (d: number) => d,
    'The date itself.',
    ['DateTime.Today.ToDateTime()', '2024-05-01T00:00:00Z'],
    { inline: '$0' },
  ),
];
