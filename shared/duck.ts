import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';

export interface EngineSettings {
  /** the job's own folder: inputs are brought here, results leave from here, and nothing else can be reached */
  directory: string;
  /** bytes, e.g. 1 GiB; what does not fit spills into the folder */
  memoryBytes: number;
  threads: number;
}

export type SqlValue = string | number | bigint | boolean | null;

/** A DuckDB that can read and write its own folder and nothing else, for as long as it lives. */
export interface Engine {
  readonly directory: string;
  run(sql: string): Promise<void>;
  /** Rows as plain values; sums beyond 2^53 come as bigint. */
  rows(sql: string): Promise<Record<string, SqlValue>[]>;
  /** The same as they are made, on a connection of their own, so that several can be open at once. */
  stream(sql: string): AsyncIterable<Record<string, SqlValue>>;
  /** The same, one by one, for results that would take much memory at once. */
  each(sql: string, visit: (row: Record<string, SqlValue>) => void): Promise<void>;
  /**
   * Rows whose first columns are texts and the others numbers (DOUBLE), with little garbage. The arrays shown are the same
   * for each row: keep copies.
   */
  eachOfNumbers(
    sql: string,
    texts: number,
    visit: (texts: readonly string[], numbers: Float64Array) => void,
  ): Promise<void>;
  close(): void;
}

/**
 * Opens an in-memory DuckDB that is locked down: no extension is installed or loaded, no file outside the job's folder is
 * opened, and no statement can change that. Loaded when first needed, because the native library is large.
 */
export async function openEngine(settings: EngineSettings): Promise<Engine> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const temporary = join(settings.directory, 'spill');
  await mkdir(temporary, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    allow_community_extensions: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: `${Math.max(64, Math.floor(settings.memoryBytes / 1048576))}MiB`,
    threads: String(settings.threads),
    temp_directory: temporary,
    preserve_insertion_order: 'true',
    // What is freed goes back to the system soon, and files are not kept in memory: the limit is for what is worked on.
    allocator_background_threads: 'true',
    allocator_flush_threshold: '1MiB',
    allocator_bulk_deallocation_flush_threshold: '4MiB',
    enable_external_file_cache: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`SET allowed_directories = [${literal(`${settings.directory}/`)}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  return {
    directory: settings.directory,
    run: async (sql) => {
      await connection.run(sql);
    },
    rows: async (sql) => {
      const rows: Record<string, SqlValue>[] = [];
      await eachRow(connection, sql, (row) => rows.push(row));
      return rows;
    },
    async *stream(sql) {
      const own = await instance.connect();
      try {
        const result = await own.stream(sql);
        const names = result.columnNames();
        for await (const rows of result.yieldRowsJs())
          for (const row of rows) yield Object.fromEntries(names.map((name, i) => [name, plain(row[i])]));
      } finally {
        own.closeSync();
      }
    },
    each: (sql, visit) => eachRow(connection, sql, visit),
    eachOfNumbers: (sql, texts, visit) => eachOfNumbers(connection, sql, texts, visit),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function eachRow(
  connection: DuckDBConnection,
  sql: string,
  visit: (row: Record<string, SqlValue>) => void,
): Promise<void> {
  const result = await connection.stream(sql);
  const names = result.columnNames();
  for await (const rows of result.yieldRowsJs())
    for (const row of rows) visit(Object.fromEntries(names.map((name, i) => [name, plain(row[i])])));
}

async function eachOfNumbers(
  connection: DuckDBConnection,
  sql: string,
  texts: number,
  visit: (texts: readonly string[], numbers: Float64Array) => void,
): Promise<void> {
  const result = await connection.stream(sql);
  const names = Array.from({ length: texts }, () => '');
  const numbers = new Float64Array(result.columnCount - texts);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    const columns = Array.from({ length: chunk.columnCount }, (_, i) => chunk.getColumnVector(i));
    for (let row = 0; row < chunk.rowCount; row++) {
      for (let i = 0; i < texts; i++) names[i] = String(columns[i]!.getItem(row) ?? '');
      for (let i = 0; i < numbers.length; i++) numbers[i] = Number(columns[texts + i]!.getItem(row) ?? 0);
      visit(names, numbers);
    }
  }
}

function plain(value: unknown): SqlValue {
  if (typeof value === 'bigint') return value >= -limit && value <= limit ? Number(value) : value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : String(value);
}

const limit = 9007199254740991n;

/** A text as an SQL literal; one with NUL, at which DuckDB takes a statement to end, as an expression. */
export const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\0') ? `(${quoted.replaceAll('\0', "' || chr(0) || '")})` : quoted;
};
/** A name as an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
