import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dispatch, openRouter } from '../functions/management/route.ts';
import { managementRoutes } from '../functions/management/routes.ts';
import { type App, openApp } from '../shared/assessment/app.ts';
import { assess } from '../shared/assessment/assess.ts';
import { writeLake } from '../shared/assessment/lakeWriter.ts';
import { lakeLine } from '../shared/lake/index.ts';
import { Problem } from '../shared/problem.ts';
import { lastWeek, reportDrift } from '../shared/retraining/drift.ts';
import { doNight, executeTraining } from '../shared/retraining/index.ts';
import { requestDue } from '../shared/retraining/retraining.ts';
import { trainInThread } from '../shared/retraining/thread.ts';
import { readSettings } from '../shared/settings.ts';
import { handbookSettings, purchaseOf, simulate } from '../tools/scoring/simulator.ts';
import { type Azurite, startAzurite } from './azurite.ts';

/*
 * From the lake to a model in force and back, in a real thread and on a real storage: the months of purchases are written
 * into the lake as the import does it, and what the model then says is asked of live assessments.
 */

const day = 86_400_000;
const start = Date.UTC(2026, 0, 5);
const made = simulate({
  ...handbookSettings,
  start,
  customers: 16,
  terminals: 200,
  radius: 12,
  terminalsPerDay: 1,
  customersPerDay: 0,
  days: 40,
});
const opened = start + 75 * day;

let azurite: Azurite;
let app: App;
let environment: string;
let now = opened;

beforeAll(async () => {
  azurite = await startAzurite();
  app = {
    ...(await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }))),
    clock: () => now,
  };
  const { view } = await app.config.putEnvironment('shop', { name: 'Shop' }, { by: 'test' });
  environment = view.id;
});
afterAll(() => azurite?.stop());

const router = openRouter(managementRoutes);

async function call(method: string, path: string, body?: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  try {
    const reply = await dispatch(
      router,
      {
        method,
        path: `environments/shop/${path}`,
        query: new URLSearchParams(),
        headers: new Headers(body === undefined ? {} : { 'content-type': 'application/json' }),
        body: async () => (body === undefined ? new Uint8Array() : bytes),
      },
      app,
      { id: 'ann', kind: 'user', roles: ['ProductAdmin'] },
    );
    return { status: reply.status, body: reply.body };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { status: error.status, body: { code: error.code } };
  }
}

const answerOf = managementRoutes.find(({ about }) => about?.operation === 'listModels')?.about?.answers[200];
const metrics = z.object({ rows: z.number(), frauds: z.number() }).optional();
const modelsAnswer = z.object({
  items: z.array(
    z.object({
      champion: z.string().optional(),
      share: z.number(),
      versions: z.array(z.looseObject({ version: z.string() })),
      log: z.array(z.looseObject({ champion: metrics, challenger: metrics })),
      drift: z.array(z.looseObject({})),
      training: z.looseObject({}),
    }),
  ),
});

async function riskModel() {
  const { body } = await call('GET', 'models');
  // what the document says is what is answered
  if (answerOf instanceof z.ZodType) answerOf.parse(body);
  return modelsAnswer.parse(body).items[0]!;
}

/** Writes purchases of some days into the lake, and the labels of their frauds two days after. */
async function fillLake(from: number, until: number): Promise<number> {
  const lines = new Map<string, string[]>();
  const add = (type: string, at: number, id: string, event: object) => {
    const received = new Date(at).toISOString();
    const name = `${type}|${received.slice(0, 10)}`;
    const key = { environment, type, id, correlationId: 'c' };
    lines.set(name, [...(lines.get(name) ?? []), lakeLine({ received, key, root: environment, event })]);
  };
  let frauds = 0;
  for (let row = 0; row < made.count; row++) {
    if (made.day[row]! < from || made.day[row]! >= until) continue;
    add('Purchase', made.at[row]!, `purchase-${row}`, purchaseOf(made, row));
    if (!made.fraud[row]) continue;
    frauds++;
    const label = { labelObjectType: 'Purchase', labelObjectId: `purchase-${row}`, labelState: 'Fraud' };
    add('Label', made.at[row]! + 2 * day, `label-${row}`, label);
  }
  for (const [name, some] of lines) {
    const [type = '', on = ''] = name.split('|');
    await app.lake.write({ environment, type, day: on }, `import-${from}`, some);
  }
  return frauds;
}

const environmentsOf = async () => [environment];

