import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage, type Storage } from '../shared/storage/index.ts';
import { generate, sampleDefaults } from '../tools/lossPrevention/generate.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, credentials, type RunningApp, startApp, theIssuer, until } from './holdfast.ts';

let azurite: Azurite;
let storage: Storage;
let app: RunningApp;
let folder: string;
let id: string;
const shop = '/management/v1/environments/shop';
const base = `${shop}/lossPrevention`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lp-http-'));
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: ['tracing-runs'] });
  app = await startApp({
    storage: azurite.connectionString,
    settings: { HOLDFAST_LOSS_PREVENTION_MEMORY_MB: '128' },
  });
  for (const name of ['shop', 'rival'])
    await call(app.baseUrl, 'PUT', `/management/v1/environments/${name}`, { name });
  id = (await call(app.baseUrl, 'GET', shop)).body.id;
});

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(app.baseUrl, 'GET', path, undefined, headers);

/** A request as a browser makes it: no token. */
async function browse(
  path: string,
  { cookie, code, from }: { cookie?: string; code?: string; from?: string } = {},
): Promise<Response> {
  return fetch(app.baseUrl + path, {
    redirect: 'manual',
    headers: {
      ...(cookie === undefined ? {} : { cookie }),
      ...(from === undefined ? {} : { 'sec-fetch-site': from }),
    },
    ...(code === undefined ? {} : { method: 'POST', body: new URLSearchParams({ code }) }),
  });
}

/** The code of a link that somebody asked for. */
async function codeFor(headers: Record<string, string>): Promise<string> {
  const { status, body } = await call(app.baseUrl, 'POST', `${base}/dashboard/session`, undefined, headers);
  expect(status).toBe(201);
  return body.path.split('#')[1];
}

async function cookieFor(headers: Record<string, string>): Promise<string> {
  const opened = await browse('/dashboards/open', { code: await codeFor(headers), from: 'same-origin' });
  return opened.headers.get('set-cookie')?.split(';')[0] ?? '';
}

/** Whether the app's process has DuckDB's library in memory; undefined where the system does not tell. */
async function hasEngine(): Promise<boolean | undefined> {
  const maps = await readFile(`/proc/${app.process.pid}/maps`, 'utf8').catch(() => undefined);
  return maps?.includes('duckdb');
}

describe('loss prevention over HTTP', () => {
  it('goes from files in the lake to pages, data, usage and an event; the engine is loaded by the run alone', async () => {
    const subscribed = await call(app.baseUrl, 'PUT', `${shop}/eventSubscriptions/runs`, {
      events: ['FraudProtection.LossPrevention.RunFinished'],
      target: { type: 'blob', container: 'tracing-runs' },
    });
    expect(subscribed.status).toBeLessThan(300);
    const { container } = (await call(app.baseUrl, 'PUT', `${base}/settings`, { nightly: false })).body;
    await generate(folder, { ...sampleDefaults, stores: 2, staffPerStore: 8, months: 2, layout: 'cdm' });
    const entries = await readdir(join(folder, 'lake'), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(join(folder, 'lake').length + 1);
      await storage.blobs(container).write(name, await readFile(path));
    }
    const before = await get(`${base}/dashboard/index.html`);
    expect(before.status).toBe(404);
    expect([false, undefined]).toContain(await hasEngine());

    const asked = await call(app.baseUrl, 'POST', `${base}/runs`);
    expect(asked).toMatchObject({ status: 202, body: { status: 'queued' } });
    const again = await call(app.baseUrl, 'POST', `${base}/runs`);
    expect(again).toMatchObject({ status: 409, body: { code: 'RunUnderWay', run: asked.body.id } });
    const ended = await until('the run ends', async () => {
      const { body } = await get(`${base}/runs/${asked.body.id}`);
      return ['succeeded', 'failed'].includes(body.status) && body;
    });
    expect(ended).toMatchObject({ status: 'succeeded', progress: { daysDone: 2, daysAll: 2, rejects: 0 } });
    const { transactions, transactionsRead, flagged } = ended.summary;
    expect(transactions).toBeGreaterThan(1000);
    expect(transactionsRead).toBe(transactions);
    expect([true, undefined]).toContain(await hasEngine());

    const { items } = (await get(`${shop}/usage?months=1`)).body;
    expect(items).toContainEqual(
      expect.objectContaining({ api: 'lossPrevention', assessments: transactions }),
    );
    const event = await until('the event arrives', async () => {
      for await (const { name } of storage.blobs('tracing-runs').list()) {
        const blob = await storage.blobs('tracing-runs').read(name);
        return JSON.parse(new TextDecoder().decode(blob?.content));
      }
      return undefined;
    });
    expect(event).toMatchObject({
      name: 'FraudProtection.LossPrevention.RunFinished',
      environmentId: id,
      runId: asked.body.id,
      status: 'succeeded',
      transactions,
      transactionsRead,
      flagged,
      dashboard: `/dashboards/${id}/index.html`,
    });
  });

  it('shows everything to those who may see it, and nothing to others', async () => {
    const result = await get(`${base}/dashboard/result.json`);
    expect(result.headers.get('content-type')).toContain('application/json');
    const [first] = result.body.sections.staff.entities;
    const csv = await get(`${base}/dashboard/staff.csv`);
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.body).toContain(first.id);
    const grid = await get(`${base}/dashboard/staff.html`);
    expect(grid.headers.get('content-type')).toContain('text/html');
    const person = /href="(staff\/[0-9a-f]{24}\.html)"/.exec(grid.body)?.[1];
    expect((await get(`${base}/dashboard/${person}`)).body).toContain('<svg');

    const pages = ['dashboard/index.html', 'dashboard/result.json', 'runs', 'settings'];
    for (const page of pages) {
      expect((await get(`${base}/${page}`, await credentials('AllAreasViewer'))).status, page).toBe(200);
      for (const role of ['Risk_API', 'SupportAgent', 'ManualReviewFraudManager'] as const)
        expect((await get(`${base}/${page}`, await credentials(role))).status, `${role} ${page}`).toBe(403);
      expect((await browse(`${base}/${page}`)).status, page).toBe(401);
    }
    const rival = '/management/v1/environments/rival/lossPrevention';
    expect((await get(`${rival}/dashboard/index.html`)).status).toBe(404);
    expect((await get(`${rival}/dashboard/${person}`)).status).toBe(404);
    const [run] = (await get(`${base}/runs`)).body.items;
    expect((await get(`${rival}/runs/${run.id}`)).status).toBe(404);
    const stranger = 'cccccccc-0000-4000-8000-000000000001';
    await call(
      app.baseUrl,
      'PUT',
      `/management/v1/environments/rival/roleAssignments/applications/${stranger}`,
      {
        roles: ['AllAreasViewer'],
      },
    );
    const token = await (await theIssuer()).token({ client: stranger });
    const headers = { authorization: `Bearer ${token}` };
    expect((await get(`${rival}/runs`, headers)).status).toBe(200);
    expect((await get(`${base}/dashboard/index.html`, headers)).status).toBe(404);
    expect((await call(app.baseUrl, 'POST', `${base}/dashboard/session`, undefined, headers)).status).toBe(
      404,
    );
  });
});

