/** Tables to files and back: one file a table, one row a line, every value with its type. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { type TableClient, type TableServiceClient, TableTransaction } from '@azure/data-tables';
import { z } from 'zod';

const typed = z.object({
  type: z.enum(['Binary', 'Boolean', 'DateTime', 'Double', 'Guid', 'Int32', 'Int64', 'String']),
  value: z.string(),
});
const rowSchema = z
  .object({ partitionKey: z.string(), rowKey: z.string() })
  .catchall(z.union([typed, z.string()]));
type SavedRow = z.infer<typeof rowSchema>;

const ending = '.ndjson.gz';
/** operations of one transaction, and bytes of it: the service's limits are 100 and 4 MiB */
const mostRows = 100;
const mostBytes = 3 * 1024 * 1024;

export interface Access {
  service: TableServiceClient;
  /** of one table, on the same account */
  table(name: string): TableClient;
}

/** Saves every table of an account into `folder`, each to `<table>.ndjson.gz`. Gives the rows by table. What is written meanwhile may or may not be in it. */
export async function saveTables(
  { service, table }: Access,
  folder: string,
): Promise<Record<string, number>> {
  await mkdir(folder, { recursive: true });
  const rows: Record<string, number> = {};
  for await (const { name } of service.listTables()) {
    if (!name) continue;
    const packed = createGzip();
    const file = packed.pipe(createWriteStream(path.join(folder, `${name}${ending}`)));
    let count = 0;
    for await (const entity of table(name).listEntities({ disableTypeConversion: true })) {
      const line = `${lineOf(rowOf(entity))}\n`;
      count++;
      if (!packed.write(line)) await new Promise((resolve) => packed.once('drain', resolve));
    }
    packed.end();
    await finished(file);
    rows[name] = count;
  }
  return rows;
}

/** JSON on one line, also for readers that take U+2028 and U+2029 for ends of lines. */
function lineOf(row: SavedRow): string {
  return JSON.stringify(row).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** The library's row without what the service adds: ETag, time of writing. */
function rowOf(entity: Record<string, unknown>): SavedRow {
  const kept = Object.entries(entity).filter(
    ([name]) => name !== 'etag' && name !== 'timestamp' && !name.startsWith('odata'),
  );
  return rowSchema.parse(Object.fromEntries(kept));
}

/**
 * Writes every row of the files in `folder`, making tables that are missing; a row of the same keys is replaced, others
 * stay. Gives the rows by table. May be run again after it broke off.
 */
export async function restoreTables(
  { service, table }: Access,
  folder: string,
): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(ending)).sort()) {
    const name = file.slice(0, -ending.length);
    await service.createTable(name);
    const client = table(name);
    let count = 0;
    for await (const batch of batches(path.join(folder, file))) {
      const transaction = new TableTransaction();
      for (const row of batch) transaction.upsertEntity(row, 'Replace');
      const [only] = batch;
      if (only && batch.length === 1) await client.upsertEntity(only, 'Replace');
      else await client.submitTransaction(transaction.actions);
      count += batch.length;
    }
    rows[name] = count;
  }
  return rows;
}

/** Rows of one partition that follow each other, as many as a transaction takes. */
async function* batches(file: string): AsyncGenerator<SavedRow[]> {
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()), crlfDelay: Infinity });
  let batch: SavedRow[] = [];
  let bytes = 0;
  for await (const line of lines) {
    const row = rowSchema.parse(JSON.parse(line));
    // names and types of a row add to its size on the wire; twice the line is more than they come to
    const size = 2 * Buffer.byteLength(line);
    const full = batch.length === mostRows || bytes + size > mostBytes;
    if (batch.length > 0 && (full || batch[0]?.partitionKey !== row.partitionKey)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
