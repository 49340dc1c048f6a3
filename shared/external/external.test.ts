import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Authority, makeAuthority, startTarget, type Target } from '../../test/httpsTarget.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { Azure } from './azure.ts';
import { namespaces, tracedOf } from './events.ts';
import { type CallContext, type External, type ExternalOptions, openExternal } from './external.ts';
import { monitoringQueue } from './monitoring.ts';
import { CallError } from './outcome.ts';
import type { Delivery } from './subscriber.ts';

let azurite: Azurite;
let storage: Storage;
let authority: Authority;
let target: Target;
const opened: External[] = [];

beforeAll(async () => {
  authority = makeAuthority();
  [azurite, target] = await Promise.all([startAzurite(), startTarget(authority.good)]);
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await Promise.all([azurite?.stop(), target?.stop()]);
});
afterEach(() => target.behave(undefined));

function open(options: ExternalOptions = {}): External {
  const external = openExternal(storage, {
    fence: { development: true },
    certificateAuthorities: [authority.ca],
    flushMs: 0,
    ...options,
  });
  opened.push(external);
  return external;
}

const context: CallContext = {
  name: 'risk',
  correlationId: 'c',
  assessment: 'Purchase',
  rule: 'R',
  clause: 'k',
};
const fallback = { risk: 'unknown' };

function definition(external: External, change: object = {}) {
  const base = { method: 'GET', url: `${target.origin}/echo`, timeoutMs: 5000, defaultResponse: fallback };
  return external.read({ ...base, ...change });
}

describe('a call', () => {
  test('gives the response, and diagnostics that say what was asked and where', async () => {
    const external = open();
    const read = definition(external, {
      method: 'POST',
      url: `${target.origin}/echo?v=1`,
      parameters: [{ name: 'ip' }],
      body: { device: { ip: '{{ip}}' } },
    });
    const { response, failed, diagnostics } = await external.invoke(
      'env',
      read.definition,
      ['1.2.3.4'],
      context,
    );
    expect(response).toMatchObject({ method: 'POST', url: '/echo?v=1', body: '{"device":{"ip":"1.2.3.4"}}' });
    expect(failed).toBeUndefined();
    expect(diagnostics).toMatchObject({
      request: '{"device":{"ip":"1.2.3.4"}}',
      endpoint: `${target.origin}/echo`,
      httpStatusCode: 200,
      errorMessage: '',
    });
    expect(Number.isInteger(diagnostics.latency)).toBe(true);
  });

  test.each<[string, object, string, number, RegExp]>([
    [
      'HTTP 500',
      { url: '/status/500' },
      'ResponseFailure',
      500,
      /^Response failure: the answer was HTTP 500/,
    ],
    [
      'HTTP 403',
      { url: '/status/403' },
      'ResponseFailure',
      403,
      /^Response failure: the answer was HTTP 403/,
    ],
    ['garbage', { url: '/html' }, 'ResponseFailure', 200, /not JSON/],
    ['silence', { url: '/never', timeoutMs: 40 }, 'Timeout', 0, /^Timeout: no complete answer within 40 ms/],
    ['a trickle', { url: '/trickle', timeoutMs: 40 }, 'Timeout', 0, /^Timeout/],
    ['a reset', { url: '/reset' }, 'CommunicationFailure', 0, /^Communication failure/],
    [
      'a secret that is gone',
      { secrets: { a: { stored: crypto.randomUUID() } } },
      'UnknownFailure',
      0,
      /secret a has no value/,
    ],
    [
      'no identity',
      { authentication: { type: 'EntraId', audience: 'a', applicationId: crypto.randomUUID() } },
      'AADFailure',
      0,
      /^AAD failure/,
    ],
  ])(
    'that meets %s gives the default response and says so',
    async (_, change, code, httpStatusCode, error) => {
      const external = open();
      const path = 'url' in change ? change.url : '/echo';
      const read = definition(external, { ...change, url: `${target.origin}${path}` });
      const result = await external.invoke('env', read.definition, [], context);
      expect(result.response).toEqual(fallback);
      expect(result.failed?.code).toBe(code);
      expect(result.diagnostics).toMatchObject({ httpStatusCode, errorMessage: result.failed?.message });
      expect(result.diagnostics.errorMessage).toMatch(error);
    },
  );

  test('whose definition is gone says so', async () => {
    const result = await open().invoke('env', undefined, [], context);
    expect(result.response).toEqual({});
    expect(result.failed?.code).toBe('DefinitionNotFound');
    expect(result.diagnostics.errorMessage).toBe('Definition not found: there is no call risk');
  });

  test('into the fence is a communication failure, and nothing is sent', async () => {
    const external = open();
    const read = definition(external);
    const strict = open({ fence: {} });
    const before = target.received.length;
    const result = await strict.invoke('env', read.definition, [], context);
    expect(result.failed).toEqual({
      code: 'CommunicationFailure',
      message: 'Communication failure: 127.0.0.1 is a loopback address, which calls may not reach',
    });
    expect(target.received.length).toBe(before);
  });
});

