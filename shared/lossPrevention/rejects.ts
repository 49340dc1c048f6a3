import type { Engine } from '../duck.ts';
import type { Field } from './schema.ts';

/** A row that was not read, and why. */
export interface Reject {
  file: string;
  /** number of the row in the file, a header being row 1; a quoted line break does not begin a new one */
  row: number;
  column: string;
  /** may quote the cell: only for the reject file */
  reason: string;
  /** the row itself, cut at 1,000 characters */
  text: string;
}

/** Rejects of one scan that are kept; a file with more is not used. */
export const rejectLimit = 100_000;

/**
 * The rejects of the last scan, one a row with its first fault, by the path of the file; `names` are the files' names in the
 * lake by path. The engine forgets them.
 */
export async function takeRejects(
  engine: Engine,
  names: ReadonlyMap<string, string>,
  columns: readonly string[],
): Promise<Map<string, Reject[]>> {
  const found = new Map<string, Reject[]>();
  const rows = await engine.rows(
    `SELECT file_path, line, column_idx, error_type, error_message, left(csv_line, 1000) AS csv_line
     FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
     QUALIFY row_number() OVER (PARTITION BY file_path, line ORDER BY column_idx, error_type) = 1
     ORDER BY file_path, line LIMIT ${rejectLimit}`,
  );
  await clearRejects(engine);
  for (const row of rows) {
    const path = String(row.file_path);
    const list = found.get(path) ?? [];
    found.set(path, list);
    list.push({
      file: names.get(path) ?? '',
      row: Number(row.line),
      column: columns[Number(row.column_idx) - 1] ?? '',
      reason: String(row.error_message)
        .split('\n')[0]!
        .replace(/^Error when converting column "c\d+"\. /, ''),
      text: String(row.csv_line),
    });
  }
  return found;
}

/** The first line of what the engine says, without what it quotes: that may be a cell, and a run tells its problems far and wide. */
export const unquoted = (message: string): string => message.split('\n')[0]!.replace(/".*$/, '…');

/** The tables of rejects belong to the connection and grow with each scan. */
export async function clearRejects(engine: Engine): Promise<void> {
  await engine.run('DELETE FROM reject_errors');
  await engine.run('DELETE FROM reject_scans');
}

/** Rows whose key or date is empty: taken out of the table, and reported by the row they were. */
export async function takeEmptyKeys(
  engine: Engine,
  table: string,
  file: { number: number; name: string; firstRow: number },
  needed: readonly Field[],
  known: readonly Reject[],
): Promise<Reject[]> {
  const empty = needed.map((field) => `${field.column} IS NULL`).join(' OR ');
  const found = await engine.rows(
    `SELECT place, ${needed.map((field) => `${field.column} IS NULL AS ${field.column}`).join(', ')}
     FROM (SELECT *, row_number() OVER (ORDER BY rowid) AS place FROM ${table} WHERE file = ${file.number})
     WHERE ${empty} LIMIT ${rejectLimit}`,
  );
  await engine.run(`DELETE FROM ${table} WHERE file = ${file.number} AND (${empty})`);
  const skipped = known.map((reject) => reject.row);
  return found.map((row) => {
    let place = Number(row.place) + file.firstRow - 1;
    for (const other of skipped) if (other <= place) place++;
    const field = needed.find((one) => row[one.column] === true)!;
    return {
      file: file.name,
      row: place,
      column: field.names[0]!,
      reason: 'empty or not readable',
      text: '',
    };
  });
}
