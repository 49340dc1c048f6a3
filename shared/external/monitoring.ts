/** Events about calls, and runs, to whoever subscribed: through a queue, behind the answer. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Queue, type Storage, StorageUnavailable } from '../storage/index.ts';
import {
  eventSchema,
  eventsOf,
  type MonitoringEvent,
  type Namespace,
  type Traced,
  type TracedRun,
} from './events.ts';
import type { Delivery, Subscription } from './subscriber.ts';

/** Events for one subscription, so that one subscriber that fails repeats nothing to the others. */
const batchSchema = z.object({
  id: z.string(),
  environment: z.string(),
  subscription: z.string(),
  events: z.array(eventSchema),
  attempt: z.int().optional(),
});
const blobSchema = z.object({ blob: z.string(), attempt: z.int().optional() });
type Batch = z.output<typeof batchSchema>;

export interface MonitoringOptions {
  /** The subscriptions of one environment; may come from a cache. */
  subscriptions: (environment: string) => Promise<readonly Subscription[]>;
  tenantId?: string;
  warn?: (message: string) => void;
  /** calls that wait in memory while the queue does not take their events; default 10,000 */
  waiting?: number;
}

export interface Monitoring {
  /**
   * Tells of calls or runs. Resolves when the events that somebody wants are in the queue, however long that takes; told again
   * meanwhile, a call is told once. Rejects at once where too many wait already.
   */
  tell(calls: readonly (Traced | TracedRun)[]): Promise<void>;
  /** Tries what waits once more; rejects where the queue does not take it. */
  flush(): Promise<void>;
  /**
   * What the queue's trigger does with a message. One whose subscriber did not take it goes back into the queue, to come again
   * after 5 s, then 10, at last every half hour; after a day it throws, which ends in the poison queue.
   */
  deliver(message: string): Promise<void>;
}

/** The queue of `functions/`' trigger; messages that are given up go to `externalmonitoring-poison`. */
export const monitoringQueue = 'externalmonitoring';
const container = 'externalmonitoring';

/** 5 s, doubled eight times, and then every half hour: about a day. */
const mostAttempts = 56;
const retryAfter = (attempt: number) => Math.min(5 * 2 ** (attempt - 1), 1800);

// a message may have 64 KiB; room is left for what the envelope adds
const messageBytes = 48 * 1024;

/** A call whose events are not in the queue yet. */
interface Waiting {
  traced: Traced | TracedRun;
  done: Promise<void>;
  resolve: () => void;
}