describe('secrets', () => {
  test('show no part of themselves where the answer to a failed call is cut', async () => {
    const external = open();
    const value = 'a-key-of-some-length';
    const read = definition(external, { headers: [{ name: 'x-api-key', value }] });
    await external.secrets.save('env', 'risk', read.values, target.origin);
    target.behave(({ headers }, response) =>
      response.writeHead(500).end(`${'.'.repeat(8192 - value.length + 1)}${String(headers['x-api-key'])}`),
    );
    const { trace } = await external.invoke('env', read.definition, [], context);
    expect(trace.answered).toBe('.'.repeat(8192 - value.length + 1));
  });

  /** All that comes out of the calls of a definition whose target gives back what it gets. */
  async function everything(
    change: object,
    azure?: Omit<Azure, 'self'>,
  ): Promise<{ sent: string; out: string }> {
    const taken: Delivery[] = [];
    const id = crypto.randomUUID();
    const warnings: string[] = [];
    const external = open({
      ...(azure ? { azure } : {}),
      warn: (message) => void warnings.push(message),
      monitoring: {
        subscriptions: async () => [
          { id, events: namespaces, subscriber: { deliver: async (one) => void taken.push(one) } },
        ],
      },
    });
    const before = target.received.length;
    const out: unknown[] = [taken, warnings];
    const read = definition(external, change);
    await external.secrets.save('env', 'risk', read.values, target.origin);
    const succeeded = await external.invoke('env', read.definition, [], context);
    target.behave(({ headers, url, body }, response) => {
      response.writeHead(500).end(JSON.stringify([headers, url, body, Buffer.from(url).toString('base64')]));
    });
    const failed = await external.invoke('env', read.definition, [], context);
    for (const { diagnostics, trace } of [succeeded, failed]) {
      const about = { ...context, id: crypto.randomUUID(), environments: ['env'], call: 'risk' };
      await external.tell([tracedOf(about, diagnostics, trace)]);
    }
    out.push(read.definition, succeeded, failed, await external.test('env', 'risk', read, []));
    await external.flush();
    for (const message of await storage.queue(monitoringQueue).receive({ max: 32 })) {
      await external.deliver(message.text);
      await storage.queue(monitoringQueue).remove(message);
    }
    expect(taken).not.toHaveLength(0);
    const sent = target.received.slice(before).map(({ url, headers, body }) => [url, headers, body]);
    return { sent: JSON.stringify(sent), out: JSON.stringify(out) };
  }

  test('are sent, and come back by no way', async () => {
    const values = ['k3y-in-url/+x', 'bearer-abcdefgh', 'body"secret', '12345678'];
    const { sent, out } = await everything({
      method: 'POST',
      url: `${target.origin}/echo?code=${encodeURIComponent(values[0] ?? '')}&n={{secrets.number}}`,
      headers: [{ name: 'Authorization', value: `Bearer ${values[1]}` }],
      body: { key: '{{secrets.own}}' },
      secrets: { own: values[2], number: values[3] },
    });
    for (const value of values) {
      const shapes = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
      expect(
        shapes.some((shape) => sent.includes(shape) || sent.includes(JSON.stringify(shape).slice(1, -1))),
      ).toBe(true);
      for (const shape of shapes) expect(out).not.toContain(shape);
    }
  });

  test('of Key Vault and tokens of Entra ID likewise', async () => {
    const azure: Omit<Azure, 'self'> = {
      secret: async () => 'from-the-vault',
      token: async ({ audience }) => `token-for-${audience}`,
    };
    const { sent, out } = await everything(
      {
        headers: [{ name: 'x-key', value: '{{secrets.vault}}' }],
        secrets: { vault: '@Microsoft.KeyVault(SecretUri=https://hold.vault.azure.net/secrets/risk)' },
        authentication: { type: 'EntraId', audience: 'api://risk', applicationId: crypto.randomUUID() },
      },
      azure,
    );
    for (const value of ['from-the-vault', 'Bearer token-for-api://risk']) expect(sent).toContain(value);
    for (const value of ['from-the-vault', 'token-for-']) expect(out).not.toContain(value);
  });

  test('are those of their own call only', async () => {
    const external = open();
    const read = definition(external, { secrets: { own: 'mine-alone' } });
    await external.secrets.save('env', 'risk', read.values, target.origin);
    await external.secrets.check('env', 'RISK', read.definition);
    await expect(external.secrets.check('env', 'other', read.definition)).rejects.toThrow('secrets.own');
    await expect(external.secrets.check('other', 'risk', read.definition)).rejects.toThrow('secrets.own');
    await open().secrets.removeAll('env', 'risk');
    await expect(external.secrets.check('env', 'risk', read.definition)).rejects.toThrow('secrets.own');
  });

  test('that take too long are part of the time-out', async () => {
    const azure: Omit<Azure, 'self'> = {
      secret: () => new Promise(() => {}),
      token: () => new Promise(() => {}),
    };
    const external = open({ azure });
    const authentication = { type: 'EntraId', audience: 'a', applicationId: crypto.randomUUID() };
    const read = definition(external, { authentication, timeoutMs: 20 });
    expect((await external.invoke('env', read.definition, [], context)).failed?.code).toBe('Timeout');
  });

  test('that Entra ID refuses are reported by their kind', async () => {
    const refuse = () =>
      Promise.reject(new CallError('InvalidApplicationId', 'no token could be had (AADSTS700016)'));
    const external = open({ azure: { secret: refuse, token: refuse } });
    const authentication = { type: 'EntraId', audience: 'a', applicationId: crypto.randomUUID() };
    const read = definition(external, { authentication });
    expect((await external.invoke('env', read.definition, [], context)).diagnostics.errorMessage).toBe(
      'Invalid application id: no token could be had (AADSTS700016)',
    );
  });
});

