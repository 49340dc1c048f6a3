import { createReadStream } from 'node:fs';
import type { Column } from '../../shared/scoring/trees/bins.ts';

/** Columns of a CSV file: numbers (NaN where a cell is empty), and of the columns asked for by name their texts. */
export interface CsvColumns {
  rows: number;
  /** columns of which every cell is a number or empty, and at least one is a number, in the file's order */
  numeric: { name: string; values: Column }[];
  /** texts of the named columns, as numbers of equal texts */
  named: Map<string, Int32Array>;
}

/** A file that cannot be read as CSV; the message names the line. */
export class CsvError extends Error {}

const CHUNK = 65_536;
const absent = new Set(['', 'na', 'nan', 'null', 'none']);

/** A list of numbers that grows in chunks, so that growing never copies. */
interface Growing {
  push(value: number): void;
  done(): Column;
}

/** Whether single precision tells the values apart: it holds whole numbers up to 2^24, and others to seven digits. */
const fitsSingle = (values: Float64Array) =>
  values.every((value) => {
    const size = Math.abs(value);
    return Number.isNaN(size) || size === 0 || (size >= 1e-37 && size <= 16_777_216);
  });

/** Single precision halves the memory of a large file; amounts and counts lose nothing that a threshold could use. */
function growing(): Growing {
  const full: Column[] = [];
  let current = new Float64Array(CHUNK);
  let used = 0;
  const pack = (values: Float64Array): Column =>
    fitsSingle(values) ? Float32Array.from(values) : values.slice();
  return {
    push(value) {
      if (used === CHUNK) {
        full.push(pack(current));
        used = 0;
      }
      current[used++] = value;
    },
    done() {
      full.push(pack(current.subarray(0, used)));
      current = new Float64Array();
      const rows = full.reduce((sum, chunk) => sum + chunk.length, 0);
      const single = full.every((chunk) => chunk instanceof Float32Array);
      const result = single ? new Float32Array(rows) : new Float64Array(rows);
      let at = 0;
      for (const chunk of full) {
        result.set(chunk, at);
        at += chunk.length;
      }
      full.length = 0;
      return result;
    },
  };
}

/**
 * Reads a CSV file (RFC 4180, UTF-8, a header line, commas) column by column, without holding its text. Rows of the wrong length, a
 * quote left open and a named column that is not there are errors.
 */
export async function readCsvColumns(path: string, named: readonly string[]): Promise<CsvColumns> {
  let header: string[] | undefined;
  let cells: string[] = [];
  let rows = 0;
  let line = 1;
  const numbers: (Growing | undefined)[] = [];
  const anyNumber: boolean[] = [];
  const texts = new Map<number, { name: string; codes: Map<string, number>; values: Growing }>();

  function endRow(): void {
    if (cells.length === 1 && cells[0] === '') {
      cells = [];
      return;
    }
    if (header === undefined) {
      header = cells.map((name) => name.trim());
      header[0] = header[0]?.replace(/^\uFEFF/, '') ?? '';
      for (const name of named) {
        const index = header.indexOf(name);
        if (index < 0) throw new CsvError(`${path} has no column ${name}; it has ${header.join(', ')}.`);
        texts.set(index, { name, codes: new Map(), values: growing() });
      }
      for (const _ of header) {
        numbers.push(growing());
        anyNumber.push(false);
      }
    } else {
      if (cells.length !== header.length)
        throw new CsvError(`${path}:${line}: ${cells.length} cells where the header has ${header.length}.`);
      for (let i = 0; i < cells.length; i++) {
        const cell = cells[i]!;
        const text = texts.get(i);
        if (text) {
          const code = text.codes.get(cell) ?? text.codes.size;
          text.codes.set(cell, code);
          text.values.push(code);
        }
        const column = numbers[i];
        if (column === undefined) continue;
        const value = Number(cell);
        if (cell.trim() === '' || (Number.isNaN(value) && absent.has(cell.trim().toLowerCase())))
          column.push(Number.NaN);
        else if (Number.isNaN(value)) numbers[i] = undefined;
        else {
          column.push(value);
          anyNumber[i] = true;
        }
      }
      rows++;
    }
    cells = [];
  }

  let cell = '';
  let state: 'start' | 'plain' | 'quoted' | 'afterQuote' = 'start';
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const text = String(piece);
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === 10) line++;
      if (state === 'quoted') {
        if (c !== 34) continue;
        cell += text.slice(from, i);
        state = 'afterQuote';
        from = i + 1;
      } else if (c === 34 && (state === 'afterQuote' || (state === 'start' && i === from))) {
        // A doubled quote is one quote; the first one of a cell opens it.
        if (state === 'afterQuote') cell += '"';
        state = 'quoted';
        from = i + 1;
      } else if (c === 44 || c === 10) {
        if (state !== 'afterQuote') {
          cell += text.slice(from, i);
          if (c === 10 && cell.endsWith('\r')) cell = cell.slice(0, -1);
        }
        cells.push(cell);
        cell = '';
        state = 'start';
        from = i + 1;
        if (c === 10) endRow();
      } else if (state === 'start') state = 'plain';
    }
    if (state !== 'afterQuote') cell += text.slice(from);
  }
  if (state === 'quoted') throw new CsvError(`${path}:${line}: a quote is left open.`);
  if (cell !== '' || cells.length > 0) {
    cells.push(cell);
    endRow();
  }
  if (header === undefined) throw new CsvError(`${path} is empty.`);
  const numeric = header.flatMap((name, i) => {
    const column = numbers[i];
    return column && anyNumber[i] ? [{ name, values: column.done() }] : [];
  });
  const codes = [...texts.values()].map(
    ({ name, values }) => [name, Int32Array.from(values.done())] as const,
  );
  return { rows, numeric, named: new Map(codes) };
}
