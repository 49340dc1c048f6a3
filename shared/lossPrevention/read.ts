import { type Engine, identifier, literal } from '../duck.ts';
import { type Shape, sniff } from '../sniff.ts';
import type { LakeFile } from './layout.ts';
import {
  type Binding,
  bindByMapping,
  bindByName,
  columnsOf,
  type FieldSource,
  isHeader,
  mappedColumns,
} from './mapping.ts';
import { clearRejects, type Reject, rejectLimit, takeEmptyKeys, takeRejects, unquoted } from './rejects.ts';
import { type EntityName, type Field, type FieldType, schemaFields, usedFields } from './schema.ts';

export type FileRead =
  | { ok: true; rows: number; rejects: Reject[] }
  | { ok: false; rows: number; rejects: Reject[]; reason: string };

/** Above this share of bad rows a file is not used at all. */
const mostRejects = 0.01;
/** The column in which the engine tells the file of a row; no file of ours has one of that name. */
const fileColumn = 'holdfast_file_path';

/** A file of the lake that was brought to this machine, and the unit that its rows belong to. */
export interface Brought {
  unit: number;
  /** tells the rows of this file from those of others in the tables */
  number: number;
  file: LakeFile;
  path: string;
  head: Uint8Array;
}

/**
 * Reads files into the entity tables (`raw_Transactions` …) of the engine; files of the same shape are read by one
 * statement, because a statement costs more than the rows of a quiet day. Answers in the order of the files. The rows of
 * a unit with a file that is not ok are the caller's to remove. `changes`: the tables have the columns of a change feed.
 */
export async function readFiles(
  engine: Engine,
  files: readonly Brought[],
  changes = false,
): Promise<FileRead[]> {
  const results = files.map((): FileRead => ({ ok: true, rows: 0, rejects: [] }));
  const groups = new Map<string, Part[]>();
  for (const [index, brought] of files.entries()) {
    const { file } = brought;
    const opened =
      file.kind === 'parquet' ? await openParquet(engine, brought.path) : openCsv(file, brought.head);
    if (!opened.ok) {
      results[index] = refused(opened.reason);
      continue;
    }
    for (const entity of file.entities) {
      const bound = file.mapped
        ? bindByMapping(entity, file.mapped, opened.columns)
        : bindByName(entity, opened.columns);
      if (!bound.ok) {
        results[index] = refused(bound.reason);
        break;
      }
      const { binding } = bound;
      const shape = [opened.shape, opened.columns, entity, binding.distinct, [...binding.columns]];
      const key = JSON.stringify([...shape, file.cdm?.columns, file.cdm?.changes]);
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push({ index, brought, opened, binding });
    }
  }
  for (const group of groups.values()) {
    const usable = group.filter(({ index }) => results[index]!.ok);
    if (usable.length > 0) await loadGroup(engine, usable, changes, results);
  }
  return results;
}

const refused = (reason: string): FileRead => ({ ok: false, rows: 0, rejects: [], reason });

/** What one file holds of one entity. */
interface Part {
  /** of the file among those read together */
  index: number;
  brought: Brought;
  opened: Opened;
  binding: Binding;
}

/** Loads the parts together; where that fails, or bad rows are too many to tell whose they are, one by one. */
async function loadGroup(
  engine: Engine,
  group: readonly Part[],
  changes: boolean,
  results: FileRead[],
): Promise<void> {
  const loaded = await load(engine, group, changes);
  if (!loaded && group.length > 1) {
    for (const part of group) await loadGroup(engine, [part], changes, results);
    return;
  }
  for (const [i, { index }] of group.entries()) {
    const before = results[index]!;
    const now = loaded?.[i] ?? refused('too many bad rows');
    const rejects = [...before.rejects, ...now.rejects];
    results[index] = now.ok
      ? { ok: true, rows: before.rows + now.rows, rejects }
      : { ok: false, rows: before.rows, rejects, reason: now.reason };
  }
}

