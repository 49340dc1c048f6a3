import { setImmediate as turn } from 'node:timers/promises';
import { normalKey } from './key.ts';

/**
 * The rows of a list in few bytes. `data` holds the cells of all rows one after the other, each as its length in bytes
 * (LEB128) and its UTF-8 text; `offsets` where each row starts, plus the end. A million rows of one short column take
 * the text itself plus 5 bytes a row, and 8 to 16 bytes a row for each column that is searched.
 */
export interface PackedRows {
  columns: readonly string[];
  data: Uint8Array;
  offsets: Uint32Array;
}

/** Finds the first row whose cell in one column has the key given. */
export interface ColumnIndex {
  /** number of the row, counted from 0; -1 where there is none */
  find(key: string): number;
}

/** Rows handled before the event loop gets a turn. */
export const rowsPerTurn = 20_000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Grows by doubling; rows are appended cell by cell. */
export interface Packer {
  add(cells: readonly string[]): void;
  finish(columns: readonly string[]): PackedRows;
}

/** Collects rows into the packed form; `expected` is a guess of the bytes to come. */
export function packer(expected: number): Packer {
  let data = Buffer.allocUnsafe(Math.max(1024, expected));
  let offsets = new Uint32Array(1024);
  let length = 0;
  let rows = 0;
  return {
    add(cells) {
      if (rows + 1 >= offsets.length) {
        const larger = new Uint32Array(offsets.length * 2);
        larger.set(offsets);
        offsets = larger;
      }
      offsets[rows++] = length;
      for (const cell of cells) {
        // a UTF-16 unit is at most 3 bytes of UTF-8
        const room = length + 5 + cell.length * 3;
        if (room > data.length) {
          const larger = Buffer.allocUnsafe(Math.max(room, data.length * 2));
          data.copy(larger, 0, 0, length);
          data = larger;
        }
        const bytes = Buffer.byteLength(cell);
        let rest = bytes;
        while (rest > 127) {
          data[length++] = (rest & 127) | 128;
          rest >>>= 7;
        }
        data[length++] = rest;
        length += data.write(cell, length);
      }
    },
    finish(columns) {
      offsets[rows] = length;
      return {
        columns,
        data: new Uint8Array(data.subarray(0, length)),
        offsets: offsets.slice(0, rows + 1),
      };
    },
  };
}

export function rowCount(rows: PackedRows): number {
  return rows.offsets.length - 1;
}

/** The bytes that the rows take in memory, without the indexes of columns. */
export function packedSize(rows: PackedRows): number {
  return rows.data.byteLength + rows.offsets.byteLength;
}

interface Cell {
  start: number;
  end: number;
}

