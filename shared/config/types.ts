import type { Diagnostic } from '../fql/index.ts';
import type { ActivityEntry, ActivityFilter, ActivityPage } from './activity.ts';
import type { VersionDocument } from './documents.ts';
import type { Environments } from './environmentStore.ts';
import type { ResourceEntry } from './manifest.ts';
import type { Use } from './resolve.ts';
import type { ListBody } from './schemas.ts';
import type { ListReader, Snapshot } from './snapshot.ts';
import type { Template } from './templates.ts';

/** Tables and containers that the configuration needs, lists and support lists included. */
export const configNames = {
  tables: ['activity', 'lists', 'supportLists'],
  containers: ['config'],
} as const;

/** What shared/lists does for this room: it keeps the content of lists, and knows nothing of environments. */
export interface ListContents<Parsed extends { memory: number }> {
  parse(content: Uint8Array): Promise<Parsed>;
  save(prefix: string, list: Parsed, inMemory: boolean): Promise<Omit<ListBody, 'description'>>;
  open(content: ListBody): ListReader;
}

export interface StoreOptions<Parsed extends { memory: number }> {
  lists: ListContents<Parsed>;
  /** names of the built-in support lists that code may use */
  supportLists: readonly string[];
  /** bytes that the lists of one root environment may take in the memory of an instance; default 128 MiB */
  listMemory?: number;
  /** the environment of requests that name none: id, API name or path; the first root where absent */
  defaultEnvironment?: string | undefined;
  /** milliseconds until a use looks for changes in the background; default 3,000 */
  refreshAfter?: number;
  /** milliseconds until a use waits for that; default 60,000 */
  waitAfter?: number;
  now?: () => number;
  log?: (message: string) => void;
}

/** Who writes, and under which conditions (RFC 9110, 13.1). */
export interface WriteOptions {
  by: string;
  /** ETags of If-Match; `*` is any */
  ifMatch?: readonly string[] | undefined;
  /** If-None-Match: * */
  ifAbsent?: boolean | undefined;
}

/** One version of a resource. */
export interface StoredResource {
  entry: ResourceEntry;
  document: VersionDocument;
  etag: string;
}

export interface WrittenStoredResource extends StoredResource {
  outcome: 'created' | 'updated' | 'unchanged';
  diagnostics: Diagnostic[];
}

/** Environments and their resources. `environment` is an id, an API name or a path; an unknown one is a Problem 404. */
export interface ConfigStore extends Environments {
  /** What an assessment in this environment runs against; from memory. Undefined: the default environment. */
  snapshot(environment?: string): Promise<Snapshot>;
  /** All resources of a kind, by name; with an ETag that changes when one of them does. */
  list(environment: string, kind: string): Promise<{ resources: StoredResource[]; etag: string }>;
  /** The latest version. Throws a Problem 404. */
  get(environment: string, kind: string, name: string): Promise<StoredResource>;
  /** Throws the Problems of `putResource`, and 412. */
  put(
    environment: string,
    kind: string,
    name: string,
    body: unknown,
    options: WriteOptions,
  ): Promise<WrittenStoredResource>;
  /** Throws a Problem: 404, 409 with `references`, 412. */
  remove(environment: string, kind: string, name: string, options: WriteOptions): Promise<void>;
  /** Newest first. `before` is the version after the page; a deleted resource still has its versions. */
  versions(
    environment: string,
    kind: string,
    name: string,
    options: { limit: number; before?: number },
  ): Promise<VersionDocument[]>;
  /** Makes the content of an earlier version the newest version. Throws as `put`, and 404 for an unknown version. */
  rollback(
    environment: string,
    kind: string,
    name: string,
    version: number,
    options: WriteOptions,
  ): Promise<WrittenStoredResource>;
  references(environment: string, kind: string, name: string): Promise<Use[]>;
  /** Where published resources use a support list, by any of its names. */
  supportListReferences(environment: string, names: readonly string[]): Promise<Use[]>;
  /** Stores a CSV file as a list. Throws as `put`, and the Problems of `parseCsv`. */
  putList(
    environment: string,
    name: string,
    content: Uint8Array,
    options: WriteOptions & { description?: string | undefined },
  ): Promise<WrittenStoredResource>;
  /**
   * Writes the resources of a template in one commit: all or none. With `preview` it only says what would come of it.
   * Lists that exist keep their rows, external calls their secrets. Throws as `put`.
   */
  putTemplate(
    environment: string,
    resources: Template['resources'],
    options: WriteOptions & { preview: boolean },
  ): Promise<
    {
      kind: string;
      name: string;
      outcome: 'created' | 'updated' | 'unchanged';
      diagnostics: Diagnostic[];
      /** an external call with secrets to be set before it works */
      lacksSecrets: boolean;
    }[]
  >;
  /** Changes of an environment and those below it, newest first. */
  activity(
    environment: string,
    options: { limit: number; from?: string; filter?: ActivityFilter },
  ): Promise<ActivityPage>;
  /** Logs a change of something that is not a resource of the manifest. */
  logActivity(entry: Omit<ActivityEntry, 'scopes' | 'environmentName'>): Promise<void>;
  /** Waits until no background refresh is under way: for tests and shutdown. */
  settle(): Promise<void>;
}
