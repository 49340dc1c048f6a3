import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsWithin, histories } from './arbitraries.ts';
import { byteReader, byteWriter } from './bytes.ts';
import {
  addToRegisters,
  estimate,
  placeOf,
  plainRegisters,
  raiseHash,
  raiseTo,
  readRegisters,
  writeRegisters,
} from './hyperLogLog.ts';
import { windowStart } from './window.ts';

// 64-bit values of a fixed sequence: SplitMix64 (Steele, Lea & Flood, 2014)
function mixed(seed: bigint): bigint {
  let z = BigInt.asUintN(64, seed * 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

describe('the sliding HyperLogLog', () => {
  it('has for every window the registers that a plain one would have', () => {
    // few registers and many ranks, so that maxima compete
    const hashes = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 52 }))
      .map(([register, zeros]) => (BigInt(register) << 52n) | ((1n << 52n) >> BigInt(zeros + 1)));
    fc.assert(
      fc.property(histories(hashes, 30), ({ batches, readings }) => {
        const newest = Math.floor(Math.max(...batches.flat().map(({ at }) => at)) / 1000);
        let registers = addToRegisters(undefined, [], newest);
        let latest = 0;
        for (const batch of batches) {
          const sightings = batch.map(({ at, value }) => ({ hash: value, second: Math.floor(at / 1000) }));
          latest = Math.max(latest, ...sightings.map(({ second }) => second));
          registers = addToRegisters(registers, sightings, latest);
          const writer = byteWriter(10_000);
          writeRegisters(writer, registers, latest);
          registers = readRegisters(byteReader(writer.done()), latest);
        }
        for (const { now, window } of readings) {
          const expected = plainRegisters();
          for (const { value } of eventsWithin(batches.flat(), window, now)) raiseHash(expected, value);
          const found = plainRegisters();
          raiseTo(found, registers, windowStart(window, now));
          expect(Buffer.compare(found, expected)).toBe(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [0n, { register: 0, rank: 53 }],
    [1n, { register: 0, rank: 52 }],
    [2n ** 32n, { register: 0, rank: 20 }],
    [2n ** 31n, { register: 0, rank: 21 }],
    [2n ** 52n, { register: 1, rank: 53 }],
    [2n ** 64n - 1n, { register: 4095, rank: 1 }],
  ])('puts %i at %o', (hash, place) => expect(placeOf(hash)).toEqual(place));
});

describe('the estimate', () => {
  it('is unbiased, with a standard error of at most 2 %, from few values to many', () => {
    const runs = 24;
    for (const count of [10, 300, 1_000, 4_096, 10_000, 40_000]) {
      const errors = Array.from({ length: runs }, (_, run) => {
        const plain = plainRegisters();
        for (let index = 0; index < count; index += 1)
          raiseHash(plain, mixed(BigInt(run * 1_000_000 + index + 1)));
        return estimate(plain) / count - 1;
      });
      const root = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / runs);
      const bias = errors.reduce((sum, error) => sum + error, 0) / runs;
      // three standard errors of what is measured over so many runs
      expect(root).toBeLessThan(0.02 * (1 + 3 / Math.sqrt(2 * runs)));
      expect(Math.abs(bias)).toBeLessThan((3 * 0.02) / Math.sqrt(runs));
      expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.06);
    }
  });

  it('is 0 of nothing, and grows until every register is full', () => {
    expect(estimate(plainRegisters())).toBe(0);
    expect(estimate(plainRegisters().fill(53))).toBe(Number.POSITIVE_INFINITY);
    expect(estimate(plainRegisters().fill(53).fill(52, 0, 1))).toBeGreaterThan(1e17);
  });
});
