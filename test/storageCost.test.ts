/** What docs/operations.md says an assessment costs: storage requests, counted between the app and Azurite. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow } from '../shared/assessment/followers.ts';
import { openApp } from '../shared/openApp.ts';
import { readSettings } from '../shared/settings.ts';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { call, credentials, type RunningApp, startApp, until } from './holdfast.ts';

let azurite: Azurite;
let app: RunningApp;
let storage: string;
const servers: Server[] = [];
/** `table GET /account/velocities(PartitionKey=…)` */
const seen: string[] = [];

/** The account by way of servers that note each request. */
async function noted(connectionString: string): Promise<string> {
  const parts = connectionString.split(';').map(async (part) => {
    const service = /^(Blob|Queue|Table)Endpoint=/.exec(part)?.[1];
    if (!service) return part;
    const target = new URL(part.slice(part.indexOf('=') + 1));
    const server = createServer(async (incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const body = Buffer.concat(await incoming.toArray());
      const operations = url?.endsWith('/$batch')
        ? String(body).matchAll(/^(?:POST|PUT|MERGE|PATCH|DELETE) \S+?:\d+(\S+) HTTP/gm)
        : [];
      const rows = [...operations].map((match) => match[1]);
      // a transaction is known by the first row that it writes
      seen.push(`${service.toLowerCase()} ${rows[0] ? `BATCH ${rows[0]}` : `${method} ${url}`}`);
      for (const row of rows) seen.push(`table ROW ${row}`);
      const forwarded = request(
        { host: target.hostname, port: target.port, method, path: url, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      forwarded.on('error', () => outgoing.destroy());
      forwarded.end(body);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return `${service}Endpoint=http://127.0.0.1:${address.port}${target.pathname}`;
  });
  return (await Promise.all(parts)).join(';');
}

beforeAll(async () => {
  azurite = await startAzurite();
  storage = await noted(azurite.connectionString);
  app = await startApp({ storage: azurite.connectionString, settings: { HOLDFAST_STORAGE: storage } });
  await seed({ baseUrl: app.baseUrl, headers: await credentials() });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A purchase of a customer, device, address and card that were never seen: nothing of it is in a process's memory. */
function purchaseOf(customer: number): object {
  return {
    ...purchase,
    purchaseId: randomUUID(),
    user: { ...purchase.user, userId: `customer-${customer}`, email: `customer-${customer}@example.com` },
    deviceContext: {
      ...purchase.deviceContext,
      deviceContextId: `device-${customer}`,
      ipAddress: `198.51.100.${customer}`,
    },
    paymentInstrumentList: [
      { ...purchase.paymentInstrumentList[0], merchantPaymentInstrumentId: `card-${customer}` },
    ],
  };
}

async function assess(customer: number): Promise<void> {
  const headers = { 'x-ms-correlation-id': randomUUID() };
  const answer = await call(
    app.baseUrl,
    'POST',
    '/v1.0/MerchantServices/events/Purchase',
    purchaseOf(customer),
    headers,
  );
  expect(answer.status).toBe(200);
}

const matching = (pattern: RegExp) => seen.filter((line) => pattern.test(line));
const counts = () => ({
  supportLists: matching(/^table GET \/\w+\/supportLists\(P/).length,
  counters: matching(/^table GET \/\w+\/velocities\(P/).length,
  updates: matching(/^table BATCH \/\w+\/velocities\b/).length,
  histories: matching(/^table GET \/\w+\/histories\(P/).length,
  observed: matching(/^table BATCH \/\w+\/histories\b/).length,
  events: matching(/^table (BATCH|PUT|POST|PATCH) \/\w+\/events\b/).length,
  // in transactions; the follower writes its rows one by one, at its own time
  index: matching(/^table ROW \/\w+\/subjects\(/).length,
});

/** What docs/operations.md says of one assessment. */
function documented(line: string): number {
  const guide = readFileSync(path.resolve(import.meta.dirname, '../docs/operations.md'), 'utf8');
  const cell = new RegExp(`^\\| ${line} \\| (\\d+) \\|`, 'm').exec(guide)?.[1];
  if (cell === undefined) throw new Error(`docs/operations.md has no line “${line}”`);
  return Number(cell);
}

describe('the storage requests of a purchase of a new customer, under the seeded rules and velocities', () => {
  const events = 5;
  const each = () => ({
    supportLists: documented('point reads of support lists'),
    counters: documented('point reads of counters'),
    updates: documented('transactions of counters, one a key'),
    histories: documented('point reads of histories'),
    observed: documented('transactions of histories, one an entity'),
    events: documented('transactions of the event: stored, ended'),
    index: documented('rows of the index after the answer'),
  });
  const times = (factor: number) =>
    Object.fromEntries(Object.entries(each()).map(([name, count]) => [name, factor * count]));

  it('are, up to the answer and just after it, those of the operations guide', async () => {
    seen.length = 0;
    // one after the other: ends of events that are under way together may share a transaction
    const assessed = async (customer: number, soFar: number) => {
      await assess(customer);
      // where it never comes to the documented counts, the comparison below shows what they are
      await until('the event is at its end', async () => atEnd(soFar), 10).catch(() => undefined);
    };
    const atEnd = (soFar: number) => {
      const now = counts();
      return now.events >= soFar * each().events && now.index >= soFar * each().index;
    };
    // what a process does once, with its first event, is not counted
    await assessed(1, 1);
    // the address and the product, which the others share, are new to the process
    expect(counts()).toEqual({ ...times(1), histories: each().histories + 2 });
    seen.length = 0;
    for (let event = 0; event < events; event++) await assessed(10 + event, event + 1);
    expect(counts()).toEqual(times(events));
    // no blob and no queue for an event of this size: only the look at configuration and models, now and then, and polling
    expect(matching(/^blob (?!GET \/\w+\/(config|models)\/)/)).toEqual([]);
    expect(matching(/^queue (?!GET)/)).toEqual([]);
  });

  it('are, for the follower behind it, those of the operations guide', async () => {
    const own = await openApp(readSettings({ HOLDFAST_STORAGE: storage }));
    const before = seen.length;
    const { taken } = await follow(own, { name: 'counted', take: own.subjects.write });
    expect(taken).toBe(events + 1);
    const made = seen.slice(before);
    const reads = new Set(made.filter((line) => /^table GET \/\w+\/events\(P/.test(line))).size;
    // the app's own follower may run meanwhile, and writes the same rows
    const writes = new Set(made.filter((line) => /^table PUT \/\w+\/subjects\(/.test(line))).size;
    expect(writes).toBe(taken * documented('rows of the follower’s index'));
    expect(reads).toBe(taken * documented('point reads of the follower'));
  });

  it('add up to the sum of the operations guide', () => {
    const parts = [
      'point reads of support lists',
      'point reads of counters',
      'transactions of counters, one a key',
      'point reads of histories',
      'transactions of histories, one an entity',
      'transactions of the event: stored, ended',
      'rows of the index after the answer',
      'point reads of the follower',
      'rows of the follower’s index',
    ];
    expect(documented('\\*\\*table requests\\*\\*')).toBe(
      parts.reduce((sum, line) => sum + documented(line), 0),
    );
  });
});
