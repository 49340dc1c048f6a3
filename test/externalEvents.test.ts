import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { type Azurite, startAzurite } from './azurite.ts';
import { type HubPeer, type ReceivedMessage, startHubPeer } from './eventHubPeer.ts';
import { type Answer, call, type RunningApp, startApp, until } from './holdfast.ts';
import { type Behaviour, makeAuthority, startTarget, type Target } from './httpsTarget.ts';

/*
 * Rules that call, against a real HTTPS service, with an event hub that listens: what runs at once, every kind of error, what
 * an event's values may do, what becomes of secrets, and what a kill -9 leaves.
 */

let azurite: Azurite;
let gate: QueueGate;
let app: RunningApp;
let target: Target;
let hub: HubPeer;
let folder: string;
let settings: Record<string, string>;

const secrets = ['k3y-in-the-url+/', 'in-the-header-2"', "in-the-body-3'\\"];

beforeAll(async () => {
  const authority = makeAuthority();
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-events-'));
  const ca = path.join(folder, 'ca.pem');
  await writeFile(ca, authority.ca);
  settings = { NODE_EXTRA_CA_CERTS: ca, HOLDFAST_DEFAULT_ENVIRONMENT: 'shop' };
  [azurite, target, hub] = await Promise.all([startAzurite(), startTarget(authority.good), startHubPeer()]);
  gate = await startQueueGate(azurite.connectionString);
  app = await startApp({ storage: gate.connectionString, settings });
  await manage('PUT', '', { name: 'Shop' });
  await call(app.baseUrl, 'PUT', '/management/v1/environments/plain', { name: 'Plain' });
  const events = ['FraudProtection.Monitoring.ExternalCalls', 'FraudProtection.Errors.ExternalCalls'];
  const to = { type: 'eventHub', eventHub: 'calls', connection: hub.connectionString };
  const put = await manage('PUT', '/eventSubscriptions/hub', { events, target: to });
  expect(put.status, JSON.stringify(put.body)).toBe(200);
}, 180_000);

