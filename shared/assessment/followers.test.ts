import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { eventKinds } from '../events/index.ts';
import { openApp } from '../openApp.ts';
import { readSettings } from '../settings.ts';
import type { App } from './app.ts';
import { assess } from './assess.ts';
import { follow } from './followers.ts';
import { observe } from './observe.ts';
import type { StoredEvent } from './record.ts';
import type { Named } from './subjects.ts';

let azurite: Azurite;
let app: App;
let ahead = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  app.clock = () => Date.now() + ahead;
  await app.config.putEnvironment('primary', { name: 'Primary' }, { by: 'ann' });
});
afterAll(() => azurite?.stop());

function read(kind: 'Purchase' | 'BankEvent' | 'Label', body: object) {
  const received = eventKinds[kind].parse(body);
  if (!received.ok) throw new Error(JSON.stringify(received.faults));
  const { id, payload, links, subjects } = received.event;
  const correlationId = randomUUID();
  return {
    type: kind,
    id: id ?? randomUUID(),
    payload,
    links,
    subjects,
    correlationId,
    environment: undefined,
  };
}

async function buy(user: string): Promise<string> {
  const purchaseId = `p-${randomUUID()}`;
  await assess(
    app,
    read('Purchase', {
      purchaseId,
      merchantLocalDate: '2026-01-01T00:00:00Z',
      user: { userId: user, email: `${user}@Example.com`, phoneNumber: '+1425555' },
      deviceContext: {
        deviceContextId: `session-${user}`,
        externalDeviceId: `device-${user}`,
        ipAddress: '203.0.113.9',
      },
      paymentInstrumentList: [{ type: 'PayPal', merchantPaymentInstrumentId: `pi-${user}` }],
    }),
  );
  return purchaseId;
}

async function indexed(kind: string, value: string): Promise<string[]> {
  const { id } = await app.config.snapshot(undefined);
  const named: Named = { kind, value };
  const found: string[] = [];
  for await (const { key } of app.subjects.events(id, named)) found.push(`${key.type} ${key.id}`);
  return found;
}

const subjectIndex = () => ({ name: 'subjects', take: app.subjects.write });

describe('the index of data subjects', () => {
  it('finds every event by everything of a person that it names', async () => {
    const id = await buy('dana');
    const label = read('Label', { labelObjectType: 'Account', labelObjectId: 'dana' });
    await observe(app, label);
    await follow(app, subjectIndex());
    const purchase = `Purchase ${id}`;
    expect(await indexed('User', 'dana')).toEqual([purchase, `Label ${label.id}`]);
    for (const [kind, value] of [
      ['Email', 'DANA@example.com'],
      ['Phone', '+1425555'],
      ['PaymentInstrument', 'pi-dana'],
      ['Device', 'session-dana'],
      ['Device', 'device-dana'],
      ['IP', '203.0.113.9'],
    ] as const)
      expect(await indexed(kind, value), kind).toEqual([purchase]);
    expect(await indexed('User', 'nobody')).toEqual([]);
  });

  it('takes an event with hundreds of instruments, and values of any length', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `pi-many-${index}-${'é'.repeat(400)}`);
    const purchase = read('Purchase', {
      purchaseId: `p-${randomUUID()}`,
      merchantLocalDate: '2026-01-01T00:00:00Z',
      user: { userId: 'many'.repeat(200) },
      paymentInstrumentList: many.map((id) => ({ type: 'PayPal', merchantPaymentInstrumentId: id })),
    });
    const subjects = [...purchase.subjects, { property: `ключ.${'é'.repeat(190)}`, value: 'x'.repeat(3000) }];
    await assess(app, { ...purchase, subjects });
    expect((await follow(app, subjectIndex())).failed).toBe(0);
    expect(await indexed('PaymentInstrument', many.at(-1) ?? '')).toEqual([`Purchase ${purchase.id}`]);
    expect(await indexed(subjects[1]?.property ?? '', 'x'.repeat(3000))).toHaveLength(1);
  });

  it('has the latest assessment first, and each event once', async () => {
    const ids = [await buy('kim'), await buy('kim')];
    await follow(app, subjectIndex());
    await follow(app, subjectIndex());
    expect(await indexed('User', 'kim')).toEqual(ids.reverse().map((id) => `Purchase ${id}`));
  });
});

describe('a follower', () => {
  function recorder(fails: (stored: StoredEvent) => boolean = () => false) {
    const name = `test-${randomUUID()}`;
    const taken: string[] = [];
    const take = async (stored: StoredEvent) => {
      if (fails(stored)) throw new Error('not now');
      taken.push(stored.key.id);
    };
    return { name, take, taken };
  }

  it('takes every event, and in a later run what is new', async () => {
    const follower = recorder();
    const first = await buy('f1');
    await follow(app, follower);
    expect(follower.taken).toContain(first);
    const before = follower.taken.length;
    await follow(app, follower);
    expect(follower.taken).toHaveLength(before);
    const second = await buy('f1');
    await follow(app, follower);
    expect(follower.taken.slice(before)).toEqual([second]);
  });

  it('passes no event for five minutes, so that another process may write late rows', async () => {
    const id = await buy('f2');
    const follower = recorder();
    const places = async () => {
      const rows = [];
      for await (const { places } of app.storage.table('followers').range(follower.name)) rows.push(places);
      return rows.join();
    };
    await follow(app, follower);
    expect(await places()).not.toContain('o|');
    ahead = 6 * 60_000;
    await follow(app, follower);
    ahead = 0;
    expect(await places()).toContain('o|');
    expect(follower.taken.filter((one) => one === id)).toHaveLength(1);
  });

  it('takes an event too whose assessment took longer than that', async () => {
    const follower = recorder();
    const body = {
      purchaseId: randomUUID(),
      merchantLocalDate: '2026-01-01T00:00:00Z',
      user: { userId: 'f4' },
    };
    const slow: App = {
      ...app,
      geo: {
        ...app.geo,
        async ready() {
          await app.geo.ready();
          // of the same partition: the follower passes the time at which the slow one began
          await assess(app, read('Purchase', body));
          ahead = 10 * 60_000;
          await follow(app, follower);
        },
      },
    };
    await assess(slow, read('Purchase', body));
    await follow(app, follower);
    ahead = 0;
    expect(follower.taken.filter((id) => id === body.purchaseId)).toHaveLength(2);
  });

  it('that fails at an event begins there the next time', async () => {
    const [good, bad] = [await buy('f3'), await buy('f3')];
    let failing = true;
    const follower = recorder(({ key }) => failing && key.id === bad);
    const result = await follow(app, follower);
    const { id: environment } = await app.config.snapshot(undefined);
    expect(result).toMatchObject({
      failed: 1,
      problem: `Purchase ${bad} of environment ${environment}: Error: not now`,
    });
    expect(follower.taken).toContain(good);
    failing = false;
    expect((await follow(app, follower)).failed).toBe(0);
    expect(follower.taken.filter((id) => id === bad)).toHaveLength(1);
    expect(follower.taken.filter((id) => id === good)).toHaveLength(1);
  });
});
