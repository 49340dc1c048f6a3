import { z } from 'zod';
import { mappingSchema } from './csv/mapping.ts';

/** Bytes of a part of an uploaded file; the last may be shorter. */
export const partBytes = 4 * 1024 * 1024;

/** Bytes of all files of an import, as they lie there: with events of 364 bytes five days of work, at 130 a second. */
export const mostBytes = 20e9;

const fileSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(200)
      .describe('what the file is called: tells CSV files’ entities, and is what the mapping goes by'),
    bytes: z.int().min(1).max(mostBytes).optional().describe('of a file that is uploaded in parts'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('by which clients know the file again; it is not checked'),
    blob: z
      .string()
      .min(1)
      .max(800)
      .optional()
      .describe('of a file in storage: its path in the container `imports`, below `inbox/{environment id}/`'),
  })
  .refine(({ bytes, blob }) => (bytes === undefined) !== (blob === undefined), {
    message: 'a file has either bytes, to be uploaded, or a blob',
  });

/** What an import is asked for with. */
export const importSchema = z.strictObject({
  files: z.array(fileSchema).min(1).max(500),
  mapping: mappingSchema.optional().describe('of CSV files whose columns are not called as DFP calls them'),
  rejectedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('with a greater share of records that cannot be read nothing is imported'),
  train: z.boolean().default(true).describe('trains the models of the root environment at the end'),
});

export type ImportRequest = z.output<typeof importSchema>;

export const importStages = ['Reading', 'Joining', 'Importing', 'Training'] as const;
export type ImportStage = (typeof importStages)[number];

export const importStatuses = [
  'Uploading',
  'Running',
  'Validated',
  'Completed',
  'Failed',
  'Cancelled',
] as const;
export type ImportStatus = (typeof importStatuses)[number];

/** Something that is wrong with a record. */
export interface RecordFault {
  file: string;
  /** from 1 */
  line: number;
  /** JSON path in the event; empty where it is the record as a whole */
  path: string;
  message: string;
}

/** How a file is read. */
export interface FileShape {
  gzip: boolean;
  /** absent: NDJSON events */
  csv?: { entity: string; delimiter: string; columns: string[]; header: boolean; unused: string[] };
}

/** What is known of the events of one type. */
export interface TypeSummary {
  events: number;
  /** times of the first and the last, ISO 8601 */
  first: string;
  last: string;
}

/** How far an import is: all that a worker needs to go on where another stopped. */
export interface Progress {
  stage: ImportStage;
  outcome?: Exclude<ImportStatus, 'Uploading' | 'Running'>;
  reason?: string;
  finished?: string;
  /** when a worker last wrote this */
  touched: string;
  shapes: FileShape[];
  /** where reading goes on; `packed` are bytes of the files before that and of what was read of this one */
  read: { file: number; offset: number; line: number; packed: number };
  /** runs written so far: events, and rows to be joined */
  runs: number;
  joinRuns: number;
  /** bytes of the runs of rows, and how far they were joined */
  rowBytes: number;
  joinOffsets: number[];
  /** chunks done; `begun` is greater while one is under way. `size`: events of the next one, or of that */
  apply: { offsets: number[]; chunk: number; begun: number; size: number };
  records: { read: number; rejected: number };
  events: { all: number; done: number; imported: number; duplicates: number };
  types: Record<string, TypeSummary>;
  faults: RecordFault[];
  /** how many are in the file of faults */
  kept: number;
  /** time at work in the stage at hand, ms */
  workedMs: number;
  /** how often it failed since it last got on */
  failures: number;
  /** why it ends, as soon as the chunk that is under way is left in order */
  givenUp?: string;
  /** what became of the training at the end */
  training?: string;
}

/** Faults that are shown with an import; more are in its file of faults. */
export const shownFaults = 100;

/** Faults of the file: one wrong column makes one of every row, and who asks for the file gets it in one piece, some 15 MB. */
export const keptFaults = 100_000;

/** Events of the first chunk; the others are as large as a minute allows. */
const firstChunk = 3_000;

export const freshProgress = (now: string): Progress => ({
  stage: 'Reading',
  touched: now,
  shapes: [],
  read: { file: 0, offset: 0, line: 1, packed: 0 },
  runs: 0,
  joinRuns: 0,
  rowBytes: 0,
  joinOffsets: [],
  apply: { offsets: [], chunk: 0, begun: 0, size: firstChunk },
  records: { read: 0, rejected: 0 },
  events: { all: 0, done: 0, imported: 0, duplicates: 0 },
  types: {},
  faults: [],
  kept: 0,
  workedMs: 0,
  failures: 0,
});