export function openMonitoring(storage: Storage, options: MonitoringOptions): Monitoring {
  const queue: Queue = storage.queue(monitoringQueue);
  const blobs = storage.blobs(container);
  const limit = options.waiting ?? 10_000;
  const waiting = new Map<string, Waiting>();
  let refused = false;
  let failing = false;
  let pumping: Promise<void> | undefined;

  async function tell(calls: readonly (Traced | TracedRun)[]): Promise<void> {
    const fresh = calls.filter(({ id }) => !waiting.has(id));
    if (waiting.size + fresh.length > limit) {
      if (!refused) options.warn?.(`${limit} external calls wait for the queue of events already`);
      refused = true;
      throw new Error('too many calls wait for the queue of events');
    }
    for (const traced of fresh) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(traced.id, { traced, done: promise, resolve });
    }
    const done = Promise.all(calls.map(({ id }) => waiting.get(id)?.done));
    // what fails stays, for whoever tells or flushes next
    pump().catch(() => {});
    await done;
  }

  /** One at a time: what is told while a part is on its way goes with the next. */
  function pump(): Promise<void> {
    pumping ??= sendAll().finally(() => {
      pumping = undefined;
      // told after the last look at what waits
      if (waiting.size > 0 && !failing) pump().catch(() => {});
    });
    return pumping;
  }

  async function sendAll(): Promise<void> {
    try {
      while (waiting.size > 0) await send([...waiting.values()]);
      refused = false;
      failing = false;
    } catch (error) {
      const reason = error instanceof StorageUnavailable ? 'storage is unavailable' : String(error);
      // once, not with every call while it lasts
      if (!failing) options.warn?.(`events of external calls wait for the queue: ${reason}`);
      failing = true;
      throw error;
    }
  }

  async function send(calls: readonly Waiting[]): Promise<void> {
    const batches = await wantedOf(calls.map(({ traced }) => traced));
    if (batches.length > 0) await storage.ensure({ queues: [monitoringQueue], containers: [container] });
    for (const batch of batches) await sendBatch(batch);
    for (const { traced, resolve } of calls) {
      waiting.delete(traced.id);
      resolve();
    }
  }

  /** The events that somebody wants, as batches that fit a message, or of one event. */
  async function wantedOf(calls: readonly (Traced | TracedRun)[]): Promise<Batch[]> {
    const chains = new Map(calls.map(({ environments }) => [environments.join('|'), environments]));
    const listening = new Map(
      await Promise.all(
        [...chains].map(
          async ([chain, environments]): Promise<[string, Listening[]]> => [
            chain,
            await listeningTo(environments),
          ],
        ),
      ),
    );
    const wanted = new Map<string, { to: Listening; events: MonitoringEvent[] }>();
    for (const traced of calls) {
      const all = eventsOf(traced, options.tenantId);
      for (const to of listening.get(traced.environments.join('|')) ?? []) {
        const entry = wanted.get(to.subscription.id) ?? { to, events: [] };
        wanted.set(to.subscription.id, entry);
        entry.events.push(...all.filter(({ name }) => to.subscription.events.includes(name)));
      }
    }
    return [...wanted.values()].flatMap(({ to: { environment, subscription }, events }) =>
      partsOf(events).map((part) => ({
        id: randomUUID(),
        environment,
        subscription: subscription.id,
        events: part,
      })),
    );
  }

  /** The subscriptions of an environment and of those above, each once. */
  async function listeningTo(environments: readonly string[]): Promise<Listening[]> {
    const all = await Promise.all(
      environments.map(async (environment) =>
        (await options.subscriptions(environment)).map((subscription) => ({ environment, subscription })),
      ),
    );
    return [...new Map(all.flat().map((one) => [one.subscription.id, one])).values()];
  }

  async function sendBatch(batch: Batch): Promise<void> {
    const text = textOf(batch);
    if (Buffer.byteLength(text) <= messageBytes) return queue.send(text);
    // one event that is larger than a message: the message says where it is
    await blobs.write(`${batch.id}.json`, text, { contentType: 'application/json' });
    await queue.send(JSON.stringify({ blob: `${batch.id}.json` }));
  }

  async function deliver(message: string): Promise<void> {
    const envelope = z.union([batchSchema, blobSchema]).parse(JSON.parse(message));
    const attempt = (envelope.attempt ?? 0) + 1;
    try {
      if ('blob' in envelope) await deliverBlob(envelope.blob);
      else await deliverBatch(envelope);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.warn?.(`events of external calls could not be delivered, try ${attempt}: ${reason}`);
      if (attempt >= mostAttempts) throw error;
      await queue.send(textOf({ ...envelope, attempt }), { visibleAfterSeconds: retryAfter(attempt) });
    }
  }

  async function deliverBlob(name: string): Promise<void> {
    const stored = await blobs.read(name);
    // gone: an earlier delivery of this message was complete
    if (stored === undefined) return;
    await deliverBatch(batchSchema.parse(JSON.parse(new TextDecoder().decode(stored.content))));
    await blobs.remove(name);
  }

  async function deliverBatch({ id, environment, subscription, events }: Batch): Promise<void> {
    const found = (await options.subscriptions(environment)).find((one) => one.id === subscription);
    // ended, or changed, since
    const wanted = events.filter(({ name }) => found?.events.includes(name));
    const byName = new Map<Namespace, Delivery>();
    for (const event of wanted) {
      const delivery = byName.get(event.name) ?? { id, namespace: event.name, events: [] };
      byName.set(event.name, delivery);
      delivery.events.push(event);
    }
    for (const delivery of byName.values()) await found?.subscriber.deliver(delivery);
  }

  return { tell, flush: () => pump(), deliver };
}

interface Listening {
  environment: string;
  subscription: Subscription;
}

/** In their order, as many together as fit a message, at least one. */
function partsOf(events: readonly MonitoringEvent[]): MonitoringEvent[][] {
  const parts: MonitoringEvent[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const bytes = Buffer.byteLength(textOf(event)) + 1;
    size += bytes;
    if (size > messageBytes - 500) {
      parts.push([]);
      size = bytes;
    }
    parts.at(-1)?.push(event);
  }
  return parts;
}

/** JSON that a queue's XML can carry: these two code points are the only ones that JSON leaves and XML lacks. */
function textOf(value: Batch | z.output<typeof blobSchema> | MonitoringEvent): string {
  return JSON.stringify(value).replaceAll('\ufffe', '\\ufffe').replaceAll('\uffff', '\\uffff');
}