/** Takes what is in the queue and does it. */
async function work(options: Partial<Parameters<typeof executeTraining>[2]> = {}) {
  const queue = app.storage.queue('retraining');
  const [message] = await queue.receive();
  if (!message) return undefined;
  await queue.remove(message);
  return executeTraining(app, JSON.parse(message.text), { environmentsOf, ...options });
}

async function purchase() {
  const id = randomUUID();
  const payload = { ...purchaseOf(made, 0), purchaseId: id, totalAmount: 400 };
  await assess(app, {
    type: 'Purchase',
    id,
    payload: JSON.parse(JSON.stringify(payload)),
    environment,
    correlationId: 'c',
    subjects: [],
    links: [],
  });
  const stored = await app.records.latest(environment, 'Purchase', id);
  return stored!.evidence;
}

describe('retraining', () => {
  it('trains nothing below twenty known frauds, and says so', async () => {
    expect(await fillLake(0, 1)).toBeLessThan(20);
    expect(await requestDue(app, [{ root: environment, environments: [environment] }])).toEqual([]);
    expect((await call('POST', 'models/retrain', {})).status).toBe(202);
    expect((await riskModel()).training).toMatchObject({ state: 'queued', by: 'ann' });
    const status = await work();
    expect(status).toMatchObject({ state: 'done', result: { outcome: 'not trained' } });
    expect(status?.result?.detail).toMatch(/known frauds; a model needs 20/);
    expect(await riskModel()).toMatchObject({ share: 0, versions: [], training: { state: 'done' } });
  });

  it('called off in the middle leaves nothing behind, and starts again', async () => {
    await fillLake(1, 33);
    const stop = new AbortController();
    await call('POST', 'models/retrain', { kind: 'risk' });
    const dying = work({
      train: (job, signal) => {
        setImmediate(() => stop.abort(new Error('The instance ends.')));
        return trainInThread(job, signal);
      },
      signal: stop.signal,
    });
    await expect(dying).rejects.toThrow('The instance ends.');
    expect(await riskModel()).toMatchObject({ versions: [], log: [], training: { state: 'running' } });
  });

  it('puts the first model in force, and assessments are scored with it at once', async () => {
    now += 60_000;
    expect((await purchase()).scoring?.risk).toBeUndefined();
    expect(await requestDue(app, [{ root: environment, environments: [environment] }])).toEqual([
      { root: environment, kind: 'risk' },
    ]);
    const status = await work();
    expect(status).toMatchObject({ state: 'done', result: { outcome: 'promoted' } });
    const { champion, versions, log, share } = await riskModel();
    expect(champion).toBe(status?.result?.version);
    expect(versions).toEqual([expect.objectContaining({ version: champion, inForce: true })]);
    expect(log).toEqual([expect.objectContaining({ version: champion, action: 'promoted', by: 'timer' })]);
    // more than a hundred known frauds
    expect(share).toBe(1);
    const scored = await openedAnew(purchase);
    expect(scored.scoring?.risk).toMatchObject({ version: champion, share });
    expect(scored.scores.risk).toBe(scored.scoring?.risk?.score);
    const one = await call('GET', `models/${champion}`);
    expect(one.body).toMatchObject({ kind: 'risk', version: champion, inForce: true });
    expect((await call('GET', 'models/none')).status).toBe(404);
  });

  it('is not due again before a week or many new frauds; then a challenger is held against the champion', async () => {
    const trees = [{ root: environment, environments: [environment] }];
    expect(await requestDue(app, trees)).toEqual([]);
    expect((await call('POST', 'models/rollback', {})).status).toBe(409);
    now += 7 * day;
    await fillLake(33, 40);
    expect(await requestDue(app, trees)).toEqual([{ root: environment, kind: 'risk' }]);
    await requestDue(app, trees);
    now += 1000;
    const first = (await riskModel()).champion;
    const status = await work();
    expect(status?.state).toBe('done');
    // asked for twice, done once
    expect(await work()).toBeUndefined();
    const { log, versions, champion } = await riskModel();
    expect(versions).toHaveLength(2);
    expect(log[0]?.challenger?.frauds).toBeGreaterThan(0);
    expect(log[0]?.champion?.rows).toBe(log[0]?.challenger?.rows);
    expect(champion === first).toBe(status?.result?.outcome === 'kept as challenger');
  });

  it('rolls back with one call, which is logged and reaches assessments', async () => {
    const { champion, versions } = await riskModel();
    const [newest, oldest] = versions;
    // the second model in force, whatever the comparison said
    if (champion !== newest!.version)
      await app.scoring.models.promote({ environment, kind: 'risk' }, newest!.version, {
        at: new Date(now).toISOString(),
        by: 'test',
      });
    expect((await openedAnew(purchase)).scoring?.risk?.version).toBe(newest!.version);
    // one that can no longer be used is not gone back to
    const models = app.storage.blobs('models');
    const file = `${environment}/risk/${oldest!.version}.model`;
    const whole = await models.read(file);
    await models.write(file, Uint8Array.of(1, 2, 3));
    expect((await call('POST', 'models/rollback', {})).status).toBe(409);
    expect((await call('GET', `models/${oldest!.version}`)).status).toBe(404);
    await models.write(file, whole!.content);
    expect(await call('POST', 'models/rollback', {})).toEqual({
      status: 200,
      body: { kind: 'risk', champion: oldest!.version },
    });
    expect((await openedAnew(purchase)).scoring?.risk?.version).toBe(oldest!.version);
    const { entries } = await app.config.activity('shop', { limit: 1, filter: { kind: 'models' } });
    expect(entries[0]).toMatchObject({ operation: 'Rollback', kind: 'models', name: 'risk', by: 'ann' });
    expect((await call('POST', 'models/rollback', {})).status).toBe(409);
    expect((await call('POST', 'models/rollback', { kind: 'other' })).status).toBe(400);
  });

  it('reports drift once a week, of what was scored', async () => {
    now += 7 * day;
    await writeLake(app);
    const parts = { lake: app.lake, blobs: app.storage.blobs('models'), models: app.scoring.models };
    const place = { root: environment, kind: 'risk' as const };
    const week = lastWeek(now);
    expect(await reportDrift(parts, place, [environment], week)).toBe(true);
    expect(await reportDrift(parts, place, [environment], week)).toBe(false);
    expect((await riskModel()).drift).toEqual([
      expect.objectContaining({ week, events: 2, score: expect.any(Number) }),
    ]);
  });

  it('says what went wrong when a training fails, and the next one may do better', async () => {
    await call('POST', 'models/retrain', {});
    const failed = await work({ train: () => Promise.reject(new Error('out of memory')) });
    expect(failed).toMatchObject({ state: 'failed', problem: 'out of memory' });
    expect((await riskModel()).training).toMatchObject({
      state: 'failed',
      result: { outcome: expect.any(String) },
    });
  });

  it('is asked for at night in all trees, also where one has data that cannot be read', async () => {
    now += 8 * day;
    const broken = randomUUID();
    const on = new Date(now - day).toISOString().slice(0, 10);
    await app.lake.write({ environment: broken, type: 'Label', day: on }, 'import-1', []);
    const file = `${broken}/Label/${on.replaceAll('-', '/')}/foreign.ndjson`;
    await app.storage.blobs('events').write(file, 'not of the lake\n');
    const trees = [broken, environment].map((root) => ({ root, environments: [root] }));
    const { asked, problems } = await doNight(app, trees);
    expect(asked).toEqual([{ root: environment, kind: 'risk' }]);
    expect(problems).toEqual([expect.stringContaining(`trainings of ${broken}: ${broken}/Label/`)]);
    for (const message of await app.storage.queue('retraining').receive({ max: 32 }))
      await app.storage.queue('retraining').remove(message);
  });

  it('runs on one instance at a time; the other hands the message on', async () => {
    await call('POST', 'models/retrain', {});
    let entered = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    let finish = () => {};
    const first = work({
      train: () => {
        entered();
        return new Promise((resolve) => {
          finish = () => resolve({ outcome: 'not trained', detail: 'enough' });
        });
      },
    });
    await inside;
    await call('POST', 'models/retrain', {});
    const second = await work({ train: () => Promise.reject(new Error('twice at once')) });
    expect(second).toBeUndefined();
    expect(await app.storage.queue('retraining').length()).toBe(1);
    finish();
    expect(await first).toMatchObject({ state: 'done', result: { detail: 'enough' } });
  });
});

/** As an instance that was started just now sees it. */
async function openedAnew<T>(use: () => Promise<T>): Promise<T> {
  const before = app;
  app = { ...(await openApp(before.settings)), clock: before.clock };
  try {
    return await use();
  } finally {
    app = before;
  }
}
