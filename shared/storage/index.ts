export { StorageLimitError, StorageUnavailable } from './errors.ts';
export { encodeKey } from './keys.ts';
export { type KeptLease, keepLease } from './lease.ts';
export { openStorage } from './open.ts';
export { joinBytes, joinText, splitBytes, splitText } from './text.ts';
export type {
  BlobContent,
  BlobItem,
  Blobs,
  Lease,
  Operation,
  Queue,
  QueueMessage,
  Refusal,
  Removed,
  Row,
  Storage,
  StorageSettings,
  StoredRow,
  Table,
  Transacted,
  Value,
  WriteOptions,
  Written,
} from './types.ts';
