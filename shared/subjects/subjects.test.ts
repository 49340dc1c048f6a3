import { randomUUID } from 'node:crypto';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { dyingStorage } from '../../test/dyingStorage.ts';
import type { App } from '../assessment/app.ts';
import { assess } from '../assessment/assess.ts';
import { observe } from '../assessment/observe.ts';
import type { Link } from '../events/index.ts';
import type { JsonObject } from '../fql/index.ts';
import { openApp } from '../openApp.ts';
import { readSettings } from '../settings.ts';
import { completeIndex } from './find.ts';
import { exportedFile, openRequests, readRequest, sweep, work } from './index.ts';
import { keptMs, type SubjectOperation } from './requests.ts';

let azurite: Azurite;
let app: App;
let environment: string;
let now = Date.now();

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

/** A purchase of a user and a bank event of it. */
async function shop(userId: string, id: string = randomUUID()): Promise<string> {
  const user = { userId, email: `${userId}@example.com` };
  await assess(app, {
    type: 'Purchase',
    id,
    payload: { purchaseId: id, user },
    environment,
    correlationId: 'c',
    subjects: [{ property: 'User', value: userId }],
    links: [{ to: 'User', id: userId }],
  });
  await observe(app, {
    type: 'BankEvent',
    id: `bank-${id}`,
    payload: { bankEventId: `bank-${id}`, purchaseId: id },
    links: [{ to: 'Purchase', id }],
    subjects: [],
    environment,
    correlationId: 'c',
  });
  return id;
}

async function ask(operation: SubjectOperation, user: string) {
  await app.subjects.settled();
  const what = readRequest({ operation, subjectId: `User:${user}` });
  return openRequests(app.storage, app.clock).create(environment, what, 'test');
}

/** Works until there is nothing left to do. */
async function toTheEnd(request: { environment: string; id: string }, slice = 2): Promise<void> {
  for (let run = 0; run < 50; run++)
    if ((await work(app, request, { settleMs: 0, slice })) === undefined) return;
  throw new Error('the request does not end');
}

const statusOf = (request: { id: string }) =>
  openRequests(app.storage, app.clock).get(environment, request.id);

/** Every place in storage where a text occurs, but for the log of requests. */
async function placesOf(...texts: string[]): Promise<string[]> {
  const holds = (content: string) => texts.some((text) => content.includes(text));
  const found: string[] = [];
  const options = { allowInsecureConnection: true };
  for await (const { name = '' } of TableServiceClient.fromConnectionString(
    azurite.connectionString,
    options,
  ).listTables()) {
    for await (const row of TableClient.fromConnectionString(
      azurite.connectionString,
      name,
      options,
    ).listEntities()) {
      if (name === 'subjectRequests' && row.rowKey?.startsWith('r|')) continue;
      if (holds(JSON.stringify(row))) found.push(`${name} ${row.rowKey}`);
    }
  }
  const blobs = BlobServiceClient.fromConnectionString(azurite.connectionString);
  for await (const { name: container } of blobs.listContainers()) {
    // rules and lists, which no event gets into
    if (container === 'config') continue;
    for await (const { name } of blobs.getContainerClient(container).listBlobsFlat()) {
      const content = await blobs.getContainerClient(container).getBlobClient(name).downloadToBuffer();
      if (holds(name) || holds(content.toString())) found.push(`${container}/${name}`);
    }
  }
  return found;
}

