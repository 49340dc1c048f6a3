import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import {
  type Client,
  clientCredentials,
  HoldfastError,
  type Import,
  openClient,
  type Token,
} from '../../clients/typescript/index.ts';
import { type Mapping, mappingSchema } from '../../shared/imports/csv/mapping.ts';
import type { Terminal } from './command.ts';

/** A call that cannot be made; the message says why. */
class UsageError extends Error {}

/** What `--help` shows. */
export const usage = `holdfast import FILE… --environment ENVIRONMENT [--url URL] [--mapping MAPPING.json] [--rejected-share SHARE] [--dry-run]

  FILE           events, one a line (NDJSON), or CSV files of DFP's upload of historical data; plain or gzip
  --environment  id, API name or path; HOLDFAST_ENVIRONMENT where absent
  --url          where the app is; HOLDFAST_URL where absent, or http://localhost:7071
  --mapping      which columns of CSV files are which attributes
  --rejected-share  with a greater share of records that cannot be read nothing is imported; 0.05 where absent
  --dry-run      only validates, and says what would be imported

HOLDFAST_TOKEN is the access token; or HOLDFAST_TOKEN_URL, HOLDFAST_CLIENT_ID, HOLDFAST_CLIENT_SECRET and HOLDFAST_SCOPE say how to get one.
The same command again goes on where it was interrupted.
`;

/** Exit codes: 0 imported (or valid), 1 not, 2 a wrong call, 3 the app refuses or is out of reach, 130 interrupted. */
export async function runImport(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await importFiles(args, terminal);
  } catch (error) {
    if (error instanceof UsageError || isFileError(error) || isArgumentError(error)) {
      terminal.err(`holdfast import: ${error.message}\n\n${usage}`);
      return 2;
    }
    if (!(error instanceof HoldfastError)) throw error;
    const faults = error.errors.map(({ path, message }) => `\n  ${path}: ${message}`).join('');
    terminal.err(`\nholdfast import: ${error.message}${faults}\n`);
    return error.status === 400 ? 1 : 3;
  }
}

