import { CsvError, parse } from 'csv-parse/sync';
import { sniff } from '../sniff.ts';
import type { Blobs } from '../storage/index.ts';
import { type EntityName, entityNames, entityOf, entityOfFile } from './csv/entities.ts';
import { bind, mappedFile } from './csv/mapping.ts';
import { bodyOf } from './csv/row.ts';
import { readLine } from './eventLine.ts';
import { type FileRecord, OpenQuoteError, recordsOf } from './records.ts';
import { type Keyed, runBytes } from './runs.ts';
import { orderOf, type Staged, type StagedEvent, stage } from './staged.ts';
import { bytesFrom, GzipError, headOf, isGzip, type Piece } from './storedFile.ts';
import type { FileShape, ImportRequest, Progress, RecordFault } from './types.ts';

/** Files that cannot be imported as they are; the faults say why. */
export class FilesError extends Error {
  readonly faults: RecordFault[];
  constructor(faults: RecordFault[]) {
    super(faults.map(({ file, message }) => `${file}: ${message}`).join('; '));
    this.faults = faults;
  }
}

const headBytes = 65_536;

/** Finds out how a file is to be read: NDJSON, or which entity's CSV. Throws FilesError. */
export async function lookAt(
  blobs: Blobs,
  pieces: readonly Piece[],
  name: string,
  mapping: ImportRequest['mapping'],
): Promise<FileShape> {
  const gzip = await isGzip(blobs, pieces);
  const no = (message: string, path = '') => new FilesError([{ file: name, line: 1, path, message }]);
  const head = await headOf(blobs, pieces, gzip, headBytes).catch((error: unknown) => {
    throw error instanceof GzipError ? no(error.message) : error;
  });
  const start = new TextDecoder()
    .decode(head.subarray(0, 64))
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (start.startsWith('{')) return { gzip };
  if (start.startsWith('['))
    throw no('is a JSON list; a file of events has one event a line (NDJSON), without brackets and commas');
  const mapped = mappedFile(mapping, name);
  const sniffed = sniff(head, false, {
    header: mapped?.header ?? true,
    delimiter: mapped?.delimiter,
  });
  if (!sniffed.ok) throw no(sniffed.reason);
  const { delimiter, header, columns } = sniffed.shape;
  const entity = mapped?.entity ?? entityOfFile(name, columns);
  if (entity === undefined)
    throw no(
      `it is neither NDJSON nor known as one of DFP's entities (${entityNames.join(', ')}) by its name or columns; name its entity in the mapping`,
    );
  const bound = bind(entity, columns, mapped);
  if (!bound.ok) throw new FilesError(bound.faults.map((fault) => ({ file: name, line: 1, ...fault })));
  return { gzip, csv: { entity, delimiter, columns, header, unused: bound.unused } };
}

/** A row that makes an event together with rows of other files. */
export interface JoinRow {
  entity: EntityName;
  file: number;
  line: number;
  body: ReturnType<typeof bodyOf>;
}

/** A file between two units. Who keeps it open reads on from there; a gzip file has no way in but from its beginning. */
export interface OpenFile {
  file: number;
  /** where its next record begins */
  offset: number;
  records: AsyncGenerator<FileRecord>;
  /** bytes of the file itself that were read */
  packed(): number;
}

/** What reading some of the files gave. */
export interface ReadUnit {
  events: Keyed[];
  rows: Keyed[];
  faults: RecordFault[];
  records: number;
  rejected: number;
  /** of the events, for the summary */
  staged: Pick<StagedEvent, 'key' | 'received'>[];
  read: Progress['read'];
  /** the file in which the unit ends, for the next one; to be closed by its `records.return()` */
  open?: OpenFile;
  /** are all files read? */
  done: boolean;
}

/** Faults of one record that are noted. */
const faultsOfRecord = 20;

/**
 * Reads files on from where `read` says, until what was read is `most` characters or so, which fill a run. The same place gives
 * the same unit again.
 */
