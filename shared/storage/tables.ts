import { randomBytes } from 'node:crypto';
import type { TableClient, TableEntity, TransactionAction } from '@azure/data-tables';
import { checkKeys, checkRow, checkTransaction, isInt32, keysOf, writeProperty } from './limits.ts';
import { failureOf, persist } from './retry.ts';
import type {
  Operation,
  Refusal,
  Removed,
  Row,
  StoredRow,
  Table,
  Transacted,
  Value,
  Written,
} from './types.ts';

/*
 * Every row carries in `writeProperty` which write made it what it is. Where a try's answer was lost and the retry is
 * refused, the stored row says whether it was this very write that it met: content alone could not, since two writers may
 * write the same.
 */
const writer = randomBytes(6).toString('base64url');
let writes = 0;

function nextWrite(): string {
  writes += 1;
  return `${writer}${writes.toString(36)}`;
}

/** The table of this client as `Table`. */
export function tableOf(client: TableClient): Table {
  const name = client.tableName;
  // the etags of conditional removals, by operation, for the transaction sent with this signal
  const conditions = new WeakMap<object, (string | undefined)[]>();
  client.pipeline.addPolicy(
    {
      name: 'transactionBody',
      sendRequest(request, next) {
        const etags = request.abortSignal && conditions.get(request.abortSignal);
        if (typeof request.body === 'string') request.body = withoutLineSeparators(request.body);
        if (etags && typeof request.body === 'string') request.body = withConditions(request.body, etags);
        return next(request);
      },
    },
    // before the request is measured and signed
    { phase: 'Serialize' },
  );

  async function read(partitionKey: string, rowKey: string): Promise<StoredRow | undefined> {
    const entity = await readEntity(partitionKey, rowKey);
    return entity && fromEntity(entity);
  }

  async function readEntity(partitionKey: string, rowKey: string): Promise<Stored | undefined> {
    checkKeys(name, partitionKey, rowKey);
    return persist(`read ${name}`, async (abortSignal) => {
      try {
        return await client.getEntity(partitionKey, rowKey, { abortSignal });
      } catch (error) {
        if (refusalOf(name, error) === 'missing') return undefined;
        throw error;
      }
    });
  }

  /** Whether the stored row is the work of this write. */
  async function meets(
    write: string,
    row: { partitionKey: string; rowKey: string },
  ): Promise<Stored | undefined> {
    const entity = await readEntity(row.partitionKey, row.rowKey);
    return entity?.[writeProperty] === write ? entity : undefined;
  }

  async function write(
    row: Row,
    send: (entity: TableEntity, signal: AbortSignal) => Promise<{ etag?: string }>,
  ): Promise<Written> {
    checkRow(name, row);
    const stamp = nextWrite();
    const entity = toEntity(row, stamp);
    return persist<Written>(`write ${name}`, async (signal, again) => {
      try {
        return { ok: true, etag: (await send(entity, signal)).etag ?? '' };
      } catch (error) {
        const reason = refusalOf(name, error);
        if (!reason) throw error;
        const mine = again ? await meets(stamp, row) : undefined;
        return mine ? { ok: true, etag: mine.etag } : { ok: false, reason };
      }
    });
  }

  function change(row: Row, etag: string | undefined, mode: 'Merge' | 'Replace'): Promise<Written> {
    return write(row, (entity, abortSignal) =>
      etag === undefined
        ? client.upsertEntity(entity, mode, { abortSignal })
        : client.updateEntity(entity, mode, { abortSignal, etag }),
    );
  }

  async function remove(partitionKey: string, rowKey: string, etag?: string): Promise<Removed> {
    checkKeys(name, partitionKey, rowKey);
    return persist<Removed>(`remove ${name}`, async (abortSignal, again) => {
      try {
        await client.deleteEntity(
          partitionKey,
          rowKey,
          etag === undefined ? { abortSignal } : { abortSignal, etag },
        );
        return { ok: true };
      } catch (error) {
        const reason = refusalOf(name, error);
        if (!reason || reason === 'exists') throw error;
        // it is gone, and an earlier try asked for that
        if (again && reason === 'missing') return { ok: true };
        return { ok: false, reason };
      }
    });
  }

  async function transact(operations: readonly Operation[]): Promise<Transacted> {
    checkTransaction(name, operations);
    const stamp = nextWrite();
    const actions = operations.map((operation) => toAction(operation, stamp));
    const etags = removalEtags(operations);
    return persist<Transacted>(`transaction ${name}`, async (abortSignal, again) => {
      if (etags) conditions.set(abortSignal, etags);
      try {
        const { subResponses } = await client.submitTransaction(actions, { abortSignal });
        return { ok: true, etags: operations.map((_, index) => subResponses[index]?.etag?.trim()) };
      } catch (error) {
        const reason = refusalOf(name, error);
        if (!reason) throw error;
        const kept = operations.find((operation) => operation.kind !== 'remove');
        if (again && kept && (await meets(stamp, keysOf(kept))))
          return { ok: true, etags: operations.map(() => undefined) };
        return { ok: false, reason, index: indexOf(error) };
      }
    });
  }

  async function* range(
    partitionKey: string,
    options: { from?: string; before?: string; limit?: number } = {},
  ): AsyncGenerator<StoredRow> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let continuationToken: string | undefined;
    const filter = rangeFilter(partitionKey, options.from, options.before);
    while (left > 0) {
      const page = await persist(`range ${name}`, async (abortSignal) => {
        const pages = client.listEntities({ queryOptions: { filter }, abortSignal });
        const settings = { maxPageSize: Math.min(left, 1000) };
        const { value } = await pages
          .byPage(continuationToken === undefined ? settings : { ...settings, continuationToken })
          .next();
        return value;
      }).catch((error: unknown) => {
        // says "no such table" in our words
        refusalOf(name, error);
        throw error;
      });
      if (!page) return;
      for (const entity of page.slice(0, left)) yield fromEntity(entity);
      left -= page.length;
      continuationToken = page.continuationToken;
      if (continuationToken === undefined) return;
    }
  }

  return {
    name,
    read,
    insert: (row) => write(row, (entity, abortSignal) => client.createEntity(entity, { abortSignal })),
    put: (row, etag) => change(row, etag, 'Replace'),
    merge: (row, etag) => change(row, etag, 'Merge'),
    remove,
    transact,
    range,
  };
}