describe('an export', () => {
  it('has everything of one data subject, and nothing of another', async () => {
    const mine = [await shop('dana'), await shop('dana'), await shop('dana')];
    const other = await shop('kim');
    const request = await ask('Export', 'dana');
    expect(request.status).toBe('Pending');
    await expect(exportedFile(app, environment, request.id)).rejects.toMatchObject({ status: 409 });
    await toTheEnd(request);
    expect(await statusOf(request)).toMatchObject({ status: 'Complete', events: 6 });
    const text = new TextDecoder().decode(await exportedFile(app, environment, request.id));
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ id }) => id).sort()).toEqual(mine.flatMap((id) => [id, `bank-${id}`]).sort());
    expect(events.find(({ id }) => id === mine[0])).toMatchObject({
      event: { user: { userId: 'dana' } },
      answer: { decision: 'Approve' },
    });
    expect(text).not.toContain(other);
  });

  it('finds a user whose id was cut in the middle of a character, as the wire keeps it', async () => {
    await shop('half \uFFFD');
    const request = await ask('Export', 'half \uD83D');
    await toTheEnd(request);
    expect((await statusOf(request)).events).toBe(2);
  });

  it('goes on where a process died', async () => {
    for (let i = 0; i < 3; i++) await shop('lee');
    const request = await ask('Export', 'lee');
    for (let writes = 0; writes < 12; writes++)
      await work({ ...app, storage: dyingStorage(app.storage, writes) }, request, { slice: 2 }).catch(
        () => {},
      );
    await toTheEnd(request);
    const text = new TextDecoder().decode(await exportedFile(app, environment, request.id));
    const ids = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect(new Set(ids).size).toBe(6);
    expect(ids).toHaveLength(6);
  });

  it('is gone after 28 days, file and log', async () => {
    await shop('robin');
    const request = await ask('Export', 'robin');
    await toTheEnd(request);
    await sweep(app);
    await statusOf(request);
    now += keptMs;
    await expect(statusOf(request)).rejects.toMatchObject({ status: 404 });
    await expect(exportedFile(app, environment, request.id)).rejects.toMatchObject({ status: 404 });
    expect((await sweep(app)).deleted).toBeGreaterThan(0);
    const exports = (await placesOf('robin')).filter((place) => place.startsWith('subject-exports'));
    expect(exports).toEqual([]);
  });
});

