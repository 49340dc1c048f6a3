/** Events about calls, in the documented shape, to whoever subscribed: through an outbox queue, behind the answer. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Queue, type Storage, StorageUnavailable } from '../storage/index.ts';
import type { Outcome } from './outcome.ts';

export const namespaces = [
  'FraudProtection.Monitoring.ExternalCalls',
  'FraudProtection.Errors.ExternalCalls',
] as const;
export type Namespace = (typeof namespaces)[number];

const eventSchema = z.object({
  name: z.enum(namespaces),
  version: z.literal('1.0'),
  metadata: z.object({ tenantId: z.string(), timestamp: z.string() }),
  externalCallName: z.string(),
  requestStatus: z.string(),
  httpStatusCode: z.number(),
  correlationId: z.string(),
  latencyMs: z.number(),
  assessment: z.string(),
  rule: z.string(),
  clause: z.string(),
  // of FraudProtection.Errors.ExternalCalls only
  response: z.string().optional(),
  requestUri: z.string().optional(),
  requestBody: z.string().optional(),
});

/** As DFP's page on event tracing shows them. */
export type MonitoringEvent = z.output<typeof eventSchema>;

const batchSchema = z.object({
  id: z.string(),
  items: z.array(z.object({ environments: z.array(z.string()), event: eventSchema })),
});
type Batch = z.output<typeof batchSchema>;

export interface Delivery {
  /** the same with every repetition of a delivery */
  id: string;
  namespace: Namespace;
  events: MonitoringEvent[];
}

/** Whoever takes events: a blob container now, an event hub behind the same interface. Taking one delivery twice must do no harm. */
export interface Subscriber {
  deliver(delivery: Delivery): Promise<void>;
}

export interface Subscription {
  /** unique over all environments */
  id: string;
  events: readonly Namespace[];
  subscriber: Subscriber;
}

/** What one call was, for its events; texts are redacted already. */
export interface Traced {
  /** the environment of the call and its parents, whose subscriptions include their children's events */
  environments: readonly string[];
  call: string;
  correlationId: string;
  assessment: string;
  rule: string;
  clause: string;
  at: number;
  latencyMs: number;
  outcome: Outcome;
  requestUri: string;
  requestBody: string;
}

export interface MonitoringOptions {
  /** The subscriptions of one environment; may come from a cache. */
  subscriptions: (environment: string) => Promise<readonly Subscription[]>;
  tenantId?: string;
  warn?: (message: string) => void;
  /** events that wait in memory while the queue does not take them; default 10,000 */
  waiting?: number;
}

export interface Monitoring {
  /** Takes note of a call; returns at once and never throws. */
  record(traced: Traced): void;
  /** Resolves when everything recorded so far is in the queue; rejects where the queue does not take it. */
  flush(): Promise<void>;
  /** What the queue's trigger does with a message; throws where a subscriber did not take it, so that it comes again. */
  deliver(message: string): Promise<void>;
}

/** The queue of `functions/`' trigger; messages that fail five times go to `externalmonitoring-poison`. */
export const monitoringQueue = 'externalmonitoring';
const container = 'externalmonitoring';

// a message may have 64 KiB; room is left for what the envelope adds
const messageBytes = 48 * 1024;
const noTenant = '00000000-0000-0000-0000-000000000000';

