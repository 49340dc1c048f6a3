import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dyingStorage } from '../../test/dyingStorage.ts';
import {
  content,
  countedOf,
  day,
  type Given,
  history,
  later,
  makeEnvironment,
  ndjson,
  now,
  openImporting,
  prepareImport,
  purchase,
  runImport,
} from '../../test/importing.ts';
import type { App } from '../assessment/app.ts';
import { assess } from '../assessment/assess.ts';
import { standingOf } from '../assessment/labels.ts';
import { observe } from '../assessment/observe.ts';
import { eventView } from '../assessment/view.ts';
import { lakeSource } from '../retraining/lakeSource.ts';
import { openMemoryHistories } from '../scoring/features/memory.ts';
import { directories } from '../scoring/scorecardDirectories.ts';
import { completeIndex, eventsOf } from '../subjects/find.ts';
import { openRequests, readRequest, work as workOnSubject } from '../subjects/index.ts';
import {
  cancelImport,
  createImport,
  getImport,
  type ImportState,
  importSchema,
  startImport,
  sweep,
  work,
} from './index.ts';

let app: App;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ app, stop } = await openImporting());
});
afterAll(() => stop?.());

const environment = (name: string) => makeEnvironment(app, name);
const prepared = (env: string, given: Given) => prepareImport(app, env, given);
const run = (env: string, given: Given) => runImport(app, env, given);
const counted = (env: string, name: string, key: string, days?: number) =>
  countedOf(app, env, name, key, days);

/** The histories of a few entities, as they are stored. */
function histories(env: string) {
  return Promise.all(
    ['u0', 'u3', 'u4'].map((key) => app.scoring.histories.read(env, 'Purchase', [{ kind: 'user', key }])),
  );
}

