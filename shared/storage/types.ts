import type { Readable } from 'node:stream';

/**
 * Where the data is: a connection string (`UseDevelopmentStorage=true` and Azurite's included), or the name of an account
 * that the app's managed identity may use. `clientId` is that of a user-assigned identity.
 */
export type StorageSettings = { connectionString: string } | { accountName: string; clientId?: string };

/** The one way to Tables, Blobs and Queues. Opening costs no call; every call may throw `StorageUnavailable` (503). */
export interface Storage {
  table(name: string): Table;
  blobs(container: string): Blobs;
  queue(name: string): Queue;
  /** Creates the tables, containers and queues named; what exists stays as it is, and is not asked for again. */
  ensure(names: {
    tables?: readonly string[];
    containers?: readonly string[];
    queues?: readonly string[];
  }): Promise<void>;
}

/** A property. A whole number within Int32 is stored as Int32, other numbers as Double, a bigint as Int64. */
export type Value = string | number | boolean | bigint | Date | Uint8Array;

/** An entity. Keys that came from outside go through `encodeKey` first. A property that is undefined is not stored. */
export type Row = { partitionKey: string; rowKey: string } & Record<string, Value | undefined>;

export type StoredRow = Row & { etag: string };

/** Why a write was not done: 409 (something is there already), 412 (it changed since), 404 (it is not there). */
export type Refusal = 'exists' | 'changed' | 'missing';

/**
 * What became of a conditional write. `ok` is true exactly if this call's write was applied, also where its first answer
 * was lost on the way and a retry met its own success. The reverse has one gap that no client can close: where the answer
 * was lost and another writer then replaced the row before the retry, the refusal is reported though this write had been
 * applied for that moment. What must not happen twice therefore needs a marker in the same transaction.
 */
export type Written = { ok: true; etag: string } | { ok: false; reason: Refusal };

export type Removed = { ok: true } | { ok: false; reason: 'changed' | 'missing' };

export type Operation =
  /** `etag` makes a put or merge conditional; a merge without one needs no row to be there */
  | { kind: 'insert'; row: Row }
  | { kind: 'put' | 'merge'; row: Row; etag?: string }
  | { kind: 'remove'; partitionKey: string; rowKey: string; etag?: string };

/** `index` is the operation that the service refused; nothing of the transaction was done. */
export type Transacted =
  | { ok: true; etags: (string | undefined)[] }
  | { ok: false; reason: Refusal; index: number };

export interface Table {
  readonly name: string;
  read(partitionKey: string, rowKey: string): Promise<StoredRow | undefined>;
  /** `exists` where a row has these keys already. */
  insert(row: Row): Promise<Written>;
  /** Writes the whole row. With an etag: only if the stored row still has it (`changed`, `missing`). */
  put(row: Row, etag?: string): Promise<Written>;
  /** Sets the properties given and keeps the others. Without an etag the row is made where it is missing. */
  merge(row: Row, etag?: string): Promise<Written>;
  /** Without an etag whatever the row holds; `missing` where it was not there. */
  remove(partitionKey: string, rowKey: string, etag?: string): Promise<Removed>;
  /**
   * One entity group transaction: all operations or none, at most 100, one partition, each row once. Etags are in the
   * order of the operations; one is undefined for a `remove`, and for all where the answer was lost and the retry found
   * the transaction applied.
   */
  transact(operations: readonly Operation[]): Promise<Transacted>;
  /** The rows of one partition with `from` <= row key < `before`, in ordinal order, at most `limit`. */
  range(
    partitionKey: string,
    options?: { from?: string; before?: string; limit?: number },
  ): AsyncIterable<StoredRow>;
}

export interface BlobContent {
  content: Uint8Array;
  etag: string;
}

export interface BlobItem {
  name: string;
  etag: string;
  /** bytes */
  size: number;
  modified: Date;
}

export interface WriteOptions {
  contentType?: string;
  /** only if the blob still has this etag (`changed`; `missing` where there is none) */
  etag?: string;
  /** only if there is no such blob (`exists`) */
  create?: true;
  /** needed while a lease is held */
  lease?: string;
}

/** A held lease. It ends by itself after its seconds unless renewed. */
export interface Lease {
  readonly id: string;
  readonly seconds: number;
  /** false: the lease is lost, and its holder must stop */
  renew(): Promise<boolean>;
  release(): Promise<void>;
}

/** One container. Names are any text of 1 to 1,024 characters without an empty segment; `/` makes folders. */
export interface Blobs {
  readonly container: string;
  read(name: string): Promise<BlobContent | undefined>;
  /** `same` where the blob still has the etag. */
  readIfChanged(name: string, etag: string): Promise<'same' | 'missing' | BlobContent>;
  /** Bytes from `offset`, at most `length`; fewer at the end, none beyond it. Undefined: no such blob. */
  readRange(name: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  write(name: string, content: Uint8Array | string, options?: WriteOptions): Promise<Written>;
  /** `missing` where there was none. */
  remove(name: string, options?: { etag?: string; lease?: string }): Promise<Removed>;
  /** In the order of names; folders are not entered in the list. */
  list(prefix?: string): AsyncIterable<BlobItem>;
  /** The blob's bytes as they come. Undefined: no such blob. */
  stream(name: string): Promise<Readable | undefined>;
  /** Uploads as the source delivers, in blocks; the blob appears whole at the end or not at all. */
  writeStream(name: string, source: Readable, options?: WriteOptions): Promise<Written>;
  /** Takes a lease of 15 to 60 seconds, making an empty blob where there is none. Undefined: another holds it. */
  lease(name: string, seconds: number): Promise<Lease | undefined>;
}

export interface QueueMessage {
  id: string;
  /** proof of this reception; a later one makes it void */
  receipt: string;
  text: string;
  /** how often it was received, this time included */
  dequeueCount: number;
  inserted: Date;
}

/**
 * One queue. Texts travel as they are (`messageEncoding` is `none` in host.json): at most 64 KiB of UTF-8, and only
 * characters that XML can carry, which JSON without U+FFFE and U+FFFF always is.
 */
export interface Queue {
  readonly name: string;
  send(text: string, options?: { visibleAfterSeconds?: number; expiresAfterSeconds?: number }): Promise<void>;
  /** At most `max` messages (1 to 32, default 1), hidden from others for `visibilitySeconds` (default 30). */
  receive(options?: { max?: number; visibilitySeconds?: number }): Promise<QueueMessage[]>;
  /** False: the message is gone or was received by another since. */
  remove(message: Pick<QueueMessage, 'id' | 'receipt'>): Promise<boolean>;
  /** Hides it for that long from now and, where given, replaces its text; the new receipt, or undefined as with `remove`. */
  update(
    message: Pick<QueueMessage, 'id' | 'receipt' | 'text'>,
    options: { visibilitySeconds: number; text?: string },
  ): Promise<string | undefined>;
  /** How many messages there are, roughly, hidden ones included. */
  length(): Promise<number>;
}
