import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Engine, literal, type SqlValue } from '../duck.ts';
import type { LakeEvent } from './line.ts';
import { hashOfKey, parquetName } from './places.ts';
import type { Workspace } from './workspace.ts';

/** Columns of `day.parquet`; the last four are JSON as text. Scores and decision stand apart because reports ask for them most. */
const columns = {
  received: 'VARCHAR',
  environment: 'VARCHAR',
  type: 'VARCHAR',
  id: 'VARCHAR',
  correlationId: 'VARCHAR',
  root: 'VARCHAR',
  decision: 'VARCHAR',
  riskScore: 'DOUBLE',
  botScore: 'DOUBLE',
  event: 'VARCHAR',
  answer: 'VARCHAR',
  enrichment: 'VARCHAR',
  evidence: 'VARCHAR',
} as const;

/** Name in the file's metadata under which the NDJSON files stand that it has the events of. */
const coversName = 'holdfast_files';

/** Rows are wide, and a group of them is held in memory while it is written. */
const rowGroup = 4096;

/** Bytes of a row while it is on its way into the file: DuckDB takes twice as much memory at once. A longer one loses its evidence. */
const longestRow = 32 * 1024 * 1024;

function memberOf(object: object | undefined, name: string): unknown {
  return object === undefined ? undefined : Object.getOwnPropertyDescriptor(object, name)?.value;
}

function objectOf(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

const numberOrNull = (value: unknown) => (typeof value === 'number' ? value : null);
const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null);

/** A line as a row; also a line of JSON, in which what was JSON is text. */
function rowOf(line: string): string {
  const { received, key, root, event, answer, enrichment, evidence }: LakeEvent = JSON.parse(line);
  const json = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));
  const scores = objectOf(memberOf(evidence, 'scores'));
  const row: Record<keyof typeof columns, string | number | null> = {
    received,
    ...key,
    root,
    decision: textOrNull(memberOf(answer, 'decision')),
    riskScore: numberOrNull(memberOf(scores, 'risk')),
    botScore: numberOrNull(memberOf(scores, 'bot')),
    event: json(event),
    answer: json(answer),
    enrichment: json(enrichment),
    evidence: json(evidence),
  };
  const text = `${JSON.stringify(row)}\n`;
  return Buffer.byteLength(text) < longestRow ? text : `${JSON.stringify({ ...row, evidence: null })}\n`;
}

/** Writes lines, which must be in order, as a Parquet file of the workspace, and gives its path. */
export async function writeParquet(
  workspace: Workspace,
  lines: AsyncIterable<string>,
  covers: readonly string[],
): Promise<string> {
  const rows = workspace.path('rows.ndjson.gz');
  const path = workspace.path(parquetName);
  let count = 0;
  await pipeline(
    async function* () {
      for await (const line of lines) {
        count++;
        yield rowOf(line);
      }
    },
    createGzip({ level: 1 }),
    createWriteStream(rows),
  );
  const names = Object.entries(columns).map(([name, type]) => `${name}: '${type}'`);
  const source =
    count > 0
      ? `read_json(${literal(rows)}, format = 'newline_delimited', compression = 'gzip', maximum_object_size = ${longestRow}, columns = {${names.join(', ')}})`
      : `(SELECT ${Object.entries(columns)
          .map(([name, type]) => `NULL::${type} AS ${name}`)
          .join(', ')} WHERE false)`;
  const engine = await workspace.engine();
  await copy(
    engine,
    `SELECT received::TIMESTAMP AS received, * EXCLUDE (received) FROM ${source}`,
    path,
    covers,
  );
  return path;
}

async function copy(engine: Engine, select: string, path: string, covers: readonly string[]): Promise<void> {
  const metadata = `KV_METADATA {${coversName}: ${literal(JSON.stringify(covers))}}`;
  await engine.run(
    `COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroup}, ${metadata})`,
  );
}

/** The names of the NDJSON files whose events the Parquet file has. */
export async function coversOf(engine: Engine, path: string): Promise<string[]> {
  const [row] = await engine.rows(
    `SELECT decode(value) AS files FROM parquet_kv_metadata(${literal(path)}) WHERE decode(key) = ${literal(coversName)}`,
  );
  return JSON.parse(String(row?.files ?? '[]'));
}

/** The engine's reader takes U+FEFF at the beginning of a text for a byte order mark and drops it, so that a sign stands before ids. */
const ids = `'=' || id AS id, '=' || correlationId AS correlationId`;
const idIn = (value: SqlValue | undefined) => String(value).slice(1);

/** The events of a Parquet file as lines; `brief` leaves out what decisions rested on, which is most of it. */
export async function* parquetLines(engine: Engine, path: string, brief: boolean): AsyncGenerator<string> {
  const parts = brief ? 'event, enrichment' : 'event, answer, enrichment, evidence';
  const rows = engine.stream(
    `SELECT strftime(received, '%Y-%m-%dT%H:%M:%S.%gZ') AS received, environment, type, ${ids}, root, ${parts} FROM read_parquet(${literal(path)})`,
  );
  for await (const row of rows) yield lineOf(row);
}

function lineOf(row: Record<string, SqlValue>): string {
  const { received, environment, type, root } = row;
  const [id, correlationId] = [idIn(row.id), idIn(row.correlationId)];
  const head = JSON.stringify({ received, key: { environment, type, id, correlationId }, root });
  const parts = ['event', 'answer', 'enrichment', 'evidence'].flatMap((name) => {
    const text = row[name];
    return typeof text === 'string' ? [`,"${name}":${text}`] : [];
  });
  return `${head.slice(0, -1)}${parts.join('')}}`;
}

/** Writes the file again without the events of these hashes, and gives its path; undefined where it has none of them. */
export async function withoutEvents(
  workspace: Workspace,
  path: string,
  hashes: ReadonlySet<string>,
): Promise<string | undefined> {
  const engine = await workspace.engine();
  const from = `FROM read_parquet(${literal(path)})`;
  const found: string[] = [];
  await engine.each(`SELECT environment, type, ${ids} ${from}`, (row) => {
    const [environment, type] = [String(row.environment), String(row.type)];
    const key = { environment, type, id: idIn(row.id), correlationId: idIn(row.correlationId) };
    if (hashes.has(hashOfKey(key))) found.push(`(${literal(key.id)}, ${literal(key.correlationId)})`);
  });
  if (found.length === 0) return undefined;
  const result = workspace.path(parquetName);
  const kept = `SELECT * ${from} WHERE (id, correlationId) NOT IN (${found.join(', ')})`;
  await copy(engine, kept, result, await coversOf(engine, path));
  return result;
}
