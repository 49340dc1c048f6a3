import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problem } from '../problem.ts';
import { callName } from './definition.ts';
import { openFence } from './fence.ts';
import { buildRequest } from './request.ts';
import { readDefinition } from './secrets.ts';
import { keyVaultSecret, keyVaultUrl } from './secretText.ts';

const fence = openFence();
const minimal = { method: 'GET', url: 'https://risk.example/score', timeoutMs: 500 };
const read = (input: unknown) => readDefinition(input, fence);

/** The paths and messages with which a definition is refused. */
function faults(input: unknown): string {
  try {
    read(input);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return (error.errors ?? []).map(({ path, message }) => `${path}: ${message}`).join('\n');
  }
}

describe('a definition', () => {
  test('needs a method, a URL and a time-out; the rest has defaults', () => {
    expect(read(minimal)).toEqual({
      values: {},
      definition: {
        ...minimal,
        description: '',
        parameters: [],
        headers: [],
        secrets: {},
        authentication: { type: 'Anonymous' },
        defaultResponse: {},
        warmUp: false,
      },
    });
  });

  test('comes back as it was read when it is read again', () => {
    const full = {
      ...minimal,
      method: 'POST',
      url: 'https://risk.example/score?code=0123456789abcdef&lang=en',
      parameters: [{ name: 'ip', sample: '1.2.3.4' }, { name: 'mail' }],
      headers: [
        { name: 'Authorization', value: 'Bearer abcdefghijklmnop' },
        { name: 'x-ip', value: '{{ip}}' },
        { name: 'x-region', value: 'eu' },
      ],
      body: { user: { contact: ['{{mail}}'] }, key: '{{secrets.own}}' },
      secrets: { own: 'topsecret', vault: '@Microsoft.KeyVault(VaultName=hold;SecretName=risk-key)' },
      sampleResponse: { risk: 1 },
      defaultResponse: [],
      keepAliveUrl: 'https://risk.example/health',
      warmUp: true,
    };
    const first = read(full);
    expect(read(JSON.parse(JSON.stringify(first.definition)))).toEqual({
      definition: first.definition,
      values: {},
    });
    expect(first.definition.secrets.vault).toEqual({
      keyVault: 'https://hold.vault.azure.net/secrets/risk-key',
    });
    expect(new Set(Object.values(first.values))).toEqual(
      new Set(['topsecret', '0123456789abcdef', 'abcdefghijklmnop']),
    );
    const shown = JSON.stringify(first.definition);
    for (const value of Object.values(first.values)) expect(shown).not.toContain(value);
    expect(first.definition.headers[0]?.value).toBe('Bearer {{secrets.header-Authorization}}');
    expect(first.definition.url).toBe('https://risk.example/score?code={{secrets.url-code}}&lang=en');
  });

  test('never carries a key that was put in its URL or a header', () => {
    const names = [
      'code',
      'key',
      'api_key',
      'x-api-key',
      'subscriptionKey',
      'sig',
      'access_token',
      'Ocp-Apim-Subscription-Key',
    ];
    const value = fc.stringMatching(/^[A-Za-z0-9_-]{8,40}$/);
    fc.assert(
      fc.property(fc.constantFrom(...names), value, value, (name, inUrl, inHeader) => {
        const url = `https://risk.example/p?${name}=${inUrl}`;
        const { definition, values } = read({ ...minimal, url, headers: [{ name, value: inHeader }] });
        expect(new Set(Object.values(values))).toEqual(new Set([inUrl, inHeader]));
        expect(JSON.stringify([definition.url, definition.headers])).not.toContain(inUrl);
        const secrets = Object.fromEntries(
          Object.entries(definition.secrets).map(([key, at]) => [
            key,
            'stored' in at ? (values[at.stored] ?? '') : '',
          ]),
        );
        const sent = buildRequest(definition, [], secrets);
        expect(sent.url.href).toBe(url);
        expect(sent.headers[name.toLowerCase()]).toBe(inHeader);
      }),
    );
  });

  test.each<[string, object, string]>([
    ['a time-out of 0', { timeoutMs: 0 }, 'timeoutMs: between 1 and 5000'],
    ['a time-out over 5 s', { timeoutMs: 5001 }, 'timeoutMs: between 1 and 5000'],
    ['half a millisecond', { timeoutMs: 1.5 }, 'timeoutMs'],
    ['another method', { method: 'PUT' }, 'method'],
    ['http', { url: 'http://risk.example/' }, 'url: only https URLs can be called'],
    ['a relative URL', { url: '/score' }, 'url: an absolute https URL'],
    [
      'a host from a parameter',
      { url: 'https://{{h}}/', parameters: [{ name: 'h' }] },
      'url: an absolute https URL',
    ],
    [
      'a half host from a secret',
      { url: 'https://a{{secrets.h}}/', secrets: { h: 'abcdef' } },
      'url: an absolute',
    ],
    [
      'a parameter in the URL',
      { url: 'https://a.b/{{p}}', parameters: [{ name: 'p' }] },
      'url: {{p}} is not a secret',
    ],
    [
      'credentials in the URL',
      { url: 'https://me:pass@risk.example/' },
      'url: credentials belong in a header',
    ],
    ['a fragment', { url: 'https://risk.example/#x' }, 'url: a fragment'],
    [
      'a metadata address',
      { url: 'https://0xa9fea9fe/latest' },
      'url: 169.254.169.254 is a metadata address',
    ],
    ['a private address', { url: 'https://[::ffff:10.0.0.1]/' }, 'which calls may not reach'],
    [
      'a private keep-alive URL',
      { keepAliveUrl: 'https://127.1/' },
      'keepAliveUrl: 127.0.0.1 is a loopback address',
    ],
    [
      'an unknown placeholder',
      { headers: [{ name: 'a', value: '{{b}}' }] },
      'headers[0].value: {{b}} is neither',
    ],
    [
      'a header twice',
      {
        headers: [
          { name: 'a', value: '' },
          { name: 'A', value: '' },
        ],
      },
      'headers[1].name: A is there',
    ],
    [
      'the Host header',
      { headers: [{ name: 'Host', value: 'x' }] },
      'headers[0].name: this header is set by the call',
    ],
    [
      'a line end in a header',
      { headers: [{ name: 'a', value: 'b\r\nc: d' }] },
      'headers[0].value: printable ASCII',
    ],
    ['a header name with a space', { headers: [{ name: 'a b', value: '' }] }, 'headers[0].name'],
    [
      'parameters that differ in case',
      { parameters: [{ name: 'a' }, { name: 'A' }] },
      'parameters[1].name: A is there twice',
    ],
    ['a body on GET', { body: {} }, 'body: a GET has no body'],
    [
      'a parameter that the body leaves out',
      { method: 'POST', body: { a: '{{a}}' }, parameters: [{ name: 'a' }, { name: 'b' }] },
      'parameters[1]: {{b}} is neither in the body nor in a header',
    ],
    ['warm-up without a URL', { warmUp: true }, 'keepAliveUrl: warm-up calls need a URL'],
    [
      'a key in the keep-alive URL',
      { keepAliveUrl: 'https://a.b/?code=0123456789' },
      'keepAliveUrl: warm-up calls are anonymous',
    ],
    ['a secret of one character', { secrets: { a: 'x' } }, 'secrets.a: 4 to 8000 characters'],
    ['a secret with a line end', { secrets: { a: 'abcd\nefgh' } }, 'secrets.a: printable ASCII'],
    ['a vault that is none', { secrets: { a: { keyVault: 'https://evil.example/secrets/a' } } }, 'secrets.a'],
    [
      'a broken reference',
      { secrets: { a: '@Microsoft.KeyVault(SecretUri=https://evil.example/secrets/a)' } },
      'secrets.a: not a',
    ],
    ['an unknown member', { timeout: 5 }, 'timeout'],
    [
      'an application id that is no GUID',
      { authentication: { type: 'EntraId', audience: 'api://x', applicationId: 'app' } },
      'authentication.applicationId',
    ],
    [
      'a second Authorization header',
      {
        authentication: {
          type: 'EntraId',
          audience: 'api://x',
          applicationId: 'bf04bdab-e06f-44f3-9821-d3af64fc93a9',
        },
        headers: [{ name: 'authorization', value: 'x' }],
      },
      'headers[0].name: with EntraId this header carries the token',
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(faults({ ...minimal, ...change })).toContain(message);
  });

  test('is as the documentation shows it', () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../docs/external-calls.md'), 'utf8');
    const block = /```jsonc\n(\{ "description"[\s\S]*?)```/.exec(page)?.[1] ?? '';
    const { definition } = read(JSON.parse(block.replaceAll(/\s\/\/ .*$/gm, '')));
    expect(definition).toMatchObject({ method: 'POST', timeoutMs: 300, warmUp: true });
    expect(Object.keys(definition.secrets)).toEqual(['code', 'key']);
  });

  test('is refused for all its faults at once', () => {
    const input = {
      ...minimal,
      url: 'https://127.0.0.1/',
      timeoutMs: 0,
      headers: [{ name: 'a', value: '{{b}}' }],
    };
    expect(faults(input)).toContain('url: 127.0.0.1 is a loopback');
    expect(faults(input)).toContain('timeoutMs: between 1 and 5000');
  });

  test('is refused without repeating the secret in the problem', () => {
    expect(faults({ ...minimal, secrets: { a: 'top\u0000secret' } })).not.toContain('top');
  });

  test.each([null, 5, 'x', [], [1]])('is no %j', (input) => expect(faults(input)).toContain('(body)'));

  test.each(['a', '_a1', 'Z9_'])('may be called %s', (name) =>
    expect(callName.safeParse(name).success).toBe(true),
  );
  test.each(['', '1a', 'a-b', 'a.b', 'ä', 'evaluate', 'Evaluate', 'a'.repeat(101)])(
    'may not be called %j',
    (name) => expect(callName.safeParse(name).success).toBe(false),
  );
});