afterAll(async () => {
  await app?.stop();
  await gate?.stop();
  await Promise.all([azurite?.stop(), target?.stop(), hub?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

function manage(method: string, tail: string, body?: unknown): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/shop${tail}`, body);
}

async function define(name: string, definition: object): Promise<void> {
  const put = await manage('PUT', `/externalCalls/${name}`, {
    method: 'POST',
    url: `${target.origin}/echo`,
    parameters: [{ name: 'mail' }],
    timeoutMs: 5000,
    ...definition,
  });
  expect(put.status, JSON.stringify(put.body)).toBeLessThan(300);
}

interface Bought extends Answer {
  id: string;
  correlationId: string;
}

async function buy(environment = 'shop'): Promise<Bought> {
  const [id, correlationId] = [randomUUID(), randomUUID()];
  const body = { ...purchase, purchaseId: id };
  const headers = { 'x-ms-correlation-id': correlationId, 'x-ms-dfpenvid': environment };
  const answer = await call(app.baseUrl, 'POST', '/v1.0/MerchantServices/events/Purchase', body, headers);
  return { ...answer, id, correlationId };
}

async function isComplete(environment: string, id: string): Promise<boolean> {
  const route = `/management/v1/environments/${environment}/events/Purchase/${id}`;
  return (await call(app.baseUrl, 'GET', route)).body.complete === true;
}

let published = 0;

/** Publishes the one rule of the environment, and waits until it is in force. */
async function publish(...clauses: string[]): Promise<void> {
  published += 1;
  const mark = `OBSERVE Output(number = "${published}")`;
  const put = await manage('PUT', '/rules/Ask', {
    assessment: 'Purchase',
    clauses: [
      { name: 'mark', code: mark },
      ...clauses.map((code, index) => ({ name: `c${index + 1}`, code })),
    ],
  });
  expect(put.status, JSON.stringify(put.body)).toBeLessThan(300);
  await until('the rule is in force', async () => output(await buy()).mark?.number === String(published));
}

const output = ({ body }: Answer): Record<string, Record<string, string>> =>
  body.resultDetails.MerchantRuleOutput ?? {};

function messagesOf(correlationId: string): ReceivedMessage[] {
  return hub.received.filter((one) => JSON.stringify(one.body).includes(correlationId));
}

describe('calls that are certain to run', () => {
  it.each([
    [
      'those of LETs and of the clause',
      'LET $a = External.a(@"user.email")\nLET $b = External.b(@"user.email")\nOBSERVE Output(a = $a.s, b = $b.s, c = External.c(@"user.email").s)',
    ],
    [
      'those of one clause',
      'OBSERVE Output(a = External.a(@"user.email").s, b = External.b(@"user.email").s, c = External.c(@"user.email").s)',
    ],
  ])('start together: %s', async (_, code) => {
    for (const name of ['a', 'b', 'c']) await define(name, { url: `${target.origin}/${name}` });
    target.behave((_received, response) => response.end('{"s":"warm"}'));
    await publish(code);
    // no request is answered before all three have arrived: one after the other, each would end at its time-out
    let arrived: (() => void)[] = [];
    target.behave(({ url }, response) => {
      arrived.push(() => response.end(JSON.stringify({ s: url })));
      if (arrived.length < 3) return;
      for (const answer of arrived) answer();
      arrived = [];
    });
    expect(output(await buy()).c1).toEqual({ a: '/a', b: '/b', c: '/c' });
    target.behave(undefined);
  });
});

describe('a call that fails', () => {
  const kinds: [name: string, definition: object, error: RegExp, status: string][] = [
    ['notFound', { url: '/status/404' }, /^Response failure: the answer was HTTP 404$/, '404'],
    ['broken', { url: '/status/500' }, /^Response failure: the answer was HTTP 500$/, '500'],
    ['redirect', { url: '/redirect' }, /^Response failure: .*302, and redirects are not followed$/, '302'],
    ['html', { url: '/html' }, /^Response failure: the answer is not JSON$/, '200'],
    ['large', { url: '/10mb' }, /^Response failure: the answer has more than 1048576 bytes$/, '200'],
    ['never', { url: '/never', timeoutMs: 200 }, /^Timeout: no complete answer within 200 ms$/, '0'],
    ['trickle', { url: '/trickle', timeoutMs: 200 }, /^Timeout: no complete answer within 200 ms$/, '0'],
    ['reset', { url: '/reset' }, /^Communication failure: the connection was/, '0'],
    ['cut', { url: '/cut' }, /^Communication failure: the connection was/, '0'],
    ['notHttp', { url: '/not-http' }, /^Communication failure: the answer is not HTTP$/, '0'],
    ['noHost', { url: 'https://no-such-host.invalid/' }, /^(Communication failure|Timeout): /, '0'],
  ];

  it('says how, in the answer, in the evidence and to those who listen, and shows no secret', async () => {
    for (const [name, definition] of kinds) {
      const { url, ...rest } = { url: '', ...definition };
      const full = url.startsWith('https:') ? url : `${target.origin}${url}`;
      await define(name, {
        ...rest,
        url: `${full}?code={{secrets.url}}`,
        headers: [{ name: 'x-key', value: '{{secrets.header}}' }],
        body: { mail: '{{mail}}', key: '{{secrets.body}}' },
        secrets: { url: secrets[0], header: secrets[1], body: secrets[2] },
        defaultResponse: { from: 'default' },
      });
    }
    // a service that tells all it was sent, as an error and as an answer
    await define('tell', {
      url: `${target.origin}/echo?code={{secrets.url}}`,
      headers: [{ name: 'x-key', value: '{{secrets.header}}' }],
      body: { mail: '{{mail}}', key: '{{secrets.body}}' },
      secrets: { url: secrets[0], header: secrets[1], body: secrets[2] },
    });
    const clause = (name: string) =>
      `LET $r = External.${name}(@"user.email")\nLET $d = $r.GetDiagnostics()\nOBSERVE Output(from = $r.from, error = $d.ErrorMessage, status = $d.HttpStatusCode, request = $d.Request, all = $r)`;
    await publish(...[...kinds.map(([name]) => name), 'tell'].map(clause));
    const bought = await buy();
    const all = output(bought);
    for (const [index, [, , error, status]] of kinds.entries()) {
      const seen = all[`c${index + 1}`];
      expect(seen).toMatchObject({ from: 'default', status });
      expect(seen?.error).toMatch(error);
    }
    expect(all[`c${kinds.length + 1}`]).toMatchObject({ error: '', status: '200' });

    const events = () => messagesOf(bought.correlationId);
    const expected = 2 * kinds.length + 1;
    await until('every event arrives', async () => events().length >= expected);
    expect(events()).toHaveLength(expected);
    for (const [name] of kinds)
      expect(events()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            body: expect.objectContaining({
              name: 'FraudProtection.Errors.ExternalCalls',
              externalCallName: name,
              assessment: 'PURCHASE',
              rule: 'Ask',
            }),
          }),
        ]),
      );
    expect(target.received.at(-1)?.headers['x-key']).toBeDefined();

    const tried = await manage('POST', '/externalCalls/broken/test', { arguments: { mail: 'a' } });
    const invoked = await manage('POST', '/externalCalls/tell/invoke', { arguments: { mail: 'a' } });
    const metrics = await manage('GET', '/externalCalls/tell/metrics');
    const stored = await manage('GET', `/events/Purchase/${bought.id}`);
    expect(stored.body.evidence.reads.length).toBeGreaterThanOrEqual(kinds.length);
    const definitions = await manage('GET', '/externalCalls');
    const log = await manage('GET', '/activity');
    const everything = [bought, tried, invoked, metrics, stored, definitions, log].map(({ body }) => body);
    const shown = JSON.stringify([everything, hub.received, app.output()]);
    for (const secret of secrets)
      for (const shape of [
        secret,
        JSON.stringify(secret).slice(1, -1),
        JSON.stringify(JSON.stringify(secret)).slice(3, -3),
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      ])
        expect(shown).not.toContain(shape);
  });

  it('again and again is suspended, for every rule that uses it, and told of', async () => {
    await define('dead', { url: `${target.origin}/reset` });
    const error = 'External.dead(@"user.email").GetDiagnostics().ErrorMessage';
    await publish(`OBSERVE Output(error = ${error})`);
    const second = {
      assessment: 'Purchase',
      clauses: [{ name: 'other', code: `OBSERVE Output(error = ${error})` }],
    };
    expect((await manage('PUT', '/rules/Second', second)).status).toBeLessThan(300);
    const suspended = await until('the breaker opens for both', async () => {
      const bought = await buy();
      const { c1, other } = output(bought);
      const errors = [c1?.error ?? '', other?.error ?? ''];
      return errors.every((error) => error.startsWith('Circuit breaker')) && bought;
    });
    await until('the events of both', async () => messagesOf(suspended.correlationId).length > 0);
    await manage('DELETE', '/rules/Second');
  });
});

describe('the values of an event', () => {
  it.each([
    'a@b.c\r\nx-injected: yes\r\n\r\nGET /evil HTTP/1.1',
    '","role":"admin","x":"',
    '{{secrets.key}}{{mail}}%s',
    '../../admin?x=1&code=other#fragment',
    '\u0000\u0007\ud800 é😀\u2028',
    "'; DROP TABLE users; --",
  ])('stay values wherever they are put: %j', async (mail) => {
    await define('post', {
      headers: [{ name: 'x-mail', value: 'is {{mail}}' }],
      body: { mail: '{{mail}}', list: [{ deep: 'with {{mail}}!' }] },
      secrets: { key: 'never-in-values' },
    });
    await define('get', { method: 'GET', url: `${target.origin}/echo?fixed=1` });
    const arrived = target.received.length;
    const posted = await manage('POST', '/externalCalls/post/invoke', { arguments: { mail } });
    const got = await manage('POST', '/externalCalls/get/invoke', { arguments: [mail] });
    expect([posted.body.diagnostics.httpStatusCode, got.body.diagnostics.httpStatusCode]).toEqual([200, 200]);
    const [post, get] = target.received.slice(arrived);
    expect(target.received.length).toBe(arrived + 2);
    expect(JSON.parse(post?.body ?? '')).toEqual({ mail, list: [{ deep: `with ${mail}!` }] });
    expect(post?.url).toBe('/echo');
    expect(post?.headers['x-injected']).toBeUndefined();
    expect(
      decodeURIComponent(String(post?.headers['x-mail']).replaceAll(/%(?![0-9A-F]{2})/g, '%25')),
    ).toContain(mail.toWellFormed().slice(0, 5));
    const url = new URL(get?.url ?? '', target.origin);
    expect([url.pathname, url.searchParams.get('fixed'), url.searchParams.get('mail')]).toEqual([
      '/echo',
      '1',
      mail.toWellFormed(),
    ]);
    const sent = [post, get].map((one) => [one?.url, one?.headers, one?.body]);
    expect(JSON.stringify([posted.body, sent])).not.toContain('never-in-values');
  });
});

describe('a definition that changes while its calls run', () => {
  it('is used as it was by those that run, and as it is by those that come', async () => {
    await define('moving', { url: `${target.origin}/old` });
    const held: (() => void)[] = [];
    const slow: Behaviour = ({ url }, response) => {
      if (url === '/old') held.push(() => response.end('{"s":"old"}'));
      else response.end('{"s":"new"}');
    };
    target.behave(slow);
    const running = manage('POST', '/externalCalls/moving/invoke', {});
    await until('the call is under way', async () => held.length > 0);
    await define('moving', { url: `${target.origin}/new` });
    expect((await manage('POST', '/externalCalls/moving/invoke', {})).body.response).toEqual({ s: 'new' });
    expect((await manage('DELETE', '/externalCalls/moving')).status).toBe(204);
    for (const answer of held) answer();
    expect((await running).body.response).toEqual({ s: 'old' });
    target.behave(undefined);
  });
});

describe('events', () => {
  it('wait in no one’s way where the queue is gone, and a kill -9 loses none', {
    timeout: 120_000,
  }, async () => {
    await define('a', { url: `${target.origin}/a` });
    await publish('OBSERVE Output(a = External.a(@"user.email").s)');
    gate.close();
    const bought = await Promise.all(Array.from({ length: 5 }, () => buy()));
    for (const { status } of bought) expect(status).toBe(200);
    // what is complete by then is no longer looked at by recovery
    const later = await buy('plain');
    await until('a purchase without calls is complete', () => isComplete('plain', later.id));
    for (const { id } of bought) expect(await isComplete('shop', id)).toBe(false);
    app.process.kill('SIGKILL');
    await once(app.process, 'exit');
    for (const { correlationId } of bought) expect(messagesOf(correlationId)).toEqual([]);
    gate.open();
    app = await startApp({ storage: gate.connectionString, settings });
    for (const { correlationId, id } of bought) {
      await until('the event of a call before the kill', async () => messagesOf(correlationId).length > 0);
      expect(new Set(messagesOf(correlationId).map(({ messageId }) => messageId)).size).toBe(1);
      await until('the purchase is complete', () => isComplete('shop', id));
    }
  });
});

interface QueueGate {
  /** the same account; queues are reached through the gate */
  connectionString: string;
  close(): void;
  open(): void;
  stop(): Promise<void>;
}

/** Stands before the queues of an account; closed, every connection ends. */
async function startQueueGate(connectionString: string): Promise<QueueGate> {
  const endpoint = /QueueEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '';
  const { hostname, port, pathname } = new URL(endpoint);
  let closed = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (closed) return void socket.destroy();
    const onward = connect(Number(port), hostname);
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const own = typeof address === 'object' && address ? address.port : 0;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    connectionString: connectionString.replace(endpoint, `http://127.0.0.1:${own}${pathname}`),
    close() {
      closed = true;
      cut();
    },
    open() {
      closed = false;
    },
    async stop() {
      closed = true;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