type Stored = Record<string, unknown> & { etag: string };

function toAction(operation: Operation, stamp: string): TransactionAction {
  if (operation.kind === 'remove')
    return ['delete', { partitionKey: operation.partitionKey, rowKey: operation.rowKey }];
  const entity = toEntity(operation.row, stamp);
  if (operation.kind === 'insert') return ['create', entity];
  const mode = operation.kind === 'put' ? 'Replace' : 'Merge';
  return operation.etag === undefined
    ? ['upsert', entity, mode]
    : ['update', entity, mode, { etag: operation.etag }];
}

function removalEtags(operations: readonly Operation[]): (string | undefined)[] | undefined {
  const etags = operations.map((operation) => (operation.kind === 'remove' ? operation.etag : undefined));
  return etags.some((etag) => etag !== undefined) ? etags : undefined;
}

/** U+2028 and U+2029 as JSON escapes, which mean the same: in a transaction's lines Azurite takes them for ends of lines. */
function withoutLineSeparators(body: string): string {
  return body.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/**
 * The package's transactions delete whatever the row holds (`If-Match: *`) and take no etag: this puts it into the body's
 * part of that operation.
 */
function withConditions(body: string, etags: (string | undefined)[]): string {
  let index = 0;
  return body.replaceAll(/^DELETE |^(?:POST|PUT|PATCH|MERGE) |^if-match: \*\r?$/gim, (line) => {
    if (!/^if-match/i.test(line)) {
      index += 1;
      return line;
    }
    const etag = etags[index - 1];
    return etag === undefined ? line : line.replace('*', etag);
  });
}

function toEntity(row: Row, stamp: string): TableEntity {
  const entity: TableEntity<Record<string, unknown>> = {
    partitionKey: row.partitionKey,
    rowKey: row.rowKey,
    [writeProperty]: stamp,
  };
  for (const [name, value] of Object.entries(row))
    if (value !== undefined && name !== 'etag') entity[name] = toProperty(value);
  return entity;
}

function toProperty(value: Value): unknown {
  // without a type the service would read a large whole number as an Int32, and refuse it
  if (typeof value === 'number' && !isInt32(value)) return { type: 'Double', value: String(value) };
  // the package encodes the whole memory behind a view, except a Buffer's
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
}

function fromEntity(entity: Record<string, unknown>): StoredRow {
  const row: StoredRow = { partitionKey: '', rowKey: '', etag: '' };
  for (const [name, value] of Object.entries(entity)) {
    if (name === writeProperty || name === 'timestamp' || name === 'odata.metadata') continue;
    if (isValue(value)) row[name] = value;
  }
  return row;
}

function isValue(value: unknown): value is Value {
  const type = typeof value;
  if (type === 'object') return value instanceof Date || value instanceof Uint8Array;
  return type === 'string' || type === 'number' || type === 'boolean' || type === 'bigint';
}

/** 409, 412 and 404 of an entity; other errors, and a table that does not exist, are no answer. */
function refusalOf(table: string, error: unknown): Refusal | undefined {
  const failure = failureOf(error);
  if (failure?.statusCode === 412) return 'changed';
  if (failure?.statusCode === 409 && failure.code === 'EntityAlreadyExists') return 'exists';
  if (failure?.statusCode !== 404) return undefined;
  if (failure.code === 'TableNotFound' || failure.message.includes('TableNotFound'))
    throw new Error(`table ${table} does not exist: Storage.ensure makes it`, { cause: error });
  return 'missing';
}

/** Transaction errors name the operation at fault: "2:The specified entity already exists." */
function indexOf(error: unknown): number {
  const index = /^(\d+):/.exec(failureOf(error)?.message ?? '')?.[1];
  return index === undefined ? 0 : Number(index);
}

function rangeFilter(partitionKey: string, from?: string, before?: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return [
    `PartitionKey eq ${quoted(partitionKey)}`,
    ...(from === undefined ? [] : [`RowKey ge ${quoted(from)}`]),
    ...(before === undefined ? [] : [`RowKey lt ${quoted(before)}`]),
  ].join(' and ');
}
