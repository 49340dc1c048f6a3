import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Issuer, startIssuer, tenantId } from '../../tools/issuer/issuer.ts';
import { tokenClaims } from '../../tools/issuer/tokenClaims.ts';
import { Problem } from '../problem.ts';
import { openTokens, type TokenOptions, type Tokens } from './tokens.ts';

const audiences = ['api://holdfast', 'https://api.dfp.dynamics.com'];
const start = Date.now();
let issuer: Issuer;
let tokens: Tokens;
let now: number;

function open(options: TokenOptions = {}): Tokens {
  return openTokens(
    { authority: issuer.baseUrl, tenantId, audiences },
    { now: () => now, coolDown: 0, ...options },
  );
}

beforeEach(async () => {
  now = start;
  issuer = await startIssuer({ port: 0 });
  tokens = open();
});
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of ended.splice(0)) await each();
  await issuer.stop();
});

/** The claims of a good token for a role, to be changed. */
function claims(changes: Record<string, unknown> = {}, client = 'Risk_API'): Record<string, unknown> {
  const place = { baseUrl: issuer.baseUrl, tenantId, lifetimeSeconds: 3600, now: start };
  return { ...tokenClaims(place, { client }), ...changes };
}

async function problemOf(authorization: string | null, by = tokens): Promise<Problem> {
  const answer = await by.verify(authorization).catch((error: unknown) => error);
  if (answer instanceof Problem) return answer;
  throw new Error(`not refused: ${JSON.stringify(answer)}`);
}

