/** What rules read: one round trip to the storage, however many velocities and lists they ask (DESIGN.md, path step 3). */
import { randomUUID } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { App } from '../shared/assessment/app.ts';
import { assess } from '../shared/assessment/assess.ts';
import { openConfig } from '../shared/config/index.ts';
import { openApp } from '../shared/openApp.ts';
import { readSettings } from '../shared/settings.ts';
import { openStorage } from '../shared/storage/index.ts';
import { type Azurite, startAzurite } from './azurite.ts';

const velocities = 40;
const lists = 10;
const supportLists = 10;
const by = { by: 'a test' };

let azurite: Azurite;
let app: App;
let server: Server;

/**
 * What the gate does with reads: counts them, and may hold every answer until so many have come. The same read again is the
 * storage client's, which does not wait for a slow answer for ever.
 */
const gate: { reads: Set<string>; holdUntil: number; waiting: (() => void)[] } = {
  reads: new Set(),
  holdUntil: 0,
  waiting: [],
};

function hold(release: () => void): void {
  gate.waiting.push(release);
  if (gate.reads.size < gate.holdUntil) return;
  gate.holdUntil = 0;
  for (const each of gate.waiting.splice(0)) each();
}

/** The tables of the account by way of a server that may hold answers to reads of velocities, lists and support lists. */
async function gated(connectionString: string): Promise<string> {
  const endpoint = /TableEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '';
  const target = new URL(endpoint);
  server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    // point reads; now and then a range of old markers is read behind the answer, to be deleted
    const isRead = method === 'GET' && /^\/\w+\/(velocities|lists|supportLists)\(PartitionKey/.test(url);
    if (isRead) gate.reads.add(url);
    const forwarded = request(
      { host: target.hostname, port: target.port, method, path: url, headers },
      (answer) => {
        const pass = () => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        };
        if (isRead && gate.holdUntil > 0) hold(pass);
        else pass();
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return connectionString.replace(endpoint, `http://127.0.0.1:${address.port}${target.pathname}`);
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Forty rules, each of which would need several rounds if it fetched what it reaches. */
function rules() {
  return numbers(velocities).map((n) => {
    const list = `List${n % lists}`;
    const read =
      n < lists ? `ContainsKey("${list}", "Key", $key)` : `InSupportList("Email Support List", $key)`;
    return {
      name: `Rule ${n}`,
      condition: `LET $key = "k${n}-" + @"user.userId".ToLower()\nWHEN Velocity.v${n}($key, 1h) >= 0`,
      // the two kinds of lists in twenty rules, velocities in all
      code:
        n < lists + supportLists
          ? `LET $known = ${read}\nOBSERVE Output(known = $known, n = Velocity.v${n}($key, 1h)) WHEN Velocity.v${n}($key, 1h) == 0 and not $known`
          : `OBSERVE Output(n = Velocity.v${n}($key, 1h)) WHEN Velocity.v${n}($key, 1h) == 0`,
    };
  });
}

beforeAll(async () => {
  azurite = await startAzurite();
  const connectionString = await gated(azurite.connectionString);
  const opened = await openApp(readSettings({ HOLDFAST_STORAGE: connectionString }));
  // no list is held in memory, so that each look-up is a read
  const config = openConfig(openStorage({ connectionString }), { listMemory: 0 });
  app = { ...opened, config };
  await config.putEnvironment('shop', { name: 'Shop' }, by);
  await config.remove('shop', 'rules', 'Default Support Rule', by);
  for (const set of numbers(velocities / 10)) {
    const definitions = numbers(10).map(
      (n) =>
        `SELECT Count() AS v${set * 10 + n} FROM Purchase GROUPBY "k${set * 10 + n}-" + @"user.userId".ToLower()`,
    );
    await config.put('shop', 'velocitySets', `Set ${set}`, { velocities: definitions }, by);
  }
  for (const n of numbers(lists)) await config.putList('shop', `List${n}`, Buffer.from(`Key\nx${n}\n`), by);
  for (const { name, condition, code } of rules())
    await config.put(
      'shop',
      'rules',
      name,
      { assessment: 'Purchase', condition, clauses: [{ name, code }] },
      by,
    );
}, 120_000);

afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await azurite?.stop();
});

async function decide(userId: string) {
  const id = randomUUID();
  return assess(app, {
    type: 'Purchase',
    id,
    payload: { purchaseId: id, user: { userId } },
    environment: 'shop',
    correlationId: randomUUID(),
  });
}

it('forty velocities and twenty lists are read in one round', async () => {
  await decide('warm');
  gate.reads.clear();
  await decide('counted');
  const { size } = gate.reads;
  const of = (table: string) => [...gate.reads].filter((url) => url.includes(`/${table}(`)).length;
  expect(of('velocities')).toBe(velocities);
  expect(of('lists') + of('supportLists')).toBe(lists + supportLists);

  // no answer passes before every read has come: were one made after another's answer, this would never end
  gate.reads.clear();
  gate.holdUntil = size;
  const { decision } = await decide('held');
  expect(gate.holdUntil).toBe(0);
  expect(gate.reads.size).toBe(size);
  expect(Object.keys(decision.outputs)).toHaveLength(velocities);
  expect(decision.diagnostics).toEqual([]);
}, 60_000);
