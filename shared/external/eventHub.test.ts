import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { type HubPeer, type HubPeerOptions, startHubPeer } from '../../test/eventHubPeer.ts';
import { makeAuthority } from '../../test/httpsTarget.ts';
import { type EventHub, type HubAddress, openEventHub } from './eventHub.ts';
import type { CallEvent, MonitoringEvent } from './events.ts';
import type { Delivery } from './subscriber.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function peer(options?: HubPeerOptions): Promise<HubPeer> {
  const started = await startHubPeer(options);
  closing.push(started.stop);
  return started;
}

function hub(address: HubAddress): EventHub {
  const opened = openEventHub(address);
  closing.unshift(opened.close);
  return opened;
}

const event = (uniqueId: string, change: Partial<CallEvent> = {}): CallEvent => ({
  uniqueId,
  name: 'FraudProtection.Errors.ExternalCalls',
  version: '1.0',
  metadata: { tenantId: 't', timestamp: '2026-06-10T12:34:56.789Z' },
  externalCallName: 'risk',
  requestStatus: 'Timeout',
  httpStatusCode: 0,
  correlationId: 'k',
  latencyMs: 1,
  assessment: 'PURCHASE',
  rule: 'R',
  clause: 'c',
  ...change,
});
const delivery = (events: MonitoringEvent[]): Delivery => ({
  id: 'd',
  namespace: 'FraudProtection.Errors.ExternalCalls',
  events,
});

describe('an event hub, over AMQP,', () => {
  test('gets each event as a message with its id, proved by the key', async () => {
    const { connectionString, claims, received, port } = await peer();
    const one = hub({ connectionString, eventHub: 'calls' });
    await one.deliver(delivery([event('a'), event('b')]));
    expect(received).toEqual(
      ['a', 'b'].map((messageId) => ({
        hub: 'calls',
        body: event(messageId),
        messageId,
        properties: { name: 'FraudProtection.Errors.ExternalCalls', version: '1.0' },
      })),
    );
    expect(claims).toMatchObject([
      { audience: `sb://localhost:${port}/calls`, type: 'servicebus.windows.net:sastoken' },
    ]);
    expect(claims[0]?.token).not.toContain('c2VjcmV0LWtleQ');
  });

  test('gets many events in few batches, in their order', async () => {
    const { connectionString, received, batches } = await peer({ maxMessageSize: 65_536 });
    const ids = Array.from({ length: 500 }, (_, index) => String(index));
    await hub({ connectionString, eventHub: 'calls' }).deliver(delivery(ids.map((id) => event(id))));
    expect(received.map(({ messageId }) => messageId)).toEqual(ids);
    expect(batches()).toBeGreaterThan(1);
    expect(batches()).toBeLessThan(10);
  });

  test('gets an event larger than it takes with shorter texts, and the others whole', async () => {
    const { connectionString, received } = await peer({ maxMessageSize: 65_536 });
    const requestBody = '\u0000é😀'.repeat(10_000);
    const large = event('large', { requestBody, response: 'x'.repeat(30_000), requestUri: 'https://a.b/' });
    await hub({ connectionString, eventHub: 'calls' }).deliver(delivery([event('a'), large, event('b')]));
    expect(received.map(({ messageId }) => messageId)).toEqual(['a', 'large', 'b']);
    expect(received[1]?.body).toMatchObject({ requestUri: 'https://a.b/' });
    expect(JSON.stringify(received[1]?.body).length).toBeGreaterThan(5_000);
  });

  test('that refuses is an error without addresses and keys; what comes later is sent', async () => {
    const { connectionString, received, refuse } = await peer();
    const one = hub({ connectionString, eventHub: 'calls' });
    refuse(true);
    await expect(one.deliver(delivery([event('a')]))).rejects.toThrow(
      /^The event hub did not take events: \w+$/,
    );
    refuse(false);
    await one.deliver(delivery([event('a')]));
    expect(received.map(({ messageId }) => messageId)).toEqual(['a']);
  });

  test('takes the product’s own identity, by TLS', async () => {
    const authority = makeAuthority();
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, authority.ca]);
    closing.push(async () => setDefaultCACertificates(before));
    const { port, claims, received } = await peer({ tls: authority.good });
    const scopes: unknown[] = [];
    const credential = {
      getToken: async (scope: unknown) => {
        scopes.push(scope);
        return { token: 'own token', expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    };
    const namespace = 'shop.target.test';
    const endpoint = `sb://localhost:${port}`;
    await hub({ namespace, eventHub: 'calls', credential, endpoint }).deliver(delivery([event('a')]));
    expect(received).toHaveLength(1);
    expect(scopes).toEqual(['https://eventhubs.azure.net//.default']);
    expect(claims).toMatchObject([{ audience: `sb://${namespace}/calls`, type: 'jwt', token: 'own token' }]);
  });
});
