import type { ByteReader, ByteWriter } from './bytes.ts';
import { coarse, secondOf, slotOf } from './slot.ts';

/**
 * A sliding-window HyperLogLog (Chabchoub & Hébrail, "Sliding HyperLogLog: Estimating cardinality in a data stream over a
 * sliding window", 2010) with m = 4,096 registers over 64-bit hashes. A register keeps its list of possible future maxima:
 * the (second, rank) pairs that no pair as late or later matches in rank, newest first, so with ranks rising. The plain
 * register of any window is then the rank of the last pair within it. Seconds are those of slots (slot.ts), which changes
 * no window and keeps lists short: 3 to 4 pairs for a million values, never more than the 53 possible ranks.
 * A pair is the number `second` × 64 + `rank`; a register without pairs is undefined.
 */
export type Registers = readonly (readonly number[] | undefined)[];

const indexBits = 12;
const registerCount = 2 ** indexBits;
// bits of a hash that a rank is read from; ranks are 1 to rankBits + 1
const rankBits = 64 - indexBits;

/** The register's number and the rank (leading zeros of the rest, plus 1) of a 64-bit hash. */
export function placeOf(hash: bigint): { register: number; rank: number } {
  const high = Number(hash >> 32n);
  const low = Number(hash & 0xffff_ffffn);
  const rest = high & 0xf_ffff;
  const zeros = rest === 0 ? 32 - indexBits + Math.clz32(low) : Math.clz32(rest) - indexBits;
  return { register: high >>> (32 - indexBits), rank: zeros + 1 };
}

export interface Sighting {
  hash: bigint;
  second: number;
}

/** The registers with these sightings too, all brought to slots counted from `newest`. */
export function addToRegisters(
  registers: Registers | undefined,
  sightings: readonly Sighting[],
  newest: number,
): Registers {
  const result: (readonly number[] | undefined)[] = [];
  for (let index = 0; index < registerCount; index += 1) result.push(aged(registers?.[index], newest));
  for (const { hash, second } of sightings) {
    const time = coarse(second, newest);
    if (time === undefined) continue;
    const { register, rank } = placeOf(hash);
    result[register] = withPair(result[register], time, rank);
  }
  return result;
}

/** Whether no pair is left. */
export function areEmpty(registers: Registers): boolean {
  return registers.every((list) => list === undefined);
}

function secondOfPair(pair: number): number {
  return Math.floor(pair / 64);
}

/** The list with its seconds as slots from `newest`; of pairs that fall together the highest rank stays, the last. */
function aged(list: readonly number[] | undefined, newest: number): readonly number[] | undefined {
  if (!list) return undefined;
  const result: number[] = [];
  let last = Number.NaN;
  for (const pair of list) {
    const time = coarse(secondOfPair(pair), newest);
    // pairs come newest first: those behind are out of reach too
    if (time === undefined) break;
    if (time === last) result.pop();
    result.push(time * 64 + (pair % 64));
    last = time;
  }
  return result.length > 0 ? result : undefined;
}

function withPair(list: readonly number[] | undefined, time: number, rank: number): readonly number[] {
  if (!list) return [time * 64 + rank];
  const matched = list.some((pair) => secondOfPair(pair) >= time && pair % 64 >= rank);
  if (matched) return list;
  const kept = list.filter((pair) => secondOfPair(pair) > time || pair % 64 > rank);
  const before = kept.filter((pair) => secondOfPair(pair) > time);
  return [...before, time * 64 + rank, ...kept.slice(before.length)];
}

/** The plain registers of the window that begins at the second `start`, raised into `into` (`plainRegisters`). */
export function raiseTo(into: Uint8Array, registers: Registers, start: number): void {
  registers.forEach((list, index) => {
    const pair = list?.findLast((candidate) => secondOfPair(candidate) >= start);
    if (pair !== undefined && pair % 64 > (into[index] ?? 0)) into[index] = pair % 64;
  });
}

/** Raises the plain register of one hash. */
export function raiseHash(into: Uint8Array, hash: bigint): void {
  const { register, rank } = placeOf(hash);
  if (rank > (into[register] ?? 0)) into[register] = rank;
}

/** Plain registers, all 0. */
export function plainRegisters(): Uint8Array {
  return new Uint8Array(registerCount);
}

/**
 * How many distinct values plain registers have seen: the improved raw estimator of Ertl, "New cardinality estimation
 * algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6. Unbiased from 0 on; its standard error is
 * 1.04 / √4096 = 1.6 %.
 */
export function estimate(plain: Uint8Array): number {
  const counts = new Array<number>(rankBits + 2).fill(0);
  for (const rank of plain) counts[rank] = (counts[rank] ?? 0) + 1;
  const count = (rank: number) => counts[rank] ?? 0;
  const m = registerCount;
  let z = m * tau(1 - count(rankBits + 1) / m);
  for (let rank = rankBits; rank >= 1; rank -= 1) z = 0.5 * (z + count(rank));
  z += m * sigma(count(0) / m);
  return (m * m) / (2 * Math.LN2 * z);
}

function sigma(fraction: number): number {
  if (fraction === 1) return Number.POSITIVE_INFINITY;
  let x = fraction;
  let y = 1;
  let z = x;
  for (let before = Number.NaN; z !== before; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(fraction: number): number {
  if (fraction === 0 || fraction === 1) return 0;
  let x = fraction;
  let y = 1;
  let z = 1 - x;
  for (let before = Number.NaN; z !== before; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

/** For each register the length of its list, then each pair in 16 bits: slot × 64 + rank. */
export function writeRegisters(writer: ByteWriter, registers: Registers, newest: number): void {
  for (let index = 0; index < registerCount; index += 1) {
    const list = registers[index] ?? [];
    writer.byte(list.length);
    for (const pair of list) writer.uint16((slotOf(secondOfPair(pair), newest) ?? 0) * 64 + (pair % 64));
  }
}

export function readRegisters(reader: ByteReader, newest: number): Registers {
  const registers: (readonly number[] | undefined)[] = [];
  // loops: Array.from takes several times as long for so many short lists
  for (let index = 0; index < registerCount; index += 1) {
    let list: number[] | undefined;
    for (let left = reader.byte(); left > 0; left -= 1) {
      const stored = reader.uint16();
      const pair = secondOf(stored >>> 6, newest) * 64 + (stored & 63);
      if (list) list.push(pair);
      else list = [pair];
    }
    registers.push(list);
  }
  return registers;
}
