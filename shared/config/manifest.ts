import type { Reference } from '../fql/types.ts';
import { Problem } from '../problem.ts';
import type { Blobs } from '../storage/index.ts';
import type { ActivityEntry } from './activity.ts';

/*
 * Container `config`:
 *   index.json                                             which environments there are (index.ts)
 *   {root}/manifest.json                                   which version of what is in force: the one commit point of a root
 *   {root}/{environment}/{kind}/{name}/{version}-{hash}.json   one version of one resource, never changed once written
 *   {root}/lists/{hash}.csv, {hash}.rows                   a list's file as uploaded, and packed for memory (shared/lists)
 * Every change writes its version blob first and then the manifest, if that still has the ETag it was read with. A version
 * blob that no manifest mentions belongs to a write that lost a race; nothing reads it.
 */

export type Status = 'Active' | 'Inactive' | 'Draft';

/** One version of a resource. */
export interface StoredVersion {
  version: number;
  blob: string;
  /** absent for kinds without a status */
  status?: Status;
}

/** A velocity's identity in storage; `id` is unique over all environments. */
export interface VelocityIdentity {
  id: string;
  name: string;
  aggregate: 'count' | 'distinct' | 'sum';
}

/** What the manifest knows of one resource. */
export interface ResourceEntry {
  kind: string;
  name: string;
  latest: StoredVersion;
  /** the version in force: the latest, or where that is a draft the last one published before it */
  published?: StoredVersion;
  /** rules and actions: the assessment of the published version */
  assessment?: string;
  /** what the published version mentions */
  references?: Reference[];
  /** assessments: the names by which requests and velocities know the published version */
  names?: string[];
  /** velocity sets: the events of the published version, as its FROMs name them */
  listensTo?: string[];
  /** velocity sets: of the published version, or of the last one */
  velocities?: VelocityIdentity[];
  /** velocity sets: the highest number of shards ever used */
  shards?: number;
  changed: string;
  changedBy: string;
  /** made by Holdfast, neither to be changed nor deleted */
  system?: true;
}

export interface EnvironmentEntry {
  id: string;
  apiName: string;
  name: string;
  parent: string | null;
  description: string;
  tags: string[];
  version: number;
  created: string;
  changed: string;
  changedBy: string;
  /** by `resourceKey(kind, name)` */
  resources: Map<string, ResourceEntry>;
  /** the last version of what was deleted, so that version numbers never repeat and a rollback finds it */
  removed: Map<string, StoredVersion>;
}

export interface Manifest {
  root: string;
  /** grows by one with each commit */
  sequence: number;
  /** milliseconds; strictly growing */
  changedAt: number;
  /** the sequence of the last commit that changed the tree of environments */
  treeSequence: number;
  environments: Map<string, EnvironmentEntry>;
  /** what the last commit has to say to the activity log; the next commit or reader makes sure that it is there */
  activity: ActivityEntry[];
  deleted?: true;
}

export interface StoredManifest {
  manifest: Manifest;
  etag: string;
}

/** Key of a resource within its environment; names differ in more than letter case. */
export function resourceKey(kind: string, name: string): string {
  return `${kind}/${foldName(name)}`;
}

/** The form in which names are compared. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

export function manifestBlob(root: string): string {
  return `${root}/manifest.json`;
}

/** A manifest as JSON text. Names come from users, so records travel as lists and never become object keys. */
export function serializeManifest(manifest: Manifest): string {
  return JSON.stringify({
    format: 1,
    ...manifest,
    environments: [...manifest.environments.values()].map((environment) => ({
      ...environment,
      resources: [...environment.resources.values()],
      removed: [...environment.removed],
    })),
  });
}

interface ManifestText extends Omit<Manifest, 'environments'> {
  format: number;
  environments: (Omit<EnvironmentEntry, 'resources' | 'removed'> & {
    resources: ResourceEntry[];
    removed: [string, StoredVersion][];
  })[];
}

export function parseManifest(content: Uint8Array): Manifest {
  const { format, ...text }: ManifestText = JSON.parse(new TextDecoder().decode(content));
  if (format !== 1)
    throw new Error(`the manifest has format ${format}; this version of Holdfast reads format 1`);
  return {
    ...text,
    environments: new Map(
      text.environments.map((environment) => [
        environment.id,
        {
          ...environment,
          resources: new Map(
            environment.resources.map((entry) => [resourceKey(entry.kind, entry.name), entry]),
          ),
          removed: new Map(environment.removed),
        },
      ]),
    ),
  };
}

/** The manifest of a root environment as it is now; undefined where there is none. */
export async function readManifest(blobs: Blobs, root: string): Promise<StoredManifest | undefined> {
  const blob = await blobs.read(manifestBlob(root));
  return blob && { manifest: parseManifest(blob.content), etag: blob.etag };
}

/** What a change made of the manifest it was given. */
export interface Change<T> {
  result: T;
  /** false: there is nothing to write */
  changed: boolean;
}

export interface Committed<T> extends StoredManifest {
  result: T;
  /** false: the manifest is as it was */
  changed: boolean;
}

const maxAttempts = 40;

/**
 * Changes a root's manifest. `change` gets a copy to alter and checks everything it relies on in that same copy; it runs
 * again, on the newer manifest, whenever another writer was faster. `flush` is called with activity entries that the
 * manifest is about to forget, and must have stored them when it returns. `seen` is told each manifest that was read, also that
 * of a root that is gone.
 * Throws a Problem: 404 for an unknown root, 503 where other writers are faster all the time; and what `change` throws.
 */
export async function commitManifest<T>(
  blobs: Blobs,
  root: string,
  now: () => number,
  seen: (manifest: Manifest) => Promise<void>,
  flush: (entries: readonly ActivityEntry[]) => Promise<void>,
  change: (manifest: Manifest) => Promise<Change<T>>,
): Promise<Committed<T>> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await readManifest(blobs, root);
    if (stored) await seen(stored.manifest);
    if (!stored || stored.manifest.deleted)
      throw Problem.notFound(`There is no environment ${root}.`, { code: 'UnknownEnvironment' });
    const { manifest, etag } = stored;
    const pending = manifest.activity;
    manifest.activity = [];
    manifest.changedAt = Math.max(now(), manifest.changedAt + 1);
    manifest.sequence++;
    const { result, changed } = await change(manifest);
    if (!changed) return { ...stored, result, changed };
    await flush(pending);
    const written = await blobs.write(manifestBlob(root), serializeManifest(manifest), {
      etag,
      contentType: 'application/json',
    });
    if (written.ok) return { manifest, etag: written.etag, result, changed };
  }
  throw Problem.unavailable('Too many others are changing this environment at the moment.', 2);
}

/** The environment and those above it, root first. */
export function chainOf(manifest: Manifest, id: string): EnvironmentEntry[] {
  const chain: EnvironmentEntry[] = [];
  for (let next = manifest.environments.get(id); next; ) {
    chain.unshift(next);
    next = next.parent === null ? undefined : manifest.environments.get(next.parent);
  }
  return chain;
}

/** The environment and all those below it. */
export function subtreeOf(manifest: Manifest, id: string): EnvironmentEntry[] {
  return [...manifest.environments.values()].filter((environment) =>
    chainOf(manifest, environment.id).some((above) => above.id === id),
  );
}
