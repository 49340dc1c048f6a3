import { setImmediate as turn } from 'node:timers/promises';
import { encodeKey, joinBytes, splitBytes, type Table } from '../storage/index.ts';
import { normalKey } from './key.ts';
import type { ListContent, ListRow } from './lists.ts';
import {
  columnHashes,
  deserialize,
  hashKey,
  indexColumn,
  indexColumnInSteps,
  type PackedRows,
  packer,
  readRecord,
  readRow,
  rowsPerTurn,
  serialize,
} from './packed.ts';

/*
 * Table `lists`: the rows of lists that are not held in memory, as pages of packed rows.
 *   PartitionKey  {list version, encoded}|{column number}|{page}     each page its own, so that reads spread
 *   RowKey        rows
 *   Page          hash of the key (normal form) modulo the number of pages; a page holds, for the keys that fall to it, the
 *                 first row of each. Every column has its own pages, since any column may be searched.
 *   Reads         one point read for a look-up: about 16 KiB. Never changed once written; another file has another version.
 */

const pageBytes = 16 * 1024;
const writesAtOnce = 16;

/** How many pages the rows take, per column. */
export function pagesFor(rows: PackedRows): number {
  return Math.max(1, Math.ceil(rows.data.byteLength / pageBytes));
}

/** The page a key falls to; undefined for the empty key, which is in no list. */
export function pageOf(key: string, pages: number): number | undefined {
  return normalKey(key) === '' ? undefined : hashKey(key) % pages;
}

function partition(blob: string, column: number, page: number): string {
  return `${encodeKey(blob)}|${column}|${page}`;
}

/** Stores the pages of all columns. A repeat changes nothing. */
export async function writePages(table: Table, blob: string, rows: PackedRows, pages: number): Promise<void> {
  for (let column = 0; column < rows.columns.length; column++) {
    const members = await rowsByPage(rows, column, pages);
    let next = 0;
    const worker = async () => {
      while (next < pages) {
        const page = next++;
        const packed = packer(pageBytes);
        for (const row of members[page] ?? []) packed.add(readRow(rows, row));
        await table.put({
          partitionKey: partition(blob, column, page),
          rowKey: 'rows',
          ...splitBytes('rows', serialize(packed.finish(rows.columns))),
        });
      }
    };
    await Promise.all(Array.from({ length: writesAtOnce }, worker));
  }
}

/** The rows of each page, found in short steps. */
async function rowsByPage(rows: PackedRows, column: number, pages: number): Promise<number[][]> {
  const members: number[][] = Array.from({ length: pages }, () => []);
  const index = await indexColumnInSteps(rows, column);
  let row = 0;
  for (const hash of columnHashes(rows, column)) {
    // only the first row of a key is ever found, so only that one is stored
    if (hash !== undefined && index.find(readRow(rows, row)[column] ?? '') === row) {
      members[hash % pages]?.push(row);
    }
    row++;
    if (row % rowsPerTurn === 0) await turn();
  }
  return members;
}

/** One page of a list; undefined where it was never written. */
export async function pageRows(
  table: Table,
  content: ListContent,
  column: number,
  page: number,
): Promise<PackedRows | undefined> {
  const row = await table.read(partition(content.blob, column, page), 'rows');
  const bytes = row && joinBytes('rows', row);
  return bytes && deserialize(bytes);
}

/** The row of a page with that key. */
export function findInPage(rows: PackedRows, column: number, key: string): ListRow | null {
  const row = indexColumn(rows, column).find(key);
  return row < 0 ? null : readRecord(rows, row);
}
