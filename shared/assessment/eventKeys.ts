import { createHash } from 'node:crypto';
import { encodeKey } from '../storage/index.ts';

/** What one event is known by; with the same key it is the same event, sent again (DESIGN.md, path step 6). */
export interface EventKey {
  /** id of the environment that the request named */
  environment: string;
  /** `Purchase`, `BankEvent`, an assessment's name, `<assessment>:<observation event>` */
  type: string;
  /** the event's own id, e.g. its purchaseId; where it has none its tracking id, else the hash of its body */
  id: string;
  correlationId: string;
}

/** Events of a type lie in so many partitions. */
export const eventBuckets = 16;

/** PartitionKey of table `events`: environment | type | hash of the id modulo 16. */
export function bucketKey(environment: string, type: string, bucket: number): string {
  return `${encodeKey(environment)}|${encodeKey(type)}|${bucket.toString(16)}`;
}

/** The partition in which an event of this type and id lies, or would lie. */
export function partitionOf(key: Pick<EventKey, 'environment' | 'type' | 'id'>): string {
  const bucket = createHash('sha256').update(key.id).digest()[0]! % eventBuckets;
  return bucketKey(key.environment, key.type, bucket);
}

/** Id and correlation id as one key: as a JSON pair, so that no two pairs read the same. */
export function ownKey(key: Pick<EventKey, 'id' | 'correlationId'>): string {
  return encodeKey(JSON.stringify([key.id, key.correlationId]));
}

/** An event, or with no id all of its type, for a reader of the log. */
export const inWords = ({
  environment,
  type,
  id,
}: Pick<EventKey, 'environment' | 'type'> & { id?: string }): string =>
  `${type}${id === undefined ? '' : ` ${id}`} of environment ${environment}`;

/** How the own keys of all events with this id begin, and rarely others: long ids share what is left of them beside a hash. */
export function ownKeysOf(id: string): string {
  return encodeKey(JSON.stringify([id, '']))
    .slice(0, -'~22~5d'.length)
    .slice(0, 150);
}

/** RowKey of an event's row in the outbox of its partition. */
export function receiptOf(key: Pick<EventKey, 'id' | 'correlationId'>, received: string): string {
  return `o|${received}|${hash(ownKey(key))}`;
}

/** 22 characters that stand for a text of any length. */
export function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
