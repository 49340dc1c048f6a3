import { parseDate } from '../runtime/dates.ts';
import { fail, shown } from '../runtime/fault.ts';
import { isInt32, parseDouble, parseInteger } from '../runtime/numbers.ts';
import { joined } from '../runtime/texts.ts';
import { jsonToBoolean } from '../runtime/values.ts';
import { constant, fn, type Member, method } from './member.ts';

function toDouble(text: string, site: number): number {
  return parseDouble(text) ?? fail(site, 'not-a-number', `${shown(text)} is no number.`);
}

function toInt(text: string, site: number): number {
  const value = parseInteger(text);
  if (value !== undefined) return value;
  const double = parseDouble(text);
  if (double === undefined) return fail(site, 'not-a-number', `${shown(text)} is no number.`);
  return isInt32(double) ? double | 0 : fail(site, 'not-an-integer', `${shown(text)} is no Int32.`);
}

function toDate(text: string, site: number): number {
  return parseDate(text) ?? fail(site, 'not-a-datetime', `${shown(text)} is no DateTime.`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const ignoreCaseEquals = (a: string, b: string) =>
  a.length === b.length && a.toLowerCase() === b.toLowerCase();
const S = 'String';
const tooLong = 'a text of more than 2000000 characters';

/** Questions about Strings, their casts, and the functions under `String.` */
export const texts: readonly Member[] = [
  method(
    S,
    'IsNullOrEmpty',
    [],
    'Boolean',
    (s: string) => s === '',
    'Whether the text is missing or empty.',
    ['@"user.middleName".IsNullOrEmpty()', true],
    { inline: '($0 === "")' },
  ),
  method(
    S,
    'IsNullOrWhiteSpace',
    [],
    'Boolean',
    (s: string) => s.trim() === '',
    'Whether the text is missing, empty or only white space.',
    ['"  ".IsNullOrWhiteSpace()', true],
    { inline: '($0.trim() === "")' },
  ),
  method(
    S,
    'IsNumeric',
    [],
    'Boolean',
    (s: string) => parseDouble(s) !== undefined,
    'Whether the text is a number.',
    ['@"user.email".IsNumeric()', false],
  ),
  method(
    S,
    'IgnoreCaseEquals',
    [['other', S]],
    'Boolean',
    ignoreCaseEquals,
    'Whether two texts are equal when case is ignored.',
    ['@"user.username".IgnoreCaseEquals("KaylaCat")', true],
  ),
  method(
    S,
    'Equals',
    [['other', S]],
    'Boolean',
    (a: string, b: string) => a === b,
    'Whether two texts are equal, case and all.',
    ['"a".Equals("A")', false],
    { inline: '($0 === $1)' },
  ),
  method(S, 'CompareTo', [['other', S]], 'Int32', compare, 'Ordinal order: -1, 0 or 1.', [
    '"a".CompareTo("b")',
    -1,
  ]),
  method(S, 'ToString', [], S, (s: string) => s, 'The text itself.', ['"a".ToString()', 'a'], {
    inline: '$0',
  }),
  method(S, 'ToStr', [], S, (s: string) => s, 'The text itself.', ['"a".ToStr()', 'a'], { inline: '$0' }),
  method(
    S,
    'ToDateTime',
    [],
    'DateTime',
    toDate,
    'The DateTime that the text is; without an offset it is UTC. A missing attribute: 0001-01-01.',
    ['@"user.creationDate".ToDateTime()', '2020-02-25T15:12:26Z'],
    { faults: 'text that is no date' },
  ),
  method(
    S,
    'ToDouble',
    [],
    'Double',
    toDouble,
    'The Double that the text is. A missing attribute: 0.',
    ['"250.5".ToDouble()', 250.5],
    { faults: 'text that is no number' },
  ),
  method(
    S,
    'ToInt32',
    [],
    'Int32',
    toInt,
    'The Int32 that the text is. A missing attribute: 0.',
    ['@"zipcode".ToInt32()', 98052],
    { faults: 'text that is no whole number of 32 bits' },
  ),
  method(
    S,
    'ToBoolean',
    [],
    'Boolean',
    (s: string, site: number) => jsonToBoolean(s, site),
    'The Boolean that the text is, in any case. A missing attribute: false.',
    ['"True".ToBoolean()', true],
    { faults: 'text that is neither true nor false', lift: 'map' },
  ),
  constant(S, 'Empty', S, () => '', 'The empty text.', ['String.Empty', ''], { inline: '""' }),
  fn(
    S,
    'IsNullOrEmpty',
    [['text', S]],
    'Boolean',
    (s: string) => s === '',
    'Whether the text is missing or empty.',
    ['String.IsNullOrEmpty(@"user.middleName")', true],
    { inline: '($0 === "")', lift: 'any' },
  ),
  fn(
    S,
    'IsNullOrWhiteSpace',
    [['text', S]],
    'Boolean',
    (s: string) => s.trim() === '',
    'Whether the text is missing, empty or only white space.',
    ['String.IsNullOrWhiteSpace(" ")', true],
    { inline: '($0.trim() === "")', lift: 'any' },
  ),
  fn(
    S,
    'Concat',
    [
      ['a', 'Text'],
      ['b', 'Text'],
    ],
    S,
    (a: string, b: string, site: number) => joined(a + b, site),
    'Two texts joined.',
    ['String.Concat("a", 1)', 'a1'],
    { faults: tooLong },
  ),
  fn(
    S,
    'Concat',
    [
      ['a', 'Text'],
      ['b', 'Text'],
      ['c', 'Text'],
    ],
    S,
    (a: string, b: string, c: string, site: number) => joined(a + b + c, site),
    'Three texts joined.',
    ['String.Concat("a", "b", "c")', 'abc'],
    { faults: tooLong },
  ),
  fn(
    S,
    'Compare',
    [
      ['a', S],
      ['b', S],
    ],
    'Int32',
    compare,
    'Ordinal order: -1, 0 or 1.',
    ['String.Compare("b", "a")', 1],
  ),
  fn(
    S,
    'Equals',
    [
      ['a', S],
      ['b', S],
    ],
    'Boolean',
    (a: string, b: string) => a === b,
    'Whether two texts are equal, case and all.',
    ['String.Equals("a", "a")', true],
    { inline: '($0 === $1)', lift: 'any' },
  ),
];