describe('a reference to Key Vault', () => {
  const url = 'https://hold.vault.azure.net/secrets/risk-key';
  test.each([
    [url, url],
    [`${url}/0123abcd`, `${url}/0123abcd`],
    [`@Microsoft.KeyVault(SecretUri=${url}/)`, url],
    ['@Microsoft.KeyVault(VaultName=hold;SecretName=risk-key)', url],
    ['@Microsoft.KeyVault(VaultName=hold;SecretName=risk-key;SecretVersion=0123abcd)', `${url}/0123abcd`],
    ['https://hold.vault.azure.net/certificates/risk-key', url],
  ])('%s is read', (text, expected) => {
    const reference = keyVaultSecret(text);
    expect(reference && keyVaultUrl(reference)).toBe(expected);
  });

  test.each([
    'https://hold.vault.azure.net.evil.example/secrets/a',
    'https://evil.example/.vault.azure.net/secrets/a',
    'http://hold.vault.azure.net/secrets/a',
    'https://hold.vault.azure.net:8443/secrets/a',
    'https://me@hold.vault.azure.net/secrets/a',
    'https://hold.vault.azure.net/keys/a',
    'https://.vault.azure.net/secrets/a',
    '@Microsoft.KeyVault(VaultName=evil.example/;SecretName=a)',
    'plain',
  ])('%s is not one: it would be sent a token', (text) => expect(keyVaultSecret(text)).toBeUndefined());
});

