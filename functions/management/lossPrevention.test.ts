import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../shared/assessment/app.ts';
import type { Caller } from '../../shared/auth/index.ts';
import {
  type Attempt,
  type LossPrevention,
  type LossPreventionOptions,
  lakeContainer,
  openLossPrevention,
  type RunEnd,
  type RunRecord,
  runQueue,
} from '../../shared/lossPrevention/index.ts';
import { openApp } from '../../shared/openApp.ts';
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

async function upload(id: string, from: string, named = ''): Promise<void> {
  const lake = app.storage.blobs(lakeContainer(id));
  for (const entity of await readdir(join(from, 'lake')))
    for (const name of await readdir(join(from, 'lake', entity)))
      if (name.includes(named))
        await lake.write(`${entity}/${name}`, await readFile(join(from, 'lake', entity, name)));
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
    const { etag: current } = await call('GET', `${base}/settings`);
    // an entity tag stands in quotes: what is none is nobody's
    for (const etag of [`${current}`.replaceAll('"', ''), 'nonsense'])
      expect((await call('PUT', `${base}/settings`, { body: saved.body, etag })).status, etag).toBe(412);
    expect((await call('GET', `${base}/settings`)).etag).toBe(current);
    const several = `"another", ${current}`;
    expect((await call('PUT', `${base}/settings`, { body: saved.body, etag: several })).status).toBe(200);
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
    await upload(environment, folder);
    await call('POST', `${base}/runs`);
    const done = await work();
    expect(done).toMatchObject({ status: 'succeeded', progress: { daysDone: 3, daysAll: 3, rejects: 0 } });
    expect(done?.summary?.transactionsRead).toBe(done?.summary?.transactions);
    const month = new Date().toISOString().slice(0, 7);
    const used = await app.counts.of(environment);
    expect(used).toEqual({ lossPrevention: { [month]: done?.summary?.transactions } });
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

  it('takes one run at a time', async () => {
    const first = await call('POST', `${base}/runs`);
    expect(first.status).toBe(202);
    expect(await call('POST', `${base}/runs`)).toMatchObject({
      status: 409,
      body: 'Another run is queued already.',
    });
    expect(await lossPreventionOf(app).requestNightly()).toBe(0);
    expect(await work()).toMatchObject({ status: 'succeeded' });
    expect((await call('POST', `${base}/runs`)).status).toBe(202);
    expect(await work()).toMatchObject({ summary: { transactionsRead: 0 } });
  });

  it('refuses runs at the hard limit for transactions', async () => {
    const used = (await app.counts.of(environment)).lossPrevention ?? {};
    const [transactions = 0] = Object.values(used);
    expect(transactions).toBeGreaterThan(10);
    const capacity = 'environments/shop/capacities/lossPrevention';
    await call('PUT', capacity, { body: { hardLimit: transactions } });
    expect((await call('POST', `${base}/runs`)).status).toBe(429);
    await call('PUT', capacity, { body: { hardLimit: transactions + 1 } });
    expect((await call('POST', `${base}/runs`)).status).toBe(202);
    expect(await work()).toMatchObject({ status: 'succeeded' });
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

describe('a run that does not end at once', () => {
  interface Place {
    id: string;
    room: LossPrevention;
    ends: RunEnd[];
  }

  const tiny = { ...sampleDefaults, stores: 1, staffPerStore: 5, months: 1 };

  /** A room of its own for an environment with a lake of so many days, whose ends are told as the test has it. */
  async function place(id: string, days: number, options: LossPreventionOptions = {}): Promise<Place> {
    const ends: RunEnd[] = [];
    const room = openLossPrevention(app.storage, {
      ...options,
      ended: async (end) => {
        ends.push(end);
        await options.ended?.(end);
      },
    });
    await generate(join(folder, id), { ...tiny, days });
    await app.storage.ensure({ containers: [lakeContainer(id)] });
    await upload(id, join(folder, id));
    return { id, room, ends };
  }

  /** Takes the run's message, once. */
  async function attempt({ room }: Place, options?: Attempt): Promise<RunRecord | undefined> {
    const queue = app.storage.queue(runQueue);
    const [message] = await queue.receive();
    if (!message) throw new Error('no run is queued');
    await queue.remove(message);
    return room.execute(message.text, options);
  }

  it('goes back to the queue where its process is to end', async () => {
    const at = await place('stopped', 2);
    const { record } = await at.room.request(at.id, 'test');
    expect(await attempt(at, { signal: AbortSignal.abort() })).toBeUndefined();
    expect(await at.room.run(at.id, record.id)).toMatchObject({ status: 'running' });
    expect(await attempt(at)).toMatchObject({ status: 'succeeded' });
  });

  it('is done again where its end could not be told, and tells the same', async () => {
    let deaf = true;
    const at = await place('deaf', 2, {
      ended: async () => {
        if (deaf) throw new Error('nobody listens');
      },
    });
    const { record } = await at.room.request(at.id, 'test');
    const text = JSON.stringify({ environment: at.id, id: record.id });
    await expect(at.room.execute(text)).rejects.toThrow('nobody listens');
    expect(await at.room.run(at.id, record.id)).toMatchObject({ status: 'failed', reason: 'nobody listens' });
    deaf = false;
    expect(await attempt(at)).toMatchObject({ status: 'succeeded', summary: { unitsRead: 0 } });
    const [first, second] = at.ends;
    expect(second?.read).toEqual(first?.read);
    expect(second?.read).toHaveLength(1);
  });

  it('counts what a run has read that never ended', async () => {
    const at = await place('dead', 2);
    const first = await at.room.request(at.id, 'test');
    const stop = new AbortController();
    const dying = openLossPrevention(app.storage, {
      clock: () => {
        // while it reads, which ends first
        if (looks++ > 2) stop.abort();
        return new Date();
      },
    });
    let looks = 0;
    await attempt({ ...at, room: dying }, { signal: stop.signal });
    await generate(join(folder, 'more'), { ...tiny, days: 3 });
    await upload(at.id, join(folder, 'more'), '2026-01-03');
    // its message is lost, and it is not heard of for an hour
    await app.storage.queue(runQueue).receive();
    const later = openLossPrevention(app.storage, {
      clock: () => new Date(Date.now() + 3_600_000),
      ended: async (end) => void at.ends.push(end),
    });
    expect(await later.run(at.id, first.record.id)).toMatchObject({ status: 'failed' });
    const second = await later.request(at.id, 'test');
    expect(second.ok).toBe(true);
    const done = await later.execute(JSON.stringify({ environment: at.id, id: second.record.id }));
    const read = at.ends[0]?.read ?? [];
    expect(read.map(({ run }) => run)).toEqual([second.record.id, first.record.id]);
    expect(read.reduce((sum, { transactions }) => sum + transactions, 0)).toBe(done?.summary?.transactions);
  });
});
