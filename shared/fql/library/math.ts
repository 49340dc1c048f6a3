import { fail } from '../runtime/fault.ts';
import { finite, roundEven } from '../runtime/numbers.ts';
import { constant, fn, type Member } from './member.ts';

function round(value: number, digits: number, site: number): number {
  if (digits < 0 || digits > 15)
    fail(site, 'out-of-range', `Math.Round to ${digits} digits; it may be 0 to 15.`);
  const scale = 10 ** digits;
  const scaled = value * scale;
  return Number.isFinite(scaled) ? roundEven(scaled) / scale : value;
}

function abs(value: number, site: number): number {
  if (value === -2147483648)
    fail(site, 'overflow', 'The absolute value of -2147483648 is larger than an Int32 can be.');
  return Math.abs(value);
}

const D = 'Double';
const I = 'Int32';
const one = [['value', D]] as const;
const two = [
  ['a', D],
  ['b', D],
] as const;
const twoInts = [
  ['a', I],
  ['b', I],
] as const;
const notFinite = 'a result that is no finite number';

/** A function of one Double whose result may not be finite. */
function guarded(
  name: string,
  f: (x: number) => number,
  summary: string,
  example: Member['example'],
): Member {
  return fn('Math', name, one, D, (x: number, site: number) => finite(f(x), site), summary, example, {
    faults: notFinite,
  });
}

export const math: readonly Member[] = [
  fn(
    'Math',
    'Min',
    twoInts,
    I,
    (a: number, b: number) => Math.min(a, b),
    'The smaller of two numbers.',
    ['Math.Min(2, 3)', 2],
    { inline: 'Math.min($0, $1)' },
  ),
  fn(
    'Math',
    'Min',
    two,
    D,
    (a: number, b: number) => Math.min(a, b),
    'The smaller of two numbers.',
    ['Math.Min(@"totalAmount", 100.5)', 100.5],
    { inline: 'Math.min($0, $1)' },
  ),
  fn(
    'Math',
    'Max',
    twoInts,
    I,
    (a: number, b: number) => Math.max(a, b),
    'The larger of two numbers.',
    ['Math.Max(2, 3)', 3],
    { inline: 'Math.max($0, $1)' },
  ),
  fn(
    'Math',
    'Max',
    two,
    D,
    (a: number, b: number) => Math.max(a, b),
    'The larger of two numbers.',
    ['Math.Max(Model.Risk().Score, Model.Bot(@"deviceFingerprinting.id").Score)', 500],
    { inline: 'Math.max($0, $1)' },
  ),
  fn('Math', 'Abs', [['value', I]], I, abs, 'The number without its sign.', ['Math.Abs(-3)', 3], {
    faults: 'the least Int32',
  }),
  fn(
    'Math',
    'Abs',
    one,
    D,
    (x: number) => Math.abs(x),
    'The number without its sign.',
    ['Math.Abs(-3.5)', 3.5],
    { inline: 'Math.abs($0)' },
  ),
  fn('Math', 'Sign', one, I, (x: number) => Math.sign(x) | 0, '-1, 0 or 1.', ['Math.Sign(-3.5)', -1], {
    inline: '(Math.sign($0) | 0)',
  }),
  fn(
    'Math',
    'Ceiling',
    one,
    D,
    (x: number) => Math.ceil(x) + 0,
    'The least whole number that is not smaller.',
    ['Math.Ceiling(1.2)', 2],
    { inline: '(Math.ceil($0) + 0)' },
  ),
  fn(
    'Math',
    'Floor',
    one,
    D,
    (x: number) => Math.floor(x),
    'The largest whole number that is not larger.',
    ['Math.Floor(-1.2)', -2],
    { inline: 'Math.floor($0)' },
  ),
  fn(
    'Math',
    'Truncate',
    one,
    D,
    (x: number) => Math.trunc(x) + 0,
    'The number without its fraction.',
    ['Math.Truncate(-1.7)', -1],
    { inline: '(Math.trunc($0) + 0)' },
  ),
  fn('Math', 'Round', one, D, (x: number) => roundEven(x), 'The nearest whole number, half to even.', [
    'Math.Round(2.5)',
    2,
  ]),
  fn(
    'Math',
    'Round',
    [
      ['value', D],
      ['digits', I],
    ],
    D,
    round,
    'Rounded to so many digits, half to even.',
    ['Math.Round(2.125, 2)', 2.12],
    { faults: 'digits outside 0 to 15' },
  ),
  fn(
    'Math',
    'Pow',
    two,
    D,
    (a: number, b: number, site: number) => finite(a ** b, site),
    'A power.',
    ['Math.Pow(2, 10)', 1024],
    { faults: notFinite },
  ),
  guarded('Sqrt', Math.sqrt, 'The square root.', ['Math.Sqrt(9)', 3]),
  guarded('Cbrt', Math.cbrt, 'The cube root.', ['Math.Cbrt(27)', 3]),
  guarded('Exp', Math.exp, 'e to a power.', ['Math.Exp(0)', 1]),
  guarded('Log', Math.log, 'The natural logarithm.', ['Math.Log(1)', 0]),
  fn(
    'Math',
    'Log',
    [
      ['value', D],
      ['base', D],
    ],
    D,
    (x: number, b: number, site: number) => finite(Math.log(x) / Math.log(b), site),
    'The logarithm to a base.',
    ['Math.Log(8, 2)', 3],
    { faults: notFinite },
  ),
  guarded('Log10', Math.log10, 'The logarithm to the base 10.', ['Math.Log10(1000)', 3]),
  guarded('Log2', Math.log2, 'The logarithm to the base 2.', ['Math.Log2(8)', 3]),
  guarded('Sin', Math.sin, 'The sine of radians.', ['Math.Sin(0)', 0]),
  guarded('Cos', Math.cos, 'The cosine of radians.', ['Math.Cos(0)', 1]),
  guarded('Tan', Math.tan, 'The tangent of radians.', ['Math.Tan(0)', 0]),
  guarded('Asin', Math.asin, 'The arc sine, in radians.', ['Math.Asin(0)', 0]),
  guarded('Acos', Math.acos, 'The arc cosine, in radians.', ['Math.Acos(1)', 0]),
  guarded('Atan', Math.atan, 'The arc tangent, in radians.', ['Math.Atan(0)', 0]),
  fn(
    'Math',
    'Atan2',
    [
      ['y', D],
      ['x', D],
    ],
    D,
    (y: number, x: number) => Math.atan2(y, x),
    'The angle of a point, in radians.',
    ['Math.Atan2(0, 1)', 0],
    { inline: 'Math.atan2($0, $1)' },
  ),
  constant('Math', 'PI', D, () => Math.PI, 'π.', ['Math.Floor(Math.PI)', 3], { inline: 'Math.PI' }),
  constant('Math', 'E', D, () => Math.E, 'e.', ['Math.Floor(Math.E)', 2], { inline: 'Math.E' }),
];
