import { randomBytes } from 'node:crypto';
import { Problem } from '../problem.ts';
import { encodeKey, joinText, type Row, type Storage, splitText } from '../storage/index.ts';
import type { Piece } from './storedFile.ts';
import { freshProgress, type ImportRequest, type Progress, partBytes } from './types.ts';

/**
 * Table `imports`. PartitionKey: environment; `open` and `expiring` for the last two. RowKey:
 * - `r|id`: what was asked for, and whether it was started or cancelled; point read, and a range for the list. Ids begin with
 *   their time counted backwards, so that the newest stands first
 * - `environment|id` (in `open`): imports that are not at their end, for the sweep; a range
 * - `time|environment|id` (in `expiring`): imports that are, with the time at which they are forgotten; a range
 *
 * Container `imports`, below `{environment}/{id}/`: `files/{file}/{part}` what was uploaded, `work/…` what is on its way, sorted;
 * `faults/…` what was rejected; `progress.json` how far it is, written by its worker only;
 * `lock`, leased by that. `inbox/{environment}/…` is the merchant's.
 */
export const importNames = { tables: ['imports'], containers: ['imports'], queues: ['imports'] } as const;

export interface Import {
  environment: string;
  id: string;
  request: ImportRequest;
  created: string;
  by: string;
  started?: string;
  /** stops when all is validated */
  dryRun: boolean;
  cancelled?: string;
  etag: string;
}

export interface Place {
  environment: string;
  id: string;
}

const folder = ({ environment, id }: Place) => `${encodeKey(environment)}/${id}`;

export const names = {
  files: (place: Place) => `${folder(place)}/files/`,
  part: (place: Place, file: number, part: number) =>
    `${folder(place)}/files/${file}/${String(part).padStart(6, '0')}`,
  work: (place: Place) => `${folder(place)}/work/`,
  run: (place: Place, kind: 'events' | 'rows', number: number) =>
    `${folder(place)}/work/${kind}-${String(number).padStart(6, '0')}`,
  faults: (place: Place) => `${folder(place)}/faults/`,
  faultPart: (place: Place, stage: string, number: number) =>
    `${folder(place)}/faults/${stage}-${String(number).padStart(6, '0')}.ndjson`,
  progress: (place: Place) => `${folder(place)}/progress.json`,
  lock: (place: Place) => `${folder(place)}/lock`,
  all: (place: Place) => `${folder(place)}/`,
  inbox: (environment: string) => `inbox/${encodeKey(environment)}/`,
};

const idOf = (time: number) => `${9_999_999_999_999 - time}-${randomBytes(6).toString('hex')}`;

/** When an import was asked for, ms, as its id says. */
export const timeOf = ({ id }: Place): number => 9_999_999_999_999 - Number(id.slice(0, 13));

const notFound = () => Problem.notFound('There is no import of this id.', { code: 'ImportNotFound' });