describe('an import of events', () => {
  let env: string;
  let state: ImportState;
  beforeAll(async () => {
    env = await environment('shop');
    state = await run(env, { files: [{ name: 'history.ndjson', content }] });
  });

  it('stores every event once, at its own time, and says where it came from', async () => {
    expect(state.status).toBe('Completed');
    expect(state.progress?.events).toEqual({ all: 62, done: 62, imported: 62, duplicates: 0 });
    expect(state.progress?.types.Purchase).toEqual({
      events: 60,
      first: new Date(now - 119 * day).toISOString(),
      last: new Date(now - day).toISOString(),
    });
    const stored = await app.records.latest(env, 'Purchase', 'p3');
    if (!stored) throw new Error('p3 is not stored');
    const view = await eventView(app, stored);
    expect(view).toMatchObject({
      received: new Date(now - 7 * day).toISOString(),
      complete: true,
      imported: { import: state.one.id, file: 0, line: 6 },
      laterEvents: [{ type: 'Chargeback', id: 'c1' }],
    });
  });

  it('counts in velocities in event time, as far as windows reach', async () => {
    const within = (days: number, which: (index: number) => boolean) =>
      history.filter((_, index) => which(index) && 1 + index * 2 < days);
    expect(await counted(env, 'purchases', 'u2')).toBe(within(90, (index) => index % 7 === 2).length);
    expect(await counted(env, 'purchases', 'u2', 30)).toBe(within(30, (index) => index % 7 === 2).length);
    const amounts = within(90, (index) => index % 3 === 1).map(({ totalAmount }) => totalAmount);
    expect(await counted(env, 'amounts', 'd1')).toBe(amounts.reduce((sum, one) => sum + one, 0));
    expect(await counted(env, 'chargebacks', 'u3')).toBe(1);
  });

  it('fills the histories that models look at, with what labels say', async () => {
    const memory = openMemoryHistories(directories);
    const events = history.map((body) => {
      const { purchaseId: id, merchantLocalDate } = body;
      return { type: 'Purchase', id, at: Date.parse(merchantLocalDate), payload: body };
    });
    for (const event of [...events].reverse()) memory.observe(event);
    for (const event of events.slice(3, 5)) memory.label(event, 1);
    const expected = ['u0', 'u3', 'u4'].map((key) => ({
      user: memory.read('Purchase', { kind: 'user', key }),
    }));
    expect(await histories(env)).toEqual(expected);
    const labelled = await app.records.latest(env, 'Purchase', 'p4');
    expect(labelled && (await standingOf(app, labelled.key))).toMatchObject({ fraud: true, source: 'label' });
  });

  it('reaches the lake at the events’ days, and no usage', async () => {
    const lines: { received: string; key: { id: string }; answer?: unknown }[] = [];
    const range = {
      environments: [env],
      types: ['Purchase'],
      from: new Date(now - 200 * day).toISOString(),
      to: new Date(now).toISOString(),
    };
    for await (const line of app.lake.read(range)) lines.push(JSON.parse(line));
    expect(lines.map(({ key }) => key.id)).toEqual(history.map(({ purchaseId }) => purchaseId).reverse());
    expect(lines[0]?.answer).toBeUndefined();
    for (let bucket = 0; bucket < 16; bucket++)
      for await (const receipt of app.records.receipts({ environment: env, type: 'Purchase' }, bucket, ''))
        throw new Error(`the outbox has ${receipt}`);
  });

  it('changes nothing when the same file comes again', async () => {
    const before = await histories(env);
    const again = await run(env, { files: [{ name: 'renamed.ndjson.gz', content: gzipSync(content) }] });
    expect(again.progress?.events).toEqual({ all: 62, done: 62, imported: 0, duplicates: 62 });
    expect(await histories(env)).toEqual(before);
    expect(await counted(env, 'chargebacks', 'u3')).toBe(1);
    expect(await counted(env, 'purchases', 'u2', 30)).toBe(2);
  });

  it('is found by live events: a purchase by its velocities and id, a chargeback by the purchase', async () => {
    const payload = { purchaseId: 'live', user: { userId: 'u2' } };
    await assess(app, { type: 'Purchase', id: 'live', payload, environment: env, correlationId: 'c' });
    expect(await counted(env, 'purchases', 'u2', 30)).toBe(3);
    const event = { chargebackId: 'c2', purchaseId: 'p5', status: 'Accepted' };
    const stored = await observe(app, {
      type: 'Chargeback',
      id: 'c2',
      payload: event,
      links: [{ to: 'Purchase', id: 'p5' }],
      subjects: [],
      environment: env,
      correlationId: 'c',
    });
    expect(stored.assessment).toMatchObject({ type: 'Purchase', id: 'p5' });
    expect(await counted(env, 'chargebacks', 'u5')).toBe(1);
    // sent again live, an imported purchase is assessed: nobody had decided about it
    const again = { ...purchase(6, now - 13 * day), purchaseId: 'p6' };
    const answered = await assess(app, {
      type: 'Purchase',
      id: 'p6',
      payload: again,
      environment: env,
      correlationId: 'c',
    });
    expect(answered.decision.reasons).not.toContain('IMPORTED');
  });

  it('is deleted with its data subject, from the lake too', async () => {
    await completeIndex(app);
    const subject = { kind: 'User', value: 'u1' };
    const mine = await Array.fromAsync(eventsOf(app, env, subject));
    expect(mine.length).toBe(history.filter((_, index) => index % 7 === 1).length);
    const what = readRequest({ operation: 'Delete', subjectId: 'User:u1' });
    const request = await openRequests(app.storage, app.clock).create(env, what, 'test');
    // an import that is at work may bring more of the same person
    const other = await prepared(env, {
      files: [{ name: 'more.ndjson', content: ndjson([purchase(900, now - day, 'u1')]) }],
    });
    await startImport(app, other.one, false);
    expect(await workOnSubject(app, request, { settleMs: 0 })).toBe(60);
    await work(app, other.one);
    while ((await workOnSubject(app, request, { settleMs: 0 })) !== undefined);
    for (const id of ['p1', 'p900']) expect(await app.records.latest(env, 'Purchase', id)).toBeUndefined();
    const range = {
      environments: [env],
      from: new Date(now - 200 * day).toISOString(),
      to: new Date(now + day).toISOString(),
    };
    for await (const line of app.lake.read(range)) expect(line).not.toContain('"u1"');
  });
});

it('an import that was cancelled keeps a deletion waiting while its last chunk is under way', async () => {
  const env = await environment('cancelled');
  const { one } = await prepared(env, { files: [{ name: 'h.ndjson', content }] });
  await startImport(app, one, false);
  for (let piece = 0; piece < 2; piece++) await work(app, one, { sliceMs: 0 });
  // it dies among the events of its chunk
  await expect(work({ ...app, storage: dyingStorage(app.storage, 3) }, one)).rejects.toThrow('killed');
  expect((await cancelImport(app, one)).status).toBe('Cancelled');
  const what = readRequest({ operation: 'Delete', subjectId: 'User:u1' });
  const request = await openRequests(app.storage, app.clock).create(env, what, 'test');
  expect(await workOnSubject(app, request, { settleMs: 0 })).toBe(60);
  expect(await work(app, one)).toBe(false);
  expect((await getImport(app, one)).progress?.events.imported).toBe(62);
  while ((await workOnSubject(app, request, { settleMs: 0 })) !== undefined);
  expect(await app.records.latest(env, 'Purchase', 'p1')).toBeUndefined();
});

