import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { dyingStorage } from '../../test/dyingStorage.ts';
import { type App, openApp } from '../assessment/app.ts';
import { assess } from '../assessment/assess.ts';
import { standingOf } from '../assessment/labels.ts';
import { observe } from '../assessment/observe.ts';
import { eventView } from '../assessment/view.ts';
import { openMemoryHistories } from '../scoring/features/memory.ts';
import { directories } from '../scoring/scorecardDirectories.ts';
import { readSettings } from '../settings.ts';
import { completeIndex, eventsOf } from '../subjects/find.ts';
import { openRequests, readRequest, work as workOnSubject } from '../subjects/index.ts';
import {
  cancelImport,
  createImport,
  faultsFile,
  getImport,
  type ImportState,
  importSchema,
  partBytes,
  startImport,
  sweep,
  uploadPart,
  work,
} from './index.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1, 12);
let azurite: Azurite;
let app: App;

beforeAll(async () => {
  azurite = await startAzurite();
  app = {
    ...(await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }))),
    clock: () => now,
  };
});
afterAll(() => azurite?.stop());

const sets = {
  velocities: [
    'SELECT Count() AS purchases FROM Purchase GROUPBY @"user.userId"',
    'SELECT Sum(@"totalAmount") AS amounts FROM Purchase GROUPBY @"deviceContext.externalDeviceId"',
    'SELECT Count() AS chargebacks FROM Chargeback GROUPBY @"purchase.user.userId"',
  ],
};

async function environment(name: string): Promise<string> {
  const { view } = await app.config.putEnvironment(name, { name }, { by: 'test' });
  await app.config.put(view.id, 'velocitySets', 'Some', sets, { by: 'test' });
  return view.id;
}

interface Given {
  files: { name: string; content: string | Uint8Array }[];
  mapping?: unknown;
  rejectedShare?: number;
  dryRun?: boolean;
}

async function prepared(env: string, { files, mapping, rejectedShare }: Given): Promise<ImportState> {
  const contents = files.map(({ content }) => Buffer.from(content));
  const request = importSchema.parse({
    files: files.map(({ name }, index) => ({ name, bytes: contents[index]?.length })),
    mapping,
    rejectedShare,
    train: false,
  });
  const made = await createImport(app, env, request, 'test');
  for (const [file, content] of contents.entries())
    for (let part = 0; part * partBytes < content.length; part++)
      await uploadPart(app, made.one, {
        file,
        part,
        content: content.subarray(part * partBytes, (part + 1) * partBytes),
      });
  return made;
}

async function run(env: string, given: Given): Promise<ImportState> {
  const made = await prepared(env, given);
  await startImport(app, made.one, given.dryRun ?? false);
  expect(await work(app, made.one)).toBe(false);
  return getImport(app, made.one);
}

const purchase = (index: number, at: number, user = `u${index % 7}`) => ({
  purchaseId: `p${index}`,
  merchantLocalDate: new Date(at).toISOString(),
  totalAmount: 10 + (index % 5),
  user: { userId: user, email: `${user}@x.example` },
  deviceContext: { externalDeviceId: `d${index % 3}` },
});

/** Purchases over 120 days, newest first, so that no order in the file helps. */
const history = Array.from({ length: 60 }, (_, index) => purchase(index, now - (1 + index * 2) * day));
const later = [
  {
    chargebackId: 'c1',
    purchaseId: 'p3',
    status: 'Accepted',
    reason: 'fraud',
    bankEventTimestamp: new Date(now - 3 * day).toISOString(),
  },
  { purchaseId: 'p4', isFraud: true, received: new Date(now - 2 * day).toISOString() },
];
const ndjson = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const content = ndjson([...later, ...history]);

async function counted(env: string, name: string, key: string, days = 90): Promise<number> {
  const snapshot = await app.config.snapshot(env);
  const ref = snapshot.chain[0]?.velocity(name);
  if (!ref) throw new Error(`there is no velocity ${name}`);
  const [value] = await app.velocities.read(
    snapshot.root,
    [{ ref, key, window: { count: days, unit: 'd' } }],
    now,
  );
  return value ?? Number.NaN;
}

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

