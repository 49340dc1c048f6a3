import { StorageLimitError } from './errors.ts';
import type { Operation, Row, Value } from './types.ts';

// https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
const entityBytes = 1024 * 1024;
const propertyBytes = 64 * 1024;
const ownProperties = 252;
const keyCharacters = 512;
const nameCharacters = 255;
// https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
const transactionOperations = 100;
const transactionBytes = 4 * 1024 * 1024;
// what an operation costs in the transaction's body beside its row: part headers, address, etag
const operationOverhead = 800;

/** Where every stored row says which write made it what it is (`Written`); the service's 252 properties are 251 for callers. */
export const writeProperty = 'w__';

const reserved: ReadonlySet<string> = new Set([
  'PartitionKey',
  'RowKey',
  'Timestamp',
  'timestamp',
  writeProperty,
]);
const propertyName = /^[A-Za-z_][A-Za-z0-9_]*$/;
// the table service's disallowed key characters; `%` is legal, but a source of errors in clients, and not needed
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const illegalKey = /[/\\#?%\u0000-\u001f\u007f-\u009f]|[\ud800-\udfff]/u;
const int64 = 2n ** 63n;
const earliestDate = Date.UTC(1601, 0, 1);

/** Refuses keys that the service would: over 512 characters, `/ \ # ? %`, control characters, lone surrogates. */
export function checkKeys(table: string, partitionKey: string, rowKey: string): void {
  for (const [name, key] of [
    ['PartitionKey', partitionKey],
    ['RowKey', rowKey],
  ] as const) {
    if (key.length > keyCharacters)
      throw new StorageLimitError(
        413,
        `table ${table}: a ${name} of ${key.length} characters; at most ${keyCharacters} fit`,
      );
    if (illegalKey.test(key))
      throw new StorageLimitError(
        400,
        `table ${table}: a ${name} with a character that keys may not hold (/ \\ # ? %, control characters): encodeKey makes any text a key`,
      );
  }
}

/**
 * Refuses a row that the service would; gives its size in bytes as the service counts it: 4 + 2 × length of both keys +
 * for each property 8 + 2 × length of its name + its value (string 2 a character + 4, binary its bytes + 4, Int64, Double,
 * DateTime 8, Int32 4, Boolean 1). Source: "Calculate the size/capacity of storage account and its services", Microsoft
 * Learn (Azure Table storage), after "Understanding Windows Azure Storage Billing", 2010.
 */
export function checkRow(table: string, row: Row): number {
  checkKeys(table, row.partitionKey, row.rowKey);
  let size = 4 + 2 * (row.partitionKey.length + row.rowKey.length) + 8 + 2 * writeProperty.length + 4 + 40;
  let count = 1;
  for (const [name, value] of Object.entries(row)) {
    if (value === undefined || name === 'partitionKey' || name === 'rowKey' || name === 'etag') continue;
    checkName(table, name);
    const bytes = valueBytes(table, name, value);
    if (bytes > propertyBytes + 4)
      throw new StorageLimitError(
        413,
        `table ${table}: property ${name} has ${bytes - 4} bytes; at most ${propertyBytes} fit`,
      );
    size += 8 + 2 * name.length + bytes;
    count += 1;
  }
  if (count > ownProperties)
    throw new StorageLimitError(
      413,
      `table ${table}: a row of ${count} properties; at most ${ownProperties} fit, one of them the storage layer's own`,
    );
  if (size > entityBytes)
    throw new StorageLimitError(413, `table ${table}: a row of ${size} bytes; at most ${entityBytes} fit`);
  return size;
}

function checkName(table: string, name: string): void {
  if (!propertyName.test(name) || reserved.has(name))
    throw new StorageLimitError(
      400,
      `table ${table}: property name ${JSON.stringify(name.slice(0, 80))} is not allowed: letters, digits and _, no digit first, no name of the service's own`,
    );
  if (name.length > nameCharacters)
    throw new StorageLimitError(
      413,
      `table ${table}: a property name of ${name.length} characters; at most ${nameCharacters} fit`,
    );
}

function valueBytes(table: string, name: string, value: Value): number {
  const refuse = (what: string): never => {
    throw new StorageLimitError(400, `table ${table}: property ${name} is ${what}`);
  };
  if (typeof value === 'string') return 2 * value.length + 4;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return refuse(`${value}, not a finite number`);
    return isInt32(value) ? 4 : 8;
  }
  if (typeof value === 'bigint')
    return value >= -int64 && value < int64 ? 8 : refuse('beyond 64 bits with sign');
  if (value instanceof Date)
    return value.getTime() >= earliestDate && value.getUTCFullYear() < 10_000
      ? 8
      : refuse('a date out of the years 1601 to 9999');
  return value.length + 4;
}

