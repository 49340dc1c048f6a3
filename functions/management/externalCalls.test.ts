import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { App } from '../../shared/assessment/app.ts';
import { openApp } from '../../shared/openApp.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { warmCalls } from '../warmCalls.ts';
import { dispatch, openRouter } from './route.ts';
import { managementRoutes } from './routes.ts';

const router = openRouter(managementRoutes);
let azurite: Azurite;
let app: App;
let target: Server;
let origin: string;

/** A service that answers what it was sent. */
beforeAll(async () => {
  const development = { AZURE_FUNCTIONS_ENVIRONMENT: 'Development' };
  vi.stubEnv('AZURE_FUNCTIONS_ENVIRONMENT', 'Development');
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString, ...development }));
  target = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    if (request.url?.startsWith('/broken')) response.writeHead(500);
    response.end(
      JSON.stringify({ url: request.url, headers: request.headers, body: String(Buffer.concat(chunks)) }),
    );
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const address = target.address();
  origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  await call('PUT', 'environments/shop', { name: 'Shop' });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await app.calls.external.close();
  target?.close();
  await azurite?.stop();
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  conditions: Record<string, string> = {},
): Promise<{ status: number; body: unknown; etag?: string | undefined }> {
  const [pathname = '', query = ''] = path.split('?');
  const headers = new Headers({
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...conditions,
  });
  const bytes = new TextEncoder().encode(JSON.stringify(body) ?? '');
  const request = {
    method,
    path: pathname,
    query: new URLSearchParams(query),
    headers,
    body: async () => bytes,
  };
  try {
    const {
      status,
      body: answer,
      etag,
    } = await dispatch(router, request, app, {
      id: 'ann',
      kind: 'user',
      roles: ['ProductAdmin'],
    });
    return { status, body: answer, etag };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { status, detail, code, errors, extra } = error;
    return { status, body: { detail, code, errors, ...extra } };
  }
}

const at = 'environments/shop/externalCalls';
const secrets = ['in-the-url-1', 'in-the-header-2', 'in-the-body-3'];
const definition = () => ({
  method: 'POST',
  url: `${origin}/score?code=${secrets[0]}`,
  parameters: [{ name: 'mail', sample: 'sample@example.com' }],
  headers: [{ name: 'x-api-key', value: secrets[1] }],
  body: { user: { mail: '{{mail}}' }, key: '{{secrets.own}}' },
  secrets: { own: secrets[2] },
  timeoutMs: 5000,
  defaultResponse: { body: 'default' },
});

function expectNoSecret(...shown: unknown[]): void {
  for (const secret of secrets) expect(JSON.stringify(shown)).not.toContain(secret);
}

