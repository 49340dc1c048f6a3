import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { roles } from '../../shared/auth/permissions.ts';
import { openTokens } from '../../shared/auth/tokens.ts';
import { type Issuer, startIssuer, tenantId } from './issuer.ts';

let issuer: Issuer;
beforeEach(async () => {
  issuer = await startIssuer({ port: 0 });
});
afterEach(() => issuer.stop());

const good = { grant_type: 'client_credentials', client_id: 'Risk_API', client_secret: 'dev' };

async function ask(
  fields: Record<string, string>,
  options: { path?: string; headers?: Record<string, string>; multipart?: boolean } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { path: at = '/dev/oauth2/v2.0/token', headers = {}, multipart = false } = options;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const body = multipart ? form : new URLSearchParams(fields);
  const response = await fetch(issuer.baseUrl + at, { method: 'POST', headers, body });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const tokenOf = (body: Record<string, unknown>) => String(body.access_token);

describe('a token of the issuer', () => {
  it.each(roles)('has the role %s, asked for by that name', async (role) => {
    const { status, body } = await ask({ ...good, client_id: role });
    expect(status).toBe(200);
    expect(decodeJwt(tokenOf(body))).toMatchObject({ roles: [role], tid: tenantId, ver: '2.0' });
  });

  it('is of the shape that MSAL and ADAL clients read: numbers as strings', async () => {
    const v2 = await ask({ ...good, scope: 'https://api.dfp.dynamics-int.com/.default', client_info: '1' });
    expect(v2.body).toEqual({
      token_type: 'Bearer',
      expires_in: '3600',
      ext_expires_in: '3600',
      access_token: expect.any(String),
    });
    expect(decodeJwt(tokenOf(v2.body)).aud).toBe('https://api.dfp.dynamics-int.com');
    const v1 = await ask(
      { ...good, resource: 'https://api.dfp.microsoft.com' },
      { path: '/dev/oauth2/token' },
    );
    expect(v1.body).toMatchObject({
      expires_in: '3600',
      resource: 'https://api.dfp.microsoft.com',
      expires_on: expect.stringMatching(/^\d{10}$/),
    });
    expect(decodeJwt(tokenOf(v1.body))).toMatchObject({
      aud: 'https://api.dfp.microsoft.com',
      ver: '1.0',
      appid: expect.any(String),
    });
  });

  it('is had by a multipart form, as Magento sends it', async () => {
    const { status, body } = await ask(good, { path: '/dev/oauth2/token', multipart: true });
    expect([status, body.token_type]).toEqual([200, 'Bearer']);
  });

  it('is had by HTTP Basic, as B2C sends it', async () => {
    const { client_id, client_secret, ...rest } = good;
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
    const { status } = await ask(rest, { headers: { authorization: `Basic ${basic}` } });
    expect(status).toBe(200);
  });

  it('has no roles for an application that is named by its id', async () => {
    const id = '11111111-2222-4333-8444-555555555555';
    const { body } = await ask({ ...good, client_id: id });
    const claims = decodeJwt(tokenOf(body));
    expect(claims).toMatchObject({ azp: id });
    expect(claims.roles).toBeUndefined();
  });

  it('is what the app takes, by the settings that the issuer gives it', async () => {
    const { HOLDFAST_AUTHORITY: authority = '', HOLDFAST_AUDIENCES: list = '' } = issuer.settings;
    const tokens = openTokens({ authority, tenantId, audiences: list.split(',') });
    for (const at of ['/dev/oauth2/v2.0/token', '/dev/oauth2/token', `/${tenantId}/oauth2/v2.0/token`]) {
      const { body } = await ask(good, { path: at });
      expect((await tokens.verify(`Bearer ${tokenOf(body)}`)).roles).toEqual(['Risk_API']);
    }
  });
});

describe('the issuer refuses', () => {
  it.each<[string, Record<string, string>, number, string, number]>([
    ['a wrong secret', { ...good, client_secret: 'guess' }, 401, 'invalid_client', 7000215],
    ['no secret', { ...good, client_secret: '' }, 401, 'invalid_client', 7000218],
    ['an unknown client', { ...good, client_id: 'Root' }, 400, 'unauthorized_client', 700016],
    ['a role in another letter case', { ...good, client_id: 'risk_api' }, 400, 'unauthorized_client', 700016],
    ['another grant', { ...good, grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    ['no grant', { client_id: 'Risk_API' }, 400, 'invalid_request', 900144],
    ['a scope that is no resource', { ...good, scope: 'openid' }, 400, 'invalid_scope', 1002012],
  ])('%s', async (_, fields, status, error, code) => {
    const answer = await ask(fields);
    expect(answer).toMatchObject({
      status,
      body: { error, error_codes: [code], error_description: expect.stringContaining(`AADSTS${code}`) },
    });
    expect(answer.body.access_token).toBeUndefined();
  });

  it('what is no form, or too long, or elsewhere', async () => {
    const post = (body: string, type: string) =>
      fetch(`${issuer.baseUrl}/dev/oauth2/v2.0/token`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
    expect((await post(JSON.stringify(good), 'application/json')).status).toBe(400);
    expect((await post('no multipart', 'multipart/form-data; boundary=x')).status).toBe(400);
    const long = `x=${'y'.repeat(70_000)}`;
    expect((await post(long, 'application/x-www-form-urlencoded')).status).toBe(400);
    expect((await ask(good, { path: '/other/oauth2/v2.0/token' })).status).toBe(404);
    expect((await fetch(`${issuer.baseUrl}/dev/oauth2/v2.0/token`)).status).toBe(404);
  });
});

describe('its keys', () => {
  it('are published without their private parts, at the address that the metadata names', async () => {
    for (const [at, end] of [
      ['/dev/v2.0/.well-known/openid-configuration', '/v2.0'],
      ['/dev/.well-known/openid-configuration', '/'],
    ]) {
      const metadata = JSON.parse(await (await fetch(issuer.baseUrl + at)).text());
      expect(metadata.issuer).toBe(`${issuer.baseUrl}/${tenantId}${end}`);
      const { keys } = JSON.parse(await (await fetch(metadata.jwks_uri)).text());
      expect(Object.keys(keys[0]).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    }
  });

  it('outlive a restart, in a file that only its owner reads', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-issuer-'));
    try {
      const first = await startIssuer({ port: 0, folder });
      const { kid } = decodeProtectedHeader(await first.token({ client: 'Risk_API' }));
      await first.stop();
      const second = await startIssuer({ port: 0, folder });
      expect(decodeProtectedHeader(await second.token({ client: 'Risk_API' })).kid).toBe(kid);
      await second.stop();
      expect((await stat(path.join(folder, 'signing-keys.json'))).mode & 0o777).toBe(0o600);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
