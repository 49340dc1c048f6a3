import { type Engine, identifier, literal } from '../duck.ts';
import type { LakeFile } from './layout.ts';
import {
  type Binding,
  bindByMapping,
  bindByName,
  columnsOf,
  type FieldSource,
  mappedColumns,
} from './mapping.ts';
import { type EntityName, type Field, type FieldType, schemaFields, usedFields } from './schema.ts';
import { type Shape, sniff } from './sniff.ts';

/** A row that was not read, and why. */
export interface Reject {
  file: string;
  /** number of the row in the file, a header being row 1; a quoted line break does not begin a new one */
  row: number;
  column: string;
  reason: string;
  /** the row itself, cut at 1,000 characters */
  text: string;
}

export type FileRead =
  | { ok: true; rows: number; rejects: Reject[] }
  | { ok: false; rows: number; rejects: Reject[]; reason: string };

/** Above this share of bad rows a file is not used at all. */
export const mostRejects = 0.01;
/** Rejects of one file that are kept; a file with more is not used. */
const rejectLimit = 100_000;

/**
 * Reads a file that was brought to `path` into the entity tables (`raw_Transactions` …) of the engine. Nothing of a file
 * that turns out bad stays in the tables.
 */
export async function readFileInto(
  engine: Engine,
  unit: number,
  file: LakeFile,
  path: string,
  head: Uint8Array,
): Promise<FileRead> {
  const opened = file.kind === 'parquet' ? await openParquet(engine, path) : openCsv(file, path, head);
  if (!opened.ok) return { ok: false, rows: 0, rejects: [], reason: opened.reason };
  let rows = 0;
  const rejects: Reject[] = [];
  for (const entity of file.entities) {
    const bound = file.mapped
      ? bindByMapping(entity, file.mapped, opened.columns)
      : bindByName(entity, opened.columns);
    if (!bound.ok) return { ok: false, rows, rejects, reason: bound.reason };
    const result = await load(engine, unit, file, opened, bound.binding);
    rows += result.rows;
    rejects.push(...result.rejects);
    if (!result.ok) return { ...result, rows, rejects };
  }
  return { ok: true, rows, rejects };
}

interface Opened {
  ok: true;
  columns: readonly string[];
  /** the FROM clause for given types of columns, and the SQL name of a column */
  from(types: ReadonlyMap<string, FieldType>, required: ReadonlySet<string>): string;
  sqlName(column: string): string;
  csv: boolean;
  firstRow: number;
}

const sqlTypes: Readonly<Record<FieldType, string>> = {
  text: 'VARCHAR',
  number: 'DECIMAL(18,4)',
  time: 'TIMESTAMP',
  integer: 'BIGINT',
};

function openCsv(file: LakeFile, path: string, head: Uint8Array): Opened | { ok: false; reason: string } {
  const given = file.cdm ?? { header: file.mapped?.header, delimiter: file.mapped?.delimiter };
  const sniffed = sniff(head, file.gzip, {
    ...(given.header === undefined ? {} : { header: given.header }),
    ...(given.delimiter === undefined ? {} : { delimiter: given.delimiter }),
    ...(file.mapped ? { names: mappedColumns(file.mapped) } : {}),
  });
  if (!sniffed.ok) return sniffed;
  const named = nameColumns(file, sniffed.shape);
  if (!named.ok) return named;
  const { shape } = sniffed;
  const sqlName = (column: string) => identifier(`c${named.columns.indexOf(column)}`);
  return {
    ok: true,
    columns: named.columns,
    csv: true,
    firstRow: shape.header ? 2 : 1,
    sqlName,
    from: (types, required) => {
      const columns = named.columns.map((column, i) => `'c${i}': '${sqlTypes[types.get(column) ?? 'text']}'`);
      const filled = named.columns.flatMap((column, i) => (required.has(column) ? [`'c${i}'`] : []));
      return `read_csv(${literal(path)}, auto_detect = false, delim = ${literal(shape.delimiter)}, quote = '"', escape = '"',
        header = ${shape.header}, columns = {${columns.join(', ')}}, compression = '${file.gzip ? 'gzip' : 'none'}',
        store_rejects = true, rejects_limit = ${rejectLimit}, force_not_null = [${filled.join(', ')}],
        max_line_size = 1048576)`;
    },
  };
}