it('an import that is given up in the middle of a chunk leaves its events to deletions and to another import', async () => {
  const env = await environment('given-up');
  const files = [{ name: 'h.ndjson', content: ndjson([...later, ...history.slice(0, 12)]) }];
  const { one } = await prepared(env, { files });
  await startImport(app, one, false);
  const failing = (message: string) => () => Promise.reject(new Error(message));
  const broken: App = { ...app, lake: { ...app.lake, write: failing('no lake') } };
  for (let time = 1; time < 8; time++) await expect(work(broken, one)).rejects.toThrow('no lake');
  // it does not end before what it stored can be found
  const worse: App = { ...broken, subjects: { ...app.subjects, writeAll: failing('no index') } };
  await expect(work(worse, one)).rejects.toThrow('no index');
  expect((await getImport(app, one)).status).toBe('Running');
  expect(await work(app, one)).toBe(false);
  const { status, progress } = await getImport(app, one);
  expect(status).toBe('Failed');
  expect(progress?.reason).toBe('Given up after 8 failures one after the other: no lake');
  const what = readRequest({ operation: 'Delete', subjectId: 'User:u1' });
  const request = await openRequests(app.storage, app.clock).create(env, what, 'test');
  expect(await app.records.latest(env, 'Purchase', 'p1')).toBeDefined();
  while ((await workOnSubject(app, request, { settleMs: 0 })) !== undefined);
  expect(await app.records.latest(env, 'Purchase', 'p1')).toBeUndefined();

  const again = await run(env, { files });
  expect(again.progress?.events).toEqual({ all: 14, done: 14, imported: 14, duplicates: 0 });
  expect(await counted(env, 'purchases', 'u2')).toBe(2);
  expect(await counted(env, 'chargebacks', 'u3')).toBe(1);
  const range = { from: new Date(now - 30 * day).toISOString(), to: new Date(now).toISOString() };
  const lines = await Array.fromAsync(app.lake.read({ ...range, environments: [env] }));
  const ids = lines.map((line) => JSON.parse(line).key.id);
  expect(ids).toContain('p2');
  // what was deleted came anew
  expect(ids).toContain('p1');
  expect(new Set(ids).size).toBe(ids.length);
  expect((await run(env, { files })).progress?.events).toMatchObject({ imported: 0, duplicates: 14 });
});

describe('what came live before', () => {
  it('is not counted again by an import of the same events', async () => {
    const env = await environment('overlap');
    const payload = purchase(0, now - day);
    await assess(app, { type: 'Purchase', id: 'p0', payload, environment: env, correlationId: 'live' });
    const waiting = {
      chargebackId: 'c9',
      purchaseId: 'p1',
      status: 'Accepted',
      bankEventTimestamp: new Date(now).toISOString(),
    };
    await observe(app, {
      type: 'Chargeback',
      id: 'c9',
      payload: waiting,
      links: [{ to: 'Purchase', id: 'p1' }],
      subjects: [],
      environment: env,
      correlationId: 'live',
    });
    expect(await counted(env, 'chargebacks', 'u1')).toBe(0);
    const { progress } = await run(env, { files: [{ name: 'all.ndjson', content: ndjson(history) }] });
    expect(progress?.events).toMatchObject({ imported: 59, duplicates: 1 });
    expect(await counted(env, 'purchases', 'u0', 2)).toBe(1);
    // what waited for an event that was imported now belongs to it
    expect(await counted(env, 'chargebacks', 'u1')).toBe(1);
  });
});

