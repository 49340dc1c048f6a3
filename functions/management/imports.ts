import { z } from 'zod';
import { parseBody } from '../../shared/config/index.ts';
import {
  cancelImport,
  createImport,
  faultsFile,
  getImport,
  type ImportState,
  importSchema,
  importStages,
  importStatuses,
  listImports,
  mappingSchema,
  partBytes,
  startImport,
  uploadPart,
} from '../../shared/imports/index.ts';
import { Problem } from '../../shared/problem.ts';
import { limit, page } from './about.ts';
import { queryNumber, type Reply, type Route, type RouteContext } from './route.ts';

const count = z.int();

const importView = z
  .object({
    id: z.string(),
    status: z.enum(importStatuses),
    reason: z.string().optional().describe('why it failed, or is tried again'),
    created: z.iso.datetime(),
    createdBy: z.string(),
    started: z.iso.datetime().optional(),
    finished: z.iso.datetime().optional(),
    dryRun: z.boolean().describe('stops when all is validated; start it again to go on'),
    files: z.array(
      z.object({
        name: z.string(),
        bytes: z.int().optional(),
        sha256: z.string().optional(),
        blob: z.string().optional(),
        parts: z.array(z.int()).optional().describe('while it is uploaded: the parts that are there'),
        format: z.enum(['events', 'csv']).optional(),
        gzip: z.boolean().optional(),
        entity: z.string().optional(),
        delimiter: z.string().optional(),
        unusedColumns: z.array(z.string()).optional().describe('columns that are no attribute of the entity'),
      }),
    ),
    partBytes: z.int().describe('bytes of a part of an upload; the last may be shorter'),
    mapping: mappingSchema.optional(),
    rejectedShare: z.number(),
    train: z.boolean(),
    progress: z
      .object({
        stage: z.enum(importStages),
        done: z.number().describe('share of the stage, 0 to 1'),
        secondsLeft: z.int().optional().describe('of the stage, about'),
        records: z
          .object({ read: count, accepted: count, rejected: count })
          .describe('lines of event files and records of CSV files'),
        events: z
          .object({ all: count, done: count, imported: count, duplicates: count })
          .describe('`duplicates` were known before'),
        types: z.record(
          z.string(),
          z.object({ events: count, first: z.iso.datetime(), last: z.iso.datetime() }),
        ),
        training: z.string().optional().describe('what became of the training at the end'),
      })
      .optional(),
    faults: z
      .array(
        z.object({
          file: z.string(),
          line: z.int(),
          path: z.string().describe('JSON path in the event; empty for the record as a whole'),
          message: z.string(),
        }),
      )
      .describe('the first hundred; more are in the file of faults'),
  })
  .meta({ id: 'Import' });

const startBody = z.strictObject({
  dryRun: z.boolean().default(false).describe('only validates; started again without it, it goes on'),
});

const base = 'environments/{env}/imports';
const one = `${base}/{id}`;