async function importFiles(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      environment: { type: 'string', default: process.env.HOLDFAST_ENVIRONMENT },
      url: { type: 'string', default: process.env.HOLDFAST_URL ?? 'http://localhost:7071' },
      mapping: { type: 'string' },
      'rejected-share': { type: 'string', default: '0.05' },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new UsageError('no file is named.');
  const { environment: env, url: baseUrl, 'dry-run': dryRun } = values;
  if (env === undefined) throw new UsageError('--environment is needed.');
  if (!URL.canParse(baseUrl)) throw new UsageError(`--url is no URL: ${baseUrl}`);
  const mapping = values.mapping === undefined ? undefined : await readMapping(values.mapping);
  const rejectedShare = Number(values['rejected-share']);
  if (!(rejectedShare >= 0 && rejectedShare <= 1)) throw new UsageError('--rejected-share is no share.');
  const files = await Promise.all(positionals.map(describe));
  const client = openClient({ baseUrl, token: tokens(process.env), timeoutMs: 60_000, retries: 8 });

  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const wanted = files.map(({ path: _, ...file }) => file);
    const known = await findSame(client, env, { files: wanted, mapping, rejectedShare });
    if (known?.status === 'Completed') {
      terminal.err(`These files were imported already, by ${known.id}.\n`);
      return report(known, terminal);
    }
    const made =
      known ??
      (await client.createImport({
        env,
        body: { files: wanted, rejectedShare, ...(mapping ? { mapping } : {}) },
      }));
    const bar = openBar(terminal);
    if (made.status === 'Uploading') await upload(client, env, made, files, bar, stop.signal);
    if (made.status !== 'Running') await client.startImport({ env, id: made.id, body: { dryRun } });
    return report(await follow(client, env, made.id, bar, stop.signal), terminal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.err(
      '\nInterrupted. What was started goes on in the app; the same command again shows it, or goes on uploading.\n',
    );
    return 130;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

interface LocalFile {
  path: string;
  name: string;
  bytes: number;
  sha256: string;
}

async function describe(path: string): Promise<LocalFile> {
  const { size } = await stat(path);
  if (size === 0) throw new UsageError(`${path} is empty.`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return { path, name: basename(path), bytes: size, sha256: hash.digest('hex') };
}

async function readMapping(path: string): Promise<Mapping> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`${path} is no JSON: ${error.message}`);
    throw error;
  }
  const read = mappingSchema.safeParse(json);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`);
  throw new UsageError(`${path} is no mapping: ${faults.join('; ')}`);
}

interface WantedImport {
  files: readonly Omit<LocalFile, 'path'>[];
  mapping: Mapping | undefined;
  rejectedShare: number;
}

/** An import of the same files, with the same mapping, that is to be gone on with, or was. */
async function findSame(
  client: Client,
  env: string,
  { files, mapping, rejectedShare }: WantedImport,
): Promise<Import | undefined> {
  const { items } = await client.listImports({ env });
  const same = ({ files: theirs, mapping: their, rejectedShare: share }: Import) =>
    isDeepStrictEqual(
      theirs.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
      files,
    ) &&
    isDeepStrictEqual(their, mapping) &&
    share === rejectedShare;
  return items.find((one) => same(one) && one.status !== 'Failed' && one.status !== 'Cancelled');
}

async function upload(
  client: Client,
  env: string,
  { id, files: known, partBytes }: Import,
  files: readonly LocalFile[],
  bar: Bar,
  signal: AbortSignal,
): Promise<void> {
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const [index, { path, bytes }] of files.entries()) {
    const there = new Set(known[index]?.parts);
    const handle = await open(path);
    try {
      for (let part = 0; part * partBytes < bytes; part++) {
        const length = Math.min(partBytes, bytes - part * partBytes);
        if (!there.has(part)) {
          signal.throwIfAborted();
          const body = new Uint8Array(length);
          await handle.read(body, 0, length, part * partBytes);
          await client.uploadImportPart(
            { env, id, file: String(index), part: String(part), body },
            { signal },
          );
        }
        done += length;
        bar('Uploading', done / all, `${Math.round(done / 1048576)} of ${Math.round(all / 1048576)} MB`);
      }
    } finally {
      await handle.close();
    }
  }
}

/** Shows how far the import is until it is at its end. */
async function follow(
  client: Client,
  env: string,
  id: string,
  bar: Bar,
  signal: AbortSignal,
): Promise<Import> {
  for (;;) {
    const now = await client.getImport({ env, id }, { signal });
    const { progress, reason } = now;
    if (progress) {
      const { stage, done, secondsLeft, records, events } = progress;
      const left = secondsLeft === undefined ? '' : `, about ${secondsLeft} s left`;
      const what =
        stage === 'Importing'
          ? `${events.done} of ${events.all} events`
          : `${records.read} records, ${records.rejected} rejected`;
      bar(stage, done, `${what}${left}${now.status === 'Running' && reason ? `; ${reason}` : ''}`);
    }
    if (now.status !== 'Running') return now;
    await pause(500, undefined, { signal });
  }
}

function report({ id, status, reason, progress, faults, files }: Import, { out, err }: Terminal): number {
  const lines = [`${status} (import ${id})`];
  if (reason !== undefined) lines.push(reason);
  for (const { name, unusedColumns = [] } of files)
    if (unusedColumns.length > 0)
      lines.push(`${name}: columns that are not used: ${unusedColumns.join(', ')}`);
  if (progress) {
    const { records, events, types, training } = progress;
    lines.push(`${records.read} records read, ${records.rejected} rejected`);
    for (const [type, { events: count, first, last }] of Object.entries(types))
      lines.push(`  ${type}: ${count}, from ${first} to ${last}`);
    if (status !== 'Validated')
      lines.push(`${events.imported} events imported, ${events.duplicates} were known before`);
    if (training !== undefined) lines.push(training);
  }
  err('\n');
  out(`${lines.join('\n')}\n`);
  for (const { file, line, path, message } of faults.slice(0, 20))
    out(`${file}:${line}: ${path === '' ? '' : `${path}: `}${message}\n`);
  const more = (progress?.records.rejected ?? 0) > 20;
  if (more) out(`… more of them: GET …/imports/${id}/faults\n`);
  return status === 'Completed' || status === 'Validated' ? 0 : 1;
}

type Bar = (stage: string, done: number, text: string) => void;

/** On a terminal one line that changes; else a line a stage. */
function openBar({ err }: Terminal): Bar {
  const width = 24;
  let last = '';
  return (stage, done, text) => {
    const full = Math.round(width * Math.min(1, done));
    const line = `${stage.padEnd(9)} [${'#'.repeat(full)}${'.'.repeat(width - full)}] ${text}`;
    if (process.stderr.isTTY) err(`\r${line.padEnd(110)}`);
    else if (stage !== last) err(`${line}\n`);
    last = stage;
  };
}

function tokens(env: NodeJS.ProcessEnv): () => Promise<Token> {
  const {
    HOLDFAST_TOKEN: value,
    HOLDFAST_TOKEN_URL: tokenUrl,
    HOLDFAST_CLIENT_ID: clientId,
    HOLDFAST_CLIENT_SECRET: clientSecret,
    HOLDFAST_SCOPE: scope,
  } = env;
  if (value) return async () => ({ value, expires: Number.POSITIVE_INFINITY });
  if (tokenUrl && clientId && clientSecret && scope)
    return clientCredentials({ tokenUrl, clientId, clientSecret, scope });
  throw new UsageError('there is no HOLDFAST_TOKEN, and nothing that says how to get one.');
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  const codes = ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'];
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