interface Opened {
  ok: true;
  columns: readonly string[];
  /** what files that are read together have in common */
  shape: string;
  /** the FROM clause of some files for given types of columns, and the SQL name of a column */
  from(
    paths: readonly string[],
    types: ReadonlyMap<string, FieldType>,
    required: ReadonlySet<string>,
  ): string;
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

function openCsv(file: LakeFile, head: Uint8Array): Opened | { ok: false; reason: string } {
  const given = file.cdm ?? file.mapped;
  const mapped = file.mapped && mappedColumns(file.mapped);
  const sniffed = sniff(head, file.gzip, {
    header: given?.header ?? (mapped ? (first) => mapped.some((name) => first.includes(name)) : isHeader),
    delimiter: given?.delimiter,
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
    shape: JSON.stringify([shape.delimiter, shape.header, file.gzip]),
    from: (paths, types, required) => {
      const columns = named.columns.map((column, i) => `'c${i}': '${sqlTypes[types.get(column) ?? 'text']}'`);
      const filled = named.columns.flatMap((column, i) => (required.has(column) ? [`'c${i}'`] : []));
      return `read_csv([${paths.map(literal).join(', ')}], auto_detect = false, delim = ${literal(shape.delimiter)}, quote = '"', escape = '"',
        header = ${shape.header}, columns = {${columns.join(', ')}}, compression = '${file.gzip ? 'gzip' : 'none'}',
        store_rejects = true, rejects_limit = ${rejectLimit}, force_not_null = [${filled.join(', ')}],
        max_line_size = 1048576, buffer_size = 4194304, filename = '${fileColumn}')`;
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
  try {
    const rows = await engine.rows(`DESCRIBE SELECT * FROM read_parquet(${literal(path)})`);
    return {
      ok: true,
      columns: rows.map((row) => String(row.column_name)),
      shape: JSON.stringify(rows.map((row) => row.column_type)),
      csv: false,
      firstRow: 1,
      sqlName: identifier,
      from: (paths) => `read_parquet([${paths.map(literal).join(', ')}], filename = '${fileColumn}')`,
    };
  } catch (error) {
    return { ok: false, reason: `not a Parquet file that can be read: ${firstLine(error)}` };
  }
}

/** Answers what became of each file; undefined where that cannot be told of several together. */
async function load(
  engine: Engine,
  group: readonly Part[],
  changes: boolean,
): Promise<FileRead[] | undefined> {
  const { brought, opened, binding } = group[0]!;
  const { file } = brought;
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
  const table = `raw_${binding.entity}`;
  if (changes) {
    const own = file.cdm?.changes ? changeColumns(opened, file.cdm.columns) : undefined;
    const extra = own ?? { id: recordId(opened, file), lsn: "''", sequence: "''", action: "''" };
    select.push(`${extra.id} AS change_id, ${extra.lsn} AS change_lsn`);
    select.push(`${extra.sequence} AS change_sequence, ${extra.action} AS change_action`);
  }
  const paths = group.map((part) => part.brought.path);
  // The list's place of a file, as one value for all rows of a chunk.
  const place = `list_position([${paths.map(literal).join(', ')}], ${fileColumn}) - 1`;
  const unit = `[${group.map((part) => part.brought.unit).join(', ')}][${place} + 1]`;
  const fileNumber = `[${group.map((part) => part.brought.number).join(', ')}][${place} + 1]`;
  try {
    await engine.run(`INSERT INTO ${table} BY NAME
      SELECT CAST(${unit} AS INTEGER) AS unit, CAST(${fileNumber} AS INTEGER) AS file, ${select.join(', ')}
      FROM ${opened.from(paths, types, required)}`);
  } catch (error) {
    await clearRejects(engine).catch(() => undefined);
    return group.length > 1 ? undefined : [refused(`cannot be read: ${firstLine(error)}`)];
  }
  const names = new Map(group.map((part) => [part.brought.path, part.brought.file.name]));
  const rejects = opened.csv ? await takeRejects(engine, names, opened.columns) : new Map<string, Reject[]>();
  const numbers = group.map((part) => part.brought.number);
  if (group.length > 1 && [...rejects.values()].flat().length >= rejectLimit) {
    await engine.run(`DELETE FROM ${table} WHERE file IN (${numbers.join(', ')})`);
    return undefined;
  }
  const needed = fields.filter((field) => field.required);
  const empty = needed.map((field) => `${field.column} IS NULL`).join(' OR ');
  const counts = await engine.rows(
    `SELECT file, count(*) AS total, count(*) FILTER (WHERE ${empty}) AS empty FROM ${table}
     WHERE file BETWEEN ${numbers[0]!} AND ${numbers.at(-1)!} GROUP BY file`,
  );
  const results: FileRead[] = [];
  for (const part of group) {
    const counted = counts.find((row) => row.file === part.brought.number) ?? { total: 0, empty: 0 };
    const own = rejects.get(part.brought.path) ?? [];
    // Such a row may have swallowed any number of those behind it.
    const broken = own.find(
      ({ reason, text }) => reason.includes('unterminated quote') && text.includes('\n'),
    );
    const { number } = part.brought;
    const about = { number, name: part.brought.file.name, firstRow: part.opened.firstRow };
    if (counted.empty !== 0) own.push(...(await takeEmptyKeys(engine, table, about, needed, own)));
    if (binding.distinct)
      await engine.run(`DELETE FROM ${table} WHERE file = ${number}
        AND rowid NOT IN (SELECT min(rowid) FROM ${table} WHERE file = ${number} GROUP BY number)`);
    const good = Number(counted.total) - Number(counted.empty);
    const bad = own.length;
    const verdict = broken
      ? `row ${broken.row} opens a quote that is never closed`
      : bad >= rejectLimit || bad > mostRejects * (good + bad)
        ? `${bad} of ${good + bad} rows are bad, more than ${mostRejects * 100} %; the first: ${placed(own[0]!)}`
        : undefined;
    results.push(
      verdict === undefined
        ? { ok: true, rows: good, rejects: own }
        : { ok: false, rows: 0, rejects: own, reason: verdict },
    );
  }
  return results;
}

const placed = ({ row, column, reason }: Reject) =>
  `row ${row}, ${column && `${column}: `}${unquoted(reason)}`;

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

const firstLine = (error: unknown) => unquoted(error instanceof Error ? error.message : String(error));

/** The statements that make empty entity tables; `changes` adds the columns of a change feed. */
export function emptyTables(entities: readonly EntityName[], changes = false): string[] {
  const feed = ', change_id VARCHAR, change_lsn VARCHAR, change_sequence VARCHAR, change_action VARCHAR';
  return entities.flatMap((entity) => [
    `DROP TABLE IF EXISTS raw_${entity}`,
    `CREATE TEMP TABLE raw_${entity} (unit INTEGER, ${usedFields[entity]
      .map((field) => `${field.column} ${sqlTypes[field.type]}`)
      .join(', ')}, file INTEGER${changes ? feed : ''})`,
  ]);
}
