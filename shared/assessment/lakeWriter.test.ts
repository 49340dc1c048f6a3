import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openApp } from '../openApp.ts';
import { readSettings } from '../settings.ts';
import { openRequests, readRequest, work } from '../subjects/index.ts';
import type { App } from './app.ts';
import { assess } from './assess.ts';
import { writeLake } from './lakeWriter.ts';
import { observe } from './observe.ts';

let azurite: Azurite;
let app: App;
let environment: string;
const start = Date.parse('2026-11-20T23:50:00.000Z');
let now = start;

beforeAll(async () => {
  azurite = await startAzurite();
  const opened = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  app = { ...opened, clock: () => now };
  const { view } = await app.config.putEnvironment('shop', { name: 'Shop' }, { by: 'test' });
  environment = view.id;
});
afterAll(() => azurite?.stop());

async function purchase(at: number, userId: string): Promise<string> {
  now = start + at * 1000;
  const id = randomUUID();
  await assess(app, {
    type: 'Purchase',
    id,
    payload: { purchaseId: id, user: { userId } },
    environment,
    correlationId: 'c',
    subjects: [{ property: 'User', value: userId }],
    links: [{ to: 'User', id: userId }],
  });
  return id;
}

async function bankEvent(at: number, purchaseId: string): Promise<string> {
  now = start + at * 1000;
  const id = `bank-${purchaseId}`;
  await observe(app, {
    type: 'BankEvent',
    id,
    payload: { bankEventId: id, purchaseId },
    links: [{ to: 'Purchase', id: purchaseId }],
    subjects: [],
    environment,
    correlationId: 'c',
  });
  return id;
}

const idsInLake = async () =>
  (
    await Array.fromAsync(
      app.lake.read({
        environments: [environment],
        from: '2026-11-01T00:00:00.000Z',
        to: '2026-12-01T00:00:00.000Z',
      }),
    )
  ).map((line) => JSON.parse(line).key.id);

async function files(): Promise<Map<string, string>> {
  const blobs = app.storage.blobs('events');
  const found = new Map<string, string>();
  for await (const { name } of blobs.list(environment))
    found.set(
      name.slice(environment.length + 1),
      Buffer.from((await blobs.read(name))?.content ?? []).toString(),
    );
  return found;
}

describe('the lake writer', () => {
  it('writes minutes in which nothing can be stored any more, each once, and goes on where it was', async () => {
    const first = await purchase(10, 'ann');
    const bank = await bankEvent(20, first);
    const second = await purchase(59.999, 'bob');
    const third = await purchase(61, 'ann');
    const midnight = await purchase(600, 'bob');

    now = start + (5 * 60 + 59) * 1000;
    await writeLake(app);
    expect(await idsInLake()).toEqual([]);
    now = start + 6 * 60 * 1000;
    const lake = { ...app.lake, write: () => Promise.reject(new Error('no space')) };
    expect(await writeLake({ ...app, lake })).toEqual({
      written: 0,
      failed: 2,
      problem: `BankEvent of environment ${environment}: Error: no space`,
    });
    expect(await writeLake(app)).toEqual({ written: 3, failed: 0 });
    expect(await idsInLake()).toEqual([first, bank, second]);
    expect(await writeLake(app)).toEqual({ written: 0, failed: 0 });
    now = start + 3600_000;
    expect(await writeLake(app)).toEqual({ written: 2, failed: 0 });
    expect([...(await files()).keys()]).toEqual([
      'BankEvent/2026/11/20/2350.ndjson',
      'Purchase/2026/11/20/2350.ndjson',
      'Purchase/2026/11/20/2351.ndjson',
      'Purchase/2026/11/21/0000.ndjson',
    ]);
    expect(await idsInLake()).toEqual([first, bank, second, third, midnight]);
  });

  it('keeps the event, the answer, the enrichment and the evidence', async () => {
    const [text = ''] = [...(await files()).values()].slice(1);
    const line = JSON.parse(text.split('\n')[0] ?? '');
    expect(line).toMatchObject({
      received: '2026-11-20T23:50:10.000Z',
      key: { environment, type: 'Purchase', correlationId: 'c' },
      event: { user: { userId: 'ann' } },
      answer: { decision: 'Approve' },
      enrichment: { deviceAttributes: {} },
    });
    expect(line.evidence).toHaveProperty('scores');
    expect(line).not.toHaveProperty('contributions');
  });

  it('writes the same bytes again when its place is lost', async () => {
    const before = await files();
    const table = app.storage.table('followers');
    for await (const { rowKey } of table.range('lake')) await table.remove('lake', rowKey);
    expect(await writeLake(app)).toEqual({ written: 5, failed: 0 });
    expect(await files()).toEqual(before);
  });

  it('loses the events of a data subject that is deleted, those on their way and those compacted too', async () => {
    await app.lake.compact('2026-11-21');
    const late = await purchase(3700, 'ann');
    const other = await purchase(3700, 'bob');
    await app.subjects.settled();
    const what = readRequest({ operation: 'Delete', subjectId: 'User:ann' });
    const request = await openRequests(app.storage, app.clock).create(environment, what, 'test');
    while ((await work(app, { environment, id: request.id }, { settleMs: 0 })) !== undefined);
    now = start + 2 * 3600_000;
    await writeLake(app);
    const left = await idsInLake();
    expect(left).toHaveLength(3);
    expect(left).toContain(other);
    expect(left).not.toContain(late);
    for (const [name, content] of await files())
      if (name.endsWith('.ndjson')) expect(content).not.toContain('"ann"');
  });
});
