import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { CallEvent, MonitoringEvent, Traced, TracedRun } from './events.ts';
import { type MonitoringOptions, monitoringQueue, openMonitoring } from './monitoring.ts';
import { blobSubscriber, type Delivery, type Subscription } from './subscriber.ts';

let azurite: Azurite;
let storage: Storage;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ queues: [monitoringQueue] });
});
afterAll(() => azurite?.stop());
beforeEach(async () => {
  await messages();
});

const success: Traced = {
  id: 'one',
  environments: ['root', 'leaf'],
  call: 'myCall',
  correlationId: 'c1',
  assessment: 'Purchase',
  rule: 'R',
  clause: 'c',
  at: '2026-06-10T12:34:56.789Z',
  latencyMs: 12,
  status: 'Success',
  httpStatusCode: 200,
  answered: '',
  requestUri: 'https://a.b/c?d=e',
  requestBody: '',
};
const failure: Traced = {
  ...success,
  id: 'two',
  status: 'ResponseFailure',
  httpStatusCode: 404,
  answered: '{"no":1}',
  requestBody: '{"x":"y"}',
};
const many = (count: number): Traced[] =>
  Array.from({ length: count }, (_, index) => ({
    ...success,
    id: String(index),
    correlationId: String(index),
  }));

/** Takes what is in the queue. */
async function messages(): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const received = await storage.queue(monitoringQueue).receive({ max: 32 });
    if (received.length === 0) return texts;
    for (const message of received) {
      texts.push(message.text);
      await storage.queue(monitoringQueue).remove(message);
    }
  }
}

function collecting(events: Subscription['events'], id = 's'): Subscription & { taken: Delivery[] } {
  const taken: Delivery[] = [];
  return { id, events, taken, subscriber: { deliver: async (one) => void taken.push(one) } };
}

const callEvents = (deliveries: readonly Delivery[]): CallEvent[] =>
  deliveries.flatMap(({ events }) => events.flatMap((event) => ('correlationId' in event ? event : [])));

const both = ['FraudProtection.Monitoring.ExternalCalls', 'FraudProtection.Errors.ExternalCalls'] as const;

function open(byEnvironment: Record<string, Subscription[]>, options: Partial<MonitoringOptions> = {}) {
  const tenantId = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';
  return openMonitoring(storage, {
    tenantId,
    subscriptions: async (one) => byEnvironment[one] ?? [],
    ...options,
  });
}