describe('an external call', () => {
  it('is written and read; its secrets do not come back, and stay when it is written as it was read', async () => {
    const created = await call('PUT', `${at}/risk`, definition());
    expect(created).toMatchObject({ status: 201, body: { name: 'risk', version: 1, warmUp: false } });
    const read = await call('GET', `${at}/risk`);
    const again = await call('PUT', `${at}/risk`, read.body);
    expect(again).toMatchObject({ status: 200, body: { version: 1 } });
    const list = await call('GET', at);
    const versions = await call('GET', `${at}/risk/versions`);
    const activity = await call('GET', 'environments/shop/activity');
    expect(JSON.stringify(activity)).toContain('externalCalls');
    expectNoSecret(created, read, again, list, versions, activity);
    const tried = await call('POST', `${at}/risk/test`, {});
    expect(tried.body).toMatchObject({
      success: true,
      response: { body: '{"user":{"mail":"sample@example.com"},"key":"…"}' },
    });
  });

  it.each([
    ['https://169.254.169.254/', 'url'],
    ['https://[::ffff:10.0.0.1]/', 'url'],
    ['http://example.com/', 'url'],
  ])('to %s is refused with the member’s name', async (url, path) => {
    expect(await call('PUT', `${at}/bad`, { ...definition(), url })).toMatchObject({
      status: 400,
      body: { code: 'InvalidBody', errors: [{ path }] },
    });
  });

  it('takes no id of a secret that it was not given', async () => {
    const stranger = { ...definition(), secrets: { own: { stored: crypto.randomUUID() } } };
    expect(await call('PUT', `${at}/stranger`, stranger)).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'secrets.own' }] },
    });
    expect((await call('GET', `${at}/stranger`)).status).toBe(404);
  });

  it('that a rule uses keeps its parameters, and cannot be deleted', async () => {
    const code = 'RETURN Reject("risky") WHEN External.risk(@"user.email").body.AsString() == ""';
    const rule = { assessment: 'Purchase', clauses: [{ name: 'c', code }] };
    expect(await call('PUT', 'environments/shop/rules/Ask', rule)).toMatchObject({ status: 201 });
    const changed = {
      ...definition(),
      parameters: [{ name: 'other' }],
      body: ['{{other}}', '{{secrets.own}}'],
    };
    for (const refused of [await call('PUT', `${at}/risk`, changed), await call('DELETE', `${at}/risk`)])
      expect(refused).toMatchObject({ status: 409, body: { references: [{ kind: 'rules', name: 'Ask' }] } });
    expect(await call('PUT', `${at}/risk`, { ...definition(), timeoutMs: 4000 })).toMatchObject({
      status: 200,
    });
    await call('DELETE', 'environments/shop/rules/Ask');
    expect(await call('PUT', `${at}/risk`, changed)).toMatchObject({ status: 200 });
    expect(await call('PUT', `${at}/risk`, definition())).toMatchObject({ status: 200 });
  });

  it('that a rule uses keeps its parameters also where a version or a template brings others', async () => {
    const swap = (...names: string[]) => ({
      method: 'GET',
      url: `${origin}/swap`,
      timeoutMs: 5000,
      parameters: names.map((name) => ({ name })),
    });
    expect(await call('PUT', `${at}/swap`, swap('mail', 'ip'))).toMatchObject({ status: 201 });
    const template = await call('GET', 'environments/shop/templates/environments/own');
    expect(await call('PUT', `${at}/swap`, swap('ip', 'mail'))).toMatchObject({ status: 200 });
    const code =
      'RETURN Reject() WHEN External.swap(@"deviceContext.ipAddress", @"user.email").a.AsString() == ""';
    const rule = { assessment: 'Purchase', clauses: [{ name: 'c', code }] };
    expect(await call('PUT', 'environments/shop/rules/Swap', rule)).toMatchObject({ status: 201 });
    for (const refused of [
      await call('POST', `${at}/swap/rollback`, { version: 1 }),
      await call('POST', 'environments/shop/templates/environments', template.body),
    ])
      expect(refused).toMatchObject({ status: 409, body: { references: [{ name: 'Swap' }] } });
    expect(await call('GET', `${at}/swap`)).toMatchObject({
      body: { version: 2, parameters: [{ name: 'ip' }, { name: 'mail' }] },
    });
    await call('DELETE', 'environments/shop/rules/Swap');
  });

  it('is tried before it is saved', async () => {
    const unsaved = { definition: { ...definition(), url: `${origin}/broken` }, arguments: ['x@y.z'] };
    const tried = await call('POST', `${at}/unsaved/test`, unsaved);
    expect(tried).toMatchObject({
      status: 200,
      body: { success: false, httpStatusCode: 500, error: { kind: 'ResponseFailure' } },
    });
    expect(JSON.stringify(tried)).toContain('x@y.z');
    expectNoSecret(tried);
    expect((await call('POST', `${at}/unsaved/test`, {})).status).toBe(404);
    expect(await call('POST', `${at}/risk/test`, { arguments: { no: 1 } })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'arguments.no' }] },
    });
  });

  it('is invoked, and shows in the metrics', async () => {
    const invoked = await call('POST', `${at}/RISK/invoke`, { arguments: { Mail: 'x@y.z' } });
    expect(invoked).toMatchObject({
      status: 200,
      body: {
        response: { body: '{"user":{"mail":"x@y.z"},"key":"…"}' },
        diagnostics: { httpStatusCode: 200 },
      },
    });
    const metrics = await call('GET', `${at}/risk/metrics?grain=minute`);
    expect(metrics).toMatchObject({
      status: 200,
      body: {
        total: { requests: 1, successes: 1, successRate: 1 },
        rules: [{ rule: '', clause: '', requests: 1 }],
      },
    });
    expectNoSecret(invoked, metrics);
    expect((await call('POST', `${at}/none/invoke`, {})).status).toBe(404);
    expect((await call('GET', `${at}/risk/metrics?grain=week`)).status).toBe(400);
  });

  it('is kept warm where it is set up so, in every environment', async () => {
    await call('PUT', 'environments/shop%2Feu', { name: 'EU' });
    const warm = { ...definition(), warmUp: true, keepAliveUrl: `${origin}/health` };
    await call('PUT', 'environments/shop%2Feu/externalCalls/warm', warm);
    const calls = await warmCalls(app);
    expect(calls).toMatchObject([{ name: 'warm', definition: { keepAliveUrl: `${origin}/health` } }]);
    const state = () => call('GET', 'environments/shop%2Feu/externalCalls/warm/warmUp');
    expect(await state()).toMatchObject({ status: 200, body: { enabled: true, last: null } });
    await app.calls.external.warmUp.run(calls);
    expect(await state()).toMatchObject({ body: { last: { success: true, failures: 0 } } });
  });

  it('that is refused leaves no secret behind', async () => {
    const kept = async () => {
      const { view } = await app.config.environment('shop');
      const rows = [];
      for (const name of ['risk', 'never'])
        for await (const row of app.storage.table('externalsecrets').range(`${view.id}|${name}`))
          rows.push(row.rowKey);
      return rows.sort();
    };
    const before = await kept();
    const unknown = { ...definition().secrets, more: { stored: randomUUID() } };
    const bad = {
      ...definition(),
      body: { ...definition().body, more: '{{secrets.more}}' },
      secrets: unknown,
    };
    for (const name of ['risk', 'never'])
      expect(await call('PUT', `${at}/${name}`, bad)).toMatchObject({
        status: 400,
        body: { errors: [{ path: 'secrets.more' }] },
      });
    expect(await kept()).toEqual(before);
    expect(before).not.toEqual([]);
  });

  it('keeps its secrets from other hosts', async () => {
    const { body: read } = await call('GET', `${at}/risk`);
    const elsewhere = { ...Object(read), url: Object(read).url.replace('127.0.0.1', 'localhost') };
    expect(await call('PUT', `${at}/risk`, elsewhere)).toMatchObject({
      status: 400,
      body: { errors: expect.arrayContaining([expect.objectContaining({ path: 'secrets.own' })]) },
    });
    expect(await call('POST', `${at}/risk/test`, { definition: elsewhere })).toMatchObject({
      status: 200,
      body: { success: false, error: { kind: 'UnknownFailure' } },
    });
    expect(await call('POST', `${at}/risk/test`, { definition: read })).toMatchObject({
      body: { success: true },
    });
  });

  it('leaves nothing behind when it is deleted', async () => {
    expect(await call('DELETE', `${at}/risk`)).toMatchObject({ status: 204 });
    expect(await call('GET', `${at}/risk`)).toMatchObject({ status: 404 });
    const rolledBack = await call('POST', `${at}/risk/rollback`, { version: 1 });
    expect(rolledBack.status).toBe(201);
    expect(await call('POST', `${at}/risk/test`, {})).toMatchObject({
      body: { success: false, error: { kind: 'UnknownFailure' } },
    });
  });
});

