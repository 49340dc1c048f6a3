import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinBytes, joinText, splitBytes, splitText } from './text.ts';

const keys = { partitionKey: 'p', rowKey: 'r' };

describe('splitText and joinText', () => {
  it('give back any text', () => {
    const unit = fc.constantFrom('a', '𝄞', '\ud834', 'é');
    const text = fc
      .tuple(fc.integer({ min: 0, max: 70_000 }), fc.string({ unit }))
      .map(([length, more]) => '𝄞'.repeat(length / 2) + more);
    fc.assert(
      fc.property(text, (any) => joinText('body', { ...keys, ...splitText('body', any) }) === any),
      { numRuns: 30 },
    );
  });

  it('put at most 32 K characters into a property, and never half a character', () => {
    const parts = Object.values(splitText('body', `a${'𝄞'.repeat(40_000)}`)).filter(
      (part) => typeof part === 'string',
    );
    expect(parts).toHaveLength(3);
    expect(parts.every((part) => part.length <= 32_768 && part.isWellFormed())).toBe(true);
  });

  it('do not see what a longer text left behind', () => {
    const row = { ...keys, ...splitText('body', 'x'.repeat(70_000)), ...splitText('body', 'short') };
    expect(joinText('body', row)).toBe('short');
  });

  it('tell nothing there from an empty text, and refuse a row with a part missing', () => {
    expect(joinText('body', keys)).toBeUndefined();
    expect(joinText('body', { ...keys, ...splitText('body', '') })).toBe('');
    expect(() => joinText('body', { ...keys, body_n: 2, body_0: 'a' })).toThrow('part 1 of body is missing');
  });
});

describe('splitBytes and joinBytes', () => {
  it.each([0, 1, 65_536, 65_537, 200_000])('give back %i bytes', (length) => {
    const bytes = Uint8Array.from({ length }, (_, index) => index % 251);
    const split = splitBytes('data', bytes);
    expect(Object.values(split).every((part) => typeof part === 'number' || part.length <= 65_536)).toBe(
      true,
    );
    expect(Buffer.compare(joinBytes('data', { ...keys, ...split }) ?? Buffer.of(9), bytes)).toBe(0);
  });
});
