import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import {
  blobSubscriber,
  type Delivery,
  type MonitoringEvent,
  type MonitoringOptions,
  monitoringQueue,
  openMonitoring,
  type Subscription,
  type Traced,
} from './monitoring.ts';

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
  environments: ['root', 'leaf'],
  call: 'myCall',
  correlationId: 'c1',
  assessment: 'Purchase',
  rule: 'R',
  clause: 'c',
  at: Date.UTC(2026, 5, 10, 12, 34, 56, 789),
  latencyMs: 12,
  outcome: { status: 'Success', httpStatusCode: 200, response: {}, detail: '' },
  requestUri: 'https://a.b/c?d=e',
  requestBody: '',
};
const failure: Traced = {
  ...success,
  outcome: { status: 'ResponseFailure', httpStatusCode: 404, detail: '', answered: '{"no":1}' },
  requestBody: '{"x":"y"}',
};

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

const both = ['FraudProtection.Monitoring.ExternalCalls', 'FraudProtection.Errors.ExternalCalls'] as const;

function open(byEnvironment: Record<string, Subscription[]>, options: Partial<MonitoringOptions> = {}) {
  const tenantId = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';
  return openMonitoring(storage, {
    tenantId,
    subscriptions: async (one) => byEnvironment[one] ?? [],
    ...options,
  });
}

describe('events', () => {
  test('have the documented members', async () => {
    const subscription = collecting(both);
    const monitoring = open({ leaf: [subscription] });
    monitoring.record(success);
    monitoring.record(failure);
    await monitoring.flush();
    for (const message of await messages()) await monitoring.deliver(message);
    const events = subscription.taken.flatMap((delivery) => delivery.events);
    const common = {
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
      { name: both[0], ...failed },
      {
        name: both[1],
        ...failed,
        response: '{"no":1}',
        requestUri: 'https://a.b/c?d=e',
        requestBody: '{"x":"y"}',
      },
    ]);
  });

  test('go to subscriptions of the environment and its parents, once each, and only those asked for', async () => {
    const root = collecting([both[1]], 'root');
    const leaf = collecting([both[0]], 'leaf');
    const other = collecting(both, 'other');
    const monitoring = open({ root: [root, root], leaf: [leaf, root], elsewhere: [other] });
    for (const one of [success, failure]) monitoring.record(one);
    await monitoring.flush();
    for (const message of await messages()) await monitoring.deliver(message);
    const counted = (one: typeof root) => one.taken.flatMap(({ events }) => events.map(({ name }) => name));
    expect(counted(root)).toEqual([both[1]]);
    expect(counted(leaf)).toEqual([both[0], both[0]]);
    expect(counted(other)).toEqual([]);
  });

  test('without subscribers cost no message', async () => {
    const monitoring = open({});
    monitoring.record(failure);
    await monitoring.flush();
    expect(await messages()).toEqual([]);
  });
});

describe('the outbox', () => {
  test('takes a thousand events in few messages, and loses none', async () => {
    const subscription = collecting([both[0]]);
    const monitoring = open({ leaf: [subscription] });
    for (let index = 0; index < 1000; index += 1)
      monitoring.record({ ...success, correlationId: String(index) });
    await monitoring.flush();
    const texts = await messages();
    expect(texts.length).toBeLessThan(20);
    for (const text of texts) await monitoring.deliver(text);
    const seen = subscription.taken.flatMap(({ events }) =>
      events.map(({ correlationId }) => Number(correlationId)),
    );
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });

  test('takes an event larger than a message, with characters that XML lacks, and clears up after it', async () => {
    const subscription = collecting([both[1]]);
    const monitoring = open({ leaf: [subscription] });
    const requestBody = '\u0000\ufffe\uffff\ud800é'.repeat(20_000);
    monitoring.record({ ...failure, requestBody: '\ufffe\uffff' });
    await monitoring.flush();
    monitoring.record({ ...failure, requestBody });
    await monitoring.flush();
    const texts = await messages();
    for (const text of [...texts, ...texts.slice(1)]) await monitoring.deliver(text);
    const bodies = subscription.taken.flatMap(({ events }) => events.map((event) => event.requestBody));
    expect(bodies).toEqual(['\ufffe\uffff', requestBody]);
    const left = [];
    for await (const blob of storage.blobs('externalmonitoring').list()) left.push(blob.name);
    expect(left).toEqual([]);
  });

  test('keeps events while the queue does not take them, and sends them when it does', async () => {
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
    for (let index = 0; index < 5; index += 1)
      monitoring.record({ ...success, correlationId: String(index) });
    await expect(monitoring.flush()).rejects.toThrow('gone');
    expect(warnings.some((warning) => warning.includes('are lost'))).toBe(true);
    gone = false;
    await monitoring.flush();
    for (const text of await messages()) await monitoring.deliver(text);
    expect(
      subscription.taken.flatMap(({ events }) => events).map(({ correlationId }) => correlationId),
    ).toEqual(['0', '1', '2']);
  });

  test('delivers again what a subscriber did not take', async () => {
    const taken: MonitoringEvent[][] = [];
    let broken = true;
    const subscriber = {
      deliver: async ({ events }: Delivery) => {
        if (broken) throw new Error('subscriber is gone');
        taken.push(events);
      },
    };
    const monitoring = open({ leaf: [{ id: 's', events: [both[0]], subscriber }] });
    monitoring.record(success);
    await monitoring.flush();
    const [text = ''] = await messages();
    await expect(monitoring.deliver(text)).rejects.toThrow('subscriber is gone');
    broken = false;
    await monitoring.deliver(text);
    expect(taken).toHaveLength(1);
  });
});

test('a blob container gets one blob of lines for each delivery, and the same one when it is repeated', async () => {
  const subscriber = blobSubscriber(storage, 'tracing-test', 'calls/');
  const monitoring = open({ leaf: [{ id: 's', events: both, subscriber }] });
  monitoring.record(success);
  monitoring.record(failure);
  await monitoring.flush();
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
