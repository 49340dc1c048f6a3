import { fail, shown } from '../runtime/fault.ts';
import { doubleToInt, numberText } from '../runtime/numbers.ts';
import type { Type } from '../type.ts';
import { constant, type Member, method } from './member.ts';

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A number with so many decimals, half away from zero as .NET formats. */
function fixed(value: number, decimals: number): string {
  const size = Math.abs(value);
  const text = size < 1e21 ? size.toFixed(decimals) : String(size);
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

/** The .NET formats F, N, D, P, G, E with a precision, and patterns of 0, #, a point and commas. */
function formatNumber(value: number, format: string, site: number): string {
  const standard = /^([FNDPGE])([0-9]{0,2})$/i.exec(format);
  if (standard !== null) {
    const letter = (standard[1] ?? '').toUpperCase();
    const precision = standard[2] === '' ? undefined : Number(standard[2]);
    if (letter === 'F') return fixed(value, precision ?? 2);
    if (letter === 'N') return withGroups(fixed(value, precision ?? 2));
    if (letter === 'P') return `${withGroups(fixed(value * 100, precision ?? 2))} %`;
    if (letter === 'G')
      return precision === undefined || precision === 0
        ? numberText(value)
        : numberText(Number(value.toPrecision(Math.min(precision, 17))));
    if (letter === 'D' && Number.isInteger(value)) {
      const digits = String(Math.abs(value)).padStart(precision ?? 1, '0');
      return value < 0 ? `-${digits}` : digits;
    }
    if (letter === 'E') return exponential(value, precision ?? 6);
  }
  const pattern = /^([#,]*[0,]*)(?:\.(0*)(#*))?(%?)$/.exec(format);
  if (pattern === null || format === '' || format.length > 40)
    return fail(site, 'bad-format', `${shown(format)} is no format of a number.`);
  const [, whole = '', zeros = '', sharps = '', percent = ''] = pattern;
  const [integer = '', fraction = ''] = fixed(
    percent === '' ? Math.abs(value) : Math.abs(value) * 100,
    zeros.length + sharps.length,
  ).split('.');
  const least = whole.replace(/[^0]/g, '').length;
  const digits = integer.replace(/^0+/, '').padStart(least, '0');
  const kept = fraction.slice(0, zeros.length) + fraction.slice(zeros.length).replace(/0+$/, '');
  const text = `${whole.includes(',') ? grouped(digits) : digits}${kept === '' ? '' : `.${kept}`}${percent}`;
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

function withGroups(text: string): string {
  const [integer = '', fraction] = text.split('.');
  return fraction === undefined ? grouped(integer) : `${grouped(integer)}.${fraction}`;
}

function exponential(value: number, precision: number): string {
  const [digits = '', exponent = '0'] = value.toExponential(Math.min(precision, 20)).split('e');
  const power = Number(exponent);
  return `${digits}E${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(3, '0')}`;
}

const of = (type: Type, sample: string, text: string): readonly Member[] => [
  method(type, 'ToString', [], 'String', numberText, 'The number as text.', [`${sample}.ToString()`, text]),
  method(
    type,
    'ToString',
    [['format', 'String']],
    'String',
    formatNumber,
    'The number in a .NET format: F2, N0, D5, P1, E3, 0.00, #,##0.',
    [`${sample}.ToString("F1")`, type === 'Int32' ? '7.0' : '7.3'],
    { faults: 'a format that is none' },
  ),
  method(type, 'ToStr', [], 'String', numberText, 'The number as text.', [`${sample}.ToStr()`, text]),
  method(
    type,
    'CompareTo',
    [['other', type]],
    'Int32',
    (a: number, b: number) => Math.sign(a - b),
    'Order: -1, 0 or 1.',
    [`${sample}.CompareTo(${sample})`, 0],
  ),
  method(
    type,
    'Equals',
    [['other', type]],
    'Boolean',
    (a: number, b: number) => a === b,
    'Whether two numbers are equal.',
    [`${sample}.Equals(${sample})`, true],
    { inline: '($0 === $1)' },
  ),
];

export const numbers: readonly Member[] = [
  ...of('Int32', '(7)', '7'),
  ...of('Double', '(7.25)', '7.25'),
  method(
    'Int32',
    'ToDouble',
    [],
    'Double',
    (n: number) => n,
    'The number as a Double.',
    ['(7).ToDouble() / 2', 3.5],
    { inline: '$0' },
  ),
  method('Int32', 'ToInt32', [], 'Int32', (n: number) => n, 'The number itself.', ['(7).ToInt32()', 7], {
    inline: '$0',
  }),
  method(
    'Double',
    'ToDouble',
    [],
    'Double',
    (n: number) => n,
    'The number itself.',
    ['(7.5).ToDouble()', 7.5],
    { inline: '$0' },
  ),
  method('Double', 'ToInt32', [], 'Int32', doubleToInt, 'Rounded half to even.', ['(7.5).ToInt32()', 8], {
    faults: 'a number outside Int32',
  }),
  constant(
    'Int32',
    'MaxValue',
    'Int32',
    () => 2147483647,
    'The largest Int32.',
    ['Int32.MaxValue', 2147483647],
    { inline: '2147483647' },
  ),
  constant(
    'Int32',
    'MinValue',
    'Int32',
    () => -2147483648,
    'The least Int32.',
    ['Int32.MinValue', -2147483648],
    { inline: '(-2147483648)' },
  ),
  method('Boolean', 'ToString', [], 'String', (b: boolean) => (b ? 'true' : 'false'), 'true or false.', [
    '(1 == 1).ToString()',
    'true',
  ]),
  method('Boolean', 'ToStr', [], 'String', (b: boolean) => (b ? 'true' : 'false'), 'true or false.', [
    '(1 == 2).ToStr()',
    'false',
  ]),
  method(
    'Boolean',
    'Equals',
    [['other', 'Boolean']],
    'Boolean',
    (a: boolean, b: boolean) => a === b,
    'Whether two Booleans are equal.',
    ['(1 == 1).Equals(true)', true],
    { inline: '($0 === $1)' },
  ),
];