describe('a browser', () => {
  const page = () => `/dashboards/${id}/index.html`;

  it('opens the dashboard by a link, once, with a cookie for these pages alone', async () => {
    const code = await codeFor(await credentials('AllAreasViewer'));
    const noted = await get(`${shop}/activity?kind=lossPrevention&name=dashboard%20session`);
    expect(noted.body.items).toMatchObject([{ operation: 'Create', environment: { name: 'shop' } }]);
    const landing = await browse('/dashboards/open');
    expect(landing.headers.get('content-security-policy')).toContain("form-action 'self'");
    expect(await landing.text()).toContain('<form method="post" action="/dashboards/open"');
    expect((await browse('/dashboards/open', { code, from: 'cross-site' })).status).toBe(403);
    const opened = await browse('/dashboards/open', { code, from: 'same-origin' });
    expect([opened.status, opened.headers.get('location')]).toEqual([303, page()]);
    const cookie = opened.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^holdfast-dashboard=[\w-]{43};/);
    for (const attribute of [`Path=/dashboards/${id}/`, 'HttpOnly', 'SameSite=Strict'])
      expect(cookie.toLowerCase()).toContain(attribute.toLowerCase());
    expect((await browse('/dashboards/open', { code, from: 'same-origin' })).status).toBe(401);

    const [value = ''] = cookie.split(';');
    const shown = await browse(page(), { cookie: `other=1; ${value}` });
    expect(shown.status).toBe(200);
    expect(await shown.text()).toContain('Revenue opportunity by staff');
    const headers = Object.fromEntries(shown.headers);
    expect(headers).toMatchObject({
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    const policy = headers['content-security-policy'];
    for (const rule of ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"])
      expect(policy).toContain(rule);
    expect(policy).not.toMatch(/(script|style)-src [^;]*unsafe/);
    expect((await browse(`/dashboards/${id}/runs.html`, { cookie: value })).status).toBe(200);
    expect((await browse(`/dashboards/${id}/staff.csv`, { cookie: value })).headers.get('content-type')).toBe(
      'text/csv; charset=utf-8',
    );
    // the APIs take no cookies
    expect((await browse(`${base}/dashboard/index.html`, { cookie: value })).status).toBe(401);
    const { body } = await get('/management/v1/environments/rival');
    expect((await browse(`/dashboards/${body.id}/index.html`, { cookie: value })).status).toBe(401);
    for (const name of ['..%2Fsettings.json', 'staff/..%2Findex.html', 'nothing.html'])
      expect((await browse(`/dashboards/${id}/${name}`, { cookie: value })).status, name).toBe(404);
  });

  it('without a session gets a page that takes a code, and nothing of the dashboard', async () => {
    for (const cookie of [undefined, 'holdfast-dashboard=', `holdfast-dashboard=${'x'.repeat(43)}`]) {
      const answer = await browse(page(), cookie === undefined ? {} : { cookie });
      expect(answer.status).toBe(401);
      const text = await answer.text();
      expect(text).toContain('<form');
      expect(text).not.toContain('Revenue');
    }
    for (const code of ['', 'x', 'x'.repeat(43), '"><script>alert(1)</script>']) {
      const answer = await browse('/dashboards/open', { code });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('alert');
    }
    expect((await browse('/dashboards/open', { code: 'x'.repeat(5000) })).status).toBe(413);
  });

  it('is shown nothing any more when the role is taken away', async () => {
    const reader = 'cccccccc-0000-4000-8000-000000000002';
    const assignment = `${shop}/roleAssignments/applications/${reader}`;
    await call(app.baseUrl, 'PUT', assignment, { roles: ['AllAreasViewer'] });
    const cookie = await cookieFor({
      authorization: `Bearer ${await (await theIssuer()).token({ client: reader })}`,
    });
    expect((await browse(page(), { cookie })).status).toBe(200);
    await call(app.baseUrl, 'PUT', assignment, { roles: ['SupportAgent'] });
    expect((await browse(page(), { cookie })).status).toBe(403);
    await call(app.baseUrl, 'DELETE', assignment);
    expect((await browse(page(), { cookie })).status).toBe(403);
  });
});
