import { createHash } from 'node:crypto';
import { type Blobs, encodeKey } from '../storage/index.ts';
import { foldName, type StoredVersion } from './manifest.ts';

/** A version of a resource as it lies in its blob. */
export interface VersionDocument {
  kind: string;
  name: string;
  version: number;
  /** the blob of the version before */
  previous?: string;
  at: string;
  by: string;
  /** the version that a rollback took this one from */
  restored?: number;
  /** what the kind's schema made of the body */
  content: unknown;
}

export interface Documents {
  /** Reads a version; versions never change, so each is read once while it is remembered. */
  load(blob: string): Promise<VersionDocument>;
  /** Writes a version and gives its place. */
  save(root: string, environment: string, document: VersionDocument): Promise<string>;
}

/** How many versions are remembered; a version is a few KB. */
const remembered = 4000;

export function openDocuments(blobs: Blobs): Documents {
  const cache = new Map<string, VersionDocument>();
  const remember = (blob: string, document: VersionDocument) => {
    cache.set(blob, document);
    for (const oldest of cache.keys()) {
      if (cache.size <= remembered) break;
      cache.delete(oldest);
    }
  };
  return {
    async load(blob) {
      const known = cache.get(blob);
      if (known) return known;
      const stored = await blobs.read(blob);
      if (!stored) throw new Error(`the configuration's blob ${blob} is missing`);
      const { format, ...document }: VersionDocument & { format: number } = JSON.parse(
        new TextDecoder().decode(stored.content),
      );
      if (format !== 1) throw new Error(`the configuration's blob ${blob} has the unknown format ${format}`);
      remember(blob, document);
      return document;
    },
    async save(root, environment, document) {
      const { blob, text } = placed(root, environment, document);
      await blobs.write(blob, text, { contentType: 'application/json', create: true });
      // what is read back later has gone through JSON; the copy here must be the same
      remember(blob, JSON.parse(text));
      return blob;
    },
  };
}

/** Where a version lies, by its content, and how. */
function placed(
  root: string,
  environment: string,
  document: VersionDocument,
): { blob: string; text: string } {
  const text = JSON.stringify({ format: 1, ...document });
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const folder = `${root}/${environment}/${document.kind}/${encodeKey(foldName(document.name))}`;
  return { blob: `${folder}/${String(document.version).padStart(6, '0')}-${hash}.json`, text };
}

/** Versions that wait in memory until all checks have passed, so that what is refused, or only tried, leaves nothing behind. */
export function deferredDocuments(stored: Documents): Documents & { flush(): Promise<void> } {
  const waiting = new Map<string, Parameters<Documents['save']>>();
  return {
    async load(blob) {
      const [, , document] = waiting.get(blob) ?? [];
      return document ? JSON.parse(JSON.stringify(document)) : stored.load(blob);
    },
    async save(...version) {
      const { blob } = placed(...version);
      waiting.set(blob, version);
      return blob;
    },
    async flush() {
      for (const version of waiting.values()) await stored.save(...version);
    },
  };
}

/** The ETag of a version: its number, and its content by the hash in the blob's name. */
export function versionEtag({ version, blob }: StoredVersion): string {
  return `"${version}-${blob.slice(-21, -5)}"`;
}