it('a past event that waits counts as the others do when what it waits for comes: without calls, as far as windows reach', async () => {
  const env = await environment('waiting');
  const put = (kind: 'externalCalls' | 'velocitySets', name: string, content: object) =>
    app.config.put(env, kind, name, content, { by: 'test' });
  await put('externalCalls', 'ask', {
    method: 'GET',
    url: 'https://ask.example/',
    parameters: [],
    sampleResponse: { said: '' },
    timeoutMs: 1000,
    defaultResponse: { said: 'default' },
  });
  const asking =
    'SELECT Count() AS asked FROM Chargeback WHEN External.ask().said.AsString() == "default" GROUPBY @"purchase.user.userId"';
  await put('velocitySets', 'Asking', { velocities: [asking] });
  const chargeback = (index: number, ago: number) => ({
    chargebackId: `c${index}`,
    purchaseId: `w${index}`,
    status: 'Accepted',
    bankEventTimestamp: new Date(now - ago * day).toISOString(),
  });
  const files = [{ name: 'h.ndjson', content: ndjson([chargeback(0, 3), chargeback(1, 100)]) }];
  await run(env, { files });
  const asked: string[] = [];
  const watched: App = {
    ...app,
    sources: {
      ...app.sources,
      externalCall: (...call) => {
        asked.push(call[3].name);
        return app.sources.externalCall(...call);
      },
    },
  };
  const applied: unknown[] = [];
  for (const index of [0, 1]) {
    const payload = { purchaseId: `w${index}`, user: { userId: 'waiting' } };
    const id = `w${index}`;
    await assess(watched, { type: 'Purchase', id, payload, environment: env, correlationId: 'c' });
    const later = await app.records.latest(env, 'Chargeback', `c${index}`);
    const settled = later && (await app.later.attachment(later.key));
    expect(settled?.assessment).toMatchObject({ type: 'Purchase', id });
    applied.push(settled?.contributions.length);
  }
  expect(asked).toEqual([]);
  // of the chargeback that windows reach: its count, and that of the set with the call, which had its default
  expect(applied).toEqual([2, 0]);
  expect(await counted(env, 'asked', 'waiting')).toBe(1);
});

it('models learn from past events with the countries of the address and of the bank, as from live ones', async () => {
  const env = await environment('countries');
  const card = { merchantPaymentInstrumentId: 'i', type: 'CreditCard', bin: '411111' };
  const event = { ...purchase(0, now - day), paymentInstrumentList: [card] };
  const abroad = { ...event, deviceContext: { ...event.deviceContext, ipAddress: '8.8.8.8' } };
  await run(env, { files: [{ name: 'h.ndjson', content: ndjson([abroad]) }] });
  const until = new Date(now).toISOString();
  const range = { from: new Date(now - 2 * day).toISOString(), eventsUntil: until, labelsUntil: until };
  const source = lakeSource(app.lake, { ...range, environments: [env], types: ['Purchase'] });
  const [learnt] = await Array.fromAsync(source.events());
  expect(learnt).toMatchObject({ ipCountry: 'US', binCountry: 'MX' });
});

it('hundreds of files are looked at a few at a time', async () => {
  const env = await environment('many');
  const blob = `inbox/${env}/h.ndjson`;
  await app.storage.blobs('imports').write(blob, content);
  const files = Array.from({ length: 100 }, (_, index) => ({ name: `${index}.ndjson`, blob }));
  const { one } = await createImport(app, env, importSchema.parse({ files }), 'test');
  await startImport(app, one, true);
  let [reading, most] = [0, 0];
  const storage: App['storage'] = {
    ...app.storage,
    blobs: (name) => ({
      ...app.storage.blobs(name),
      async readRange(...given) {
        most = Math.max(most, ++reading);
        return app.storage
          .blobs(name)
          .readRange(...given)
          .finally(() => reading--);
      },
    }),
  };
  await work({ ...app, storage }, one, { sliceMs: 0 });
  expect((await getImport(app, one)).progress?.shapes).toHaveLength(100);
  expect(most).toBeLessThanOrEqual(8);
  await cancelImport(app, one);
  await work(app, one);
});

it('CSV files of one upload make events together', async () => {
  const env = await environment('csv');
  const { status, progress } = await run(env, {
    files: [
      {
        name: 'Purchases.csv',
        content:
          '\uFEFFPurchaseId,MerchantLocalDate,UserId,TotalAmount,ExternalDeviceId\np1,2026-05-30T10:00:00Z,u1,12.50,d1\np2,2026-05-31T10:00:00Z,u1,7,d1\n',
      },
      {
        name: 'PaymentInstruments.tsv',
        content:
          'PurchaseId\tMerchantPaymentInstrumentId\tType\tBIN\np1\ti1\tCreditCard\t411111\np9\ti2\tCreditCard\t411111\n',
      },
      { name: 'products.csv', content: 'PurchaseId;ProductId;ProductName\np1;x;"a; b"\np1;y;"two\nlines"\n' },
      {
        name: 'cb.csv.gz',
        content: gzipSync('ChargebackId,PurchaseId,Status,BankEventTimestamp\nc1,p2,Accepted,2026-06-01\n'),
      },
    ],
    rejectedShare: 0.2,
  });
  expect(progress?.faults).toEqual([
    {
      file: 'PaymentInstruments.tsv',
      line: 3,
      path: 'purchaseId',
      message: 'no row of Purchases has this PurchaseId',
    },
  ]);
  expect(status).toBe('Completed');
  expect(progress?.records).toEqual({ read: 7, rejected: 1 });
  const stored = await app.records.latest(env, 'Purchase', 'p1');
  expect(stored?.event).toMatchObject({
    totalAmount: 12.5,
    user: { userId: 'u1' },
    paymentInstrumentList: [{ merchantPaymentInstrumentId: 'i1', bin: '411111' }],
    productList: [{ productName: 'a; b' }, { productName: 'two\nlines' }],
  });
  expect(await counted(env, 'amounts', 'd1')).toBe(19.5);
  expect(await counted(env, 'chargebacks', 'u1')).toBe(1);
});

