import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, openApp } from '../../shared/assessment/app.ts';
import type { Caller } from '../../shared/auth/index.ts';
import { lakeContainer, type RunRecord, runQueue } from '../../shared/lossPrevention/index.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { generate, sampleDefaults } from '../../tools/lossPrevention/generate.ts';
import { lossPreventionOf } from '../lossPreventionRoom.ts';
import { dispatch, openRouter, type Reply } from './route.ts';
import { managementRoutes } from './routes.ts';

let azurite: Azurite;
let app: App;
let folder: string;
let environment: string;
const router = openRouter(managementRoutes);
const admin: Caller = { id: 'admin', kind: 'user', roles: ['ProductAdmin'] };
const analyst: Caller = { id: 'analyst', kind: 'user', roles: ['ManualReviewAnalyst'] };
const viewer: Caller = { id: 'viewer', kind: 'user', roles: ['AllAreasViewer'] };

async function call(
  method: string,
  path: string,
  options: { by?: Caller; body?: unknown; etag?: string } = {},
): Promise<Reply> {
  const headers = {
    'content-type': 'application/json',
    ...(options.etag ? { 'if-match': options.etag } : {}),
  };
  const request = {
    method,
    path,
    query: new URLSearchParams(),
    headers: new Headers(headers),
    body: async () => new TextEncoder().encode(JSON.stringify(options.body)),
  };
  try {
    return await dispatch(router, request, app, options.by ?? admin);
  } catch (error) {
    if (error instanceof Problem) return { status: error.status, body: error.detail };
    throw error;
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lp-api-'));
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  await call('PUT', 'environments/shop', { body: { name: 'Shop' } });
  environment = (await app.config.environment('shop')).view.id;
});

afterAll(async () => {
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

const base = 'environments/shop/lossPrevention';

async function work(): Promise<RunRecord | undefined> {
  const queue = app.storage.queue(runQueue);
  const [message] = await queue.receive();
  if (!message) throw new Error('no run is queued');
  const record = await lossPreventionOf(app).execute(message.text);
  await queue.remove(message);
  return record;
}

describe('loss prevention over the management API', () => {
  it('keeps settings, refuses what they do not know, and notices changes in between', async () => {
    expect((await call('GET', `${base}/settings`)).body).toEqual({
      prefix: '',
      nightly: true,
      rate: 0.02,
      thresholds: {},
      container: lakeContainer(environment),
    });
    const saved = await call('PUT', `${base}/settings`, {
      body: { rate: 0.1, thresholds: { staff: 600 }, nightly: true },
    });
    expect(saved.status).toBe(200);
    expect((await call('PUT', `${base}/settings`, { body: { sql: 'DROP' } })).status).toBe(400);
    expect((await call('PUT', `${base}/settings`, { body: { rate: 2 } })).status).toBe(400);
    expect((await call('PUT', `${base}/settings`, { body: saved.body, etag: saved.etag! })).status).toBe(200);
    expect((await call('PUT', `${base}/settings`, { body: saved.body, etag: saved.etag! })).status).toBe(412);
  });

  it('says that a lake is empty', async () => {
    const { status, body } = await call('POST', `${base}/runs`);
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'queued', by: 'admin' });
    expect(await work()).toMatchObject({
      status: 'failed',
      reason: 'The lake has no Transactions files below the prefix.',
    });
    expect((await call('GET', `${base}/dashboard/index.html`)).status).toBe(404);
    const runs = await call('GET', `${base}/dashboard/runs.html`);
    expect(new TextDecoder().decode(runs.file?.content)).toContain('The lake has no Transactions files');
  });

  it('runs what is asked for, tells how it went, and shows the dashboard to those who may see it', async () => {
    await generate(folder, { ...sampleDefaults, stores: 1, staffPerStore: 5, months: 1, days: 3 });
    const lake = app.storage.blobs(lakeContainer(environment));
    for (const entity of await readdir(join(folder, 'lake')))
      for (const name of await readdir(join(folder, 'lake', entity)))
        await lake.write(`${entity}/${name}`, await readFile(join(folder, 'lake', entity, name)));
    await call('POST', `${base}/runs`);
    const done = await work();
    expect(done).toMatchObject({ status: 'succeeded', progress: { daysDone: 3, daysAll: 3, rejects: 0 } });
    expect(done?.summary?.transactionsRead).toBe(done?.summary?.transactions);
    const shown = await call('GET', `${base}/runs/${done?.id}`);
    expect(shown.body).toEqual(done);
    const list = await call('GET', `${base}/runs`);
    expect(list.body).toMatchObject({ items: [{ id: done?.id }, { status: 'failed' }] });

    const page = await call('GET', `${base}/dashboard/staff.html`, { by: viewer });
    expect(page.file?.type).toBe('text/html; charset=utf-8');
    expect(page.headers?.['content-security-policy']).toContain("default-src 'none'");
    const text = new TextDecoder().decode(page.file?.content);
    const person = /href="(staff\/[0-9a-f]{24}\.html)"/.exec(text)?.[1];
    expect((await call('GET', `${base}/dashboard/${person}`, { by: viewer })).status).toBe(200);
    for (const name of ['..%2Fsettings.json', 'latest.json%00', 'staff/..', 'nothing.html'])
      expect((await call('GET', `${base}/dashboard/${name}`)).status).toBe(404);
    expect((await call('GET', `${base}/dashboard/staff.html`, { by: analyst })).status).toBe(403);
    expect((await call('POST', `${base}/runs`, { by: viewer })).status).toBe(403);
    expect((await call('GET', `${base}/runs/..%2F..%2Fsettings`)).status).toBe(404);
  });

  it('queues nightly runs of the environments that want them, and does a run once', async () => {
    const room = lossPreventionOf(app);
    expect(await room.requestNightly()).toBe(1);
    const [message] = await app.storage.queue(runQueue).receive();
    expect((await room.execute(message!.text))?.summary).toMatchObject({ unitsRead: 0, transactionsRead: 0 });
    expect(await room.execute(message!.text)).toBeUndefined();
    await app.storage.queue(runQueue).remove(message!);
    await call('PUT', `${base}/settings`, { body: { nightly: false } });
    expect(await room.requestNightly()).toBe(0);
  });
});
