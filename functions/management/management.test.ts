import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../shared/assessment/app.ts';
import { openApp } from '../../shared/openApp.ts';
import { Problem } from '../../shared/problem.ts';
import { readSettings } from '../../shared/settings.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { dispatch, openRouter } from './route.ts';
import { managementRoutes } from './routes.ts';

const router = openRouter(managementRoutes);
let azurite: Azurite;
let app: App;
let env: string;
let count = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
});
afterAll(() => azurite?.stop());
beforeEach(async () => {
  env = `environments/root${++count}`;
  await call('PUT', env, { name: `Root ${count}` });
});

interface Answer {
  status: number;
  body: unknown;
  etag: string | undefined;
}

/** A request as a client makes it; a problem comes back with its status, as `functions/management.ts` answers it. */
async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
  const type = body instanceof Uint8Array ? 'text/csv' : 'application/json; charset=utf-8';
  const [pathname = '', query = ''] = path.split('?');
  try {
    const reply = await dispatch(
      router,
      {
        method,
        path: pathname,
        query: new URLSearchParams(query),
        headers: new Headers({ ...(body === undefined ? {} : { 'content-type': type }), ...headers }),
        body: async () => (body === undefined ? new Uint8Array() : bytes),
      },
      app,
      { id: 'ann', kind: 'user', roles: ['ProductAdmin'] },
    );
    const file = reply.file && new TextDecoder('utf-8', { ignoreBOM: true }).decode(reply.file.content);
    return { status: reply.status, body: file ?? reply.body, etag: reply.etag };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { status, detail, code, errors, extra } = error;
    return { status, body: { detail, code, errors, ...extra }, etag: undefined };
  }
}

const csv = (text: string) => new TextEncoder().encode(text);
const rule = { assessment: 'Purchase', clauses: [{ name: 'c1', code: 'RETURN Approve()' }] };

describe('environments', () => {
  it('are created, read, listed as trees and deleted', async () => {
    const created = await call('PUT', `${env}%2Feu`, { name: 'EU', tags: ['shop'] });
    expect(created).toMatchObject({
      status: 201,
      body: { apiName: 'eu', name: 'EU', path: `/root${count}/eu` },
    });
    const read = await call('GET', `environments/${encodeURIComponent(`/root${count}/eu/`)}`);
    expect(read).toMatchObject({ status: 200, etag: created.etag, body: { tags: ['shop'] } });
    const again = await call('PUT', `${env}%2Feu`, read.body);
    expect(again).toMatchObject({ status: 200, etag: created.etag });
    const tree = await call('GET', 'environments');
    expect(tree.body).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          apiName: `root${count}`,
          children: [expect.objectContaining({ apiName: 'eu' })],
        }),
      ]),
    });
    expect((await call('DELETE', env)).status).toBe(409);
    expect((await call('DELETE', `${env}%2Feu`)).status).toBe(204);
    expect((await call('GET', `${env}%2Feu`)).status).toBe(404);
  });

  it('name every fault of a body', async () => {
    expect(await call('PUT', env, { name: '', tags: [1], color: 'red' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'name' }, { path: 'tags[0]' }, { path: 'color' }] },
    });
  });
});

describe('a rule', () => {
  it('is created, read, sent back as it was read, versioned, rolled back and deleted', async () => {
    const path = `${env}/rules/High%20score`;
    const created = await call('PUT', path, rule);
    expect(created).toMatchObject({
      status: 201,
      body: { name: 'High score', status: 'Active', version: 1, changedBy: 'ann' },
    });
    const read = await call('GET', path);
    expect(await call('PUT', path, read.body)).toMatchObject({ status: 200, etag: created.etag });
    expect((await call('GET', path, undefined, { 'if-none-match': created.etag ?? '' })).status).toBe(304);
    const changed = await call(
      'PUT',
      path,
      { ...rule, status: 'Inactive' },
      { 'if-match': created.etag ?? '' },
    );
    expect(changed).toMatchObject({ status: 200, body: { version: 2 } });
    expect((await call('PUT', path, rule, { 'if-match': created.etag ?? '' })).status).toBe(412);
    expect((await call('PUT', path, rule, { 'if-none-match': '*' })).status).toBe(412);
    expect(await call('GET', `${path}/versions`)).toMatchObject({
      body: {
        items: [
          { version: 2, status: 'Inactive' },
          { version: 1, status: 'Active' },
        ],
      },
    });
    expect(await call('POST', `${path}/rollback`, { version: 1 })).toMatchObject({
      status: 200,
      body: { version: 3, status: 'Active' },
    });
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('DELETE', path)).status).toBe(404);
  });

  it('is listed with the others in the order in which they run', async () => {
    await call('PUT', `${env}/rules/B`, { ...rule, order: 10 });
    await call('PUT', `${env}/rules/A`, { ...rule, order: 20 });
    const { body, etag } = await call('GET', `${env}/rules?assessment=purchase`);
    expect(body).toMatchObject({ items: [{ name: 'Default Support Rule' }, { name: 'B' }, { name: 'A' }] });
    expect(etag).toBeDefined();
    expect(await call('GET', `${env}/rules?assessment=AccountLogin`)).toMatchObject({ body: { items: [] } });
  });

  it('that does not compile is refused with where and why', async () => {
    const bad = {
      ...rule,
      clauses: [{ name: 'c1', code: 'RETURN Reject() WHEN Velocity.nothing(@"user.userId", 1h) > 1' }],
    };
    expect(await call('PUT', `${env}/rules/Bad`, bad)).toMatchObject({
      status: 422,
      body: {
        code: 'DoesNotCompile',
        diagnostics: [{ rule: 'Bad', clause: 'c1', severity: 'error', line: 1 }],
      },
    });
  });

  it('has the name of its URL', async () => {
    expect(await call('PUT', `${env}/rules/A`, { ...rule, name: 'B' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'name' }] },
    });
    expect((await call('PUT', `${env}/rules/%07`, rule)).status).toBe(400);
  });
});

