import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { Delivery } from './monitoring.ts';
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
    target: { type: 'blob', container: 'theirs', connection: url },
  });
  const subscriptions = openSubscriptions(storage, {
    secret: async (asked) => (asked === url ? azurite.connectionString : ''),
  });
  await subscriptions.put('far', 'x', body);
  const [one] = await subscriptions.of('far');
  await one?.subscriber.deliver(delivery);
  expect(await blobsOf('theirs')).toHaveLength(1);
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
  { events, target: { type: 'blob', container: 'tracing-x', prefix: '../', connection: 'AccountKey=abc' } },
  { events, target: { type: 'eventHub', container: 'tracing-x' } },
])('%j is refused', (body) => expect(subscriptionSchema.safeParse(body).success).toBe(false));
