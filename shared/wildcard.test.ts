import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsPattern } from './wildcard.ts';

describe('a pattern', () => {
  it('fits whole texts; one star stays within a folder, two do not', () => {
    expect(fitsPattern('Sales/*.csv', 'Sales/2026.csv')).toBe(true);
    expect(fitsPattern('Sales/*.csv', 'Sales/2026/01.csv')).toBe(false);
    expect(fitsPattern('Sales/**.csv', 'Sales/2026/01.csv')).toBe(true);
    expect(fitsPattern('Sales', 'Sales.csv')).toBe(false);
    expect(fitsPattern('a.c', 'abc')).toBe(false);
  });

  it('says what a regular expression says', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '**');
    const patterns = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 });
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        const expression = pattern.replaceAll(/\*\*|\*/g, (star) => (star === '*' ? '[^/]*' : '.*'));
        expect(fitsPattern(pattern, text)).toBe(new RegExp(`^${expression}$`).test(text));
      }),
    );
  });

  it('of many stars is done with at once', () => {
    expect(fitsPattern(`${'*a'.repeat(100)}x`, 'a'.repeat(200))).toBe(false);
    expect(fitsPattern(`${'**a'.repeat(100)}**`, 'a'.repeat(1000))).toBe(true);
  });
});
