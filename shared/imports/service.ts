import type { App } from '../assessment/app.ts';
import { Problem } from '../problem.ts';
import { entityNames } from './csv/entities.ts';
import { bind, mappedFile } from './csv/mapping.ts';
import { bytesOfPart, type Import, names, openImports, type Place, partsOf, piecesOf } from './store.ts';
import { type ImportRequest, type ImportStatus, mostBytes, type Progress } from './types.ts';
import { enqueue } from './work.ts';

/** Characters of what is asked for: it lies in one row. */
const largestRequest = 400_000;

type Parts = Pick<App, 'storage' | 'clock'>;

/** An import with how far it is. */
export interface ImportState {
  one: Import;
  status: ImportStatus;
  progress?: Progress;
  /** of each file: the places of the parts that are there; of a file in storage none */
  uploaded: number[][];
  /** 0 to 1, of the stage at hand */
  done: number;
  /** of the stage at hand */
  secondsLeft?: number;
}

/** Notes an import of an environment; its files are uploaded next. Throws a Problem 400, or 413 where they are too large. */
export async function createImport(
  app: Parts,
  environment: string,
  request: ImportRequest,
  by: string,
): Promise<ImportState> {
  const faults = request.files.flatMap(({ name, blob }, index) => {
    const path = `files[${index}]`;
    if (request.files.findIndex((other) => other.name === name) < index)
      return [{ path: `${path}.name`, message: 'another file has the same name' }];
    if (blob !== undefined && !blob.startsWith(names.inbox(environment)))
      return [{ path: `${path}.blob`, message: `must begin with ${names.inbox(environment)}` }];
    return mappingFaults(request, name);
  });
  if (faults.length > 0)
    throw Problem.badRequest('The import cannot be made as it was asked for.', { errors: faults });
  if (JSON.stringify(request).length > largestRequest)
    throw Problem.tooLarge('An import of so many files with such a mapping is too large; make several.', {
      code: 'ImportTooLarge',
    });
  demandSize(request.files.map(({ bytes }) => bytes ?? 0));
  const imports = openImports(app.storage);
  const one = await imports.create(environment, request, by, app.clock());
  return stateOf(app, one);
}

/** Throws a Problem 413 where files of these bytes are more than an import takes. */
function demandSize(files: readonly number[]): void {
  const bytes = files.reduce((sum, each) => sum + each, 0);
  if (bytes > mostBytes)
    throw Problem.tooLarge(
      `The files have ${Math.ceil(bytes / 1e9)} GB together; an import takes ${mostBytes / 1e9}. Make several.`,
      { code: 'ImportTooLarge' },
    );
}

/** What the mapping of a file says can be checked without the file, as far as it names its entity. */
function mappingFaults({ mapping }: ImportRequest, file: string): { path: string; message: string }[] {
  const mapped = mappedFile(mapping, file);
  const entity = entityNames.find((name) => name === mapped?.entity);
  if (!mapped || !entity || !mapping) return [];
  const columns = Object.values(mapped.columns ?? {}).flatMap((from) =>
    typeof from === 'string' ? [from] : 'column' in from ? [from.column] : [],
  );
  const bound = bind(entity, columns, mapped);
  const index = mapping.files.indexOf(mapped);
  if (bound.ok) return [];
  return bound.faults
    .filter(({ path }) => path in (mapped.columns ?? {}))
    .map(({ path, message }) => ({
      path: `mapping.files[${index}].columns[${JSON.stringify(path)}]`,
      message,
    }));
}

/** Keeps one part of a file; the same part again takes its place. Throws a Problem: 404, 409 where it was started, 400 for other bytes. */
export async function uploadPart(
  app: Parts,
  place: Place,
  { file, part, content }: { file: number; part: number; content: Uint8Array },
): Promise<void> {
  const imports = openImports(app.storage);
  const one = await imports.get(place);
  if (one.started !== undefined || one.cancelled !== undefined)
    throw Problem.conflict('The import was started; its files do not change any more.', {
      code: 'ImportStarted',
    });
  const { bytes } = one.request.files[file] ?? {};
  if (bytes === undefined || part >= partsOf(bytes))
    throw Problem.notFound('The import has no such part to be uploaded.', { code: 'PartNotFound' });
  const wanted = bytesOfPart(bytes, part);
  if (content.byteLength !== wanted)
    throw Problem.badRequest(
      `Part ${part} of the file has ${wanted} bytes; the body has ${content.byteLength}.`,
      { code: 'PartSize' },
    );
  await imports.blobs.write(names.part(one, file, part), content);
}

/**
 * Starts an import, or goes on with one that was validated. Throws a Problem: 404, 409 where parts or files are missing or the
 * import is at its end, 413 where files in storage are too large.
 */
export async function startImport(app: Parts, place: Place, dryRun: boolean): Promise<ImportState> {
  const imports = openImports(app.storage);
  const one = await imports.get(place);
  const { progress } = (await imports.progress(place)) ?? {};
  const outcome = progress?.outcome;
  if (one.cancelled !== undefined || (outcome !== undefined && outcome !== 'Validated'))
    throw Problem.conflict('The import is at its end.', { code: 'ImportOver' });
  // asked for again
  if (one.started !== undefined && one.dryRun === dryRun) return stateOf(app, one);
  if (one.started === undefined) await demandFiles(app, one);
  if (one.started !== undefined && dryRun)
    throw Problem.conflict('The import is under way.', { code: 'ImportStarted' });
  await imports.write({ ...one, started: one.started ?? new Date(app.clock()).toISOString(), dryRun });
  await enqueue(app, place);
  return stateOf(app, await imports.get(place));
}