/** Hands on what is in the queue; the rest of a test looks at what was taken. */
async function deliverAll(monitoring: ReturnType<typeof open>): Promise<string[]> {
  const texts = await messages();
  for (const text of texts) await monitoring.deliver(text);
  return texts;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('events', () => {
  test('have the documented members', async () => {
    const subscription = collecting(both);
    const monitoring = open({ leaf: [subscription] });
    await monitoring.tell([success, { ...success, id: 'other' }, failure]);
    await deliverAll(monitoring);
    const events = callEvents(subscription.taken);
    const common = {
      uniqueId: expect.stringMatching(uuid),
      version: '1.0',
      metadata: { tenantId: 'aaaabbbb-0000-cccc-1111-dddd2222eeee', timestamp: '2026-06-10T12:34:56.789Z' },
      externalCallName: 'myCall',
      correlationId: 'c1',
      latencyMs: 12,
      assessment: 'PURCHASE',
      rule: 'R',
      clause: 'c',
    };
    const failed = { ...common, requestStatus: 'ResponseFailure', httpStatusCode: 404 };
    const sorted = events.sort((a, b) => a.httpStatusCode - b.httpStatusCode || b.name.localeCompare(a.name));
    expect(sorted).toEqual([
      { name: both[0], ...common, requestStatus: 'Success', httpStatusCode: 200 },
      { name: both[0], ...common, requestStatus: 'Success', httpStatusCode: 200 },
      { name: both[0], ...failed },
      {
        name: both[1],
        ...failed,
        response: '{"no":1}',
        requestUri: 'https://a.b/c?d=e',
        requestBody: '{"x":"y"}',
      },
    ]);
    expect(new Set(events.map(({ uniqueId }) => uniqueId)).size).toBe(4);
  });

  test('told again have the same ids, and while they wait are told once', async () => {
    const subscription = collecting(both);
    const monitoring = open({ leaf: [subscription] });
    await Promise.all([monitoring.tell([failure]), monitoring.tell([failure])]);
    await deliverAll(monitoring);
    const ids = () => subscription.taken.flatMap(({ events }) => events.map(({ uniqueId }) => uniqueId));
    const first = ids();
    expect(first).toHaveLength(2);
    await open({ leaf: [subscription] }).tell([failure]);
    await deliverAll(monitoring);
    expect(ids()).toEqual([...first, ...first]);
  });

  test('go to subscriptions of the environment and its parents, once each, and only those asked for', async () => {
    const root = collecting([both[1]], 'root');
    const leaf = collecting([both[0]], 'leaf');
    const other = collecting(both, 'other');
    const monitoring = open({ root: [root, root], leaf: [leaf, root], elsewhere: [other] });
    await monitoring.tell([success, failure]);
    await deliverAll(monitoring);
    const counted = (one: typeof root) => one.taken.flatMap(({ events }) => events.map(({ name }) => name));
    expect(counted(root)).toEqual([both[1]]);
    expect(counted(leaf)).toEqual([both[0], both[0]]);
    expect(counted(other)).toEqual([]);
  });

  test('without subscribers cost no message', async () => {
    const monitoring = open({});
    await monitoring.tell([failure]);
    expect(await messages()).toEqual([]);
  });
});

test('a run of loss prevention is told to those who want that, under the same id however often', async () => {
  const run: TracedRun = {
    id: 'run 1',
    environments: ['leaf', 'root'],
    at: '2026-06-10T12:34:56.789Z',
    run: {
      environmentId: 'leaf',
      runId: '1',
      requestedBy: 'schedule',
      status: 'succeeded',
      flagged: { staff: 2 },
    },
  };
  const name = 'FraudProtection.LossPrevention.RunFinished';
  const [wanting, other] = [collecting([name]), collecting(both, 'other')];
  const monitoring = open({ root: [wanting], leaf: [other] });
  await monitoring.tell([run]);
  await monitoring.tell([run]);
  await deliverAll(monitoring);
  expect(other.taken).toEqual([]);
  const events = wanting.taken.flatMap((delivery) => delivery.events);
  const common = { name, version: '1.0', metadata: expect.objectContaining({ timestamp: run.at }) };
  const expected = { ...common, uniqueId: expect.stringMatching(uuid), ...run.run };
  expect(events).toEqual([expected, expected]);
  expect(events[0]?.uniqueId).toBe(events[1]?.uniqueId);
});

describe('the queue', () => {
  test('takes a thousand events in few messages, in their order, and loses none', async () => {
    const subscription = collecting([both[0]]);
    const monitoring = open({ leaf: [subscription] });
    await monitoring.tell(many(1000));
    const texts = await deliverAll(monitoring);
    expect(texts.length).toBeLessThan(20);
    const seen = callEvents(subscription.taken).map(({ correlationId }) => correlationId);
    expect(seen.map(Number)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });

  test('takes an event larger than a message, with characters that XML lacks, and clears up after it', async () => {
    const subscription = collecting([both[1]]);
    const monitoring = open({ leaf: [subscription] });
    const requestBody = '\u0000\ufffe\uffff\ud800é'.repeat(5_000);
    await monitoring.tell([{ ...failure, requestBody: '\ufffe\uffff' }]);
    await monitoring.tell([{ ...failure, requestBody }]);
    const texts = await messages();
    for (const text of [...texts, ...texts.slice(1)]) await monitoring.deliver(text);
    const bodies = callEvents(subscription.taken).map((event) => event.requestBody);
    expect(bodies).toEqual(['\ufffe\uffff', requestBody]);
    const left = [];
    for await (const blob of storage.blobs('externalmonitoring').list()) left.push(blob.name);
    expect(left).toEqual([]);
  });

  test('that is gone makes the events wait, as many as there is room for; then they are sent', async () => {
    let gone = true;
    const warnings: string[] = [];
    const subscription = collecting([both[0]]);
    const unsteady: Storage = {
      ...storage,
      ensure: (names) => (gone ? Promise.reject(new Error('gone')) : storage.ensure(names)),
    };
    const monitoring = openMonitoring(unsteady, {
      subscriptions: async (environment) => (environment === 'leaf' ? [subscription] : []),
      warn: (message) => void warnings.push(message),
      waiting: 3,
    });
    const told = monitoring.tell(many(3));
    await expect(monitoring.tell([{ ...success, id: 'more' }])).rejects.toThrow('too many');
    await expect(monitoring.flush()).rejects.toThrow('gone');
    expect(warnings).toHaveLength(2);
    gone = false;
    await monitoring.flush();
    await told;
    for (const text of await messages()) await monitoring.deliver(text);
    expect(callEvents(subscription.taken).map(({ correlationId }) => correlationId)).toEqual(['0', '1', '2']);
  });

  test('brings again later what a subscriber did not take, and nothing to the others', async () => {
    let broken = true;
    const steady = collecting(both, 'steady');
    const taken: MonitoringEvent[][] = [];
    const subscriber = {
      deliver: async ({ events }: Delivery) => {
        if (broken) throw new Error('subscriber is gone');
        taken.push(events);
      },
    };
    const warnings: string[] = [];
    const sent: { text: string; after: number | undefined }[] = [];
    const queue = storage.queue(monitoringQueue);
    const watched: Storage = {
      ...storage,
      queue: () => ({
        ...queue,
        send: async (text, sending) => void sent.push({ text, after: sending?.visibleAfterSeconds }),
      }),
    };
    const monitoring = openMonitoring(watched, {
      subscriptions: async (one) =>
        one === 'leaf' ? [{ id: 's', events: [both[0]], subscriber }, steady] : [],
      warn: (message) => void warnings.push(message),
    });
    await monitoring.tell([success]);
    for (const { text } of sent.splice(0)) await monitoring.deliver(text);
    expect(steady.taken).toHaveLength(1);
    expect(warnings).toEqual(['events of external calls could not be delivered, try 1: subscriber is gone']);
    const waits = [];
    for (let message = sent.pop(); message; message = sent.pop()) {
      waits.push(message.after);
      if (waits.length === 12) broken = false;
      await monitoring.deliver(message.text);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]);
    expect(taken.flat().map(({ name }) => name)).toEqual([both[0]]);
    expect(steady.taken).toHaveLength(1);
  });

  test('gives up after a day, loudly', async () => {
    const deliver = () => Promise.reject(new Error('subscriber is gone'));
    const monitoring = open({ leaf: [{ id: 's', events: [both[0]], subscriber: { deliver } }] });
    await monitoring.tell([success]);
    const [text = ''] = await messages();
    const last = JSON.stringify({ ...JSON.parse(text), attempt: 55 });
    await expect(monitoring.deliver(last)).rejects.toThrow('subscriber is gone');
    expect(await messages()).toEqual([]);
  });

  test('keeps what a subscription no longer wants to itself', async () => {
    const subscription = collecting([both[0]]);
    const byEnvironment: Record<string, Subscription[]> = { leaf: [subscription] };
    const monitoring = open(byEnvironment);
    await monitoring.tell([success]);
    byEnvironment.leaf = [];
    await deliverAll(monitoring);
    expect(subscription.taken).toEqual([]);
  });
});

test('a blob container gets one blob of lines for each delivery, and the same one when it is repeated', async () => {
  const subscriber = blobSubscriber(storage, 'tracing-test', 'calls/');
  const monitoring = open({ leaf: [{ id: 's', events: both, subscriber }] });
  await monitoring.tell([success, failure]);
  const texts = await messages();
  for (const text of [...texts, ...texts]) await monitoring.deliver(text);
  const lines: MonitoringEvent[] = [];
  for await (const { name } of storage.blobs('tracing-test').list()) {
    expect(name).toMatch(
      /^calls\/FraudProtection\.\w+\.ExternalCalls\/2026\/06\/10\/12\/3456-[0-9a-f-]{36}\.json$/,
    );
    const content = await storage.blobs('tracing-test').read(name);
    const text = new TextDecoder().decode(content?.content);
    lines.push(
      ...text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  }
  expect(lines.map(({ name }) => name).sort()).toEqual([both[1], both[0], both[0]]);
});