describe('a list', () => {
  const path = () => `${env}/lists/Risky%20emails`;
  const file = '\uFEFFEmail,Status\r\nkayla@contoso.com,Risky\r\n';

  it('is uploaded, described, previewed and downloaded as it was', async () => {
    const created = await call('PUT', `${path()}?description=Seen%20before`, csv(file));
    expect(created).toMatchObject({
      status: 201,
      body: {
        name: 'Risky emails',
        description: 'Seen before',
        columns: ['Email', 'Status'],
        rows: 1,
        lookup: 'memory',
      },
    });
    expect(await call('GET', path())).toMatchObject({ status: 200, body: file, etag: created.etag });
    expect(await call('GET', `${path()}/preview`)).toMatchObject({
      body: { columns: ['Email', 'Status'], rows: [['kayla@contoso.com', 'Risky']], total: 1 },
    });
    const { body } = await call('GET', `${env}/lists`);
    expect(body).toMatchObject({ items: [{ name: 'Risky emails', rows: 1, version: 1 }] });
    expect(JSON.stringify(body)).not.toContain('blob');
  });

  it('with a broken row changes nothing and names the place', async () => {
    await call('PUT', path(), csv(file));
    expect(await call('PUT', path(), csv('Email,Status\na,b\nc\n'))).toMatchObject({
      status: 400,
      body: {
        code: 'InvalidCsv',
        row: 3,
        column: 2,
        header: 'Status',
        errors: [{ path: 'row 3, column 2' }],
      },
    });
    expect((await call('GET', path())).body).toBe(file);
  });

  it('in use is not deleted', async () => {
    await call('PUT', path(), csv(file));
    const code = 'RETURN Reject() WHEN ContainsKey("Risky emails", "Email", @"user.email")';
    await call('PUT', `${env}/rules/Reader`, { ...rule, clauses: [{ name: 'c1', code }] });
    expect(await call('DELETE', path())).toMatchObject({
      status: 409,
      body: { code: 'InUse', references: [{ kind: 'rules', name: 'Reader', column: 'Email' }] },
    });
    expect(await call('GET', `${path()}/references`)).toMatchObject({
      body: { items: [{ name: 'Reader' }] },
    });
  });

  it('does not take the name of a support list, nor JSON', async () => {
    expect((await call('PUT', `${env}/lists/Email%20support%20list`, csv(file))).status).toBe(409);
    expect((await call('PUT', path(), { a: 1 })).status).toBe(415);
  });
});

