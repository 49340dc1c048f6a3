import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Blobs } from './storage/index.ts';

/** Container of the files that the operator supplies: places of addresses, banks of cards. */
export const referenceContainer = 'reference';

/** How long a file counts as current, and how soon one that could not be read is tried again; ms. */
const currentFor = 5 * 60_000;
const triedAgainAfter = 60_000;

/** A file of the operator's, parsed; absent until it could be read once. */
export interface ReferenceFile<Content> {
  /**
   * Resolves when the file was read, or could not be. Later calls return at once, and look in the background whether
   * there is another file by now. Never rejects: what is wrong is a warning, and what was read before stays.
   */
  ready(): Promise<void>;
  content(): Content | undefined;
}

export interface ReferenceOptions<Content> {
  /** a blob of the container `reference`, or a path that begins with `/`, `.` or a drive letter; absent: there is no file */
  place: string | undefined;
  blobs: Pick<Blobs, 'read' | 'readIfChanged'>;
  parse(content: Buffer): Content;
  /** ms */
  clock(): number;
  warn(message: string): void;
}

/** A file that is read when it is first asked for, and again when its ETag, or its time and size, changed. */
export function openReferenceFile<Content>(options: ReferenceOptions<Content>): ReferenceFile<Content> {
  const { place, blobs, parse, clock, warn } = options;
  let content: Content | undefined;
  let etag: string | undefined;
  let next = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;

  async function load(name: string): Promise<void> {
    try {
      const found = isPath(name) ? await readPath(name, etag) : await readBlob(blobs, name, etag);
      if (found === 'missing') throw new Error('it is not there');
      if (found !== 'same') {
        content = parse(Buffer.from(found.content));
        etag = found.etag;
      }
      next = clock() + currentFor;
    } catch (error) {
      next = clock() + triedAgainAfter;
      warn(`The file ${name} cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }

  return {
    content: () => content,
    async ready() {
      if (place === undefined || clock() < next) return;
      const first = next === Number.NEGATIVE_INFINITY;
      loading ??= load(place).finally(() => {
        loading = undefined;
      });
      if (first) await loading;
    },
  };
}

type Found = 'same' | 'missing' | { content: Uint8Array; etag: string };

function isPath(place: string): boolean {
  return place.startsWith('.') || path.isAbsolute(place) || /^[A-Za-z]:/.test(place);
}

async function readBlob(
  blobs: ReferenceOptions<unknown>['blobs'],
  name: string,
  etag: string | undefined,
): Promise<Found> {
  if (etag !== undefined) return blobs.readIfChanged(name, etag);
  return (await blobs.read(name)) ?? 'missing';
}

async function readPath(name: string, known: string | undefined): Promise<Found> {
  const found = await stat(name).catch(() => undefined);
  if (!found) return 'missing';
  const etag = `${found.mtimeMs}/${found.size}`;
  return etag === known ? 'same' : { content: await readFile(name), etag };
}