/** A file without a header has the columns of its CDM entity, else of DFP's schema in its order. */
function nameColumns(
  file: LakeFile,
  shape: Shape,
): { ok: true; columns: readonly string[] } | { ok: false; reason: string } {
  if (shape.header && new Set(shape.columns).size < shape.columns.length)
    return { ok: false, reason: 'two columns of the header have the same name' };
  if (file.cdm) {
    if (file.cdm.columns.length === shape.columns.length) return { ok: true, columns: file.cdm.columns };
    return wrongWidth(shape, file.cdm.columns.length, 'the CDM entity');
  }
  if (shape.header || file.mapped) return { ok: true, columns: shape.columns };
  const fields = schemaFields[file.entities[0]!];
  if (fields.length === shape.columns.length) return { ok: true, columns: fields };
  return wrongWidth(shape, fields.length, `the schema of ${file.entities[0]}`);
}

function wrongWidth(shape: Shape, expected: number, what: string): { ok: false; reason: string } {
  return {
    ok: false,
    reason: `no header, and ${shape.columns.length} columns where ${what} has ${expected}`,
  };
}

async function openParquet(engine: Engine, path: string): Promise<Opened | { ok: false; reason: string }> {
  const from = `read_parquet(${literal(path)})`;
  try {
    const rows = await engine.rows(`DESCRIBE SELECT * FROM ${from}`);
    const columns = rows.map((row) => String(row.column_name));
    return { ok: true, columns, csv: false, firstRow: 1, sqlName: identifier, from: () => from };
  } catch (error) {
    return { ok: false, reason: `not a Parquet file that can be read: ${firstLine(error)}` };
  }
}

async function load(
  engine: Engine,
  unit: number,
  file: LakeFile,
  opened: Opened,
  binding: Binding,
): Promise<FileRead> {
  const fields = usedFields[binding.entity];
  const types = new Map<string, FieldType>();
  const required = new Set<string>();
  for (const field of fields) {
    const from = binding.columns.get(field.column);
    if (from === undefined) continue;
    for (const column of columnsOf(from)) {
      const type = typeIn(from, field.type);
      const known = types.get(column);
      types.set(column, known === undefined || known === type ? type : 'text');
    }
    if (field.required && typeof from === 'string') required.add(from);
  }
  const select = fields.map(
    (field) => `${expression(opened, types, field, binding.columns.get(field.column))} AS ${field.column}`,
  );
  const changes = file.cdm?.changes ? changeColumns(opened, file.cdm.columns) : undefined;
  const table = `raw_${binding.entity}`;
  const extra = changes ?? { id: recordId(opened, file), lsn: "''", sequence: "''", action: "''" };
  const query = `SELECT ${unit} AS unit, ${select.join(', ')}, ${extra.id} AS change_id, ${extra.lsn} AS change_lsn,
    ${extra.sequence} AS change_sequence, ${extra.action} AS change_action FROM ${opened.from(types, required)}`;
  try {
    await engine.run(`CREATE OR REPLACE TEMP TABLE incoming AS ${query}`);
  } catch (error) {
    await clearRejects(engine).catch(() => undefined);
    return { ok: false, rows: 0, rejects: [], reason: `cannot be read: ${firstLine(error)}` };
  }
  const rejects = await rejectsOf(engine, file, opened);
  // Such a row may have swallowed any number of those behind it.
  const broken = rejects.find(
    ({ reason, text }) => reason.includes('unterminated quote') && text.includes('\n'),
  );
  const needed = fields.filter((field) => field.required);
  const empty = needed.map((field) => `${field.column} IS NULL`).join(' OR ');
  const [counted = {}] = await engine.rows(
    `SELECT count(*) AS total, count(*) FILTER (WHERE ${empty}) AS empty FROM incoming`,
  );
  if (counted.empty !== 0) rejects.push(...(await emptyKeys(engine, file, opened, needed, rejects)));
  const good = Number(counted.total) - Number(counted.empty);
  const bad = rejects.length;
  const verdict = broken
    ? `row ${broken.row} opens a quote that is never closed`
    : bad >= rejectLimit || bad > mostRejects * (good + bad)
      ? `${bad} of ${good + bad} rows are bad, more than ${mostRejects * 100} %; the first: row ${rejects[0]!.row}, ${rejects[0]!.reason}`
      : undefined;
  if (verdict === undefined) {
    const keep = binding.distinct ? ' QUALIFY row_number() OVER (PARTITION BY number) = 1' : '';
    await engine.run(`INSERT INTO ${table} SELECT * FROM incoming${keep}`);
  }
  return verdict === undefined
    ? { ok: true, rows: good, rejects }
    : { ok: false, rows: 0, rejects, reason: verdict };
}

function typeIn(from: FieldSource, type: FieldType): FieldType {
  if (typeof from === 'string') return type;
  return 'product' in from ? 'number' : 'text';
}