describe('a support list', () => {
  const entries = () => `${env}/supportLists/Email%20Support%20List/entries`;

  it('has entries that are put, read, changed under conditions and removed', async () => {
    const path = `${entries()}/Kayla%40contoso.com`;
    const created = await call('PUT', path, {
      status: 'Block',
      reason: 'chargeback',
      expires: '2027-01-01T00:00:00+01:00',
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        key: 'Kayla@contoso.com',
        status: 'Block',
        reason: 'chargeback',
        expires: '2026-12-31T23:00:00.000Z',
      },
    });
    const read = await call('GET', `${entries()}/kayla%40CONTOSO.com`);
    expect(read).toMatchObject({ status: 200, etag: created.etag });
    expect(await call('PUT', path, read.body)).toMatchObject({ status: 200, etag: created.etag });
    expect((await call('PUT', path, { status: 'Safe' }, { 'if-match': '"no"' })).status).toBe(412);
    expect((await call('PUT', path, { status: 'Safe' }, { 'if-none-match': '*' })).status).toBe(412);
    expect((await call('PUT', path, { status: 'Safe' }, { 'if-match': created.etag ?? '' })).status).toBe(
      200,
    );
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('DELETE', path)).status).toBe(404);
  });

  it('takes several keys with one status, and removes several', async () => {
    const keys = ['a@b.c', 'A@B.C ', 'd@e.f'];
    expect(await call('POST', entries(), { keys, status: 'Watch' })).toMatchObject({
      status: 200,
      body: { items: [{ outcome: 'created' }, { outcome: 'created' }] },
    });
    const page = await call('GET', `${entries()}?limit=1`);
    expect(page.body).toMatchObject({ items: [{ status: 'Watch' }], next: expect.any(String) });
    await call('POST', entries(), { keys, status: 'Remove' });
    expect((await call('GET', entries())).body).toEqual({ items: [] });
  });

  it('is one of five, in any letter case or by an alias', async () => {
    const { body } = await call('GET', `${env}/supportLists`);
    expect(body).toMatchObject({ items: { length: 5 } });
    expect(
      (await call('PUT', `${env}/supportLists/payment%20support%20list/entries/pi1`, { status: 'Safe' }))
        .status,
    ).toBe(201);
    expect(
      (await call('GET', `${env}/supportLists/Payment%20Instrument%20Support%20List/entries/PI1`)).status,
    ).toBe(200);
    expect((await call('GET', `${env}/supportLists/Phones/entries/1`)).status).toBe(404);
  });

  it('tells which rules use it', async () => {
    expect(await call('GET', `${env}/supportLists/Device%20Support%20List/references`)).toMatchObject({
      body: { items: [{ kind: 'rules', name: 'Default Support Rule' }] },
    });
    expect((await call('GET', `${env}/supportLists/Phones/references`)).status).toBe(404);
  });

  it('refuses what is no entry', async () => {
    expect(await call('PUT', `${entries()}/x`, { status: 'Evil', until: 1 })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'status' }, { path: 'until' }] },
    });
    expect((await call('PUT', `${entries()}/${'x'.repeat(1025)}`, { status: 'Safe' })).status).toBe(400);
    expect((await call('GET', `${entries()}?limit=0`)).status).toBe(400);
  });
});

describe('the activity log', () => {
  it('is read in pages, by what was changed', async () => {
    await call('PUT', `${env}/rules/R`, rule);
    await call('PUT', `${env}/supportLists/IP%20Support%20List/entries/1.2.3.4`, { status: 'Block' });
    const page = await call('GET', `${env}/activity?limit=1`);
    expect(page.body).toMatchObject({
      items: [
        {
          kind: 'supportLists',
          operation: 'Create',
          changedBy: 'ann',
          environment: { name: `Root ${count}` },
        },
      ],
      next: expect.any(String),
    });
    const next = String(Reflect.get(Object(page.body), 'next'));
    expect(
      (await call('GET', `${env}/activity?limit=1&from=${encodeURIComponent(next)}`)).body,
    ).toMatchObject({
      items: [{ kind: 'rules', name: 'R', version: 1 }],
    });
    expect((await call('GET', `${env}/activity?from=x`)).status).toBe(400);
  });
});

describe('a request', () => {
  it('of an unknown environment is 404, whatever it asks for', async () => {
    for (const path of [
      'rules',
      'rules/R',
      'lists/L',
      'supportLists',
      'activity',
      'velocitySets/V/versions',
    ]) {
      expect((await call('GET', `environments/nowhere/${path}`)).status).toBe(404);
    }
    expect((await call('PUT', 'environments/nowhere/rules/R', rule)).status).toBe(404);
  });

  it('needs the right body', async () => {
    const path = `${env}/rules/R`;
    const put = (body: string, type = 'application/json') =>
      call('PUT', path, csv(body), { 'content-type': type });
    expect((await put('{"a":1}', 'text/plain')).status).toBe(415);
    expect(await put('{"a":\n 1,}')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('line 2') },
    });
    expect((await put('')).status).toBe(400);
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect((await put(`{"assessment":${deep}}`)).status).toBe(400);
    const payload = `{"samplePayload":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`;
    const type = { 'content-type': 'application/json' };
    expect((await call('PUT', `${env}/assessments/Purchase`, csv(payload), type)).status).toBe(400);
    expect((await put('{"__proto__":{"assessment":"Purchase"}}')).status).toBe(400);
    expect((await put(`"${'x'.repeat(1024 * 1024)}"`)).status).toBe(413);
    expect(
      (await call('PUT', path, new Uint8Array([0x22, 0xff, 0x22]), { 'content-type': 'application/json' }))
        .status,
    ).toBe(400);
  });

  it('is answered with an ETag on every GET', async () => {
    await call('PUT', `${env}/rules/R`, rule);
    const paths = [
      '',
      '/rules',
      '/rules/R',
      '/rules/R/versions',
      '/rules/R/references',
      '/supportLists',
      '/activity',
    ];
    for (const path of paths) {
      const { etag } = await call('GET', `${env}${path}`);
      expect(etag, path).toMatch(/^(W\/)?"[^"]+"$/);
      expect(
        (await call('GET', `${env}${path}`, undefined, { 'if-none-match': etag ?? '' })).status,
        path,
      ).toBe(304);
    }
  });
});