describe('a request', () => {
  const build = (input: object, args: string[], secrets: Record<string, string> = {}) =>
    buildRequest(read({ ...minimal, ...input }).definition, args, secrets);

  test('of GET has its parameters in the query, behind what the URL has', () => {
    const sent = build({ url: 'https://a.b/p?x=1', parameters: [{ name: 'ip' }, { name: 'q' }] }, [
      '::1',
      'a&b=c d#é',
    ]);
    expect(sent.url.href).toBe('https://a.b/p?x=1&ip=%3A%3A1&q=a%26b%3Dc+d%23%C3%A9');
    expect(sent.body).toBeUndefined();
  });

  test('of POST has them in a JSON object, all strings', () => {
    const sent = build({ method: 'POST', parameters: [{ name: 'a' }, { name: 'b' }] }, ['1', '"x"']);
    expect(sent.body).toBe('{"a":"1","b":"\\"x\\""}');
    expect(sent.headers['content-type']).toBe('application/json');
  });

  test('follows the template of the body, at any depth', () => {
    const body = { n: 1, user: { mails: ['{{mail}}', 'x-{{ MAIL }}-{{id}}'], none: null } };
    const sent = build({ method: 'POST', body, parameters: [{ name: 'mail' }, { name: 'id' }] }, [
      '{{id}}',
      '$&',
    ]);
    expect(JSON.parse(sent.body ?? '')).toEqual({
      n: 1,
      user: { mails: ['{{id}}', 'x-{{id}}-$&'], none: null },
    });
  });

  test('of a parameter that a header takes has it there alone', () => {
    const sent = build(
      { headers: [{ name: 'X-Cid', value: '<{{cid}}>' }], parameters: [{ name: 'cid' }, { name: 'p' }] },
      ['7', '8'],
    );
    expect(sent.headers['x-cid']).toBe('<7>');
    expect(sent.url.search).toBe('?p=8');
  });

  test('takes any argument: neither the host nor a header can be changed by one', () => {
    const { definition } = read({
      timeoutMs: 1,
      method: 'POST',
      url: 'https://a.b/p/{{secrets.s}}?q=1',
      headers: [{ name: 'x-a', value: '{{a}}' }],
      body: ['{{b}}'],
      parameters: [{ name: 'a' }, { name: 'b' }],
      secrets: { s: 'a/../?#@b' },
    });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const sent = buildRequest(definition, [text, text], { s: text });
        expect(sent.url.host).toBe('a.b');
        expect(sent.url.protocol).toBe('https:');
        expect(sent.headers['x-a']).toMatch(/^[\x20-\x7e]*$/);
        expect(Object.keys(sent.headers)).toHaveLength(4);
        expect(JSON.parse(sent.body ?? '')).toEqual([text]);
      }),
    );
  });
});

