import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, credentials, type RunningApp, startApp, until } from './holdfast.ts';

let azurite: Azurite;
let app: RunningApp;
let admin: Record<string, string>;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  admin = await credentials('ProductAdmin');
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

const send = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => call(app.baseUrl, method, path, body, { ...admin, ...headers });

describe('health', () => {
  it('says without credentials what is missing, until there is an environment', async () => {
    expect((await fetch(`${app.baseUrl}/health/live`)).status).toBe(200);
    const missing = await call(app.baseUrl, 'GET', '/health/ready');
    expect(missing.status).toBe(503);
    expect(missing.headers.get('retry-after')).toBe('5');
    expect(missing.body).toEqual({ status: 'not ready', missing: ['there is no environment yet'] });
    await send('PUT', '/management/v1/environments/primary', { name: 'Primary' });
    await until('readiness', async () => (await call(app.baseUrl, 'GET', '/health/ready')).status === 200);
    const dfp = await call(app.baseUrl, 'GET', '/api/v1/health');
    expect([dfp.status, dfp.body]).toEqual([200, '']);
    for (const path of ['/health/live', '/health/ready', '/api/v1/health'])
      expect((await fetch(app.baseUrl + path, { method: 'HEAD' })).status, path).toBe(200);
  });
});

describe('the document', () => {
  it('is served to everybody, as JSON and as a page that allows no script but its own', async () => {
    const json = await call(app.baseUrl, 'GET', '/openapi.json');
    expect(json.body.openapi).toMatch(/^3\.1/);
    const page = await call(app.baseUrl, 'GET', '/docs');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.body).toContain('id="putRule"');
    const etag = json.headers.get('etag') ?? '';
    expect(
      (await call(app.baseUrl, 'GET', '/openapi.json', undefined, { 'if-none-match': etag })).status,
    ).toBe(304);
  });
});

describe('a body', () => {
  it('that is too long is not read to its end, also where it does not say how long it is', async () => {
    const piece = new Uint8Array(1024 * 1024).fill(0x20);
    let pieces = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces++;
        // what the host itself refuses is longer
        if (pieces <= 90) controller.enqueue(piece);
        else controller.close();
      },
    });
    const answer = await fetch(`${app.baseUrl}/management/v1/environments/primary/rules/Long`, {
      method: 'PUT',
      headers: { ...admin, 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'BodyTooLarge' });
    expect(pieces).toBeLessThan(60);
  });
});

describe('provisioning', () => {
  const path = '/v1.0/provisioning/environments';

  it('creates, changes and deletes environments below a root, in any letter case of the path', async () => {
    const provisioner = await credentials('Provisioning_API');
    const body = { name: 'Outlet', apiId: 'outlet', parent: '/primary', tags: ['shop'] };
    const made = await send('POST', path, body, provisioner);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    expect(made.body).toMatchObject({ apiName: 'outlet', path: '/primary/outlet' });
    expect((await send('POST', '/V1.0/Provisioning//Environments/', body, provisioner)).status).toBe(412);
    const at = `${path}/${made.body.id}`;
    expect((await send('PUT', at, { name: 'Outlet store' }, provisioner)).body.name).toBe('Outlet store');
    expect((await send('GET', at, undefined, provisioner)).body.name).toBe('Outlet store');
    expect((await send('DELETE', at, undefined, provisioner)).status).toBe(204);
    expect((await send('PUT', at, { name: 'Outlet' }, provisioner)).status).toBe(404);
  });

  it('creates where it says and nowhere else: no root, and nothing below another than the parent', async () => {
    const body = { name: 'Outlet', apiId: 'outlet', parent: 'primary' };
    expect((await send('POST', path, body)).status).toBe(201);
    for (const [member, value] of [
      ['parent', '/'],
      ['apiId', 'outlet/below'],
    ] as const) {
      const refused = await send('POST', path, { ...body, [member]: value });
      expect(refused.status, JSON.stringify(refused.body)).toBe(400);
      expect(refused.body.Message).toContain(member);
    }
    expect((await send('DELETE', `${path}/outlet`)).status).toBe(204);
  });

  it('leaves roots alone, and lets in nobody else', async () => {
    const refused = await send('DELETE', `${path}/primary`);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ ErrorType: 'ClientError', Retryable: false });
    expect((await send('PUT', `${path}/primary`, { name: 'Mine' })).status).toBe(403);
    const risk = await credentials('Risk_API');
    const body = { name: 'Outlet', apiId: 'outlet', parent: 'primary' };
    expect((await send('POST', path, body, risk)).status).toBe(403);
    const nobody = await fetch(app.baseUrl + path, { method: 'POST', body: JSON.stringify(body) });
    expect(nobody.status).toBe(401);
    expect((await send('PATCH', path, body)).status).toBe(405);
    expect((await send('POST', path, { name: 'Outlet' })).body.Message).toContain('apiId');
  });
});

describe('requests of data subjects', () => {
  it('export what is known of a user, in the background, to a file', async () => {
    const purchaseId = randomUUID();
    const purchase = { purchaseId, merchantLocalDate: '2026-11-21T10:00:00Z', user: { userId: 'dana' } };
    expect((await send('POST', '/v1.0/MerchantServices/events/Purchase', purchase)).status).toBe(200);
    const asked = await send('POST', '/v1.0/gdpr/export', { SubjectID: 'User:dana' });
    expect(asked.status, JSON.stringify(asked.body)).toBe(202);
    const done = await until('the export', async () => {
      const { body } = await send('GET', `/v1.0/gdpr/${asked.body.id}`);
      return body.status === 'Complete' && body;
    });
    expect(done.events).toBe(1);
    // one event is one line, which is JSON
    const file = await send('GET', done.file);
    expect(file.headers.get('content-type')).toBe('application/x-ndjson');
    expect(file.body).toMatchObject({ id: purchaseId, event: { user: { userId: 'dana' } } });
    const listed = await send('GET', '/management/v1/environments/primary/subjectRequests');
    expect(listed.body.items.map(({ id }: { id: string }) => id)).toEqual([asked.body.id]);
  });

  it('name their subject in one of DFP’s two ways', async () => {
    expect((await send('POST', '/v1.0/gdpr/delete', { SubjectID: 'dana' })).body.Message).toContain('User:');
    const subject = { AssessmentName: 'Transfer', PropertyName: 'user.id', PropertyValue: 'u' };
    const asked = await send('POST', '/v1.0/subjectrequest/delete', subject);
    expect(asked.body).toMatchObject({ operation: 'Delete', assessmentName: 'Transfer', status: 'Pending' });
    expect((await send('POST', '/v1.0/subjectrequest/delete', {})).status).toBe(400);
    expect((await send('GET', '/v1.0/gdpr/none')).status).toBe(404);
  });
});
