import type { Storage } from '../storage/index.ts';
import type { MonitoringEvent, Namespace } from './events.ts';

export interface Delivery {
  /** the same with every repetition of a delivery */
  id: string;
  namespace: Namespace;
  events: MonitoringEvent[];
}

/** Whoever takes events. Taking one delivery twice must do no harm; the `uniqueId` of its events is the same then. */
export interface Subscriber {
  /** Rejects where it did not take all; the delivery then comes again. */
  deliver(delivery: Delivery): Promise<void>;
}

export interface Subscription {
  /** unique over all environments */
  id: string;
  events: readonly Namespace[];
  subscriber: Subscriber;
}

/**
 * Writes each delivery as a blob of new-line JSON, `{namespace}/{yyyy}/{MM}/{dd}/{HH}/{mmss}-{id}.json` by the time of its
 * first event; a repeated delivery replaces the blob by itself.
 */
export function blobSubscriber(storage: Storage, containerName: string, prefix = ''): Subscriber {
  return {
    async deliver({ id, namespace, events }) {
      const stamp = events[0]?.metadata.timestamp ?? new Date(0).toISOString();
      const [date = '', time = ''] = stamp.split('T');
      const folder = `${prefix}${namespace}/${date.replaceAll('-', '/')}/${time.slice(0, 2)}`;
      const name = `${folder}/${time.slice(3, 5)}${time.slice(6, 8)}-${id}.json`;
      await storage.ensure({ containers: [containerName] });
      const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
      await storage.blobs(containerName).write(name, lines, { contentType: 'application/x-ndjson' });
    },
  };
}