function readCell(data: Uint8Array, row: number, column: number): Cell {
  let position = row;
  for (let index = 0; ; index++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = data[position++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (index === column) return { start: position, end: position + length };
    position += length;
  }
}

/** The cells of one row as text. */
export function readRow(rows: PackedRows, row: number): string[] {
  const cells: string[] = [];
  let position = rows.offsets[row]!;
  for (let column = 0; column < rows.columns.length; column++) {
    const cell = readCell(rows.data, position, 0);
    cells.push(decoder.decode(rows.data.subarray(cell.start, cell.end)));
    position = cell.end;
  }
  return cells;
}

/** One row as column → text. */
export function readRecord(rows: PackedRows, row: number): Record<string, string> {
  const cells = readRow(rows, row);
  return Object.fromEntries(rows.columns.map((column, index) => [column, cells[index] ?? '']));
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** FNV-1a over the normal form of a key, with the finalizer of MurmurHash3 so that neighbours scatter. */
export function hashKey(key: string): number {
  const bytes = encoder.encode(normalKey(key));
  return hashNormal(bytes, 0, bytes.length);
}

function hashNormal(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index++) {
    hash = Math.imul(hash ^ lower(bytes[index]!), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index]! > 127) return false;
  return true;
}

/** Narrows a cell to its normal form without making a string; undefined where it is not ASCII. */
function trimAscii(bytes: Uint8Array, cell: Cell): Cell | undefined {
  let { start, end } = cell;
  if (!isAscii(bytes, start, end)) return undefined;
  while (start < end && isSpace(bytes[start]!)) start++;
  while (end > start && isSpace(bytes[end - 1]!)) end--;
  return { start, end };
}

/** Hash of a cell's normal form; undefined where the cell is empty. */
function hashCell(bytes: Uint8Array, cell: Cell): number | undefined {
  const ascii = trimAscii(bytes, cell);
  if (ascii) return ascii.start === ascii.end ? undefined : hashNormal(bytes, ascii.start, ascii.end);
  const key = normalKey(decoder.decode(bytes.subarray(cell.start, cell.end)));
  return key === '' ? undefined : hashKey(key);
}

function equals(bytes: Uint8Array, cell: Cell, key: string, keyBytes: Uint8Array): boolean {
  const ascii = trimAscii(bytes, cell);
  if (!ascii) return normalKey(decoder.decode(bytes.subarray(cell.start, cell.end))) === key;
  if (ascii.end - ascii.start !== keyBytes.length) return false;
  for (let index = 0; index < keyBytes.length; index++) {
    if (lower(bytes[ascii.start + index]!) !== keyBytes[index]) return false;
  }
  return true;
}

function sameKey(bytes: Uint8Array, left: Cell, right: Cell): boolean {
  const [one, other] = [trimAscii(bytes, left), trimAscii(bytes, right)];
  if (!one || !other) {
    const text = (cell: Cell) => normalKey(decoder.decode(bytes.subarray(cell.start, cell.end)));
    return text(left) === text(right);
  }
  if (one.end - one.start !== other.end - other.start) return false;
  for (let index = 0; index < one.end - one.start; index++) {
    if (lower(bytes[one.start + index]!) !== lower(bytes[other.start + index]!)) return false;
  }
  return true;
}

/** Hashes of one column's cells, row by row; undefined where the cell is empty. */
export function* columnHashes(rows: PackedRows, column: number): Generator<number | undefined> {
  for (let row = 0; row < rowCount(rows); row++) {
    yield hashCell(rows.data, readCell(rows.data, rows.offsets[row]!, column));
  }
}

/** An open-addressing table of row numbers, at most half full: 8 to 16 bytes a row. */
function* buildIndex(rows: PackedRows, column: number): Generator<void, ColumnIndex> {
  let size = 8;
  while (size < rowCount(rows) * 2) size *= 2;
  const slots = new Uint32Array(size);
  const mask = size - 1;

  const find = (key: string, keyBytes: Uint8Array, hash: number): number => {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      const cell = readCell(rows.data, rows.offsets[entry - 1]!, column);
      if (equals(rows.data, cell, key, keyBytes)) return entry - 1;
    }
  };

  for (let row = 0; row < rowCount(rows); row++) {
    if (row > 0 && row % rowsPerTurn === 0) yield;
    const cell = readCell(rows.data, rows.offsets[row]!, column);
    const hash = hashCell(rows.data, cell);
    if (hash === undefined) continue;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) {
        slots[slot] = row + 1;
        break;
      }
      // a later row with the same key is never found; keeping it out also keeps a column of few values quick
      if (sameKey(rows.data, cell, readCell(rows.data, rows.offsets[entry - 1]!, column))) break;
    }
  }

  return {
    find(key) {
      const normal = normalKey(key);
      if (normal === '') return -1;
      const bytes = encoder.encode(normal);
      return find(normal, bytes, hashNormal(bytes, 0, bytes.length));
    },
  };
}

/** Builds the index of a column at once. */
export function indexColumn(rows: PackedRows, column: number): ColumnIndex {
  const build = buildIndex(rows, column);
  for (;;) {
    const step = build.next();
    if (step.done) return step.value;
  }
}

/** Builds the index of a column in short steps, so that requests are served meanwhile. */
export async function indexColumnInSteps(rows: PackedRows, column: number): Promise<ColumnIndex> {
  const build = buildIndex(rows, column);
  for (;;) {
    const step = build.next();
    if (step.done) return step.value;
    await turn();
  }
}

/** The packed form as bytes for a blob: a line of JSON, then the cells. */
export function serialize(rows: PackedRows): Uint8Array {
  const head = encoder.encode(
    `${JSON.stringify({ format: 1, columns: rows.columns, rows: rowCount(rows) })}\n`,
  );
  const bytes = new Uint8Array(head.length + rows.data.length);
  bytes.set(head);
  bytes.set(rows.data, head.length);
  return bytes;
}

/** Reads what `serialize` wrote; of a part cut off at the end, the whole rows in it. */
export function deserialize(bytes: Uint8Array): PackedRows {
  const end = bytes.indexOf(10);
  const head: unknown = JSON.parse(decoder.decode(bytes.subarray(0, end)));
  if (!isHead(head)) throw new Error('not the packed form of a list');
  const data = bytes.subarray(end + 1);
  const offsets = new Uint32Array(head.rows + 1);
  let position = 0;
  let row = 0;
  for (; row < head.rows; row++) {
    const next = skipRow(data, position, head.columns.length);
    if (next === undefined) break;
    offsets[row] = position;
    position = next;
  }
  offsets[row] = position;
  return {
    columns: head.columns,
    data: data.subarray(0, position),
    offsets: row === head.rows ? offsets : offsets.slice(0, row + 1),
  };
}

function skipRow(data: Uint8Array, start: number, columns: number): number | undefined {
  let position = start;
  for (let column = 0; column < columns; column++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = data[position++];
      if (byte === undefined) return undefined;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    position += length;
    if (position > data.length) return undefined;
  }
  return position;
}

function isHead(value: unknown): value is { columns: string[]; rows: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'columns' in value &&
    Array.isArray(value.columns) &&
    'rows' in value &&
    typeof value.rows === 'number'
  );
}
