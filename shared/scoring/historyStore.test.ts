import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { encodeKey, openStorage, type Storage } from '../storage/index.ts';
import { entitiesOf } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import { openMemoryHistories } from './features/memory.ts';
import { featureNames, featureRow } from './features/schema.ts';
import { historyTable, openHistories } from './historyStore.ts';
import { directories } from './scorecardDirectories.ts';

let azurite: Azurite;
let storage: Storage;
beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure(historyTable);
});
afterAll(() => azurite.stop());

const start = Date.UTC(2026, 4, 4, 12);
function purchase(index: number, user: string): FeatureEvent {
  const id = `p${index}`;
  const payload = {
    purchaseId: id,
    totalAmount: index % 90,
    storeId: 'the one store',
    user: { userId: user, email: `${user}@x.example` },
    deviceContext: { externalDeviceId: `d / \\ # ? ${index % 3}`, ipAddress: '203.0.113.1' },
  };
  return { type: 'Purchase', id, at: start + index * 60_000, payload };
}

async function rowFrom(store: ReturnType<typeof openHistories>, root: string, event: FeatureEvent) {
  const entities = entitiesOf(event);
  return featureRow(event, entities, await store.read(root, event.type, entities), directories);
}

describe('stored histories', () => {
  it('give the rows that histories in memory give', async () => {
    const store = openHistories(storage, directories);
    const memory = openMemoryHistories(directories);
    for (let i = 0; i < 30; i++) {
      const event = purchase(i, `u${i % 4}`);
      expect(await rowFrom(store, 'same', event)).toEqual(memory.row(event));
      await store.observe('same', event.id, event);
      memory.observe(event);
      if (i % 7 === 3) {
        await store.label('same', `label of ${event.id}`, event, 1);
        memory.label(event, 1);
      }
    }
  });

  it('count every event once, many at once, from two processes, each sent twice', async () => {
    const stores = [openHistories(storage, directories), openHistories(storage, directories)];
    const events = Array.from({ length: 60 }, (_, i) => purchase(i, 'busy'));
    await Promise.all(
      events.flatMap((event) => [0, 1].map((n) => stores[n]!.observe('busy', event.id, event))),
    );
    await Promise.all(
      events
        .slice(0, 10)
        .flatMap((event) => [0, 1].map((n) => stores[n]!.label('busy', `l${event.id}`, event, 1))),
    );
    const memory = openMemoryHistories(directories);
    for (const event of events) memory.observe(event);
    for (const event of events.slice(0, 10)) memory.label(event, 1);
    const next = purchase(100, 'busy');
    expect(await rowFrom(stores[1]!, 'busy', next)).toEqual(memory.row(next));
  });

  it('complete what a process left half done, without counting the rest twice', async () => {
    const store = openHistories(storage, directories);
    const event = purchase(1, 'half');
    // The first try got as far as the customer and the e-mail address.
    const begun = { ...event, payload: { ...event.payload, deviceContext: undefined, storeId: undefined } };
    await store.observe('half', event.id, begun);
    await store.observe('half', event.id, event);
    const row = await rowFrom(store, 'half', purchase(2, 'half'));
    for (const kind of ['user', 'email', 'ip', 'place'])
      expect(row[featureNames.indexOf(`${kind}.count24h`)]).toBe(1);
  });

  it('lose their markers once no replay can need them, and nothing else', async () => {
    const store = openHistories(storage, directories);
    const old = purchase(0, 'swept');
    await store.observe('swept', old.id, old);
    const later = Array.from({ length: 200 }, (_, i) => purchase(200_000 + i, 'swept'));
    await Promise.all(later.map((event) => store.observe('swept', event.id, event)));
    const partition = ['swept', 'purchase|user|swept', '0'].map(encodeKey).join('|');
    const kept: string[] = [];
    for await (const { rowKey } of storage.table('histories').range(partition, { from: 'm|' }))
      kept.push(rowKey);
    expect(kept.length).toBe(later.length);
    const history = (await store.read('swept', 'Purchase', [{ kind: 'user', key: 'swept' }])).user;
    expect(history?.first).toBe(old.at);
  });

  it('are kept apart by root environment', async () => {
    const store = openHistories(storage, directories);
    const event = purchase(5, 'apart');
    await store.observe('one', event.id, event);
    expect(await store.read('other', 'Purchase', entitiesOf(event))).toEqual({});
    expect(Object.keys(await store.read('one', 'Purchase', entitiesOf(event))).length).toBe(5);
  });
});
