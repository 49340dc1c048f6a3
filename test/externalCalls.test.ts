import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '../shared/storage/index.ts';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';
import { makeAuthority, startTarget, type Target } from './httpsTarget.ts';

let azurite: Azurite;
let app: RunningApp;
let target: Target;
let folder: string;

beforeAll(async () => {
  const authority = makeAuthority();
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-external-'));
  const ca = path.join(folder, 'ca.pem');
  await writeFile(ca, authority.ca);
  [azurite, target] = await Promise.all([startAzurite(), startTarget(authority.good)]);
  app = await startApp({ storage: azurite.connectionString, settings: { NODE_EXTRA_CA_CERTS: ca } });
  await manage('PUT', 'shop', { name: 'Shop' });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await Promise.all([azurite?.stop(), target?.stop(), rm(folder, { recursive: true, force: true })]);
});

function manage(method: string, tail: string, body?: unknown, headers = {}): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/${tail}`, body, headers);
}

async function buy(): Promise<Answer> {
  const body = { ...purchase, purchaseId: randomUUID() };
  const headers = { 'x-ms-correlation-id': randomUUID(), 'x-ms-dfpenvid': '/shop' };
  return call(app.baseUrl, 'POST', '/v1.0/MerchantServices/events/Purchase', body, headers);
}

const definition = () => ({
  method: 'POST',
  url: `${target.origin}/echo?code=in-the-url-1`,
  parameters: [{ name: 'mail', sample: 'sample@example.com' }],
  headers: [{ name: 'x-api-key', value: 'in-the-header-2' }],
  body: { user: { mail: '{{mail}}' }, key: '{{secrets.own}}' },
  secrets: { own: 'in-the-body-3' },
  sampleResponse: { body: '' },
  timeoutMs: 5000,
  defaultResponse: { body: 'default' },
});
const secrets = ['in-the-url-1', 'in-the-header-2', 'in-the-body-3'];

const rule = (code: string) => ({ assessment: 'Purchase', clauses: [{ name: 'c1', code }] });

describe('an external call', () => {
  it('is defined, and its secrets do not come back', async () => {
    const created = await manage('PUT', 'shop/externalCalls/echo', definition());
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    const read = await manage('GET', 'shop/externalCalls/echo');
    const again = await manage('PUT', 'shop/externalCalls/echo', read.body);
    expect(again.status).toBe(200);
    expect(again.body.version).toBe(read.body.version);
    for (const { body } of [created, read, again, await manage('GET', 'shop/externalCalls/echo/versions')])
      for (const secret of secrets) expect(JSON.stringify(body)).not.toContain(secret);
    const log = await call(app.baseUrl, 'GET', '/management/v1/environments/shop/activity');
    expect(JSON.stringify(log.body)).toContain('externalCalls');
    for (const secret of secrets) expect(JSON.stringify(log.body)).not.toContain(secret);
  });

  it('answers a rule, with diagnostics', async () => {
    const code = `LET $r = External.echo(@"user.email")
      LET $d = $r.GetDiagnostics()
      RETURN Review("asked"), Output(body = $r.body.AsString(), code = $d.HttpStatusCode.AsInt(), error = $d.ErrorMessage.AsString())
      WHEN $d.HttpStatusCode.AsInt() == 200`;
    const put = await manage('PUT', 'shop/rules/Ask', rule(code));
    expect(put.status, JSON.stringify(put.body)).toBe(201);
    const { body } = await buy();
    expect(body.resultDetails.MerchantRuleDecision).toBe('Review');
    expect(body.resultDetails.MerchantRuleOutput.c1).toMatchObject({ code: '200', error: '' });
    const echoed = JSON.parse(body.resultDetails.MerchantRuleOutput.c1.body);
    expect(echoed).toEqual({ user: { mail: purchase.user.email }, key: '…' });
    expect(target.received.at(-1)?.headers['x-api-key']).toBe('in-the-header-2');
    expect(target.received.at(-1)?.url).toContain('in-the-url-1');
  });

  it('that is in use keeps its parameters and cannot be deleted', async () => {
    const change = {
      ...definition(),
      parameters: [{ name: 'other' }],
      body: { a: '{{other}}', b: '{{secrets.own}}' },
    };
    for (const answer of [
      await manage('PUT', 'shop/externalCalls/echo', change),
      await manage('DELETE', 'shop/externalCalls/echo'),
    ]) {
      expect(answer.status).toBe(409);
      expect(answer.body.references).toMatchObject([{ kind: 'rules', name: 'Ask' }]);
    }
  });

  it('gives its default response when the target fails, and the answer says so', async () => {
    target.behave((_, response) => response.writeHead(503).end());
    const code = 'RETURN Reject("default") WHEN External.echo(@"user.email").body.AsString() == "default"';
    await manage('PUT', 'shop/rules/Ask', rule(code));
    await expect
      .poll(async () => (await buy()).body.resultDetails.MerchantRuleDecision, { timeout: 15_000 })
      .toBe('Reject');
    const { body } = await buy();
    expect(JSON.stringify(body.resultDetails.Diagnostics)).toContain(
      'Response failure: the answer was HTTP 503',
    );
    target.behave(undefined);
  });

  it('is tried and invoked by the management API, and watched', async () => {
    const tried = await manage('POST', 'shop/externalCalls/echo/test', {});
    expect(tried.body).toMatchObject({ success: true, httpStatusCode: 200 });
    expect(tried.body.response.body).toContain('sample@example.com');
    const unsaved = { definition: { ...definition(), url: `${target.origin}/status/418` } };
    expect((await manage('POST', 'shop/externalCalls/new/test', unsaved)).body).toMatchObject({
      success: false,
      error: { kind: 'ResponseFailure' },
    });
    const invoked = await manage('POST', 'shop/externalCalls/echo/invoke', { arguments: { mail: 'x@y.z' } });
    expect(invoked.body.response.body).toContain('x@y.z');
    expect((await manage('POST', 'shop/externalCalls/none/invoke', {})).status).toBe(404);
    const metrics = await manage('GET', 'shop/externalCalls/echo/metrics?grain=minute');
    expect(metrics.status).toBe(200);
    expect(metrics.body.total.requests).toBeGreaterThanOrEqual(4);
    expect(metrics.body.rules).toEqual(
      expect.arrayContaining([expect.objectContaining({ rule: 'Ask', clause: 'c1' })]),
    );
    for (const { body } of [tried, invoked, metrics])
      for (const secret of secrets) expect(JSON.stringify(body)).not.toContain(secret);
  });

  it('is refused where it may not go, with the member’s name', async () => {
    for (const url of ['https://169.254.169.254/', 'https://[::ffff:10.0.0.1]/', 'http://example.com/']) {
      const { status, body } = await manage('PUT', 'shop/externalCalls/bad', {
        ...definition(),
        url,
        secrets: {},
      });
      expect(status).toBe(400);
      expect(body.errors).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'url' })]));
    }
    expect((await manage('PUT', 'shop/externalCalls/1bad', definition())).status).toBe(400);
  });

  it('sends events to a blob container, through the queue’s trigger', async () => {
    const subscription = {
      events: ['FraudProtection.Monitoring.ExternalCalls'],
      target: { type: 'blob', container: 'tracing-shop' },
    };
    expect((await manage('PUT', 'shop/eventSubscriptions/all', subscription)).status).toBe(200);
    const blobs = openStorage({ connectionString: azurite.connectionString }).blobs('tracing-shop');
    const names = async () => {
      const found = [];
      try {
        for await (const { name } of blobs.list()) found.push(name);
      } catch {
        return [];
      }
      return found;
    };
    await expect
      .poll(
        async () => {
          await buy();
          return (await names()).length;
        },
        { timeout: 25_000, interval: 500 },
      )
      .toBeGreaterThan(0);
    const content = await blobs.read((await names())[0] ?? '');
    const [line = ''] = new TextDecoder().decode(content?.content).split('\n');
    expect(JSON.parse(line)).toMatchObject({
      name: 'FraudProtection.Monitoring.ExternalCalls',
      externalCallName: 'echo',
      assessment: 'PURCHASE',
      rule: 'Ask',
      clause: 'c1',
    });
  });

  it('is deleted when nothing uses it', async () => {
    await manage('DELETE', 'shop/rules/Ask');
    expect((await manage('DELETE', 'shop/externalCalls/echo')).status).toBe(204);
    expect((await manage('GET', 'shop/externalCalls/echo')).status).toBe(404);
  });
});
