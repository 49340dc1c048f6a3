import { createHash } from 'node:crypto';
import type { Blobs, Storage, Table } from '../storage/index.ts';
import { parseCsv } from './csv.ts';
import {
  type ColumnIndex,
  deserialize,
  indexColumn,
  indexColumnInSteps,
  type PackedRows,
  packedSize,
  readRecord,
  readRow,
  rowCount,
  serialize,
} from './packed.ts';
import { findInPage, pageOf, pageRows, pagesFor, writePages } from './pages.ts';

/** What is known of one version of a list; its content lies in blobs named by `blob` (`.csv`, `.rows`). */
export interface ListContent {
  columns: string[];
  rows: number;
  /** of the file as uploaded */
  bytes: number;
  blob: string;
  /** bytes that its rows take in memory */
  memory: number;
  /** where its rows are looked up: in memory, or in so many pages of the table `lists` */
  pages?: number;
}

/** A row as column → text, with the columns named as in the file. */
export type ListRow = Record<string, string>;

/** Looks up rows of one version of a list. Letter case and outer spaces of keys and column names do not count. */
export interface ListReader {
  readonly columns: readonly string[];
  /** The first row with that key in that column, null where there is none; undefined: it takes a `fetch`. */
  lookup(column: string, key: string): ListRow | null | undefined;
  /** The same answer with at most one storage call. Throws where the list has no such column. */
  fetch(column: string, key: string): Promise<ListRow | null>;
  /** Loads what look-ups in these columns need, so that they cost no call (for lists in memory). */
  prepare(columns: readonly string[]): Promise<void>;
}

export interface ParsedList {
  content: Uint8Array;
  rows: PackedRows;
  columns: readonly string[];
  /** bytes that the rows take in memory */
  memory: number;
}

export interface Lists {
  /** Reads a CSV file; throws the Problems of `parseCsv`. */
  parse(content: Uint8Array): Promise<ParsedList>;
  /** Stores a file under `prefix`; the same file again changes nothing. `inMemory`: false puts its rows into the table. */
  save(prefix: string, list: ParsedList, inMemory: boolean): Promise<ListContent>;
  /** Costs no call. */
  open(content: ListContent): ListReader;
  /** The file as uploaded. */
  download(content: ListContent): Promise<Uint8Array>;
  /** The first rows. */
  preview(content: ListContent, rows: number): Promise<string[][]>;
}

/** Needs container `config` and table `lists`. */
export function openLists(storage: Storage): Lists {
  const blobs = storage.blobs('config');
  const table = storage.table('lists');
  return {
    async parse(content) {
      const rows = await parseCsv(content);
      return { content, rows, columns: rows.columns, memory: packedSize(rows) };
    },
    async save(prefix, list, inMemory) {
      const hash = createHash('sha256').update(list.content).digest('hex').slice(0, 32);
      const blob = `${prefix}/${hash}`;
      const pages = inMemory ? undefined : pagesFor(list.rows);
      await Promise.all([
        blobs.write(`${blob}.csv`, list.content, { contentType: 'text/csv; charset=utf-8', create: true }),
        blobs.write(`${blob}.rows`, serialize(list.rows), { create: true }),
        pages === undefined ? undefined : writePages(table, blob, list.rows, pages),
      ]);
      return {
        columns: [...list.columns],
        rows: rowCount(list.rows),
        bytes: list.content.byteLength,
        blob,
        memory: list.memory,
        ...(pages === undefined ? {} : { pages }),
      };
    },
    open: (content) =>
      content.pages === undefined
        ? readerInMemory(blobs, content)
        : readerOfPages(table, content, content.pages),
    async download(content) {
      return (await readBlob(blobs, `${content.blob}.csv`)).content;
    },
    async preview(content, count) {
      // rows are at most 64 KiB, and the line of column names before them is of that order
      const part = await blobs.readRange(`${content.blob}.rows`, 0, (count + 4) * 70_000);
      if (!part) throw new Error(`the blob ${content.blob}.rows of a list is missing`);
      const rows = deserialize(part);
      return Array.from({ length: Math.min(count, rowCount(rows)) }, (_, row) => readRow(rows, row));
    },
  };
}

async function readBlob(blobs: Blobs, name: string) {
  const blob = await blobs.read(name);
  if (!blob) throw new Error(`the blob ${name} of a list is missing`);
  return blob;
}

/** Finds columns by name; throws where there is none. */
function columnFinder(columns: readonly string[]): (column: string) => number {
  const positions = new Map(columns.map((name, index) => [name.toLowerCase(), index]));
  return (column) => {
    const position = positions.get(column.trim().toLowerCase());
    if (position === undefined) throw new Error(`the list has no column ${JSON.stringify(column)}`);
    return position;
  };
}

/** A list held in memory, loaded at the first need; concurrent needs load once, a failed load is tried again. */
function readerInMemory(blobs: Blobs, content: ListContent): ListReader {
  const positionOf = columnFinder(content.columns);
  let rows: PackedRows | undefined;
  let loading: Promise<PackedRows> | undefined;
  const indexes = new Map<number, ColumnIndex>();

  const load = async (): Promise<PackedRows> => {
    if (rows) return rows;
    loading ??= readBlob(blobs, `${content.blob}.rows`)
      .then((blob) => {
        rows = deserialize(blob.content);
        return rows;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  const find = (loaded: PackedRows, column: number, key: string): ListRow | null => {
    let index = indexes.get(column);
    if (!index) {
      index = indexColumn(loaded, column);
      indexes.set(column, index);
    }
    const row = index.find(key);
    return row < 0 ? null : readRecord(loaded, row);
  };

  return {
    columns: content.columns,
    lookup(column, key) {
      return rows && find(rows, positionOf(column), key);
    },
    async fetch(column, key) {
      const position = positionOf(column);
      return find(await load(), position, key);
    },
    async prepare(columns) {
      const loaded = await load();
      for (const position of new Set(columns.map(positionOf))) {
        if (!indexes.has(position)) indexes.set(position, await indexColumnInSteps(loaded, position));
      }
    },
  };
}

/** A list whose rows stay in the table: each look-up is one point read. */
function readerOfPages(table: Table, content: ListContent, pages: number): ListReader {
  const positionOf = columnFinder(content.columns);
  return {
    columns: content.columns,
    lookup: () => undefined,
    async fetch(column, key) {
      const position = positionOf(column);
      const page = pageOf(key, pages);
      if (page === undefined) return null;
      const rows = await pageRows(table, content, position, page);
      return rows ? findInPage(rows, position, key) : null;
    },
    async prepare() {},
  };
}
