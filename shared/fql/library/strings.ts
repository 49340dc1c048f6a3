import { fail, shown } from '../runtime/fault.ts';
import { joined, longestText, tooLong } from '../runtime/texts.ts';
import { type Member, method, property } from './member.ts';

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
  return joined(text.slice(0, start) + added + text.slice(start), site);
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
  const parts = text.split(old);
  const length = text.length + (parts.length - 1) * (by.length - old.length);
  return length > longestText ? tooLong(length, site) : parts.join(by);
}

function charAt(text: string, index: number, site: number): string {
  return text[index] ?? fail(site, 'out-of-range', `Index ${index} of a text of ${text.length} characters.`);
}

/** Upper case, letter by letter as in .NET: "ß", whose upper case is two letters, stays. */
function upper(text: string): string {
  const all = text.toUpperCase();
  if (all.length === text.length) return all;
  return Array.from(text, (c) => (c.toUpperCase().length === c.length ? c.toUpperCase() : c)).join('');
}

const S = 'String';
const range = 'a position outside the text';

/** What takes Strings apart and puts them together. */
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
  method(S, 'ToUpper', [], S, upper, 'The text in upper case.', ['@"user.firstName".ToUpper()', 'KAYLA']),
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
  method(S, 'ToUpperInvariant', [], S, upper, 'The text in upper case.', ['"abc".ToUpperInvariant()', 'ABC']),
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
    { faults: 'an empty text to look for; a text of more than 2000000 characters' },
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
