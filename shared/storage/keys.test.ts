import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey } from './keys.ts';

// any UTF-16 at all, with much of what is special
const text = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({
    unit: fc.constantFrom('/', '\\', '#', '?', '%', '~', '.', 'u', '0', 'a', 'A', '\u0000', '\ud800', '𝄞'),
  }),
  fc.string({ minLength: 200, maxLength: 260, unit: fc.constantFrom('a', '~', '.') }),
);

describe('encodeKey', () => {
  it('gives a legal, short, never empty key for any text', () => {
    fc.assert(fc.property(text, (any) => /^[A-Za-z0-9._~-]{1,240}$/.test(encodeKey(any))));
  });

  it('gives different keys for different texts', () => {
    fc.assert(
      fc.property(text, text, (one, other) => (encodeKey(one) === encodeKey(other)) === (one === other)),
      {
        numRuns: 2000,
      },
    );
  });

  it.each([
    ['', '~'],
    ['a@b.c', 'a~40b.c'],
    ['a/b\\c#d?e%f', 'a~2fb~5cc~23d~3fe~25f'],
    ['.', '~2e'],
    ['..', '~2e~2e'],
    ['日', '~u65e5'],
    ['\ud800', '~ud800'],
    ['\u0000', '~00'],
    ['~', '~7e'],
    ['AbC-1_2', 'AbC-1_2'],
  ])('writes %j as %s', (given, key) => expect(encodeKey(given)).toBe(key));

  it('keeps letter case', () => {
    expect(encodeKey('Anna')).not.toBe(encodeKey('anna'));
  });

  it('tells long texts apart by their ends, and from a short text that looks like the result', () => {
    const long = 'x'.repeat(10_000);
    const keys = [long, `${long}x`, `${long}\ud800`, `${long}\ufffd`, 'x'.repeat(240), 'x'.repeat(241)].map(
      encodeKey,
    );
    expect(new Set([...keys, ...keys.map(encodeKey)]).size).toBe(2 * keys.length - 1);
    expect(keys[4]).toBe('x'.repeat(240));
  });
});