async function demandFiles(app: Parts, one: Import): Promise<void> {
  const imports = openImports(app.storage);
  const parts = await imports.parts(one);
  const missing: string[] = [];
  const sizes: number[] = [];
  for (const [index, { name, bytes }] of one.request.files.entries()) {
    if (bytes === undefined) {
      sizes.push(...(await piecesOf(imports, one, index)).map((piece) => piece.bytes));
      continue;
    }
    sizes.push(bytes);
    const there = parts.get(index);
    const lacking = Array.from({ length: partsOf(bytes) }, (_, part) => part).filter(
      (part) => !there?.has(part),
    );
    if (lacking.length > 0) missing.push(`${lacking.length} of ${partsOf(bytes)} parts of ${name}`);
  }
  demandSize(sizes);
  if (missing.length > 0)
    throw Problem.conflict(`Not all is uploaded: ${missing.join(', ')}.`, { code: 'PartsMissing' });
}

/** Stops an import behind the chunk that is under way; what was imported stays. Throws a Problem 404, or 409 where it is at its end. */
export async function cancelImport(app: Parts, place: Place): Promise<ImportState> {
  const imports = openImports(app.storage);
  const one = await imports.get(place);
  const { progress } = (await imports.progress(place)) ?? {};
  if (one.cancelled === undefined) {
    if (progress?.outcome !== undefined && progress.outcome !== 'Validated')
      throw Problem.conflict('The import is at its end.', { code: 'ImportOver' });
    await imports.write({ ...one, cancelled: new Date(app.clock()).toISOString() });
    await enqueue(app, place);
  }
  return stateOf(app, await imports.get(place));
}

/** Throws a Problem 404. */
export async function getImport(app: Parts, place: Place): Promise<ImportState> {
  return stateOf(app, await openImports(app.storage).get(place));
}

/** The imports of an environment, the newest first. */
export async function listImports(app: Parts, environment: string, limit: number): Promise<ImportState[]> {
  const found = await openImports(app.storage).list(environment, limit);
  return Promise.all(found.map((one) => stateOf(app, one)));
}

/** Is an import of the environment at work, so that events of any person may still come? */
export async function isImporting(app: Parts, environment: string): Promise<boolean> {
  const imports = openImports(app.storage);
  for await (const place of imports.open()) {
    if (place.environment !== environment) continue;
    const one = await imports.find(place);
    const { progress } = (await imports.progress(place)) ?? {};
    const status = one && statusOf(one, progress);
    // one that was cancelled may be at its last chunk, until its worker has noted the end
    const isEnding = status === 'Cancelled' && progress !== undefined && progress.outcome === undefined;
    if (status === 'Running' || isEnding) return true;
  }
  return false;
}

/** The faults that were found so far, up to `keptFaults`, one a line, as JSON. Throws a Problem 404. */
export async function faultsFile(app: Parts, place: Place): Promise<Uint8Array> {
  const imports = openImports(app.storage);
  const one = await imports.get(place);
  const parts: Uint8Array[] = [];
  for await (const { name } of imports.blobs.list(names.faults(one))) {
    const read = await imports.blobs.read(name);
    if (read) parts.push(read.content);
  }
  return Buffer.concat(parts);
}

async function stateOf(app: Parts, one: Import): Promise<ImportState> {
  const imports = openImports(app.storage);
  const { progress } = (await imports.progress(one)) ?? {};
  const status = statusOf(one, progress);
  const parts = status === 'Uploading' ? await imports.parts(one) : undefined;
  const done = progress ? await shareOf(one, progress) : 0;
  const worked = progress?.workedMs ?? 0;
  return {
    one,
    status,
    ...(progress ? { progress } : {}),
    uploaded: one.request.files.map((_, index) =>
      [...(parts?.get(index)?.keys() ?? [])].sort((a, b) => a - b),
    ),
    done,
    ...(status === 'Running' && done > 0 && worked > 0
      ? { secondsLeft: Math.ceil((worked * (1 - done)) / done / 1000) }
      : {}),
  };
}

function statusOf(one: Import, progress: Progress | undefined): ImportStatus {
  const outcome = progress?.outcome;
  if (outcome !== undefined && outcome !== 'Validated') return outcome;
  if (one.cancelled !== undefined) return 'Cancelled';
  if (one.started === undefined) return 'Uploading';
  // told to go on
  return outcome === 'Validated' && one.dryRun ? 'Validated' : 'Running';
}

async function shareOf(one: Import, progress: Progress): Promise<number> {
  const { stage, outcome, read, rowBytes, joinOffsets, events } = progress;
  if (outcome !== undefined) return 1;
  const part = (done: number, all: number) => (all > 0 ? Math.min(1, done / all) : 0);
  if (stage === 'Reading') {
    const sizes = one.request.files.map(({ bytes }) => bytes);
    const known = sizes.reduce((sum: number, bytes) => sum + (bytes ?? 0), 0);
    // of files in storage the size is not written down here: their number says how far it is
    return sizes.includes(undefined) ? part(read.file, sizes.length) : part(read.packed, known);
  }
  if (stage === 'Joining')
    return part(
      joinOffsets.reduce((sum, bytes) => sum + bytes, 0),
      rowBytes,
    );
  return stage === 'Importing' ? part(events.done, events.all) : 0;
}
