import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DAY_MS,
  DAYS_KEPT,
  emptyHistory,
  type History,
  hashKey,
  mergeHistories,
  type Partner,
  withEvent,
  withLabel,
} from './history.ts';
import { decodeHistory, encodeHistory, HistoryFormatError } from './historyCodec.ts';

const start = Date.UTC(2026, 0, 1);
const partner = fc.record({ kind: fc.nat(3), hash: fc.nat(20) });
const step = fc.record({
  at: fc.integer({ min: start, max: start + 40 * DAY_MS }),
  // Whole amounts, so that sums do not depend on the order of adding.
  amount: fc.integer({ min: -100, max: 10_000 }),
  partners: fc.array(partner, { maxLength: 3 }),
  fraud: fc.boolean(),
});
const steps = fc.array(step, { maxLength: 40 });

type Step = { at: number; amount: number; partners: Partner[]; fraud: boolean };
function play(history: History, list: readonly Step[]): History {
  return list.reduce((state, { at, amount, partners, fraud }) => {
    const next = withEvent(state, at, amount, partners);
    return fraud ? withLabel(next, at, 1) : next;
  }, history);
}

describe('a history', () => {
  it('does not depend on the order of its events', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const sorted = [...list].sort((a, b) => a.at - b.at);
        expect(play(emptyHistory, list)).toEqual(play(emptyHistory, sorted));
      }),
    );
  });

  it('merged from two parts is the history of all events', () => {
    fc.assert(
      fc.property(steps, steps, (one, other) => {
        const apart = mergeHistories(play(emptyHistory, one), play(emptyHistory, other));
        expect(apart).toEqual(play(emptyHistory, [...one, ...other]));
      }),
    );
  });

  it('merges alike from either side, and with nothing stays as it is', () => {
    fc.assert(
      fc.property(steps, steps, (one, other) => {
        const [a, b] = [play(emptyHistory, one), play(emptyHistory, other)];
        expect(mergeHistories(a, b)).toEqual(mergeHistories(b, a));
        expect(mergeHistories(a, emptyHistory)).toEqual(a);
        expect(mergeHistories(emptyHistory, a)).toEqual(a);
      }),
    );
  });

  it('is not changed by what is derived from it', () => {
    const before = play(emptyHistory, [{ at: start, amount: 5, partners: [], fraud: false }]);
    const copy = structuredClone(before);
    withEvent(before, start + 1000, 7, [{ kind: 1, hash: 2 }]);
    withLabel(before, start, 1);
    mergeHistories(before, before);
    expect(before).toEqual(copy);
  });

  it('takes a label back without a trace in its counts', () => {
    const before = play(emptyHistory, [{ at: start, amount: 5, partners: [], fraud: false }]);
    expect(withLabel(withLabel(before, start, 1), start, -1)).toEqual(before);
  });

  it('ignores labels of events that it no longer remembers', () => {
    const busy = withEvent(emptyHistory, start + 100 * DAY_MS, 5, []);
    expect(withLabel(busy, start, 1)).toBe(busy);
  });

  it('stays small however busy the entity is', () => {
    let state = emptyHistory;
    for (let i = 0; i < 20_000; i++)
      state = withEvent(state, start + i * 600_000, i % 777, [{ kind: i % 3, hash: hashKey(`p${i % 500}`) }]);
    expect(state.days.length / 5).toBe(DAYS_KEPT);
    expect(encodeHistory(state).length).toBeLessThan(3072);
  });
});

describe('history bytes', () => {
  it('come back as the same history', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const state = play(emptyHistory, list);
        expect(decodeHistory(encodeHistory(state))).toEqual(state);
      }),
    );
    const odd = withEvent(emptyHistory, start, 0.1 + 0.2, []);
    expect(decodeHistory(encodeHistory(odd))).toEqual(odd);
  });

  it('are refused when cut off, extended or of another version', () => {
    const bytes = encodeHistory(withEvent(emptyHistory, start, 12.5, [{ kind: 1, hash: 77 }]));
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeHistory(bytes.subarray(0, length))).toThrow(HistoryFormatError);
    expect(() => decodeHistory(Uint8Array.of(...bytes, 0))).toThrow(/left over/);
    expect(() => decodeHistory(Uint8Array.of(9, ...bytes.subarray(1)))).toThrow(/version 9/);
  });

  it('never do anything but decode or be refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          decodeHistory(Uint8Array.of(1, ...noise));
        } catch (error) {
          expect(error).toBeInstanceOf(HistoryFormatError);
        }
      }),
    );
  });
});
