import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent, buildConnector } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority, startTarget, type Target } from '../../test/httpsTarget.ts';
import { openAzure, type Wanted } from './azure.ts';
import { CallError } from './outcome.ts';
import { pemOf } from './pkcs12.ts';

let vault: Target;
let dispatcher: Agent;

/** A server that stands for every vault of Azure. */
beforeAll(async () => {
  const authority = makeAuthority();
  vault = await startTarget(authority.good);
  const connect = buildConnector({ ca: authority.ca, servername: 'vault.target.test', allowH2: false });
  dispatcher = new Agent({
    connect: (target, callback) =>
      connect({ ...target, hostname: '127.0.0.1', port: String(vault.port) }, callback),
  });
});

afterAll(async () => {
  await dispatcher?.destroy();
  await vault?.stop();
});

const hour = 3_600_000;
const authentication = {
  type: 'EntraId',
  audience: 'api://risk',
  applicationId: 'bf04bdab-e06f-44f3-9821-d3af64fc93a9',
} as const;

/** Credentials that count, and a clock. */
function azure(tokenOf: (wanted: Wanted, scope: string) => string, options: { tenantId?: string } = {}) {
  const asked: { wanted: Wanted; scope: string }[] = [];
  const time = { now: 1_000_000 };
  const opened = openAzure({
    ...options,
    dispatcher,
    now: () => time.now,
    credentialFor: async (wanted) => ({
      getToken: async (scope) => {
        const one = typeof scope === 'string' ? scope : (scope[0] ?? '');
        asked.push({ wanted, scope: one });
        return { token: tokenOf(wanted, one), expiresOnTimestamp: time.now + hour };
      },
    }),
  });
  return { ...opened, asked, time };
}

const kindOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof CallError ? `${error.kind}: ${error.message}` : error;
};

describe('a token', () => {
  test('is asked for once by all who need it, and again shortly before its end', async () => {
    let number = 0;
    const { token, asked, time } = azure(() => `token ${++number}`);
    expect(new Set(await Promise.all([1, 2, 3].map(() => token(authentication))))).toEqual(
      new Set(['token 1']),
    );
    expect(asked).toEqual([
      {
        wanted: { kind: 'managedIdentity', clientId: authentication.applicationId },
        scope: 'api://risk/.default',
      },
    ]);
    time.now += hour - 4 * 60_000;
    expect(await token(authentication)).toBe('token 1');
    await expect.poll(() => token(authentication)).toBe('token 2');
    time.now += 2 * hour;
    expect(await token(authentication)).toBe('token 3');
  });

  test('is another for another audience', async () => {
    const { token } = azure((_, scope) => scope);
    expect(await token({ ...authentication, audience: 'api://other' })).toBe('api://other/.default');
    expect(await token(authentication)).toBe('api://risk/.default');
  });

  test.each([
    [
      'AADSTS700016: Application with identifier was not found',
      'InvalidApplicationId: no token could be had (AADSTS700016)',
    ],
    [
      'AADSTS500011: The resource principal was not found',
      'AADFailure: no token could be had (AADSTS500011)',
    ],
    ['connect ECONNREFUSED 169.254.169.254:80', 'AADFailure: no token could be had'],
  ])('that is refused with %s is reported as %s, and asked for again', async (message, expected) => {
    let broken = true;
    const { token } = azure(() => {
      if (broken) throw new Error(message);
      return 'good';
    });
    expect(await kindOf(token(authentication))).toBe(expected);
    broken = false;
    expect(await token(authentication)).toBe('good');
  });

  test('by certificate takes the PEM from Key Vault', async () => {
    const certificateUrl = 'https://hold.vault.azure.net/certificates/app';
    const pem = '-----BEGIN PRIVATE KEY-----\nx';
    vault.behave((_, response) => response.end(JSON.stringify({ value: pem })));
    const { token, asked } = azure(() => 't', { tenantId: 'home' });
    expect(await token({ ...authentication, certificateUrl })).toBe('t');
    expect(vault.received.at(-1)?.url).toBe('/secrets/app?api-version=7.4');
    expect(asked.at(-1)?.wanted).toEqual({
      kind: 'certificate',
      clientId: authentication.applicationId,
      tenantId: 'home',
      pem,
    });
    vault.behave((_, response) => response.end(JSON.stringify({ value: 'MIIKcQIBAzCC' })));
    const other = { ...authentication, certificateUrl: 'https://hold.vault.azure.net/certificates/pfx' };
    expect(await kindOf(token(other))).toContain(
      'AADFailure: the certificate in Key Vault is neither PEM nor a PKCS#12 that can be read',
    );
  });
});

