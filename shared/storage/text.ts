import type { Row, Value } from './types.ts';

// a string property holds 64 KiB of UTF-16; somewhat less keeps room for the surrogate that must not be split off
const longestText = 32_000;
const longestBytes = 65_536;

/**
 * The properties that hold a text too long for one: `name_0`, `name_1` … of at most 32,000 characters, and `name_n`,
 * their number, so that a merge of a shorter text leaves no old tail behind. About 480,000 characters fit a row.
 */
export function splitText(name: string, text: string): Record<string, string | number> {
  const parts: string[] = [];
  let start = 0;
  do {
    let end = Math.min(start + longestText, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
    parts.push(text.slice(start, end));
    start = end;
  } while (start < text.length);
  return named(name, parts);
}

/** The text that `splitText` put under this name; undefined where there is none. Throws where a part is missing. */
export function joinText(name: string, row: Row): string | undefined {
  const parts = partsOf(name, row);
  return parts?.map((part, index) => (typeof part === 'string' ? part : missing(name, index))).join('');
}

/** As `splitText`, for bytes: properties of at most 64 KiB. */
export function splitBytes(name: string, bytes: Uint8Array): Record<string, Uint8Array | number> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < Math.max(bytes.length, 1); start += longestBytes)
    parts.push(bytes.subarray(start, start + longestBytes));
  return named(name, parts);
}

/** The bytes that `splitBytes` put under this name; undefined where there are none. Throws where a part is missing. */
export function joinBytes(name: string, row: Row): Uint8Array | undefined {
  const parts = partsOf(name, row)?.map((part, index) =>
    part instanceof Uint8Array ? part : missing(name, index),
  );
  return parts?.length === 1 ? parts[0] : parts && Buffer.concat(parts);
}

function named<T>(name: string, parts: T[]): Record<string, T | number> {
  return Object.fromEntries<T | number>([
    ...parts.map((part, index): [string, T] => [`${name}_${index}`, part]),
    [`${name}_n`, parts.length],
  ]);
}

function partsOf(name: string, row: Row): (Value | undefined)[] | undefined {
  const count = row[`${name}_n`];
  if (typeof count !== 'number') return undefined;
  return Array.from({ length: count }, (_, index) => row[`${name}_${index}`]);
}

function missing(name: string, index: number): never {
  throw new Error(`part ${index} of ${name} is missing in the stored row`);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