export async function readUnit(
  blobs: Blobs,
  files: readonly { name: string; pieces: readonly Piece[]; shape: FileShape }[],
  {
    read,
    mapping,
    now,
    open,
    most = runBytes,
  }: {
    read: Progress['read'];
    mapping: ImportRequest['mapping'];
    now: number;
    open?: OpenFile | undefined;
    most?: number;
  },
): Promise<ReadUnit> {
  const unit: ReadUnit = {
    events: [],
    rows: [],
    faults: [],
    records: 0,
    rejected: 0,
    staged: [],
    read,
    done: false,
  };
  // rows of one entity alone need no joining
  const joined = new Set(
    files.flatMap(({ shape }) => {
      const name = entityNames.find((each) => each === shape.csv?.entity);
      const { type, joinedBy } = name ? entityOf(name) : {};
      return joinedBy && joinedBy.part !== 'event' && type !== undefined ? [type] : [];
    }),
  );
  let size = 0;
  const reject = (file: string, line: number, faults: readonly { path: string; message: string }[]) => {
    unit.rejected++;
    for (const { path, message } of faults.slice(0, faultsOfRecord))
      unit.faults.push({ file, line, path, message });
  };
  const take = (name: string, line: number, staged: Staged) => {
    if (!staged.ok) return reject(name, line, staged.faults);
    const item = stagedItem(staged.event);
    size += item.text.length + item.key.length;
    unit.events.push(item);
    unit.staged.push({ key: staged.event.key, received: staged.event.received });
  };

  let before = files.slice(0, read.file).reduce((sum, { pieces }) => sum + bytesOf(pieces), 0);
  for (let index = read.file; index < files.length; index++) {
    const file = files[index]!;
    const { name, pieces, shape } = file;
    const start = index === read.file ? read : { offset: 0, line: 1 };
    const isOpen = open?.file === index && open.offset === start.offset;
    const opened = isOpen ? open : openFile(blobs, file, index, start);
    const csv = shape.csv && csvReader(file, joined, mapping);
    let header = shape.csv?.header === true && start.offset === 0;
    try {
      for (;;) {
        const { done, value: record } = await opened.records.next();
        if (done) break;
        if (header) {
          header = false;
          continue;
        }
        unit.records++;
        if (record.text === undefined)
          reject(name, record.line, [{ path: '', message: record.fault ?? 'cannot be read' }]);
        else if (!csv)
          take(name, record.line, readLine(record.text, { file: index, line: record.line }, now));
        else {
          const found = csv(record.text, { file: index, line: record.line }, now);
          if ('row' in found) {
            size += found.row.text.length + found.row.key.length;
            unit.rows.push(found.row);
          } else take(name, record.line, found);
        }
        if (size >= most || unit.faults.length >= 50_000) {
          unit.read = {
            file: index,
            offset: record.end,
            line: record.line + linesIn(record.text),
            packed: before + opened.packed(),
          };
          unit.open = { ...opened, offset: record.end };
          return unit;
        }
      }
    } catch (error) {
      if (!(error instanceof GzipError || error instanceof OpenQuoteError)) throw error;
      const at = error instanceof OpenQuoteError ? error.line : 1;
      throw new FilesError([{ file: name, line: at, path: '', message: error.message }]);
    }
    before += bytesOf(pieces);
    unit.read = { file: index + 1, offset: 0, line: 1, packed: before };
  }
  unit.done = true;
  return unit;
}

function openFile(
  blobs: Blobs,
  { pieces, shape }: { pieces: readonly Piece[]; shape: FileShape },
  file: number,
  { offset, line }: { offset: number; line: number },
): OpenFile {
  let packed = 0;
  const bytes = bytesFrom(blobs, pieces, {
    gzip: shape.gzip,
    offset,
    read: (sofar) => {
      packed = sofar;
    },
  });
  const records = recordsOf(bytes, {
    start: { offset, line },
    ...(shape.csv ? { delimiter: shape.csv.delimiter } : {}),
  });
  return { file, offset, records, packed: () => packed };
}

const bytesOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { bytes }) => sum + bytes, 0);

const linesIn = (text = '') => text.split('\n').length;

/** An event as a line of a run. */
export function stagedItem(event: StagedEvent): Keyed {
  return { key: orderOf(event), text: JSON.stringify(event) };
}

type CsvFound = Staged | { row: Keyed };

/** Reads the records of one CSV file: as events, or as rows to be joined. */
function csvReader(
  { name, shape }: { name: string; shape: FileShape },
  joined: ReadonlySet<string>,
  mapping: ImportRequest['mapping'],
): (text: string, origin: { file: number; line: number }, now: number) => CsvFound {
  const { csv } = shape;
  const entity = entityNames.find((each) => each === csv?.entity);
  const bound = entity && csv && bind(entity, csv.columns, mappedFile(mapping, name));
  if (!entity || !csv || !bound?.ok) throw new Error(`the file ${name} was not looked at`);
  const { type, joinedBy } = entityOf(entity);
  const joins = joinedBy !== undefined && joined.has(type);
  return (text, origin, now) => {
    const values = valuesOf(text, csv.delimiter);
    if (typeof values === 'string') return { ok: false, faults: [{ path: '', message: values }] };
    if (values.length !== csv.columns.length)
      return {
        ok: false,
        faults: [{ path: '', message: `has ${values.length} columns, the first line ${csv.columns.length}` }],
      };
    const body = bodyOf(bound.bindings, values);
    if (
      !joins &&
      joinedBy?.part !== 'instrument' &&
      joinedBy?.part !== 'product' &&
      joinedBy?.part !== 'address'
    )
      return stage(body, { type }, origin, now);
    const id = joinId(body, type);
    if (id === undefined)
      return {
        ok: false,
        faults: [{ path: type === 'Purchase' ? 'purchaseId' : 'userId', message: 'is required' }],
      };
    const { file, line } = origin;
    const rank = joinedBy?.part === 'event' ? 0 : 1;
    const place = `${String(file).padStart(4, '0')}|${String(line).padStart(12, '0')}`;
    const row: JoinRow = { entity, file, line, body };
    return { row: { key: `${type}|${JSON.stringify(id)}|${rank}|${place}`, text: JSON.stringify(row) } };
  };
}

function joinId(body: JoinRow['body'], type: string): string | undefined {
  const { purchaseId, userId } = body;
  const id = type === 'Purchase' ? purchaseId : userId;
  return typeof id === 'string' ? id.trim() : undefined;
}

/** The values of one CSV record; a text that says what is wrong with it. */
function valuesOf(text: string, delimiter: string): string[] | string {
  try {
    const [values, ...others]: string[][] = parse(text, { delimiter, relax_column_count: true });
    return others.length > 0 || !values ? 'is no single record of CSV' : values;
  } catch (error) {
    if (error instanceof CsvError)
      return `is no CSV: ${error.code.replace(/^CSV_/, '').toLowerCase().replaceAll('_', ' ')}`;
    throw error;
  }
}