export function openMonitoring(storage: Storage, options: MonitoringOptions): Monitoring {
  const queue: Queue = storage.queue(monitoringQueue);
  const blobs = storage.blobs(container);
  const limit = options.waiting ?? 10_000;
  /** recorded, not yet looked at; then what of it is wanted, not yet in the queue */
  const recorded: Traced[] = [];
  const outgoing: Batch['items'] = [];
  let dropped = 0;
  let failing = false;
  let pumping: Promise<void> | undefined;

  function record(traced: Traced): void {
    if (recorded.length + outgoing.length >= limit) {
      dropped += 1;
      if (dropped === 1)
        options.warn?.(`events of external calls are lost: ${limit} wait for the queue already`);
      return;
    }
    recorded.push(traced);
    pump().catch(() => {});
  }

  /** One at a time: what is recorded while a batch is on its way goes with the next. */
  function pump(): Promise<void> {
    pumping ??= send().finally(() => {
      pumping = undefined;
    });
    return pumping;
  }

  async function send(): Promise<void> {
    try {
      while (recorded.length > 0 || outgoing.length > 0) {
        await choose();
        if (outgoing.length === 0) continue;
        await storage.ensure({ queues: [monitoringQueue], containers: [container] });
        const part = firstPart(outgoing);
        await sendPart(part);
        outgoing.splice(0, part.length);
      }
      dropped = 0;
      failing = false;
    } catch (error) {
      const reason = error instanceof StorageUnavailable ? 'storage is unavailable' : String(error);
      // once, not with every call while it lasts
      if (!failing) options.warn?.(`events of external calls wait for the queue: ${reason}`);
      failing = true;
      throw error;
    }
  }

  /** Turns what was recorded into the events that somebody wants. */
  async function choose(): Promise<void> {
    const looked = recorded.slice();
    const chains = new Map(looked.map(({ environments }) => [environments.join('|'), environments]));
    const wanted = new Map<string, Set<Namespace>>();
    for (const [chain, environments] of chains)
      wanted.set(chain, new Set((await subscriptionsOf(environments)).flatMap(({ events }) => events)));
    for (const one of looked)
      for (const event of eventsOf(one, options.tenantId ?? noTenant))
        if (wanted.get(one.environments.join('|'))?.has(event.name))
          outgoing.push({ environments: [...one.environments], event });
    recorded.splice(0, looked.length);
  }

  async function sendPart(items: Batch['items']): Promise<void> {
    const id = randomUUID();
    const text = textOf({ id, items });
    if (Buffer.byteLength(text) <= messageBytes) return queue.send(text);
    // one event that is larger than a message: the message says where it is
    await blobs.write(`${id}.json`, text, { contentType: 'application/json' });
    await queue.send(JSON.stringify({ blob: `${id}.json` }));
  }

  async function subscriptionsOf(environments: readonly string[]): Promise<Subscription[]> {
    const all = await Promise.all(environments.map(options.subscriptions));
    return [...new Map(all.flat().map((one) => [one.id, one])).values()];
  }

  async function deliver(message: string): Promise<void> {
    const envelope = z.union([batchSchema, z.object({ blob: z.string() })]).parse(JSON.parse(message));
    if (!('blob' in envelope)) return deliverBatch(envelope);
    const stored = await blobs.read(envelope.blob);
    // gone: an earlier delivery of this message was complete
    if (stored === undefined) return;
    await deliverBatch(batchSchema.parse(JSON.parse(new TextDecoder().decode(stored.content))));
    await blobs.remove(envelope.blob);
  }

  async function deliverBatch({ id, items }: Batch): Promise<void> {
    const deliveries = new Map<string, { subscriber: Subscriber; delivery: Delivery }>();
    for (const { environments, event } of items)
      for (const subscription of await subscriptionsOf(environments)) {
        if (!subscription.events.includes(event.name)) continue;
        const key = `${subscription.id}|${event.name}`;
        const entry = deliveries.get(key) ?? {
          subscriber: subscription.subscriber,
          delivery: { id, namespace: event.name, events: [] },
        };
        entry.delivery.events.push(event);
        deliveries.set(key, entry);
      }
    await Promise.all(
      [...deliveries.values()].map(({ subscriber, delivery }) => subscriber.deliver(delivery)),
    );
  }

  return { record, flush: () => pump(), deliver };
}

/** The event of a call and, where it failed, the one with its request and answer. */
function eventsOf(traced: Traced, tenantId: string): MonitoringEvent[] {
  const { outcome } = traced;
  const common = {
    version: '1.0',
    metadata: { tenantId, timestamp: new Date(traced.at).toISOString() },
    externalCallName: traced.call,
    requestStatus: outcome.status,
    httpStatusCode: outcome.httpStatusCode,
    correlationId: traced.correlationId,
    latencyMs: traced.latencyMs,
    assessment: traced.assessment.toUpperCase(),
    rule: traced.rule,
    clause: traced.clause,
  } as const;
  const monitoring: MonitoringEvent = { name: 'FraudProtection.Monitoring.ExternalCalls', ...common };
  if (outcome.status === 'Success') return [monitoring];
  const { requestUri, requestBody } = traced;
  const response = outcome.answered ?? '';
  return [
    monitoring,
    { name: 'FraudProtection.Errors.ExternalCalls', ...common, response, requestUri, requestBody },
  ];
}

/** As many of the first events as fit a message, at least one. */
function firstPart(items: Batch['items']): Batch['items'] {
  let size = 0;
  const end = items.findIndex((item, index) => {
    size += Buffer.byteLength(textOf(item)) + 1;
    return index > 0 && size > messageBytes - 100;
  });
  return end < 0 ? items.slice() : items.slice(0, end);
}

/** JSON that a queue's XML can carry: these two code points are the only ones that JSON leaves and XML lacks. */
function textOf(value: Batch | Batch['items'][number]): string {
  return JSON.stringify(value).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
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