/** Expects a 401 for that reason, which tells nothing else. */
async function refusal(token: string, by = tokens): Promise<string> {
  const { status, detail, code } = await problemOf(`Bearer ${token}`, by);
  expect(status).toBe(401);
  expect(detail).toBe('Unauthorized. Access token is missing or invalid.');
  return code;
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = Math.floor(start / 1000);

describe('a token', () => {
  it('of an application tells who it is and its roles', async () => {
    const token = await issuer.token({ client: 'Risk_API' });
    const caller = await tokens.verify(`Bearer ${token}`);
    expect(caller).toMatchObject({ kind: 'application', roles: ['Risk_API'] });
    expect(caller.id).toBe(caller.principal);
  });

  it('of a user tells the sign-in name, and the object id for assignments', async () => {
    const oid = 'AAAAAAAA-0000-4000-8000-00000000000A';
    const user = { scp: 'user_impersonation', sub: 'pairwise', oid, preferred_username: 'ann@contoso.com' };
    const token = await issuer.sign(
      claims({ ...user, roles: ['FraudEngineer', 'Other', 7, 'FraudEngineer'] }),
    );
    expect(await tokens.verify(`bearer ${token}`)).toEqual({
      id: 'ann@contoso.com',
      kind: 'user',
      principal: oid.toLowerCase(),
      roles: ['FraudEngineer'],
    });
  });

  it('of the first version of Entra ID’s endpoints is as good, for any of the audiences', async () => {
    for (const audience of audiences) {
      const token = await issuer.token({ client: 'SupportAgent', audience, version: '1.0' });
      expect((await tokens.verify(`Bearer ${token}`)).roles).toEqual(['SupportAgent']);
    }
  });

  it('without roles has a caller without roles', async () => {
    const id = '11111111-2222-4333-8444-555555555555';
    const token = await issuer.token({ client: id });
    expect(await tokens.verify(`Bearer ${token}`)).toMatchObject({ principal: id, roles: [] });
  });

  it.each([
    ['the scheme in lower case', (token: string) => `bearer ${token}`],
    ['spaces around', (token: string) => ` Bearer  ${token} `],
  ])('is read with %s', async (_, header) => {
    await expect(tokens.verify(header(await issuer.sign(claims())))).resolves.toBeDefined();
  });
});

describe('a token is refused', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['expired', 'TokenExpired', { exp: seconds - 61 }],
    ['not yet valid', 'TokenExpired', { nbf: seconds + 61 }],
    ['without an end', 'TokenClaimNotFound', { exp: undefined }],
    ['with an end that is no number', 'TokenClaimValueNotAllowed', { exp: 'never' }],
    ['for another audience', 'TokenAudienceNotAllowed', { aud: 'https://graph.microsoft.com' }],
    ['for an audience in another letter case', 'TokenAudienceNotAllowed', { aud: 'API://HOLDFAST' }],
    ['for no audience', 'TokenClaimNotFound', { aud: undefined }],
    ['of another issuer', 'TokenIssuerNotAllowed', { iss: 'https://login.microsoftonline.com/x/v2.0' }],
    ['of no issuer', 'TokenClaimNotFound', { iss: undefined }],
    ['of another tenant', 'TokenClaimValueNotAllowed', { tid: '99999999-0000-4000-8000-000000000000' }],
    ['of no tenant', 'TokenClaimValueNotAllowed', { tid: undefined }],
    ['of no application, as an ID token', 'TokenClaimNotFound', { azp: undefined }],
    ['of nobody', 'TokenClaimNotFound', { oid: undefined }],
    ['of a user without scopes, as an ID token', 'TokenClaimNotFound', { sub: 'pairwise' }],
  ])('%s: %s', async (_, reason, changes) => {
    expect(await refusal(await issuer.sign(claims(changes)))).toBe(reason);
  });

  it('only beyond the difference that clocks may have', async () => {
    for (const changes of [{ exp: seconds - 50 }, { nbf: seconds + 50 }])
      await expect(tokens.verify(`Bearer ${await issuer.sign(claims(changes))}`)).resolves.toBeDefined();
  });

  it('once it has expired, though it was good a moment ago', async () => {
    const token = await issuer.sign(claims({ exp: seconds + 10 }));
    await tokens.verify(`Bearer ${token}`);
    now += 69_000;
    await expect(tokens.verify(`Bearer ${token}`)).resolves.toBeDefined();
    now += 2_000;
    expect(await refusal(token)).toBe('TokenExpired');
  });

  it('that differs from a good one in its signature alone', async () => {
    const token = await issuer.sign(claims());
    await tokens.verify(`Bearer ${token}`);
    const other = token.at(-20) === 'A' ? 'B' : 'A';
    expect(await refusal(`${token.slice(0, -20)}${other}${token.slice(-19)}`)).toBe('TokenSignatureInvalid');
  });

  it('of another tenant, signed by a key that both tenants share', async () => {
    const other = claims({ iss: `${issuer.baseUrl}/99999999-0000-4000-8000-000000000000/v2.0` });
    expect(await refusal(await issuer.sign(other))).toBe('TokenIssuerNotAllowed');
  });

  it.each([
    ['none', 'JwtInvalid'],
    ['None', 'JwtInvalid'],
    ['', 'JwtInvalid'],
  ])('unsigned, as the algorithm %j', async (alg, reason) => {
    const unsigned = `${part({ alg, typ: 'JWT', kid: 'x' })}.${part(claims())}.`;
    expect(await refusal(unsigned)).toBe(reason);
  });

  it('signed by HS256 with the public key as its secret', async () => {
    const key = await publicKey();
    const secrets = [
      createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
      JSON.stringify(key),
      Buffer.from(String(key.n), 'base64url'),
    ];
    for (const secret of secrets) {
      const text = `${part({ alg: 'HS256', typ: 'JWT', kid: key.kid })}.${part(claims())}`;
      const signature = createHmac('sha256', secret).update(text).digest('base64url');
      expect(await refusal(`${text}.${signature}`)).toBe('JwtInvalid');
    }
  });

  it('signed by a stranger under a key id of the issuer', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const { kid } = await publicKey();
    expect(await refusal(await signed(privateKey, { kid: String(kid) }))).toBe('TokenSignatureInvalid');
  });

  it('signed by a stranger under an own key id, or none', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    expect(await refusal(await signed(privateKey, { kid: 'mine' }))).toBe('TokenSignatureKeyNotFound');
    expect(await refusal(await signed(privateKey, {}))).toBe('TokenSignatureKeyNotFound');
  });

  it('that brings its key, or says where to get it; nobody asks there', async () => {
    const { publicKey: own, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk: JWK = { ...(await exportJWK(own)), kid: 'mine', alg: 'RS256' };
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end(JSON.stringify({ keys: [jwk] }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const jku = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/keys`;
    try {
      for (const header of [{ jwk }, { jku }, { x5u: jku }, { jku, jwk }])
        expect(await refusal(await signed(privateKey, { kid: 'mine', ...header }))).toBe(
          'TokenSignatureKeyNotFound',
        );
      expect(asked).toBe(0);
    } finally {
      server.close();
    }
  });

  it('changed after it was signed', async () => {
    const [header, , signature] = (await issuer.sign(claims())).split('.');
    const changed = `${header}.${part(claims({ roles: ['ProductAdmin'] }))}.${signature}`;
    expect(await refusal(changed)).toBe('TokenSignatureInvalid');
  });

  it('of another type', async () => {
    expect(await refusal(await issuer.sign(claims(), { typ: 'logout+jwt' }))).toBe('JwtInvalid');
  });

  it('oversized, before any work', async () => {
    const loads = countLoads();
    const token = await issuer.sign(claims({ padding: 'x'.repeat(20_000) }));
    expect(token.length).toBeGreaterThan(16 * 1024);
    expect(await refusal(token)).toBe('JwtInvalid');
    expect(loads()).toBe(0);
  });

  it.each(['', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e', 'ä.ö.ü', '..', 'a..c', `${'a'.repeat(5000)}.b.c`])(
    'that is none: %j',
    async (text) => expect(await refusal(text)).toBe('JwtInvalid'),
  );

  it.each([null, '', '  '])('that is not there: %j', async (header) => {
    expect((await problemOf(header)).code).toBe('TokenNotPresent');
  });

  it('in another scheme, or twice', async () => {
    const token = await issuer.sign(claims());
    for (const header of [`Basic ${token}`, token, `Bearer ${token}, Bearer ${token}`])
      expect((await problemOf(header)).code).toBe('JwtInvalid');
  });
});

describe('keys', () => {
  it('that the issuer has rolled over are found, and the old ones serve while it publishes them', async () => {
    const old = await issuer.sign(claims());
    await tokens.verify(`Bearer ${old}`);
    await issuer.rotate();
    const fresh = await issuer.sign(claims());
    await expect(tokens.verify(`Bearer ${fresh}`)).resolves.toBeDefined();
    await expect(tokens.verify(`Bearer ${old}`)).resolves.toBeDefined();
    await issuer.rotate({ forget: true });
    await tokens.verify(`Bearer ${await issuer.sign(claims())}`);
    // a token that was checked is known for five minutes
    await expect(tokens.verify(`Bearer ${old}`)).resolves.toBeDefined();
    now += 300_000;
    expect(await refusal(old)).toBe('TokenSignatureKeyNotFound');
  });

  it('are loaded once for many tokens, forged key ids included', async () => {
    const loads = countLoads();
    const patient = open({ coolDown: 30_000 });
    const good = `Bearer ${await issuer.sign(claims())}`;
    await Promise.all(Array.from({ length: 20 }, () => patient.verify(good)));
    const { privateKey } = await generateKeyPair('RS256');
    for (let i = 0; i < 10; i++)
      expect(await refusal(await signed(privateKey, { kid: `forged-${i}` }), patient)).toBe(
        'TokenSignatureKeyNotFound',
      );
    expect(loads()).toBe(1);
  });

  it('serve on while the issuer is away', async () => {
    const good = `Bearer ${await issuer.sign(claims({ exp: seconds + 90_000 }))}`;
    await tokens.verify(good);
    await issuer.stop();
    now += 3_700_000;
    await expect(tokens.verify(good)).resolves.toBeDefined();
    await expect(tokens.verify(good)).resolves.toBeDefined();
  });

  it('that cannot be had are no fault of the caller: 503, and the issuer is not asked again at once', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-tokens-'));
    ended.push(() => rm(folder, { recursive: true }));
    await issuer.stop();
    issuer = await startIssuer({ port: 0, folder });
    const good = `Bearer ${await issuer.sign(claims())}`;
    const port = Number(new URL(issuer.baseUrl).port);
    const patient = open({ coolDown: 30_000 });
    await issuer.stop();
    expect(await problemOf(good, patient)).toMatchObject({ status: 503, retryAfter: 5 });
    issuer = await startIssuer({ port, folder });
    const loads = countLoads();
    for (let i = 0; i < 5; i++) expect((await problemOf(good, patient)).status).toBe(503);
    expect(loads()).toBe(0);
    now += 5_000;
    await expect(patient.verify(good)).resolves.toBeDefined();
    expect(loads()).toBe(1);
  });

  it('of metadata that names another issuer are not taken', async () => {
    const good = `Bearer ${await issuer.sign(claims())}`;
    const wrong = openTokens({ authority: issuer.baseUrl, tenantId: 'dev', audiences });
    expect(await problemOf(good, wrong)).toMatchObject({ status: 503 });
  });
});

async function publicKey(): Promise<JsonWebKey & { kid?: string }> {
  const answer = await fetch(`${issuer.baseUrl}/dev/discovery/v2.0/keys`);
  const { keys }: { keys: (JsonWebKey & { kid?: string })[] } = JSON.parse(await answer.text());
  const [key] = keys;
  if (!key) throw new Error('the issuer has no key');
  return key;
}

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

function signed(key: PrivateKey, header: Record<string, unknown>): Promise<string> {
  return new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header }).sign(key);
}

/** Counts how often the issuer's metadata is asked for, from now on, as fetch itself reports it. */
function countLoads(): () => number {
  let count = 0;
  const look = (message: unknown) => {
    if (JSON.stringify(message, ['request', 'path']).includes('openid-configuration')) count++;
  };
  subscribe('undici:request:create', look);
  ended.push(() => unsubscribe('undici:request:create', look));
  return () => count;
}
