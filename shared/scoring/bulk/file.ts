import type { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { BulkEntity } from './columns.ts';
import { type BulkBody, BulkHeaderError, bulkRows } from './rows.ts';

/** One line of a bulk file: the body it gives, or what is wrong with it. */
export type BulkLine = { line: number; body: BulkBody } | { line: number; column: string; message: string };

/** A file that cannot be read on; the message names the line. */
export class BulkFileError extends Error {}

/** Comma, semicolon or tab: the one that the header has most of, outside quotes. */
export function delimiterOf(header: string): ',' | ';' | '\t' {
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, '');
  const count = (mark: string) => bare.split(mark).length;
  return ([',', ';', '\t'] as const).reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

/**
 * Reads a bulk file (UTF-8; commas, semicolons or tabs; quotes as in RFC 4180) line by line, in constant memory. A bad row is given
 * as such, so that all faults of a file can be told at once; only a file that cannot be taken apart any further is an error.
 * Throws BulkFileError.
 */
export async function* readBulkFile(
  source: Readable,
  entity: BulkEntity,
  mapping: Readonly<Record<string, string>> = {},
): AsyncGenerator<BulkLine> {
  const pieces = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    head = Buffer.concat([head, Buffer.from(next.value)]);
    if (head.includes(10) || head.length > 1 << 20) break;
  }
  if (head.length === 0) throw new BulkFileError('The file is empty.');
  const delimiter = delimiterOf(head.toString('utf8').split('\n', 1)[0] ?? '');
  const parser = parse({
    delimiter,
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
  });
  const feed = async () => {
    parser.write(head);
    for (let next = await pieces.next(); !next.done; next = await pieces.next())
      if (!parser.write(next.value)) await new Promise((resolve) => parser.once('drain', resolve));
    parser.end();
  };
  const feeding = feed().catch((error: Error) => parser.destroy(error));
  let rowOf: ReturnType<typeof bulkRows> | undefined;
  try {
    for await (const entry of parser) {
      const { record, info }: { record: string[]; info: { lines: number } } = entry;
      if (rowOf === undefined) {
        rowOf = bulkRows(entity, record, mapping);
        continue;
      }
      const row = rowOf(record);
      yield row.ok
        ? { line: info.lines, body: row.body }
        : { line: info.lines, column: row.column, message: row.message };
    }
    await feeding;
  } catch (error) {
    if (error instanceof CsvError || error instanceof BulkHeaderError) throw new BulkFileError(error.message);
    throw error;
  }
}
