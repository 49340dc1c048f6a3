import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roles } from '../shared/auth/permissions.ts';
import { eventPaths } from '../shared/events/paths.ts';
import { tenantId } from '../tools/issuer/issuer.ts';
import { tokenClaims } from '../tools/issuer/tokenClaims.ts';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, credentials, type RunningApp, startApp, theIssuer } from './holdfast.ts';

/* Credentials, as a running app takes them. What each part decides is tested beside it (shared/auth, functions/management). */

let azurite: Azurite;
let app: RunningApp;
const purchasePath = '/v1.0/MerchantServices/events/Purchase';

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  for (const [name, body] of Object.entries({
    primary: { name: 'Primary' },
    'primary%2Feu': { name: 'Europe' },
    other: { name: 'Another merchant' },
  }))
    expect((await manage('PUT', name, body)).status).toBe(201);
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

function manage(method: string, tail: string, body?: unknown, headers = {}): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/${tail}`, body, headers);
}

function assess(headers: Record<string, string>, at = app.baseUrl, to = purchasePath): Promise<Answer> {
  const body = { ...purchase, purchaseId: randomUUID() };
  return call(at, 'POST', to, body, { 'x-ms-correlation-id': randomUUID(), ...headers });
}

/** Without an Authorization header, which `call` would add. */
function bare(method: string, at: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(app.baseUrl + at, { method, headers });
}

async function bearer(
  changes: Record<string, unknown> = {},
  header = {},
): Promise<{ authorization: string }> {
  const issuer = await theIssuer();
  const place = { baseUrl: issuer.baseUrl, tenantId, lifetimeSeconds: 3600, now: Date.now() };
  const claims = { ...tokenClaims(place, { client: 'Risk_API' }), ...changes };
  return { authorization: `Bearer ${await issuer.sign(claims, header)}` };
}

/** An application without a role of the tenant. */
async function application(id = randomUUID()): Promise<{ id: string; headers: { authorization: string } }> {
  const token = await (await theIssuer()).token({ client: id });
  return { id, headers: { authorization: `Bearer ${token}` } };
}

describe('without credentials', () => {
  it('DFP’s paths are answered as DFP’s gateway did', async () => {
    const response = await bare('POST', purchasePath);
    expect(response.status).toBe(401);
    expect(JSON.parse(await response.text())).toEqual({
      statusCode: 401,
      message: 'Unauthorized. Access token is missing or invalid.',
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      errorsource: 'validate-jwt',
      errorreason: 'TokenNotPresent',
      errorscope: 'global',
      errorsection: 'inbound',
      errorstatuscode: '401',
      'content-type': expect.stringContaining('application/json'),
      'www-authenticate': expect.stringMatching(/^Bearer/),
    });
  });

  it.each([
    ['GET', '/'],
    ['POST', '/v1.0/nothing'],
    ['GET', purchasePath],
    ['POST', `/${purchasePath}/`],
    ['POST', '/V1.0/ACTION/ACCOUNT/LOGIN/x'],
    ['POST', '/v1.0/%2e%2e/management/v1/environments'],
    ['GET', '/management/v1/environments'],
    ['GET', '/management/v1/nothing'],
    ['PATCH', '/management/v1/environments'],
    ['PUT', '/Management/V1/environments/primary'],
    ['GET', `/management/v1/environments/primary/events/Purchase/1`],
    ['GET', '/keys/management/v1/environments'],
    ['POST', `/keys${purchasePath}`],
  ])('%s %s is 401', async (method, at) => {
    const headers = { 'x-functions-key': 'a key', 'x-ms-dfpenvid': 'primary' };
    for (const each of [{}, headers]) expect((await bare(method, at, each)).status).toBe(401);
    expect((await bare(method, `${at}?code=a-key&access_token=x`)).status).toBe(401);
  });

  it.each(['/health/live', '/health/ready', '/api/v1/health'])('%s answers', async (at) => {
    expect((await bare('GET', at)).status).toBe(200);
  });

  it('management routes answer a problem', async () => {
    const response = await bare('GET', '/management/v1/environments');
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(JSON.parse(await response.text())).toMatchObject({ status: 401, code: 'TokenNotPresent' });
  });
});

describe('a token', () => {
  it('of Risk_API assesses, in any letter case of the scheme, and manages nothing', async () => {
    const { authorization } = await credentials('Risk_API');
    expect((await assess({ authorization })).status).toBe(200);
    expect((await assess({ authorization: authorization.replace('Bearer', 'bearer') })).status).toBe(200);
    const refused = await manage('GET', 'primary/rules', undefined, { authorization });
    expect(refused).toMatchObject({ status: 403, body: { code: 'PermissionMissing' } });
  });

  it('for one of DFP’s audiences, as its clients ask for them, is as good', async () => {
    for (const audience of ['https://api.dfp.dynamics.com', 'https://api.dfp.microsoft-int.com']) {
      const token = await (await theIssuer()).token({ client: 'Risk_API', audience, version: '1.0' });
      expect((await assess({ authorization: `bearer ${token}` })).status).toBe(200);
    }
  });

  it('of a role for people does not assess: 403, in DFP’s error body', async () => {
    for (const role of ['SupportAgent', 'AllAreasEditor', 'Provisioning_API'] as const)
      expect(await assess(await credentials(role))).toMatchObject({
        status: 403,
        body: { ErrorType: 'ClientError', Retryable: false },
      });
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['expired', 'TokenExpired', { exp: 1_600_000_000 }],
    ['for another audience', 'TokenAudienceNotAllowed', { aud: 'https://graph.microsoft.com' }],
    ['of another tenant', 'TokenClaimValueNotAllowed', { tid: randomUUID() }],
    ['of another issuer', 'TokenIssuerNotAllowed', { iss: 'https://sts.windows.net/x/' }],
  ])('%s is refused: %s', async (_, reason, changes) => {
    const headers = await bearer(changes);
    const answer = await assess(headers);
    expect([answer.status, answer.headers.get('errorreason')]).toEqual([401, reason]);
    expect(await manage('GET', 'primary', undefined, headers)).toMatchObject({
      status: 401,
      body: { code: reason },
    });
  });

  it('unsigned, of a forged key, or oversized is refused', async () => {
    const { authorization } = await bearer();
    const [, claims = ''] = authorization.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    expect((await assess({ authorization: `Bearer ${none}.${claims}.` })).status).toBe(401);
    const forged = await bearer({}, { kid: 'forged' });
    expect((await assess(forged)).headers.get('errorreason')).toBe('TokenSignatureKeyNotFound');
    const long = await bearer({ padding: 'x'.repeat(13_000) });
    // the host's own limit of headers may come first
    expect([401, 431]).toContain((await assess(long)).status);
  });
});

describe('an environment', () => {
  it('is its caller’s own, with those below it, however it is named; all others are not there', async () => {
    const { id, headers } = await application();
    expect((await assess({ ...headers, 'x-ms-dfpenvid': 'primary/eu' })).status).toBe(403);
    const path = `primary%2Feu/roleAssignments/applications/${id}`;
    expect((await manage('PUT', path, { roles: ['Risk_API', 'AllAreasViewer'] })).status).toBe(201);
    const eu = (await manage('GET', 'primary%2Feu')).body.id;
    const other = (await manage('GET', 'other')).body.id;
    const sent = await assess({ ...headers, 'x-ms-dfpenvid': '/primary/eu' });
    expect(sent.status).toBe(200);
    for (const name of [eu, eu.toUpperCase(), 'eu', `${eu}/`])
      expect((await assess({ ...headers, 'x-ms-dfpenvid': name })).status, name).toBe(200);
    expect((await assess(headers, app.baseUrl, `${purchasePath}?x-ms-dfpenvid=${eu}/`)).status).toBe(200);

    // the parent, another merchant, one that nobody has, and the default one, in header and query
    for (const name of ['primary', 'other', other, `${other}/eu`, `/other/../eu`, randomUUID()]) {
      const inHeader = await assess({ ...headers, 'x-ms-dfpenvid': name });
      expect(inHeader.status, name).toBe(404);
      expect(inHeader.body.Message).toBe(`There is no environment ${JSON.stringify(name)}.`);
      const at = `${purchasePath}?x-ms-dfpenvid=${encodeURIComponent(name)}`;
      expect((await assess(headers, app.baseUrl, at)).status, name).toBe(404);
    }
    expect((await assess(headers)).status).toBe(404);
    expect(
      (
        await assess(
          { ...headers, 'x-ms-dfpenvid': eu },
          app.baseUrl,
          `${purchasePath}?x-ms-dfpenvid=${other}`,
        )
      ).status,
    ).toBe(200);
  });

  it('keeps its events to itself', async () => {
    const { id, headers } = await application();
    await manage('PUT', `primary%2Feu/roleAssignments/applications/${id}`, { roles: ['AllAreas_Admin'] });
    const purchaseId = randomUUID();
    const body = { ...purchase, purchaseId };
    const sent = await call(app.baseUrl, 'POST', purchasePath, body, { 'x-ms-dfpenvid': 'other' });
    expect(sent.status).toBe(200);
    const event = (environment: string) =>
      manage('GET', `${environment}/events/Purchase/${purchaseId}`, undefined, headers);
    const other = (await manage('GET', 'other')).body.id;
    for (const name of ['other', other, '%2Fother', `${other}%2F`, 'primary'])
      expect((await event(name)).status, name).toBe(404);
    // in its own environment the event of another is not there either
    expect((await event('primary%2Feu')).status).toBe(404);
    expect(JSON.stringify((await event('other')).body)).not.toContain('tami');
    expect((await manage('GET', `other/events/Purchase/${purchaseId}`)).status).toBe(200);
  });
});

describe('every path of DFP', () => {
  const paths = Object.values(eventPaths)
    .flat()
    .map((each) => each.replaceAll(/\{\w+\}/g, 'x'));

  /** The statuses of a request whose body is at fault, on every path. */
  function statuses(headers: Record<string, string>): Promise<[string, number][]> {
    return Promise.all(
      paths.map(
        async (each): Promise<[string, number]> => [
          each,
          (await call(app.baseUrl, 'POST', each, [], headers)).status,
        ],
      ),
    );
  }

  it('takes events of those who have the role for it, in the tenant', { timeout: 120_000 }, async () => {
    for (const role of roles) {
      const allowed = ['ProductAdmin', 'AllAreas_Admin', 'Risk_API'].includes(role);
      const headers = await credentials(role);
      for (const environment of ['primary', 'primary/eu', 'other'])
        for (const [each, status] of await statuses({ ...headers, 'x-ms-dfpenvid': environment })) {
          // let in: the body is at fault, or the assessment x unknown
          if (allowed) expect([400, 404], `${role} ${each}`).toContain(status);
          else expect(status, `${role} ${each}`).toBe(403);
        }
    }
  });

  it('takes events of those who have it in the environment', { timeout: 120_000 }, async () => {
    for (const role of roles) {
      const allowed = ['ProductAdmin', 'AllAreas_Admin', 'Risk_API'].includes(role);
      const { id, headers } = await application();
      await manage('PUT', `primary%2Feu/roleAssignments/applications/${id}`, { roles: [role] });
      for (const [each, status] of await statuses({ ...headers, 'x-ms-dfpenvid': 'primary/eu' })) {
        if (allowed) expect([400, 404], `${role} ${each}`).toContain(status);
        else expect(status, `${role} ${each}`).toBe(403);
      }
      for (const environment of ['primary', 'other'])
        for (const [each, status] of await statuses({ ...headers, 'x-ms-dfpenvid': environment }))
          expect(status, `${role} ${each} in ${environment}`).toBe(404);
    }
  });
});

describe('function keys', () => {
  it('open the paths below /keys, and nothing else, with the roles that the operator gives them', {
    timeout: 90_000,
  }, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-keys-'));
    const file = path.join(folder, 'keys.json');
    const keyed = await startApp({
      storage: azurite.connectionString,
      settings: { HOLDFAST_FUNCTION_KEYS: 'Risk_API' },
      keys: file,
    });
    try {
      const { host, functions } = JSON.parse(await readFile(file, 'utf8'));
      const keys = `/keys${purchasePath}`;
      const none = { authorization: '' };
      const withKey = (key: string) => ({ ...none, 'x-functions-key': key });
      expect((await assess(withKey(host), keyed.baseUrl, keys)).status).toBe(200);
      expect((await assess(withKey(functions.keyedwire), keyed.baseUrl, keys)).status).toBe(200);
      expect((await assess(none, keyed.baseUrl, `${keys}?code=${host}`)).status).toBe(200);
      for (const key of ['', 'wrong', functions.keyedmanagement])
        expect((await assess(withKey(key), keyed.baseUrl, keys)).status).toBe(401);
      // a token is no key, and a key no token
      expect((await assess(await credentials(), keyed.baseUrl, keys)).status).toBe(401);
      expect((await assess(withKey(host), keyed.baseUrl)).status).toBe(401);
      expect((await assess(await credentials(), keyed.baseUrl)).status).toBe(200);
      const rules = '/keys/management/v1/environments/primary/rules';
      expect((await call(keyed.baseUrl, 'GET', rules, undefined, withKey(host))).status).toBe(403);
    } finally {
      await keyed.stop();
      await rm(folder, { recursive: true });
    }
  });
});

describe('an app without a tenant', () => {
  it('lets nobody in', { timeout: 60_000 }, async () => {
    const settings = { HOLDFAST_TENANT_ID: undefined };
    const closed = await startApp({ storage: azurite.connectionString, settings });
    try {
      for (const headers of [await credentials(), await bearer(), { authorization: '' }])
        expect((await assess(headers, closed.baseUrl)).status).toBe(401);
    } finally {
      await closed.stop();
    }
  });
});
