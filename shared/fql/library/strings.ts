import { parseDate } from '../runtime/dates.ts';
import { fail, shown } from '../runtime/fault.ts';
import { isInt32, parseDouble, parseInteger } from '../runtime/numbers.ts';
import { jsonToBoolean } from '../runtime/values.ts';
import { constant, fn, type Member, method, property } from './member.ts';

/** Longer texts than this are not built by padding. */
const longest = 100_000;

function substring(text: string, start: number, length: number, site: number): string {
  if (start < 0 || length < 0 || start + length > text.length) {
    fail(site, 'out-of-range', `Substring(${start}, ${length}) of a text of ${text.length} characters.`);
  }
  return text.slice(start, start + length);
}

function tail(text: string, start: number, site: number): string {
  if (start < 0 || start > text.length) {
    fail(site, 'out-of-range', `Substring(${start}) of a text of ${text.length} characters.`);
  }
  return text.slice(start);
}

function remove(text: string, start: number, count: number, site: number): string {
  if (start < 0 || count < 0 || start + count > text.length) {
    fail(site, 'out-of-range', `Remove(${start}, ${count}) of a text of ${text.length} characters.`);
  }
  return text.slice(0, start) + text.slice(start + count);
}

function insert(text: string, start: number, added: string, site: number): string {
  if (start < 0 || start > text.length) {
    fail(site, 'out-of-range', `Insert(${start}, …) into a text of ${text.length} characters.`);
  }
  return text.slice(0, start) + added + text.slice(start);
}

function pad(text: string, width: number, fill: string, left: boolean, site: number): string {
  if (width < 0 || width > longest)
    fail(site, 'out-of-range', `A width of ${width}; it may be 0 to ${longest}.`);
  if (fill.length !== 1) fail(site, 'out-of-range', `The padding ${shown(fill)} is not one character.`);
  return left ? text.padStart(width, fill) : text.padEnd(width, fill);
}

