import { msPerDay, parseSpan, spanText } from '../runtime/dates.ts';
import { fail, shown } from '../runtime/fault.ts';
import { constant, fn, type Member, method, property } from './member.ts';

const T = 'TimeSpan';
/** The largest TimeSpan of .NET: 2^63 - 1 ticks, in milliseconds. */
const longest = 922337203685477;

function inRange(value: number, site: number): number {
  if (!(Math.abs(value) <= longest)) fail(site, 'overflow', 'The result is larger than a TimeSpan can be.');
  return value;
}

const units: readonly (readonly [
  plural: string,
  part: string,
  ms: number,
  modulus: number,
  total: number,
  whole: number,
])[] = [
  ['Days', 'Days', msPerDay, Number.POSITIVE_INFINITY, 1.5625, 1],
  ['Hours', 'Hours', 3600000, 24, 37.5, 13],
  ['Minutes', 'Minutes', 60000, 60, 2250, 30],
  ['Seconds', 'Seconds', 1000, 60, 135000, 0],
  ['Milliseconds', 'Milliseconds', 1, 1000, 135000000, 0],
];
const at = 'TimeSpan.FromHours(37.5)';

export const timespans: readonly Member[] = [
  ...units.flatMap(([name, part, ms, modulus, total, whole]) => [
    fn(
      T,
      `From${name}`,
      [['count', 'Double']],
      T,
      (n: number, site: number) => inRange(n * ms, site),
      `So many ${name.toLowerCase()}.`,
      [`TimeSpan.From${name}(${135000000 / ms}) == ${at}`, true],
      { faults: 'more than a TimeSpan can be' },
    ),
    property(
      T,
      `Total${name}`,
      'Double',
      (t: number) => t / ms,
      `The whole time in ${name.toLowerCase()}, with fractions.`,
      [`${at}.Total${name}`, total],
    ),
    property(
      T,
      part,
      'Int32',
      (t: number) =>
        modulus === Number.POSITIVE_INFINITY ? Math.trunc(t / ms) + 0 : (Math.trunc(t / ms) % modulus) + 0,
      name === 'Days' ? 'The whole days.' : `The ${name.toLowerCase()} beyond the larger units.`,
      [`${at}.${part}`, whole],
    ),
  ]),
  constant(T, 'Zero', T, () => 0, 'No time.', ['TimeSpan.Zero', '00:00:00'], { inline: '0' }),
  fn(
    T,
    'Create',
    [
      ['hours', 'Int32'],
      ['minutes', 'Int32'],
      ['seconds', 'Int32'],
    ],
    T,
    (h: number, m: number, s: number) => h * 3600000 + m * 60000 + s * 1000,
    'Hours, minutes and seconds.',
    ['TimeSpan.Create(1, 30, 0)', '01:30:00'],
  ),
  fn(
    T,
    'Parse',
    [['text', 'String']],
    T,
    (s: string, site: number) => parseSpan(s) ?? fail(site, 'not-a-timespan', `${shown(s)} is no TimeSpan.`),
    'The TimeSpan that a text is: [d.]hh:mm[:ss].',
    ['TimeSpan.Parse("1.02:00:00").TotalHours', 26],
    { faults: 'text that is no TimeSpan' },
  ),
  method(
    T,
    'Add',
    [['time', T]],
    T,
    (a: number, b: number, site: number) => inRange(a + b, site),
    'The sum of two times.',
    [`${at}.Add(TimeSpan.FromHours(0.5)).TotalHours`, 38],
    { faults: 'more than a TimeSpan can be' },
  ),
  method(
    T,
    'Subtract',
    [['time', T]],
    T,
    (a: number, b: number, site: number) => inRange(a - b, site),
    'The difference of two times.',
    [`${at}.Subtract(TimeSpan.FromHours(0.5)).TotalHours`, 37],
    { faults: 'more than a TimeSpan can be' },
  ),
  method(T, 'Negate', [], T, (t: number) => 0 - t, 'The time backwards.', [
    `${at}.Negate().TotalHours`,
    -37.5,
  ]),
  method(T, 'Duration', [], T, (t: number) => Math.abs(t), 'The time without its sign.', [
    `${at}.Negate().Duration().TotalHours`,
    37.5,
  ]),
  method(
    T,
    'CompareTo',
    [['other', T]],
    'Int32',
    (a: number, b: number) => Math.sign(a - b),
    'Order: -1, 0 or 1.',
    [`${at}.CompareTo(TimeSpan.Zero)`, 1],
  ),
  method(
    T,
    'Equals',
    [['other', T]],
    'Boolean',
    (a: number, b: number) => a === b,
    'Whether two times are equal.',
    [`${at}.Equals(TimeSpan.Zero)`, false],
    { inline: '($0 === $1)' },
  ),
  method(T, 'ToString', [], 'String', spanText, '[-][d.]hh:mm:ss[.fffffff].', [
    `${at}.ToString()`,
    '1.13:30:00',
  ]),
  method(T, 'ToStr', [], 'String', spanText, '[-][d.]hh:mm:ss[.fffffff].', [`${at}.ToStr()`, '1.13:30:00']),
];

export { inRange as timeInRange };
