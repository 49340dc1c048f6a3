import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { until } from '../../test/holdfast.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { entitiesOf } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import { openMemoryHistories } from './features/memory.ts';
import { featureNames, featureRow } from './features/schema.ts';
import { historyTable } from './historyRows.ts';
import { openHistories } from './historyStore.ts';
import type { Label } from './labels.ts';
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

  it('count many together as they count each, in any order, and once', async () => {
    const stores = [openHistories(storage, directories), openHistories(storage, directories)];
    const memory = openMemoryHistories(directories);
    const events = Array.from({ length: 250 }, (_, i) => purchase(i, `u${i % 5}`));
    for (const event of events) memory.observe(event);
    const keyed = events.map((event) => ({ key: event.id, event })).reverse();
    await stores[0]!.observeAll('many', keyed.slice(0, 150));
    await stores[0]!.observe('many', events[3]!.id, events[3]!);
    await Promise.all(stores.map((store) => store.observeAll('many', keyed)));
    const next = purchase(250, 'u2');
    expect(await rowFrom(openHistories(storage, directories), 'many', next)).toEqual(memory.row(next));
  });

  it('are one history, whatever shard each event was counted in', async () => {
    const store = openHistories(storage, directories);
    const memory = openMemoryHistories(directories);
    for (let i = 0; i < 12; i++) {
      const event = purchase(i, `u${i}`);
      await store.observe('spread', event.id, event, i);
      memory.observe(event);
    }
    const next = purchase(20, 'u1');
    expect(await rowFrom(store, 'spread', next)).toEqual(memory.row(next));
  });

  it('keep the label of a customer for events to come, and name the events it reaches that came before', async () => {
    const [store, other] = [openHistories(storage, directories), openHistories(storage, directories)];
    for (const i of [0, 1, 2]) await store.observe('said', `key ${i}`, purchase(i, 'u'));
    await store.observe('said', 'key of another', purchase(3, 'v'));
    const said = (fraud: boolean, found: number, until?: number): Label => ({
      target: { kind: 'user', key: 'u', from: start, ...(until === undefined ? {} : { until }) },
      fraud,
      source: 'label',
      found,
      arrived: found,
    });
    const label = said(true, start + 1);
    expect((await other.labelEntity('said', label)).sort()).toEqual(['key 0', 'key 1', 'key 2']);
    expect(await store.observe('said', 'key 4', purchase(4, 'u'))).toEqual([label]);
    // sent again, the event is counted once and still hears of it
    expect(await other.observe('said', 'key 4', purchase(4, 'u'))).toEqual([label]);
    expect(await store.observe('said', 'key 5', purchase(5, 'v'))).toEqual([]);
    const early = purchase(-10, 'u');
    expect(await store.observe('said', 'before', early)).toEqual([]);

    // of one period the later finding counts; another period stands beside it
    expect(await other.labelEntity('said', said(false, start))).toHaveLength(5);
    const ended = said(false, start + 2, start + 5 * 60_000);
    await store.labelEntity('said', ended);
    expect(await store.observe('said', 'key 5 of u', purchase(5, 'u'))).toEqual([label, ended]);
    expect(await store.observe('said', 'key 6 of u', purchase(6, 'u'))).toEqual([label]);
  });

  it('go with the last event that stands behind them, and name no event that was forgotten', async () => {
    const store = openHistories(storage, directories);
    const events = [purchase(0, 'gone'), purchase(1, 'gone'), purchase(3, 'stays')];
    for (const event of events) await store.observe('left', event.id, event);
    await store.label('left', 'a label', events[0]!, 1);
    await store.forget('left', events[0]!.id, events[0]!);
    const of = async (user: string) =>
      Object.keys(await store.read('left', 'Purchase', entitiesOf(purchase(3, user))));
    expect(await of('gone')).toEqual(['user', 'device', 'ip', 'email', 'place']);
    await store.forget('left', events[1]!.id, events[1]!);
    // the device, the address and the store are those of the other as well
    expect(await of('gone')).toEqual(['device', 'ip', 'place']);
    expect(await of('stays')).toEqual(['user', 'device', 'ip', 'email', 'place']);
    const label: Label = {
      target: { kind: 'user', key: 'gone' },
      fraud: true,
      source: 'label',
      found: start,
      arrived: start,
    };
    expect(await store.labelEntity('left', label)).toEqual([]);
  });

  it('stay where an event comes while they are found to be of nobody', async () => {
    const events = [0, 1].map((i): FeatureEvent => {
      const payload = { purchaseId: `p${i}`, deviceContext: { externalDeviceId: 'shared' } };
      return { type: 'Purchase', id: `p${i}`, at: start + i, payload };
    });
    const [gone, comes] = events as [FeatureEvent, FeatureEvent];
    const other = openHistories(storage, directories);
    await other.observe('raced', gone.id, gone);
    const meanwhile: Storage = {
      ...storage,
      table(name) {
        const table = storage.table(name);
        return {
          ...table,
          async *range(...given) {
            yield* table.range(...given);
            await other.observe('raced', comes.id, comes);
          },
        };
      },
    };
    await openHistories(meanwhile, directories).forget('raced', gone.id, gone);
    const { device } = await other.read('raced', 'Purchase', entitiesOf(comes));
    expect(device?.last).toBe(comes.at);
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
    const hash = createHash('sha256').update('purchase|user|swept').digest('base64url').slice(0, 22);
    const kept = async () => {
      let count = 0;
      for await (const _ of storage.table('histories').range(`swept|${hash}|0`, { from: 'm|' })) count++;
      return count;
    };
    await until('the old marker is gone', async () => (await kept()) === later.length, 10);
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
