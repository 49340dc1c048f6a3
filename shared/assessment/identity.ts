import { createHash } from 'node:crypto';
import type { ReceivedEvent } from '../events/received.ts';
import type { JsonObject } from '../fql/index.ts';
import { contentOf } from './once.ts';

/**
 * What makes a received event one event among others: its own id, else its tracking id, else the hash of its content; and the
 * client's correlation id, or one that stands for it.
 */
export function identityOf(
  { id, trackingId, payload }: Pick<ReceivedEvent, 'id' | 'trackingId' | 'payload'>,
  correlationId: string | undefined,
): { id: string; correlationId: string } {
  return {
    id: id ?? trackingId ?? digest(payload),
    correlationId: correlationId ?? correlationOf(payload),
  };
}

function digest(payload: JsonObject): string {
  return createHash('sha256')
    .update(JSON.stringify(contentOf(payload)))
    .digest('hex');
}

/** Where a client sends no correlation id, one that the same content always gets, so that a repeat is known as one. */
function correlationOf(payload: JsonObject): string {
  const hex = digest(payload);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