function trim(text: string, characters: string, start: boolean, end: boolean): string {
  let from = 0;
  let to = text.length;
  while (start && from < to && characters.includes(text[from]!)) from++;
  while (end && to > from && characters.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

function indexFrom(text: string, part: string, start: number, site: number): number {
  if (start < 0 || start > text.length) {
    fail(site, 'out-of-range', `IndexOf(…, ${start}) in a text of ${text.length} characters.`);
  }
  return text.indexOf(part, start);
}

function replace(text: string, old: string, by: string, site: number): string {
  if (old === '') fail(site, 'out-of-range', 'Replace needs a text of at least one character to look for.');
  return text.split(old).join(by);
}

function charAt(text: string, index: number, site: number): string {
  return text[index] ?? fail(site, 'out-of-range', `Index ${index} of a text of ${text.length} characters.`);
}

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
const range = 'a position outside the text';

export const strings: readonly Member[] = [
  property(
    S,
    'Length',
    'Int32',
    (s: string) => s.length,
    'The number of characters (UTF-16 units).',
    ['@"user.username".Length', 8],
    {
      inline: '$0.length',
    },
  ),
  method(
    S,
    'StartsWith',
    [['prefix', S]],
    'Boolean',
    (s: string, p: string) => s.startsWith(p),
    'Whether the text begins with a prefix.',
    ['@"user.phoneNumber".StartsWith("1-")', true],
    { inline: '$0.startsWith($1)' },
  ),
  method(
    S,
    'EndsWith',
    [['suffix', S]],
    'Boolean',
    (s: string, p: string) => s.endsWith(p),
    'Whether the text ends with a suffix.',
    ['@"user.email".EndsWith("@contoso.com")', true],
    { inline: '$0.endsWith($1)' },
  ),
  method(
    S,
    'Contains',
    [['part', S]],
    'Boolean',
    (s: string, p: string) => s.includes(p),
    'Whether the text contains another.',
    ['@"productList.productName".Contains("Xbox")', true],
    { inline: '$0.includes($1)' },
  ),
  method(
    S,
    'IndexOf',
    [['part', S]],
    'Int32',
    (s: string, p: string) => s.indexOf(p),
    'The position of the first occurrence, from 0; -1 if there is none.',
    ['@"user.email".IndexOf("@")', 5],
    { inline: '$0.indexOf($1)' },
  ),
  method(
    S,
    'IndexOf',
    [
      ['part', S],
      ['start', 'Int32'],
    ],
    'Int32',
    indexFrom,
    'The first occurrence from a position on.',
    ['"banana".IndexOf("a", 2)', 3],
    { faults: range },
  ),
  method(
    S,
    'LastIndexOf',
    [['part', S]],
    'Int32',
    (s: string, p: string) => s.lastIndexOf(p),
    'The position of the last occurrence, from 0; -1 if there is none.',
    ['"banana".LastIndexOf("a")', 5],
    { inline: '$0.lastIndexOf($1)' },
  ),
  method(
    S,
    'Substring',
    [['start', 'Int32']],
    S,
    tail,
    'The text from a position on.',
    ['@"user.username".Substring(5)', 'cat'],
    { faults: range },
  ),
  method(
    S,
    'Substring',
    [
      ['start', 'Int32'],
      ['length', 'Int32'],
    ],
    S,
    substring,
    'So many characters from a position on.',
    ['@"user.username".Substring(0,5)', 'kayla'],
    { faults: range },
  ),
  method(
    S,
    'ToUpper',
    [],
    S,
    (s: string) => s.toUpperCase(),
    'The text in upper case.',
    ['@"user.firstName".ToUpper()', 'KAYLA'],
    { inline: '$0.toUpperCase()' },
  ),
  method(
    S,
    'ToLower',
    [],
    S,
    (s: string) => s.toLowerCase(),
    'The text in lower case.',
    ['@"user.firstName".ToLower()', 'kayla'],
    { inline: '$0.toLowerCase()' },
  ),
  method(
    S,
    'ToUpperInvariant',
    [],
    S,
    (s: string) => s.toUpperCase(),
    'The text in upper case.',
    ['"abc".ToUpperInvariant()', 'ABC'],
    { inline: '$0.toUpperCase()' },
  ),
  method(
    S,
    'ToLowerInvariant',
    [],
    S,
    (s: string) => s.toLowerCase(),
    'The text in lower case.',
    ['"ABC".ToLowerInvariant()', 'abc'],
    { inline: '$0.toLowerCase()' },
  ),
  method(
    S,
    'Trim',
    [],
    S,
    (s: string) => s.trim(),
    'The text without white space at its ends.',
    ['"  a b ".Trim()', 'a b'],
    { inline: '$0.trim()' },
  ),
  method(
    S,
    'Trim',
    [['characters', S]],
    S,
    (s: string, c: string) => trim(s, c, true, true),
    'The text without these characters at its ends.',
    ['"--ab-".Trim("-")', 'ab'],
  ),
  method(
    S,
    'TrimStart',
    [],
    S,
    (s: string) => s.trimStart(),
    'The text without white space at its start.',
    ['"  ab ".TrimStart()', 'ab '],
    { inline: '$0.trimStart()' },
  ),
  method(
    S,
    'TrimStart',
    [['characters', S]],
    S,
    (s: string, c: string) => trim(s, c, true, false),
    'The text without these characters at its start.',
    ['"007".TrimStart("0")', '7'],
  ),
  method(
    S,
    'TrimEnd',
    [],
    S,
    (s: string) => s.trimEnd(),
    'The text without white space at its end.',
    ['" ab  ".TrimEnd()', ' ab'],
    { inline: '$0.trimEnd()' },
  ),
  method(
    S,
    'TrimEnd',
    [['characters', S]],
    S,
    (s: string, c: string) => trim(s, c, false, true),
    'The text without these characters at its end.',
    ['"1.500".TrimEnd("0")', '1.5'],
  ),
  method(
    S,
    'Replace',
    [
      ['old', S],
      ['new', S],
    ],
    S,
    replace,
    'The text with every occurrence replaced.',
    ['"1-425-555".Replace("-", "")', '1425555'],
    { faults: 'an empty text to look for' },
  ),
  method(
    S,
    'PadLeft',
    [['width', 'Int32']],
    S,
    (s: string, n: number, site: number) => pad(s, n, ' ', true, site),
    'The text, filled up with spaces on the left.',
    ['"7".PadLeft(3)', '  7'],
    { faults: 'a width below 0 or above 100000' },
  ),
  method(
    S,
    'PadLeft',
    [
      ['width', 'Int32'],
      ['fill', S],
    ],
    S,
    (s: string, n: number, f: string, site: number) => pad(s, n, f, true, site),
    'The text, filled up on the left.',
    ['"7".PadLeft(3, "0")', '007'],
    { faults: 'a width below 0 or above 100000; a fill that is not one character' },
  ),
  method(
    S,
    'PadRight',
    [['width', 'Int32']],
    S,
    (s: string, n: number, site: number) => pad(s, n, ' ', false, site),
    'The text, filled up with spaces on the right.',
    ['"7".PadRight(3) + "|"', '7  |'],
    { faults: 'a width below 0 or above 100000' },
  ),
  method(
    S,
    'PadRight',
    [
      ['width', 'Int32'],
      ['fill', S],
    ],
    S,
    (s: string, n: number, f: string, site: number) => pad(s, n, f, false, site),
    'The text, filled up on the right.',
    ['"7".PadRight(3, "0")', '700'],
    { faults: 'a width below 0 or above 100000; a fill that is not one character' },
  ),
  method(
    S,
    'Insert',
    [
      ['start', 'Int32'],
      ['text', S],
    ],
    S,
    insert,
    'The text with another put in at a position.',
    ['"ac".Insert(1, "b")', 'abc'],
    { faults: range },
  ),
  method(
    S,
    'Remove',
    [['start', 'Int32']],
    S,
    (s: string, n: number, site: number) => remove(s, n, Math.max(0, s.length - n), site),
    'The text up to a position.',
    ['"abcd".Remove(2)', 'ab'],
    { faults: range },
  ),
  method(
    S,
    'Remove',
    [
      ['start', 'Int32'],
      ['count', 'Int32'],
    ],
    S,
    remove,
    'The text without so many characters from a position on.',
    ['"abcd".Remove(1, 2)', 'ad'],
    { faults: range },
  ),
  method(
    S,
    'Split',
    [['separator', S]],
    'Strings',
    (s: string, by: string) => (by === '' ? [s] : s.split(by)),
    'The parts between the separators; take one with [i].',
    ['@"user.email".Split("@")[1]', 'contoso.com'],
    { lift: 'first' },
  ),
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
    (a: string, b: string) => a + b,
    'Two texts joined.',
    ['String.Concat("a", 1)', 'a1'],
    { inline: '($0 + $1)' },
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
    (a: string, b: string, c: string) => a + b + c,
    'Three texts joined.',
    ['String.Concat("a", "b", "c")', 'abc'],
    { inline: '($0 + $1 + $2)' },
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
  property(
    'Strings',
    'Length',
    'Int32',
    (v: readonly string[]) => v.length,
    'The number of parts.',
    ['"a,b,c".Split(",").Length', 3],
    { inline: '$0.length' },
  ),
];

export { charAt };