describe('with the target dead', () => {
  test('1,000 calls ask it a few times only; it is asked again when it is back, and then by all', async () => {
    const warnings: string[] = [];
    const external = open({
      breaker: { failures: 5, openMs: 150 },
      warn: (message) => void warnings.push(message),
    });
    const { definition: dead } = definition(external, { url: `${target.origin}/never`, timeoutMs: 500 });
    const before = target.received.length;
    let refused = 0;
    for (let round = 0; round < 50; round += 1) {
      const results = await Promise.all(
        Array.from({ length: 20 }, () => external.invoke('env', dead, [], { ...context, name: 'dead' })),
      );
      for (const { response, failed } of results) {
        expect(response).toEqual(fallback);
        if (failed?.code === 'CircuitBreaker') refused += 1;
      }
    }
    const probes = warnings.filter((warning) => warning.endsWith('is probing')).length;
    expect(target.received.length - before).toBeLessThanOrEqual(20 + probes);
    expect(refused).toBeGreaterThanOrEqual(980 - probes);
    expect(warnings[0]).toBe('circuit breaker of external call env/dead is open');

    target.behave((_, response) => response.end('{"back":true}'));
    await expect
      .poll(async () => (await external.invoke('env', dead, [], { ...context, name: 'dead' })).response, {
        timeout: 10_000,
      })
      .toEqual({ back: true });
    expect(external.breaker('env', 'DEAD')).toBe('closed');
    const [period] = await (async () => {
      await external.flush();
      return external.metrics.query('env', 'dead', 0, Date.now(), 'day');
    })();
    expect(period?.tally.errors.get('CircuitBreaker|0')).toBeGreaterThan(900);
    expect([...(period?.tally.latencies.values() ?? [])].reduce((a, b) => a + b, 0)).toBeLessThan(100);
  });

  test('trying it goes past the breaker, and counts nowhere', async () => {
    const external = open({ breaker: { failures: 1, openMs: 60_000 } });
    const read = definition(external, { url: `${target.origin}/status/500` });
    await external.invoke('env', read.definition, [], { ...context, name: 'tried' });
    expect(external.breaker('env', 'tried')).toBe('open');
    target.behave((_, response) => response.end('{"ok":1}'));
    expect(await external.test('env', 'tried', read, [])).toMatchObject({
      success: true,
      response: { ok: 1 },
    });
    expect(external.breaker('env', 'tried')).toBe('open');
    await external.flush();
    const [period] = await external.metrics.query('env', 'tried', 0, Date.now(), 'day');
    expect(period?.tally.requests).toBe(1);
  });
});

test('metrics are written by themselves, without anybody asking', async () => {
  const external = open({ flushMs: 1 });
  await external.invoke('env', definition(external).definition, [], { ...context, name: 'own' });
  await expect
    .poll(async () => (await external.metrics.query('env', 'own', 0, Date.now(), 'day')).length, {
      timeout: 5000,
    })
    .toBe(1);
});
