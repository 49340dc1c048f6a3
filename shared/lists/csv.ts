import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import { Problem } from '../problem.ts';
import { type PackedRows, packer } from './packed.ts';

/** A list's file must be smaller than this, in bytes. */
export const maxListBytes = 20 * 1000 * 1000;
export const maxListColumns = 256;
/** bytes of UTF-8 of one row's cells together */
export const maxRowBytes = 64 * 1024;
const maxHeaderLength = 128;
const chunkBytes = 128 * 1024;

/**
 * Reads a list's CSV file: UTF-8 (a byte order mark is allowed), comma-separated, a unique header for each column
 * (letter case and the spaces around it do not count), as many cells in each row as there are headers. Empty lines are
 * skipped; a file with headers and no row is an empty list.
 * Throws a Problem: 413 for a file that is not smaller than 20 MB, 400 that names the row (the header is row 1), the
 * line and the column of the first fault.
 */
export async function parseCsv(content: Uint8Array): Promise<PackedRows> {
  if (content.byteLength >= maxListBytes) {
    throw Problem.tooLarge(`A list's file must be smaller than ${maxListBytes} bytes (20 MB).`, {
      code: 'ListTooLarge',
    });
  }
  const bytes = hasMark(content) ? content.subarray(3) : content;
  if (!isUtf8(bytes)) throw encodingFault(bytes);

  const rows = packer(bytes.byteLength + 1024);
  let columns: string[] | undefined;
  let row = 0;
  const parser = parse({
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    info: false,
    max_record_size: maxListBytes,
  });
  try {
    for await (const record of Readable.from(chunks(bytes)).pipe(parser)) {
      row++;
      const cells: string[] = record;
      if (!columns) {
        columns = readHeaders(cells);
        continue;
      }
      const size = cells.reduce((sum, cell) => sum + cell.length, 0);
      if (size * 3 > maxRowBytes && Buffer.byteLength(cells.join('')) > maxRowBytes) {
        const longest = cells.reduce((best, cell, at) => (cell.length > cells[best]!.length ? at : best), 0);
        throw fault(row, longest, columns, `the row has more than ${maxRowBytes} bytes of text`);
      }
      rows.add(cells);
    }
  } catch (error) {
    throw error instanceof CsvError ? describe(error, row, columns) : error;
  }
  if (!columns) {
    throw Problem.badRequest('The file is empty; a list starts with a row of column headers.', {
      code: 'InvalidCsv',
      errors: [{ path: 'row 1', message: 'there is no row of column headers' }],
    });
  }
  return rows.finish(columns);
}

function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** Pieces of the file, with a turn of the event loop between them. */
async function* chunks(bytes: Uint8Array): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const end = Math.min(bytes.length, start + chunkBytes);
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    await turn();
  }
}

function readHeaders(cells: readonly string[]): string[] {
  if (cells.length > maxListColumns) {
    throw fault(1, maxListColumns, undefined, `a list has at most ${maxListColumns} columns`);
  }
  const headers = cells.map((cell) => cell.trim());
  const seen = new Map<string, number>();
  for (const [index, header] of headers.entries()) {
    if (header === '') throw fault(1, index, undefined, 'the header is empty');
    if (header.length > maxHeaderLength) {
      throw fault(1, index, undefined, `the header has more than ${maxHeaderLength} characters`);
    }
    if (/\p{Cc}/u.test(header)) throw fault(1, index, undefined, 'the header has a control character');
    const earlier = seen.get(header.toLowerCase());
    if (earlier !== undefined) {
      throw fault(1, index, headers, `the header is the same as that of column ${earlier + 1}`);
    }
    seen.set(header.toLowerCase(), index);
  }
  return headers;
}

function fault(
  row: number,
  column: number,
  columns: readonly string[] | undefined,
  message: string,
  line?: number,
): Problem {
  const header = columns?.[column];
  const name = header === undefined ? '' : ` (${JSON.stringify(header)})`;
  const atLine = line === undefined ? '' : `, line ${line}`;
  const path = `row ${row}, column ${column + 1}`;
  return Problem.badRequest(
    `The CSV file is not usable: row ${row}${atLine}, column ${column + 1}${name}: ${message}.`,
    {
      code: 'InvalidCsv',
      errors: [{ path, message }],
      extra: {
        row,
        column: column + 1,
        ...(header === undefined ? {} : { header }),
        ...(line ? { line } : {}),
      },
    },
  );
}

/** csv-parse's error in terms of rows and columns; its own message would quote the data. */
function describe(error: CsvError, rowsRead: number, columns: readonly string[] | undefined): Problem {
  const detail = (name: string): unknown => Reflect.get(error, name);
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  const line = number(detail('lines'));
  const row = (number(detail('records')) ?? rowsRead) + 1;
  const column = number(detail('column')) ?? 0;
  switch (error.code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
    case 'CSV_RECORD_INCONSISTENT_COLUMNS': {
      const record = detail('record');
      const cells = Array.isArray(record) ? record.length : 0;
      const expected = columns?.length ?? 0;
      // the first cell that is missing, or the first one too many
      return fault(
        row,
        Math.min(cells, expected),
        columns,
        `the row has ${cells} cells, the header ${expected}`,
        line,
      );
    }
    case 'CSV_QUOTE_NOT_CLOSED':
      return fault(row, column, columns, 'a quotation mark is not closed', line);
    case 'CSV_INVALID_CLOSING_QUOTE':
      return fault(row, column, columns, 'text follows a closing quotation mark', line);
    case 'INVALID_OPENING_QUOTE':
      return fault(
        row,
        column,
        columns,
        'a quotation mark stands in a cell that does not start with one',
        line,
      );
    default:
      return fault(row, column, columns, 'the row cannot be read', line);
  }
}

/** Where the first byte stands that is not UTF-8. */
function encodingFault(bytes: Uint8Array): Problem {
  let valid = 0;
  for (let length = 1; length > 0; valid += length) length = characterLength(bytes, valid);
  let row = 1;
  let column = 0;
  let line = 1;
  let quoted = false;
  let empty = true;
  for (let index = 0; index < valid; index++) {
    const byte = bytes[index];
    const newLine = byte === 10 || (byte === 13 && bytes[index + 1] !== 10);
    if (newLine) line++;
    if (byte === 34) quoted = !quoted;
    else if (!quoted && byte === 44) column++;
    else if (!quoted && newLine) {
      if (!empty) row++;
      column = 0;
      empty = true;
      continue;
    }
    if (byte !== 13 && byte !== 10) empty = false;
  }
  return fault(row, column, undefined, 'the text is not UTF-8; save the file as "CSV UTF-8"', line);
}

/** Bytes of the UTF-8 character that starts at `index`; 0 where none does (Unicode Standard, table 3-7). */
function characterLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index] ?? 0xff;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf5 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  for (let next = 1; next < length; next++) {
    const byte = bytes[index + next] ?? 0;
    const from = next > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const to = next > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < from || byte > to) return 0;
  }
  return length;
}