function expression(
  opened: Opened,
  types: ReadonlyMap<string, FieldType>,
  field: Field,
  from: FieldSource | undefined,
): string {
  const type = sqlTypes[field.type];
  if (from === undefined) return `CAST(NULL AS ${type})`;
  const as = (column: string, wanted: string) => `TRY_CAST(${opened.sqlName(column)} AS ${wanted})`;
  if (typeof from === 'string') {
    const own = opened.csv && types.get(from) === field.type;
    const value = own ? opened.sqlName(from) : as(from, type);
    return field.type === 'text' ? `nullif(trim(${value}), '')` : value;
  }
  if ('value' in from) return `CAST(${literal(from.value)} AS ${type})`;
  if ('product' in from)
    return `TRY_CAST(${from.product.map((column) => as(column, 'DECIMAL(15,4)')).join(' * ')} AS ${type})`;
  if ('startsWith' in from)
    return `CAST(CASE WHEN starts_with(${as(from.startsWith[0], 'VARCHAR')}, ${literal(from.startsWith[1])}) THEN '1' ELSE '0' END AS ${type})`;
  const [column, end] = from.upTo;
  return `TRY_CAST(nullif(trim(split_part(${as(column, 'VARCHAR')}, ${literal(end)}, 1)), '') AS ${type})`;
}

function changeColumns(opened: Opened, columns: readonly string[]) {
  const find = (pattern: RegExp) => {
    const name = columns.find((column) => pattern.test(column));
    return name === undefined ? "''" : `CAST(${opened.sqlName(name)} AS VARCHAR)`;
  };
  return {
    id: find(/^recid$/i),
    lsn: find(/^_*start_?lsn$/i),
    sequence: find(/^_*seq_?val$/i),
    action: find(/^_*(dml_action|operation)$/i),
  };
}

function recordId(opened: Opened, file: LakeFile): string {
  const name = file.cdm?.columns.find((column) => /^recid$/i.test(column));
  return name === undefined ? "''" : `CAST(${opened.sqlName(name)} AS VARCHAR)`;
}

/** One reject a row, with its first fault. */
async function rejectsOf(engine: Engine, file: LakeFile, opened: Opened): Promise<Reject[]> {
  if (!opened.csv) return [];
  const rows = await engine.rows(
    `SELECT line, column_idx, error_type, error_message, left(csv_line, 1000) AS csv_line
     FROM reject_errors QUALIFY row_number() OVER (PARTITION BY line ORDER BY column_idx, error_type) = 1
     ORDER BY line LIMIT ${rejectLimit}`,
  );
  if (rows.length > 0) await clearRejects(engine);
  return rows.map((row) => ({
    file: file.name,
    row: Number(row.line),
    column: opened.columns[Number(row.column_idx) - 1] ?? '',
    reason: String(row.error_message)
      .split('\n')[0]!
      .replace(/^Error when converting column "c\d+"\. /, ''),
    text: String(row.csv_line),
  }));
}

/** The table of rejects belongs to the connection and grows with each file. */
async function clearRejects(engine: Engine): Promise<void> {
  await engine.run('DELETE FROM reject_errors');
}

/** Rows whose key or date is empty: taken out of `incoming`, and reported by the row they were. */
async function emptyKeys(
  engine: Engine,
  file: LakeFile,
  opened: Opened,
  needed: readonly Field[],
  known: readonly Reject[],
): Promise<Reject[]> {
  const empty = needed.map((field) => `${field.column} IS NULL`).join(' OR ');
  const found = await engine.rows(
    `SELECT place, ${needed.map((field) => `${field.column} IS NULL AS ${field.column}`).join(', ')}
     FROM (SELECT *, row_number() OVER () AS place FROM incoming) WHERE ${empty} LIMIT ${rejectLimit}`,
  );
  await engine.run(`DELETE FROM incoming WHERE ${empty}`);
  const skipped = known.map((reject) => reject.row);
  return found.map((row) => {
    let place = Number(row.place) + opened.firstRow - 1;
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

const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

/** The statements that make empty entity tables. */
export function emptyTables(entities: readonly EntityName[]): string[] {
  return entities.flatMap((entity) => [
    `DROP TABLE IF EXISTS raw_${entity}`,
    `CREATE TEMP TABLE raw_${entity} (unit INTEGER, ${usedFields[entity]
      .map((field) => `${field.column} ${sqlTypes[field.type]}`)
      .join(', ')}, change_id VARCHAR, change_lsn VARCHAR, change_sequence VARCHAR, change_action VARCHAR)`,
  ]);
}