describe('files with faults', () => {
  const bad = ndjson([history[0], { ...history[1], user: {} }, history[2]]).replace('}\n', '}\nno json\n');

  it('are not imported where more is wrong than may be; every fault has its line and path', async () => {
    const env = await environment('faulty');
    const { status, progress, one } = await run(env, { files: [{ name: 'bad.ndjson', content: bad }] });
    expect(status).toBe('Failed');
    expect(progress?.reason).toBe(
      '2 of 4 records cannot be read, which is more than the share of 0.05 that is allowed. Nothing was imported.',
    );
    const faults = [
      { file: 'bad.ndjson', line: 2, path: '', message: 'is no JSON' },
      { file: 'bad.ndjson', line: 3, path: 'user.userId', message: 'is required' },
    ];
    expect(progress?.faults).toEqual(faults);
    const file = new TextDecoder().decode(await faultsFile(app, one));
    expect(
      file
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(faults);
    expect(await app.records.latest(env, 'Purchase', 'p0')).toBeUndefined();
  });

  it('are imported without them where that is allowed; a dry run comes first and imports nothing', async () => {
    const env = await environment('tolerant');
    const dry = await run(env, {
      files: [{ name: 'bad.ndjson', content: bad }],
      rejectedShare: 0.5,
      dryRun: true,
    });
    expect(dry.status).toBe('Validated');
    expect(dry.progress?.types.Purchase?.events).toBe(2);
    expect(await app.records.latest(env, 'Purchase', 'p0')).toBeUndefined();
    await startImport(app, dry.one, false);
    await work(app, dry.one);
    const done = await getImport(app, dry.one);
    expect(done.status).toBe('Completed');
    expect(done.progress?.events.imported).toBe(2);
    expect(await counted(env, 'purchases', 'u0')).toBe(1);
  });

  it('have all their faults in the file of faults, also where none of many rows belongs to an event', async () => {
    const env = await environment('orphans');
    const rows = Array.from({ length: 50_001 }, (_, index) => `p${index},x\n`).join('');
    const { one, progress } = await run(env, {
      files: [{ name: 'products.csv', content: `PurchaseId,ProductId\n${rows}` }],
    });
    expect(progress?.records).toEqual({ read: 50_001, rejected: 50_001 });
    const lines = new TextDecoder()
      .decode(await faultsFile(app, one))
      .trim()
      .split('\n');
    expect(new Set(lines).size).toBe(50_001);
  });

  it('that are damaged or nothing that is known say so', async () => {
    const env = await environment('unknown');
    const reason = async (name: string, text: string | Uint8Array) =>
      (await run(env, { files: [{ name, content: text }] })).progress?.reason;
    expect(await reason('x.csv', 'a,b\n1,2\n')).toMatch(/neither NDJSON nor known as one of DFP's entities/);
    expect(await reason('x.json', '[{"purchaseId":"p"}]')).toMatch(/is a JSON list/);
    expect(await reason('x.gz', gzipSync(content).subarray(0, 300))).toMatch(/damaged or not whole/);
    const open =
      'PurchaseId,MerchantLocalDate,UserId\np1,2026-05-30,u1\np2,2026-05-30,"u2\np3,2026-05-30,u3\n';
    expect(await reason('Purchases.csv', open)).toMatch(/a quote that begins in this record is not closed/);
    expect(await reason('x.bin', new Uint8Array([0, 1, 2, 3, 10]))).toMatch(/is not text/);
  });
});

describe('the upload of files', () => {
  it('is checked part by part, and before it starts', async () => {
    const env = await environment('parts');
    const files = [{ name: 'a.ndjson', bytes: partBytes + 10 }];
    const { one } = await createImport(app, env, importSchema.parse({ files }), 'test');
    const part = (number: number, size: number) =>
      uploadPart(app, one, { file: 0, part: number, content: new Uint8Array(size) });
    await expect(part(0, 5)).rejects.toMatchObject({ status: 400, code: 'PartSize' });
    await expect(part(2, 5)).rejects.toMatchObject({ status: 404 });
    await part(1, 10);
    expect((await getImport(app, one)).uploaded).toEqual([[1]]);
    await expect(startImport(app, one, false)).rejects.toMatchObject({ status: 409, code: 'PartsMissing' });
    await cancelImport(app, one);
    expect(await work(app, one)).toBe(false);
    expect((await getImport(app, one)).status).toBe('Cancelled');
    await expect(part(0, partBytes)).rejects.toMatchObject({ status: 409 });
    expect(await Array.fromAsync(app.storage.blobs('imports').list(`${env}/${one.id}/files/`))).toEqual([]);
  });

  it('may be left out for files in the environment’s own inbox', async () => {
    const env = await environment('inbox');
    const ask = (blob: string) =>
      createImport(app, env, importSchema.parse({ files: [{ name: 'a', blob }], train: false }), 'test');
    await expect(ask('inbox/other/a.ndjson')).rejects.toMatchObject({ status: 400 });
    const blob = `inbox/${env}/a.ndjson`;
    const { one } = await ask(blob);
    await expect(startImport(app, one, false)).rejects.toMatchObject({ status: 404, code: 'FileNotFound' });
    await app.storage.blobs('imports').write(blob, content);
    await startImport(app, one, false);
    await work(app, one);
    expect((await getImport(app, one)).progress?.events.imported).toBe(62);
  });
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
    expect(await sweep({ ...app, clock: () => now + 60_000 })).toBe(0);
    expect(await sweep({ ...app, clock: () => now + 120_000 })).toBe(1);
    const [message] = await queue.receive();
    expect(JSON.parse(message?.text ?? '')).toEqual({ environment: env, id: one.id });
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
