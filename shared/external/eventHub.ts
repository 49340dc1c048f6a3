/** An event hub as a subscriber of events. Its client is loaded with the first delivery. */
import type { EventData, EventDataBatch, EventHubProducerClient } from '@azure/event-hubs';
import type { TokenCredential } from '@azure/identity';
import { type MonitoringEvent, shownLimit } from './events.ts';
import type { Subscriber } from './subscriber.ts';

/** Where a hub is, and who sends: whoever has the key of a connection string, or an identity. */
export type HubAddress =
  /** `eventHub` where the connection string is that of a namespace */
  | { connectionString: string; eventHub?: string }
  | {
      /** `shop.servicebus.windows.net` */
      namespace: string;
      eventHub: string;
      credential: TokenCredential;
      /** where the namespace is reached, if not under its name */
      endpoint?: string;
    };

export interface EventHub extends Subscriber {
  /** Ends the connection, if there is one. */
  close(): Promise<void>;
}

/**
 * Sends each event as a message of its own: its body is the event as JSON, `messageId` its `uniqueId`, and the property
 * `name` its name. The events of a delivery go in their order, as many to a batch as the hub allows. No partition is asked for,
 * so that the hub spreads batches over all; their timestamps say the order. One connection, kept.
 */
export function openEventHub(address: HubAddress): EventHub {
  let opened: Promise<EventHubProducerClient> | undefined;

  function producer(): Promise<EventHubProducerClient> {
    opened ??= openProducer(address).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  async function deliverAll(events: readonly MonitoringEvent[]): Promise<void> {
    const client = await producer();
    let batch = await client.createBatch();
    for (const event of events) {
      if (batch.tryAdd(messageOf(event))) continue;
      if (batch.count > 0) {
        await client.sendBatch(batch);
        batch = await client.createBatch();
      }
      addShortened(batch, event);
    }
    if (batch.count > 0) await client.sendBatch(batch);
  }

  return {
    async deliver({ events }) {
      try {
        await deliverAll(events);
      } catch (error) {
        throw new Error(`The event hub did not take events: ${reasonOf(error)}`);
      }
    },
    async close() {
      const client = await opened?.catch(() => undefined);
      opened = undefined;
      await client?.close();
    },
  };
}

async function openProducer(address: HubAddress): Promise<EventHubProducerClient> {
  const { EventHubProducerClient: Producer } = await import('@azure/event-hubs');
  // the queue brings a delivery again; a function should not wait long in between
  const options = { retryOptions: { maxRetries: 2, timeoutInMs: 10_000, retryDelayInMs: 500 } };
  if ('connectionString' in address) {
    const { connectionString, eventHub } = address;
    return eventHub === undefined
      ? new Producer(connectionString, options)
      : new Producer(connectionString, eventHub, options);
  }
  const { namespace, eventHub, credential, endpoint } = address;
  const custom = endpoint === undefined ? {} : { customEndpointAddress: endpoint };
  return new Producer(namespace, eventHub, credential, { ...options, ...custom });
}

function messageOf(event: MonitoringEvent): EventData {
  return {
    body: event,
    contentType: 'application/json',
    messageId: event.uniqueId,
    ...('correlationId' in event && event.correlationId !== '' ? { correlationId: event.correlationId } : {}),
    properties: { name: event.name, version: event.version },
  };
}

/** Adds an event to an empty batch, with less and less of its texts where it is larger than the hub takes (256 KiB, or 1 MiB). */
function addShortened(batch: EventDataBatch, event: MonitoringEvent): void {
  for (let limit = shownLimit; ; limit = Math.floor(limit / 2)) {
    const cut = (text: string | undefined) =>
      text === undefined ? undefined : text.slice(0, limit).toWellFormed();
    const { response, requestUri, requestBody } =
      'response' in event || 'requestUri' in event || 'requestBody' in event ? event : {};
    const shorter = {
      ...event,
      ...(response === undefined ? {} : { response: cut(response) }),
      ...(requestUri === undefined ? {} : { requestUri: cut(requestUri) }),
      ...(requestBody === undefined ? {} : { requestBody: cut(requestBody) }),
    };
    if (batch.tryAdd(messageOf(shorter))) return;
    if (limit === 0) throw new Error('an event is larger than the hub takes');
  }
}

/** Without addresses and keys: what the library says of a connection may quote them. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code ?? error.name;
}
