import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seconds, windows } from './arbitraries.ts';
import { coarse, secondOf, slotOf } from './slot.ts';
import { windowStart } from './window.ts';

describe('slots', () => {
  it('are 301, and each is the slot of its own first second', () => {
    const newest = 1_700_000_000;
    const named = Array.from({ length: 301 }, (_, slot) => slot).filter(
      (slot) => slotOf(secondOf(slot, newest), newest) !== slot,
    );
    // at 22:13:20, these minutes, this hour and this day are known more finely
    expect(named).toEqual([121, 122, 183, 209]);
    expect(() => secondOf(301, newest)).toThrow(RangeError);
    expect(slotOf(newest - 92 * 86_400, newest)).toBeUndefined();
  });

  it('keep order, and do not change when taken again, also from a later second', () => {
    fc.assert(
      fc.property(seconds, fc.nat(100_000), ([newest = 0, one = 0, other = 0], later) => {
        const time = (second: number, from: number) => coarse(second, from) ?? Number.NEGATIVE_INFINITY;
        expect(time(time(one, newest), newest)).toBe(time(one, newest));
        expect(time(time(one, newest), newest + later)).toBe(time(one, newest + later));
        expect(Math.sign(time(one, newest) - time(other, newest)) * Math.sign(one - other)).not.toBe(-1);
      }),
    );
  });

  it('move nothing into or out of a window of a clock at most a minute behind', () => {
    fc.assert(
      fc.property(
        seconds,
        windows,
        fc.integer({ min: -60, max: 100_000 }),
        ([newest = 0, second = 0], window, ahead) => {
          const start = windowStart(window, (newest + ahead) * 1000);
          expect((coarse(second, newest) ?? Number.NEGATIVE_INFINITY) >= start).toBe(second >= start);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