describe('a subscription to events', () => {
  const one = 'environments/shop/eventSubscriptions/errors';
  const body = {
    events: ['FraudProtection.Errors.ExternalCalls'],
    target: { type: 'blob', container: 'tracing-shop' },
  };

  it('is written, read, listed and deleted', async () => {
    expect(await call('PUT', one, body)).toMatchObject({ status: 200, body: { name: 'errors', ...body } });
    expect(await call('GET', one)).toMatchObject({ status: 200, body });
    expect(await call('GET', 'environments/shop/eventSubscriptions')).toMatchObject({
      body: { items: [body] },
    });
    expect(await call('DELETE', one)).toMatchObject({ status: 204 });
    expect(await call('GET', one)).toMatchObject({ status: 404 });
    const log = await call('GET', 'environments/shop/activity');
    const entries = ['Delete', 'Create'].map((operation) => ({
      operation,
      kind: 'eventSubscriptions',
      changedBy: 'ann',
    }));
    expect(log.body).toMatchObject({
      items: expect.arrayContaining(entries.map((one) => expect.objectContaining(one))),
    });
  });

  it('is written and deleted only as it was read, where that is asked for', async () => {
    const absent = { 'if-none-match': '*' };
    expect((await call('PUT', one, body, absent)).status).toBe(200);
    expect((await call('PUT', one, body, absent)).status).toBe(412);
    const { etag: old = '' } = await call('GET', one);
    const changed = { ...body, description: 'of another' };
    expect((await call('PUT', one, changed, { 'if-match': old })).status).toBe(200);
    expect((await call('PUT', one, body, { 'if-match': old })).status).toBe(412);
    expect((await call('DELETE', one, undefined, { 'if-match': old })).status).toBe(412);
    const { body: kept, etag = '' } = await call('GET', one);
    expect(kept).toMatchObject({ description: 'of another' });
    expect((await call('DELETE', one, undefined, { 'if-match': etag })).status).toBe(204);
  });

  it('to an event hub shows no key, and takes itself back as it was read', async () => {
    const hub = 'environments/shop/eventSubscriptions/hub';
    const connection =
      'Endpoint=sb://shop-hub.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0LWtleQ==';
    const target = { type: 'eventHub', eventHub: 'calls', connection };
    const written = await call('PUT', hub, { ...body, target });
    expect(written.status).toBe(200);
    const read = await call('GET', hub);
    expect(await call('PUT', hub, read.body)).toMatchObject({ status: 200, body: read.body });
    const evil = connection.replace('shop-hub.servicebus.windows.net', 'evil.example');
    const refused = await call('PUT', hub, { ...body, target: { ...target, connection: evil } });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'target.connection' }] } });
    const log = await call('GET', 'environments/shop/activity');
    expect(JSON.stringify([written, read, refused, log])).not.toContain('c2VjcmV0');
    expect(await call('DELETE', hub)).toMatchObject({ status: 204 });
  });

  it('into a container of the product is refused', async () => {
    const target = { type: 'blob', container: 'config' };
    expect(await call('PUT', one, { ...body, target })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'target.container' }] },
    });
  });
});