describe('several workers', () => {
  it('import the same events at once, and each counts once', async () => {
    const env = await environment('twice');
    const imports = await Promise.all(
      [0, 1].map((index) => prepared(env, { files: [{ name: `${index}.ndjson`, content }] })),
    );
    for (const { one } of imports) await startImport(app, one, false);
    await Promise.all(imports.map(({ one }) => work(app, one)));
    const done = await Promise.all(imports.map(({ one }) => getImport(app, one)));
    expect(done.map(({ status }) => status)).toEqual(['Completed', 'Completed']);
    expect(done.reduce((sum, { progress }) => sum + (progress?.events.imported ?? 0), 0)).toBe(62);
    expect(await counted(env, 'purchases', 'u2', 30)).toBe(2);
    expect(await counted(env, 'chargebacks', 'u3')).toBe(1);
    const [history] = await histories(env);
    expect(history?.user?.days.filter((_, index) => index % 5 === 1).reduce((a, b) => a + b, 0)).toBe(
      [0, 7, 14, 21, 28].length,
    );
  });

  it('never work on the same import, and what nobody works on is sent on its way again', async () => {
    const env = await environment('alone');
    const { one } = await prepared(env, { files: [{ name: 'h.ndjson', content }] });
    await startImport(app, one, false);
    const queue = app.storage.queue('imports');
    for (const message of await queue.receive({ max: 32 })) await queue.remove(message);
    // a slice of no length does one piece
    expect(await work(app, one, { sliceMs: 0 })).toBe(true);
    const lock = await app.storage.blobs('imports').lease(`${env}/${one.id}/lock`, 15);
    expect(await work(app, one)).toBe(false);
    expect((await getImport(app, one)).status).toBe('Running');
    await lock?.release();
    const sentOnAfter = async (ms: number) => {
      await sweep({ ...app, clock: () => now + ms });
      const messages = await queue.receive({ max: 32 });
      return messages.map(({ text }) => JSON.parse(text)).filter(({ environment }) => environment === env);
    };
    expect(await sentOnAfter(60_000)).toEqual([]);
    expect(await sentOnAfter(120_000)).toEqual([{ environment: env, id: one.id }]);
    await work(app, one);
    expect((await getImport(app, one)).progress?.events.imported).toBe(62);
  });
});

it('an import that was validated and then started goes on where the message for it was lost', async () => {
  const env = await environment('lost');
  const { one } = await run(env, { files: [{ name: 'h.ndjson', content }], dryRun: true });
  await sweep({ ...app, clock: () => now + 120_000 });
  expect((await getImport(app, one)).status).toBe('Validated');
  const queue = app.storage.queue('imports');
  const take = async () => {
    const messages = await queue.receive({ max: 32 });
    for (const message of messages) await queue.remove(message);
    return messages.map(({ text }) => JSON.parse(text).id);
  };
  await startImport(app, one, false);
  await take();
  await sweep({ ...app, clock: () => now + 120_000 });
  expect(await take()).toContain(one.id);
  await work(app, one);
  expect((await getImport(app, one)).status).toBe('Completed');
});

it('an import is forgotten 28 days after its end, an upload that nobody starts is cancelled after a week', async () => {
  const env = await environment('old');
  const over = await run(env, { files: [{ name: 'bad.ndjson', content: 'no json\n{}' }] });
  const left = await prepared(env, { files: [{ name: 'h.ndjson', content }] });
  await sweep({ ...app, clock: () => now + 8 * day });
  await work(app, left.one);
  expect((await getImport(app, left.one)).status).toBe('Cancelled');
  await sweep({ ...app, clock: () => now + 29 * day });
  await expect(getImport(app, over.one)).rejects.toMatchObject({ status: 404 });
  const blobs = await Array.fromAsync(app.storage.blobs('imports').list(`${env}/${over.one.id}/`));
  expect(blobs).toEqual([]);
});