describe('a token', () => {
  const withAudience = (audience: string, url = 'https://risk.example/score') =>
    faults({
      ...minimal,
      url,
      authentication: { type: 'EntraId', audience, applicationId: '00000000-0000-0000-0000-000000000001' },
    });

  test.each<[string, string?]>([
    ['https://storage.azure.com'],
    ['https://storage.azure.com/'],
    ['https://storage.azure.com/.default'],
    ['https://shop.blob.core.windows.net'],
    ['https://vault.azure.net', 'https://azure.net.evil.example/'],
    ['https://vault.azure.net.', 'https://evil.example/'],
    ['HTTPS://VAULT.AZURE.NET'],
    ['vault.azure.net'],
    ['https://management.azure.com//'],
    ['https://management.core.windows.net/'],
    ['https://graph.microsoft.com', 'https://evilgraph.microsoft.com.example/'],
    ['https://eventhubs.azure.net//', 'https://shop.azurewebsites.net/'],
    ['00000003-0000-0000-c000-000000000000'],
    ['CFA8B339-82A2-471A-A3C9-0FC0BE7A4093'],
    ['cfa8b339-82a2-471a-a3c9-0fc0be7a4093/'],
    ['spn:e406a681-f3d4-42a8-90b6-c2b029497af1'],
    ['SPN:https://storage.azure.com'],
  ])('for %s is not sent to another host', (audience, url) => {
    expect(withAudience(audience, url)).toContain(
      'authentication.audience: tokens for services of Microsoft',
    );
  });

  test.each<[string, string?]>([
    ['api://risk'],
    ['api://0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/scope'],
    ['0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'],
    ['https://risk.contoso.com'],
    ['https://contoso.onmicrosoft.com/risk'],
    ['https://shop.azurewebsites.net'],
    ['https://graph.microsoft.com', 'https://graph.microsoft.com/v1.0/me'],
    ['https://vault.azure.net', 'https://shop.vault.azure.net/secrets/a'],
  ])('for %s may be sent', (audience, url) => {
    expect(withAudience(audience, url)).toBe('accepted');
  });
});

test('fifty parameters are a call, more are refused, and so is a zone in an address', () => {
  const parameters = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `p${index}` }));
  expect(faults({ ...minimal, parameters: parameters(50) })).toBe('accepted');
  expect(faults({ ...minimal, parameters: parameters(51) })).toBe('parameters: at most 50');
  expect(faults({ ...minimal, parameters: parameters(100_000) })).toBe('parameters: at most 50');
  for (const url of ['https://[fe80::1%25eth0]/', 'https://[fe80::1%eth0]/', 'https://[::1%25lo]/'])
    expect(faults({ ...minimal, url })).toContain('url: an absolute https URL');
});