describe('a deletion', () => {
  it('leaves no trace of the data subject, and everything of others', { timeout: 60_000 }, async () => {
    const [user, other] = [`gone-${randomUUID()}`, `stays-${randomUUID()}`];
    const ids = [await shop(user), await shop(user)];
    await shop(other);
    await completeIndex(app);
    const before = await placesOf(other);
    const used = await app.counts.of(environment);
    const request = await ask('Delete', user);
    await toTheEnd(request);
    expect(await statusOf(request)).toMatchObject({ status: 'Complete', events: 4 });
    expect(await placesOf(user, ...ids)).toEqual([]);
    expect(await placesOf(other)).toEqual(before);
    expect(await app.counts.of(environment)).toEqual(used);
    const purchase = { environment, type: 'Purchase', id: ids[0] ?? '', correlationId: 'c' };
    expect(await app.records.read(purchase)).toBeUndefined();
  });

  it('reaches what came early, what still waits, labels, and assessments of the merchant’s own', {
    timeout: 60_000,
  }, async () => {
    await app.config.put(environment, 'assessments', 'Transfer', { template: 'Custom' }, { by: 'test' });
    const velocities = [
      'SELECT Count() AS perUser FROM Purchase, Transfer GROUPBY @"user.userId"',
      'SELECT DistinctCount(@"user.email") AS mails FROM Purchase, BankEvent, Chargeback GROUPBY @"purchase.user.email"',
    ];
    await app.config.put(environment, 'velocitySets', 'Users', { velocities }, { by: 'test' });
    const user = `everywhere-${randomUUID()}`;
    const observed = (type: string, id: string, links: Link[], of?: string, label: JsonObject = {}) =>
      observe(app, {
        type,
        id: `${user}-${id}`,
        payload: { note: `${type} of ${user}`, statusType: 'Approved', ...label },
        links,
        subjects: type === 'Chargeback' ? [{ property: 'User', value: user }] : [],
        environment,
        correlationId: 'c',
        ...(of === undefined ? {} : { of }),
      });
    const bought = `${user}-bought`;
    // before its purchase, and for a purchase that never comes
    await observed('BankEvent', 'early', [{ to: 'Purchase', id: bought }]);
    await observed('Chargeback', 'waits', [{ to: 'Purchase', id: `${user}-never` }]);
    await shop(user, bought);
    await shop(user);
    const ofUser = { labelObjectType: 'Account', labelObjectId: user };
    await observed('Label', 'label', [{ to: 'User', id: user }], undefined, ofUser);
    const early = { labelObjectType: 'Purchase', labelObjectId: bought };
    await observed('Label', 'of purchase', [{ to: 'Purchase', id: bought }], undefined, early);
    const transfer = `${user}-transfer`;
    await observed('Transfer:status', 'status', [{ to: 'Assessment', id: transfer }], 'Transfer');
    await assess(app, {
      type: 'Transfer',
      id: transfer,
      payload: { metadata: { eventId: transfer }, user: { id: user, userId: user } },
      environment,
      correlationId: 'c',
      subjects: [{ property: 'metadata.eventId', value: transfer }],
      links: [{ to: 'User', id: user }],
    });
    await observed('Label', 'generic', [{ to: 'Assessment', id: transfer }]);
    await completeIndex(app);
    const places = await placesOf(user);
    for (const kind of ['e|', 'l|', 'w|', 'a|', 'x|', 'f|', 's|'])
      expect(
        places.filter((place) => place.startsWith(`events ${kind}`)),
        kind,
      ).not.toEqual([]);
    await toTheEnd(await ask('Delete', user));
    expect(await placesOf(user)).toEqual([]);
  });

  it('is whole wherever a process died on the way', { timeout: 120_000 }, async () => {
    for (let writes = 0; writes < 14; writes++) {
      const user = `torn-${writes}`;
      await shop(user, `tornid-${writes}`);
      const request = await ask('Delete', user);
      await work({ ...app, storage: dyingStorage(app.storage, writes) }, request, { settleMs: 0 }).catch(
        () => {},
      );
      await toTheEnd(request);
    }
    expect(await placesOf('torn-', 'tornid-')).toEqual([]);
  });

  it('takes evidence with it that is kept in a blob', { timeout: 60_000 }, async () => {
    const user = `large-${randomUUID()}`;
    const id = await shop(user);
    const stored = await app.records.read({ environment, type: 'Purchase', id, correlationId: 'c' });
    if (!stored) throw new Error('the purchase is not stored');
    const variables = { note: `${user} ${'x'.repeat(60_000)}` };
    const large = {
      ...stored,
      key: { ...stored.key, id: `l${id}` },
      evidence: { ...stored.evidence, variables },
    };
    await app.records.insert(large);
    expect((await placesOf(user)).filter((place) => place.startsWith('evidence/'))).toHaveLength(1);
    await toTheEnd(await ask('Delete', user));
    expect(await placesOf(user)).toEqual([]);
  });

  it('waits until what was under way is in the index, and leaves what came after it was asked for', async () => {
    const user = `late-${randomUUID()}`;
    await shop(user);
    const request = await ask('Delete', user);
    expect(await work(app, request)).toBe(90);
    now += 45_000;
    const later = await shop(user);
    expect(await work(app, request)).toBe(45);
    now += 45_000;
    await toTheEnd(request);
    expect((await statusOf(request)).events).toBe(2);
    const left = { environment, type: 'Purchase', id: later, correlationId: 'c' };
    expect((await app.records.read(left))?.key).toEqual(left);
  });

  it('goes on by itself where its message was lost', async () => {
    const request = await ask('Delete', 'nobody');
    now += 600_001;
    expect((await sweep(app)).resumed).toBeGreaterThan(0);
    await toTheEnd(request);
    expect((await statusOf(request)).status).toBe('Complete');
  });
});

it('takes DFP’s two ways to name a data subject, and refuses others by name', () => {
  expect(readRequest({ operation: 'Export', subjectId: 'user:a:b' }).subject).toEqual({
    kind: 'User',
    value: 'a:b',
  });
  const assessment = { assessmentName: 'Transfer', propertyName: 'user.id', propertyValue: 'u' };
  expect(readRequest({ operation: 'Delete', ...assessment }).subject).toEqual({
    kind: 'user.id',
    value: 'u',
    assessment: 'Transfer',
  });
  for (const subjectId of ['User:', 'User: ', 'dana', 'Email:dana', ''])
    expect(() => readRequest({ operation: 'Export', subjectId }), subjectId).toThrow(/not usable/);
});
