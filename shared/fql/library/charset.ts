import { constant, type Member, method } from './member.ts';

/** The character classes of ContainsOnly, ContainsAll and ContainsAny: one bit each. */
const classes: readonly (readonly [name: string, what: string, holds: (c: string) => boolean])[] = [
  ['Alphabetic', 'a-z, A-Z', (c) => /[a-zA-Z]/.test(c)],
  ['Apostrophe', "'", (c) => c === "'"],
  ['Asperand', '@', (c) => c === '@'],
  ['Backslash', '\\', (c) => c === '\\'],
  ['Comma', ',', (c) => c === ','],
  ['Hyphen', '-', (c) => c === '-'],
  ['Numeric', '0-9', (c) => /[0-9]/.test(c)],
  ['Period', '.', (c) => c === '.'],
  ['Slash', '/', (c) => c === '/'],
  ['Underscore', '_', (c) => c === '_'],
  ['WhiteSpace', 'a single space', (c) => c === ' '],
];

const ascii = Array.from({ length: 128 }, (_, code) => {
  const c = String.fromCharCode(code);
  return classes.reduce((bits, [, , holds], i) => (holds(c) ? bits | (1 << i) : bits), 0);
});

const bitsOf = (text: string, i: number): number => ascii[text.charCodeAt(i)] ?? 0;

function containsOnly(text: string, set: number): boolean {
  for (let i = 0; i < text.length; i++) if ((bitsOf(text, i) & set) === 0) return false;
  return true;
}

function containsAll(text: string, set: number): boolean {
  let seen = 0;
  for (let i = 0; i < text.length; i++) seen |= bitsOf(text, i);
  return (seen & set) === set;
}

function containsAny(text: string, set: number): boolean {
  for (let i = 0; i < text.length; i++) if ((bitsOf(text, i) & set) !== 0) return true;
  return false;
}

const set = [['charSet', 'CharSet']] as const;

export const charSets: readonly Member[] = [
  method(
    'String',
    'ContainsOnly',
    set,
    'Boolean',
    containsOnly,
    'Whether every character is of one of the sets; true for an empty text.',
    ['@"zipcode".ContainsOnly(CharSet.Numeric)', true],
  ),
  method(
    'String',
    'ContainsAll',
    set,
    'Boolean',
    containsAll,
    'Whether the text has a character of each of the sets.',
    ['@"zipcode".ContainsAll(CharSet.Numeric|CharSet.Hyphen)', false],
  ),
  method(
    'String',
    'ContainsAny',
    set,
    'Boolean',
    containsAny,
    'Whether the text has a character of any of the sets.',
    ['@"zipcode".ContainsAny(CharSet.Numeric|CharSet.Hyphen)', true],
  ),
  ...classes.map(([name, what], i) =>
    constant(
      'CharSet',
      name,
      'CharSet',
      () => 1 << i,
      `The characters ${what}; join sets with |.`,
      [
        `"${name === 'Alphabetic' ? 'a' : name === 'Numeric' ? '1' : name === 'WhiteSpace' ? ' ' : what === '\\' ? '\\\\' : what}".ContainsOnly(CharSet.${name})`,
        true,
      ],
      { inline: String(1 << i) },
    ),
  ),
];
