import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { startHubPeer } from '../../test/eventHubPeer.ts';
import { encodeKey, openStorage, type Storage } from '../storage/index.ts';
import type { MonitoringEvent } from './events.ts';
import type { Delivery } from './subscriber.ts';
import { openSubscriptions, subscriptionSchema } from './subscriptions.ts';

let azurite: Azurite;
let storage: Storage;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(() => azurite?.stop());

const events = ['FraudProtection.Errors.ExternalCalls'] as const;
const own = subscriptionSchema.parse({
  events,
  target: { type: 'blob', container: 'tracing-calls', prefix: 'a/' },
});
const event = (uniqueId: string): MonitoringEvent => ({
  uniqueId,
  name: events[0],
  version: '1.0',
  metadata: { tenantId: 't', timestamp: '2026-06-10T12:34:56.789Z' },
  externalCallName: 'c',
  requestStatus: 'Timeout',
  httpStatusCode: 0,
  correlationId: 'k',
  latencyMs: 1,
  assessment: 'PURCHASE',
  rule: '',
  clause: '',
});
const delivery: Delivery = { id: 'd', namespace: events[0], events: [] };

async function blobsOf(container: string): Promise<string[]> {
  const names = [];
  for await (const { name } of storage.blobs(container).list()) names.push(name);
  return names;
}

test('a subscription is kept, listed, and gone when it is deleted', async () => {
  const subscriptions = openSubscriptions(storage);
  await subscriptions.put('env', 'My errors', own);
  expect(await subscriptions.get('env', 'MY ERRORS')).toMatchObject({ name: 'My errors', body: own });
  expect((await subscriptions.list('env')).map(({ name }) => name)).toEqual(['My errors']);
  expect(await subscriptions.list('other')).toEqual([]);
  const [one] = await subscriptions.of('env');
  await one?.subscriber.deliver(delivery);
  expect(await blobsOf('tracing-calls')).toEqual([`a/${events[0]}/1970/01/01/00/0000-d.json`]);
  await subscriptions.remove('env', 'my errors');
  await expect(subscriptions.get('env', 'My errors')).rejects.toThrow('no subscription');
  await expect(subscriptions.remove('env', 'My errors')).rejects.toThrow('no subscription');
});

test('another account is reached by a connection string that Key Vault holds', async () => {
  const url = 'https://hold.vault.azure.net/secrets/tracing';
  const body = subscriptionSchema.parse({
    events,
    target: { type: 'blob', container: 'theirs', connection: `@Microsoft.KeyVault(SecretUri=${url})` },
  });
  let held = azurite.connectionString;
  const subscriptions = openSubscriptions(storage, {
    development: true,
    secret: async (asked) => (asked === url ? held : ''),
  });
  const { body: kept } = await subscriptions.put('far', 'x', body);
  expect(kept.target.connection).toBe(url);
  const [one] = await subscriptions.of('far');
  await one?.subscriber.deliver(delivery);
  expect(await blobsOf('theirs')).toHaveLength(1);
  held = 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=https://evil.example';
  await expect(one?.subscriber.deliver(delivery)).rejects.toThrow('not the connection string of a storage');
});

test('a connection string is kept as a secret, used, and gone when another takes its place', async () => {
  const peer = await startHubPeer();
  const subscriptions = openSubscriptions(storage, { development: true });
  const target = { type: 'eventHub', eventHub: 'calls', connection: peer.connectionString } as const;
  const { body } = await subscriptions.put('hub', 'x', subscriptionSchema.parse({ events, target }));
  expect(JSON.stringify(body)).not.toContain('SharedAccessKey');
  const secretsLeft = async () => {
    const rows = [];
    for await (const row of storage.table('externalsecrets').range(`hub|${encodeKey('subscription x')}`))
      rows.push(row);
    return new Set(rows.map(({ rowKey }) => rowKey)).size;
  };
  const [one] = await subscriptions.of('hub');
  await one?.subscriber.deliver({ ...delivery, events: [event('a')] });
  expect(peer.received.map(({ hub, messageId }) => ({ hub, messageId }))).toEqual([
    { hub: 'calls', messageId: 'a' },
  ]);
  // as it was read
  await subscriptions.put('hub', 'x', body);
  expect(await secretsLeft()).toBe(1);
  await subscriptions.put('hub', 'x', subscriptionSchema.parse({ events, target }));
  expect(await secretsLeft()).toBe(1);
  await subscriptions.remove('hub', 'x');
  expect(await secretsLeft()).toBe(0);
  await subscriptions.close();
  await peer.stop();
});

test('an id that another subscription has opens nothing', async () => {
  const subscriptions = openSubscriptions(storage);
  const connection = 'Endpoint=sb://shop-hub.servicebus.windows.net;SharedAccessKeyName=a;SharedAccessKey=b';
  const target = { type: 'eventHub', eventHub: 'e', connection } as const;
  const mine = await subscriptions.put('mine', 'x', subscriptionSchema.parse({ events, target }));
  await expect(subscriptions.put('theirs', 'x', mine.body)).rejects.toThrow('nothing of this kind is stored');
  await expect(subscriptions.put('mine', 'y', mine.body)).rejects.toThrow('nothing of this kind is stored');
});

test('what is set up counts within a minute', async () => {
  const time = { now: 0 };
  const subscriptions = openSubscriptions(storage, { now: () => time.now });
  expect(await subscriptions.of('late')).toEqual([]);
  await subscriptions.put('late', 'x', own);
  time.now = 60_001;
  expect(await subscriptions.of('late')).toHaveLength(1);
});

test.each([
  { events: [], target: { type: 'blob', container: 'tracing-x' } },
  { events: ['FraudProtection.Audit'], target: { type: 'blob', container: 'tracing-x' } },
  { events, target: { type: 'blob', container: 'config' } },
  { events, target: { type: 'blob', container: 'tracing_X' } },
  { events, target: { type: 'blob', container: 'tracing-x', prefix: '../' } },
  { events, target: { type: 'blob', container: 'tracing-x', prefix: 'a/../../config/' } },
  { events, target: { type: 'blob', container: 'theirs', connection: { keyVault: 'https://evil.example' } } },
  { events, target: { type: 'eventHub', container: 'tracing-x' } },
  { events, target: { type: 'eventHub', eventHub: 'x' } },
  { events, target: { type: 'eventHub', namespace: 'shop-hub.servicebus.windows.net' } },
  { events, target: { type: 'eventHub', eventHub: 'x', namespace: 'evil.example' } },
  {
    events,
    target: { type: 'eventHub', eventHub: 'x', namespace: 'a-b-c.servicebus.windows.net', connection: 'x' },
  },
])('%j is refused', (body) => expect(subscriptionSchema.safeParse(body).success).toBe(false));