describe('a certificate that Key Vault keeps as PKCS#12', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-p12-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const tripleDes = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
  test.each([
    ['as .NET and OpenSSL 3 write it', 'rsa:2048', []],
    ['as Windows wrote it before', 'rsa:2048', tripleDes],
    ['with its key not encrypted', 'rsa:2048', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
  ])('%s is taken', async (_, kind, how) => {
    const certificate = ['-keyout', 'k.pem', '-out', 'c.pem', '-days', '2', '-subj', '/CN=app'];
    openssl('req', '-x509', '-newkey', kind, '-nodes', ...certificate);
    openssl(
      'pkcs12',
      '-export',
      '-inkey',
      'k.pem',
      '-in',
      'c.pem',
      '-passout',
      'pass:',
      '-out',
      'a.pfx',
      ...how,
    );
    const value = readFileSync(path.join(folder, 'a.pfx')).toString('base64');
    vault.behave((_received, response) => response.end(JSON.stringify({ value })));
    const { token, asked } = azure(() => 't', { tenantId: 'home' });
    const certificateUrl = 'https://hold.vault.azure.net/certificates/app';
    expect(await token({ ...authentication, certificateUrl })).toBe('t');
    const wanted = asked.at(-1)?.wanted;
    const pem = wanted?.kind === 'certificate' ? wanted.pem : '';
    const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
    expect(createPrivateKey(pem).equals(createPrivateKey(read('k.pem')))).toBe(true);
    expect(new X509Certificate(pem).fingerprint256).toBe(new X509Certificate(read('c.pem')).fingerprint256);
    // what is broken anywhere is an error in words, never a crash
    const bytes = Buffer.from(value, 'base64');
    for (let end = 0; end < bytes.length; end += 97) expect(pemOf(bytes.subarray(0, end))).toBeUndefined();
  });

  test('with a password is refused', () => {
    openssl(
      'pkcs12',
      '-export',
      '-inkey',
      'k.pem',
      '-in',
      'c.pem',
      '-passout',
      'pass:secret',
      '-out',
      'b.pfx',
    );
    expect(pemOf(readFileSync(path.join(folder, 'b.pfx')))).toBeUndefined();
  });
});

describe('a secret', () => {
  const url = 'https://hold.vault.azure.net/secrets/risk-key';

  test('is read with the product’s own token, once for all, and looked at again after five minutes', async () => {
    let value = ' first\n';
    vault.behave((_, response) => response.end(JSON.stringify({ value })));
    const { secret, asked, time } = azure(() => 'own token');
    const before = vault.received.length;
    expect(new Set(await Promise.all([1, 2, 3].map(() => secret(url))))).toEqual(new Set(['first']));
    expect(vault.received.length - before).toBe(1);
    expect(vault.received.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer own token',
      host: 'hold.vault.azure.net',
    });
    expect(asked[0]).toEqual({ wanted: { kind: 'self' }, scope: 'https://vault.azure.net/.default' });
    value = 'second';
    expect(await secret(url)).toBe('first');
    time.now += 6 * 60_000;
    expect(await secret(url)).toBe('first');
    await expect.poll(() => secret(url)).toBe('second');
    vault.behave((_, response) => response.writeHead(500).end());
    time.now += 6 * 60_000;
    await secret(url);
    expect(await secret(url)).toBe('second');
  });

  test.each([
    [403, '{"error":{}}', 'Key Vault answered 403'],
    [200, '{}', 'Key Vault gave no value'],
    [200, 'x', 'Key Vault gave no value'],
  ])('that Key Vault answers with %i %s is an unknown failure in words', async (status, body, message) => {
    vault.behave((_, response) => response.writeHead(status).end(body));
    const { secret } = azure(() => 't');
    expect(await kindOf(secret(url))).toBe(`UnknownFailure: the secret risk-key cannot be read: ${message}`);
  });

  test('of a host that is no vault is never asked for', async () => {
    const { secret, asked } = azure(() => 't');
    expect(await kindOf(secret('https://evil.example/secrets/a'))).toContain('not a secret of Key Vault');
    expect(asked).toEqual([]);
  });
});