/** Whether the number is stored as Int32 rather than Double. */
export function isInt32(value: number): boolean {
  return (value | 0) === value;
}

/** Refuses a transaction that the service would: see `Table.transact`. None at all is a programming error. */
export function checkTransaction(table: string, operations: readonly Operation[]): void {
  const first = operations[0];
  if (first === undefined) throw new Error(`table ${table}: a transaction needs an operation`);
  if (operations.length > transactionOperations)
    throw new StorageLimitError(
      413,
      `table ${table}: a transaction of ${operations.length} operations; at most ${transactionOperations} fit`,
    );
  const { partitionKey } = keysOf(first);
  const seen = new Set<string>();
  let least = 0;
  for (const operation of operations) {
    const keys = keysOf(operation);
    if (keys.partitionKey !== partitionKey)
      throw new Error(`table ${table}: a transaction over two partitions`);
    if (seen.has(keys.rowKey))
      throw new Error(`table ${table}: a transaction names the row ${keys.rowKey} twice`);
    seen.add(keys.rowKey);
    if (operation.kind === 'remove') checkKeys(table, keys.partitionKey, keys.rowKey);
    else least += checkRow(table, operation.row);
  }
  // a UTF-16 unit (2 bytes as counted above) is at most 6 bytes of JSON: only what could be too large is written out
  if (3 * least + 2 * operationOverhead * operations.length <= transactionBytes) return;
  const size = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
  if (size > transactionBytes)
    throw new StorageLimitError(
      413,
      `table ${table}: a transaction of ${size} bytes; at most ${transactionBytes} fit`,
    );
}

/** The keys that an operation is about. */
export function keysOf(operation: Operation): { partitionKey: string; rowKey: string } {
  return operation.kind === 'remove' ? operation : operation.row;
}

function operationBytes(operation: Operation): number {
  const { partitionKey, rowKey } = keysOf(operation);
  const own = operationOverhead + 3 * (partitionKey.length + rowKey.length);
  if (operation.kind === 'remove') return own;
  return Object.entries(operation.row).reduce(
    (sum, [name, value]) => sum + (value === undefined ? 0 : 2 * name.length + 40 + jsonBytes(value)),
    own,
  );
}

function jsonBytes(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(JSON.stringify(value));
  return value instanceof Uint8Array ? 4 * Math.ceil(value.length / 3) : 32;
}

/** Refuses blob names that cannot be: over 1,024 characters, empty segments, `.` or `..`, lone surrogates, a point or slash last. */
export function checkBlobName(container: string, name: string): void {
  const wrong =
    name.length === 0 || name.length > 1024
      ? `${name.length} characters; 1 to 1,024 fit`
      : !name.isWellFormed() || name.includes('\\')
        ? 'a character that a blob name may not hold'
        : name.split('/').some((part) => part === '' || part === '.' || part === '..' || part.endsWith('.'))
          ? 'an empty segment, or one that ends in a point'
          : undefined;
  if (wrong) throw new StorageLimitError(400, `container ${container}: a blob name with ${wrong}`);
}

const messageBytes = 64 * 1024;
// https://www.w3.org/TR/xml/#charsets
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const noXml = /[\u0000-\u0008\u000b\u000c\u000d\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/u;

/** Refuses a text that a queue cannot carry unchanged: over 64 KiB of UTF-8, or characters that XML lacks or rewrites. */
export function checkMessage(queue: string, text: string): void {
  const size = Buffer.byteLength(text);
  if (size > messageBytes)
    throw new StorageLimitError(
      413,
      `queue ${queue}: a message of ${size} bytes; at most ${messageBytes} fit`,
    );
  if (noXml.test(text))
    throw new StorageLimitError(400, `queue ${queue}: a message with a control character; JSON escapes them`);
}