/** Import of past events: from files that are uploaded in parts, or that lie in storage. */
export const importRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: base,
    permission: 'dataUpload.read',
    about: {
      operation: 'listImports',
      summary: 'The imports, newest first; kept for 28 days after their end',
      query: { limit: limit(200, 50) },
      answers: { 200: page(importView) },
    },
    async handler(context): Promise<Reply> {
      const most = queryNumber(context.query, 'limit', { default: 50, min: 1, max: 200 });
      const found = await listImports(context.app, await environmentOf(context), most);
      return { status: 200, body: { items: found.map(viewOf) } };
    },
  },
  {
    method: 'POST',
    path: base,
    permission: 'dataUpload.write',
    body: 'json',
    about: {
      operation: 'createImport',
      summary: 'Prepares an import; its files are uploaded next, then it is started',
      body: importSchema,
      answers: { 201: importView },
    },
    async handler(context): Promise<Reply> {
      const request = parseBody(importSchema, context.body);
      const made = await createImport(context.app, await environmentOf(context), request, context.caller.id);
      return { status: 201, body: viewOf(made) };
    },
  },
  {
    method: 'GET',
    path: one,
    permission: 'dataUpload.read',
    about: {
      operation: 'getImport',
      summary: 'How far an import is, and what is wrong with its files',
      answers: { 200: importView },
    },
    async handler(context): Promise<Reply> {
      return { status: 200, body: viewOf(await getImport(context.app, await placeOf(context))) };
    },
  },
  {
    method: 'PUT',
    path: `${one}/files/{file}/parts/{part}`,
    permission: 'dataUpload.write',
    body: 'octets',
    about: {
      operation: 'uploadImportPart',
      summary: `Uploads a part of a file: bytes from part × ${partBytes} on; both count from 0`,
      answers: { 204: 'none' },
    },
    async handler(context): Promise<Reply> {
      const [file, part] = [placeIn(context, 'file'), placeIn(context, 'part')];
      await uploadPart(context.app, await placeOf(context), { file, part, content: context.file });
      return { status: 204 };
    },
  },
  {
    method: 'POST',
    path: `${one}/start`,
    permission: 'dataUpload.write',
    body: 'json',
    about: {
      operation: 'startImport',
      summary: 'Starts an import, or a dry run of it',
      body: startBody,
      answers: { 202: importView },
    },
    async handler(context): Promise<Reply> {
      const { dryRun } = parseBody(startBody, context.body);
      return { status: 202, body: viewOf(await startImport(context.app, await placeOf(context), dryRun)) };
    },
  },
  {
    method: 'POST',
    path: `${one}/cancel`,
    permission: 'dataUpload.write',
    about: {
      operation: 'cancelImport',
      summary: 'Stops an import; what was imported stays',
      answers: { 202: importView },
    },
    async handler(context): Promise<Reply> {
      return { status: 202, body: viewOf(await cancelImport(context.app, await placeOf(context))) };
    },
  },
  {
    method: 'GET',
    path: `${one}/faults`,
    permission: 'dataUpload.read',
    about: {
      operation: 'downloadImportFaults',
      summary:
        'What is wrong with the files, the first 100,000 faults: file, line, path and message, a line each, as JSON',
      answers: { 200: 'ndjson' },
    },
    async handler(context): Promise<Reply> {
      const content = await faultsFile(context.app, await placeOf(context));
      const name = `faults-${context.parameter('id')}.ndjson`;
      return { status: 200, file: { content, type: 'application/x-ndjson', name } };
    },
  },
];

async function environmentOf({ app, parameter }: RouteContext): Promise<string> {
  return (await app.config.environment(parameter('env'))).view.id;
}

async function placeOf(context: RouteContext) {
  return { environment: await environmentOf(context), id: context.parameter('id') };
}

/** A place in a list, counted from 0. Throws a Problem 404. */
function placeIn({ parameter }: RouteContext, name: string): number {
  const text = parameter(name);
  if (!/^\d{1,6}$/.test(text))
    throw Problem.notFound(`There is no ${name} ${text}: ${name}s are numbered from 0.`, {
      code: 'PartNotFound',
    });
  return Number(text);
}

function viewOf({
  one: known,
  status,
  progress,
  uploaded,
  done,
  secondsLeft,
}: ImportState): z.output<typeof importView> {
  const { id, created, by, started, dryRun, request } = known;
  return {
    id,
    status,
    ...(progress?.reason === undefined ? {} : { reason: progress.reason }),
    created,
    createdBy: by,
    ...(started === undefined ? {} : { started }),
    ...(progress?.finished === undefined ? {} : { finished: progress.finished }),
    dryRun,
    files: request.files.map((file, index) => {
      const shape = progress?.shapes[index];
      return {
        ...file,
        ...(status === 'Uploading' ? { parts: uploaded[index] ?? [] } : {}),
        ...(shape ? { format: shape.csv ? ('csv' as const) : ('events' as const), gzip: shape.gzip } : {}),
        ...(shape?.csv
          ? { entity: shape.csv.entity, delimiter: shape.csv.delimiter, unusedColumns: shape.csv.unused }
          : {}),
      };
    }),
    partBytes,
    ...(request.mapping ? { mapping: request.mapping } : {}),
    rejectedShare: request.rejectedShare,
    train: request.train,
    ...(progress
      ? {
          progress: {
            stage: progress.stage,
            done,
            ...(secondsLeft === undefined ? {} : { secondsLeft }),
            records: {
              read: progress.records.read,
              accepted: progress.records.read - progress.records.rejected,
              rejected: progress.records.rejected,
            },
            events: progress.events,
            types: progress.types,
            ...(progress.training === undefined ? {} : { training: progress.training }),
          },
        }
      : {}),
    faults: progress?.faults ?? [],
  };
}