/** The imports of all environments. */
export function openImports(storage: Storage) {
  const table = storage.table('imports');
  const blobs = storage.blobs('imports');
  const keyOf = ({ environment, id }: Place) => ({
    partitionKey: encodeKey(environment),
    rowKey: `r|${encodeKey(id)}`,
  });
  const openRow = ({ environment, id }: Place) => ({
    partitionKey: 'open',
    rowKey: `${encodeKey(environment)}|${encodeKey(id)}`,
  });

  function importOf(row: Row & { etag: string }): Import {
    return { ...JSON.parse(joinText('import', row) ?? '{}'), etag: row.etag };
  }

  async function write(one: Import): Promise<void> {
    const { etag, ...rest } = one;
    const written = await table.put({ ...keyOf(one), ...splitText('import', JSON.stringify(rest)) }, etag);
    if (!written.ok)
      throw Problem.conflict('The import was changed by another request; try again.', {
        code: 'ImportChanged',
      });
  }

  async function find(place: Place): Promise<Import | undefined> {
    const { partitionKey, rowKey } = keyOf(place);
    const row = await table.read(partitionKey, rowKey);
    return row && importOf(row);
  }

  return {
    /** Notes a new import; nothing is done before `start`. */
    async create(environment: string, request: ImportRequest, by: string, now: number): Promise<Import> {
      const id = idOf(now);
      const made = { environment, id, request, created: new Date(now).toISOString(), by, dryRun: false };
      await table.put({ ...openRow(made), environment, id });
      const written = await table.insert({
        ...keyOf(made),
        ...splitText('import', JSON.stringify(made)),
      });
      if (!written.ok) throw new Error(`the import ${id} exists already`);
      return { ...made, etag: written.etag };
    },

    /** Throws a Problem 404. */
    async get(place: Place): Promise<Import> {
      const found = await find(place);
      if (!found) throw notFound();
      return found;
    },

    /** Undefined where it was forgotten, or is just being noted. */
    find,

    /** Writes an import that was read; throws a Problem 409 where another request was faster. */
    write,

    /** The imports of an environment, the newest first. */
    async list(environment: string, limit: number): Promise<Import[]> {
      const found: Import[] = [];
      for await (const row of table.range(encodeKey(environment), { from: 'r|', before: 'r}', limit }))
        found.push(importOf(row));
      return found;
    },

    /** How far it is, with its etag; undefined before its worker began. */
    async progress(place: Place): Promise<{ progress: Progress; etag: string } | undefined> {
      const found = await blobs.read(names.progress(place));
      return found && { progress: JSON.parse(new TextDecoder().decode(found.content)), etag: found.etag };
    },

    /** Writes how far it is. Undefined: another worker wrote since, and this one must stop. */
    async save(place: Place, progress: Progress, etag: string | undefined): Promise<string | undefined> {
      const written = await blobs.write(names.progress(place), JSON.stringify(progress), {
        contentType: 'application/json',
        ...(etag === undefined ? { create: true } : { etag }),
      });
      return written.ok ? written.etag : undefined;
    },

    fresh: (now: number) => freshProgress(new Date(now).toISOString()),

    /** Those that are not at their end, of all environments. */
    async *open(): AsyncGenerator<Place> {
      for await (const { environment, id } of table.range('open'))
        if (typeof environment === 'string' && typeof id === 'string') yield { environment, id };
    },

    /** It is at its end, and forgotten at the time given, ms. */
    async close(place: Place, expires: number): Promise<void> {
      const { partitionKey, rowKey } = openRow(place);
      const { environment, id } = place;
      const time = new Date(expires).toISOString();
      await table.put({ partitionKey: 'expiring', rowKey: `${time}|${rowKey}`, environment, id });
      await table.remove(partitionKey, rowKey);
    },

    /** Forgets the imports whose time has come. */
    async expire(now: number): Promise<void> {
      for await (const row of table.range('expiring', { before: new Date(now).toISOString() })) {
        const place = { environment: String(row.environment), id: String(row.id) };
        for await (const { name } of blobs.list(names.all(place))) await blobs.remove(name);
        const { partitionKey, rowKey } = keyOf(place);
        await table.remove(partitionKey, rowKey);
        await table.remove(row.partitionKey, row.rowKey);
      }
    },

    /** The parts of the uploaded files that are there, with their bytes: by place of the file, then of the part. */
    async parts(place: Place): Promise<Map<number, Map<number, number>>> {
      const found = new Map<number, Map<number, number>>();
      const prefix = names.files(place);
      for await (const { name, size } of blobs.list(prefix)) {
        const [file, part] = name.slice(prefix.length).split('/').map(Number);
        if (file === undefined || part === undefined) continue;
        found.set(file, (found.get(file) ?? new Map()).set(part, size));
      }
      return found;
    },

    /** Removes what lies in storage for it, below one of its folders. */
    async removeBlobs(prefix: string): Promise<void> {
      for await (const { name } of blobs.list(prefix)) await blobs.remove(name);
    },
    blobs,
  };
}

export type Imports = ReturnType<typeof openImports>;

/** How many parts a file of this size has. */
export const partsOf = (bytes: number): number => Math.ceil(bytes / partBytes);

/** Bytes that a part must have. */
export const bytesOfPart = (bytes: number, part: number): number =>
  Math.min(partBytes, bytes - part * partBytes);

/** The pieces of a file, as they were uploaded or lie in the inbox. Throws a Problem 404 where a blob is not there. */
export async function piecesOf(imports: Imports, one: Import, file: number): Promise<Piece[]> {
  const { bytes, blob } = one.request.files[file] ?? {};
  if (bytes !== undefined)
    return Array.from({ length: partsOf(bytes) }, (_, part) => ({
      blob: names.part(one, file, part),
      bytes: bytesOfPart(bytes, part),
    }));
  if (blob !== undefined)
    for await (const { name, size } of imports.blobs.list(blob))
      if (name === blob) return [{ blob, bytes: size }];
  throw Problem.notFound(`The file ${blob} is not in the container imports.`, { code: 'FileNotFound' });
}
