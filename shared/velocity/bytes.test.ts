import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteReader, byteWriter } from './bytes.ts';

describe('bytes', () => {
  it('give back every number', () => {
    const numbers = fc.array(
      fc.tuple(fc.bigInt(), fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    );
    fc.assert(
      fc.property(numbers, (given) => {
        const writer = byteWriter(0);
        for (const [signed, unsigned, wide] of given) {
          writer.signed(signed);
          writer.unsigned(unsigned);
          writer.uint64(wide);
          writer.uint16(unsigned % 65_536);
        }
        const reader = byteReader(writer.done());
        for (const [signed, unsigned, wide] of given) {
          expect(reader.signed()).toBe(signed);
          expect(reader.unsigned()).toBe(unsigned);
          expect(reader.uint64()).toBe(wide);
          expect(reader.uint16()).toBe(unsigned % 65_536);
        }
        expect(() => reader.byte()).toThrow(RangeError);
      }),
    );
  });

  it.each([2n ** 48n, 2n ** 49n, 2n ** 52n, 2n ** 53n, 2n ** 55n, 2n ** 56n, 2n ** 63n])(
    'know %i and its neighbours',
    (edge) => {
      for (const value of [edge - 1n, edge, edge + 1n, -edge - 1n, -edge, -edge + 1n]) {
        const writer = byteWriter(1);
        writer.signed(value);
        expect(byteReader(writer.done()).signed()).toBe(value);
      }
    },
  );
});
