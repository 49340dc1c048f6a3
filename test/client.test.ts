import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientCredentials, HoldfastError, openClient } from '../clients/typescript/index.ts';
import { type ClientOptions, openTransport, type Token } from '../clients/typescript/transport.ts';
import { openApiDocument } from '../functions/openapi/document.ts';
import { examples } from '../functions/openapi/examples.ts';
import { clientSource, formatted, target } from '../tools/client/generate.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type RunningApp, startApp, theIssuer } from './holdfast.ts';

it('is generated from the document as it is now; `node tools/client/generate.ts` writes it', async () => {
  const written = await readFile(target, 'utf8');
  expect(written === formatted(clientSource(openApiDocument('generated')))).toBe(true);
});

describe('against the running app', () => {
  let azurite: Azurite;
  let app: RunningApp;
  let client: Client;
  let tokens = 0;

  beforeAll(async () => {
    azurite = await startAzurite();
    app = await startApp({ storage: azurite.connectionString });
    const issuer = await theIssuer();
    const token = clientCredentials({
      tokenUrl: `${issuer.baseUrl}/dev/oauth2/v2.0/token`,
      clientId: 'ProductAdmin',
      clientSecret: 'dev',
      scope: 'api://holdfast/.default',
    });
    client = openClient({
      baseUrl: `${app.baseUrl}/`,
      environment: 'shop',
      token: () => {
        tokens++;
        return token();
      },
    });
  }, 120_000);

  afterAll(async () => {
    await app?.stop();
    await azurite?.stop();
  });

  it('makes an environment and a rule, has a purchase assessed, and shows why', async () => {
    await client.putEnvironment({ env: 'shop', body: { name: 'Shop' } });
    const rule = await client.putRule({
      env: 'shop',
      name: 'Expensive',
      body: {
        assessment: 'Purchase',
        clauses: [
          {
            name: 'much',
            section: 'PostRiskScoring',
            code: 'RETURN Review("expensive") WHEN @totalAmount > 1000',
          },
        ],
      },
    });
    expect(rule.version).toBe(1);
    const body = { purchaseId: randomUUID(), merchantLocalDate: '2026-11-21T10:00:00Z', totalAmount: 5000 };
    const { resultDetails } = await client.purchase({ body });
    expect(resultDetails.MerchantRuleDecision).toBe('Review');
    const shown = await client.getEvent({ env: 'shop', type: 'Purchase', id: body.purchaseId });
    expect(shown.event.totalAmount).toBe(5000);
    const observed = await client.bankEvent({
      body: { bankEventId: 'b', type: 'Auth', purchaseId: body.purchaseId },
    });
    expect(observed.resultDetails.Succeeded).toBe(true);
    const login = await client.accountLogin({
      id: 'u',
      body: { ...examples.AccountLogin, metadata: { loginId: randomUUID() } },
    });
    expect(login.resultDetails[0]?.scores.map(({ scoreType }) => scoreType)).toEqual(['Bot', 'Risk']);
    const usage = await client.getUsage({ env: 'shop', months: 1 });
    expect(Object.fromEntries(usage.items.map(({ api, assessments }) => [api, assessments]))).toMatchObject({
      purchase: 1,
      account: 1,
    });
    expect(tokens).toBe(1);
  });

  it('meets capacities: a warning, then a 429 that it tells as an error', async () => {
    await client.putEnvironment({ env: 'small', body: { name: 'Small' } });
    await client.putCapacity({ env: 'small', name: 'purchase', body: { hardLimit: 1 } });
    const body = { purchaseId: 'first', merchantLocalDate: '2026-11-21T10:00:00Z' };
    const args = { environment: 'small', correlationId: 'c', body };
    const first = await client.purchase(args);
    const refused = await client
      .purchase({ ...args, body: { ...body, purchaseId: 'second' } })
      .catch((error) => error);
    expect(refused).toMatchObject({ status: 429, operation: 'purchase' });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(await client.purchase(args)).toEqual(first);
  });

  it('throws errors that name the members at fault, of either API', async () => {
    const wire = await client
      .purchase({ body: { purchaseId: '', merchantLocalDate: '', totalAmount: 1 } })
      .catch((error) => error);
    expect(wire).toBeInstanceOf(HoldfastError);
    expect(wire).toMatchObject({ status: 400, code: 'ClientError' });
    expect(wire.errors.map(({ path }: { path: string }) => path)).toEqual([
      'purchaseId',
      'merchantLocalDate',
    ]);
    const management = await client.getRule({ env: 'shop', name: 'None' }).catch((error) => error);
    expect(management).toMatchObject({ status: 404, code: 'NotFound', operation: 'getRule' });
  });

  it('reads lists as files and writes conditions', async () => {
    await client.putList({ env: 'shop', name: 'Mine', body: 'Key,Value\na,1\n', ifNoneMatch: '*' });
    expect(await client.downloadList({ env: 'shop', name: 'Mine' })).toBe('Key,Value\na,1\n');
    const again = client.putList({ env: 'shop', name: 'Mine', body: 'Key,Value\na,1\n', ifNoneMatch: '*' });
    await expect(again).rejects.toMatchObject({ status: 412 });
  });
});

/** A transport whose answers are given, with what it sent and how long it waited. */
function scripted(answers: (Response | Error)[], options: Partial<ClientOptions> = {}) {
  const sent: Request[] = [];
  const waits: number[] = [];
  let now = 0;
  const transport = openTransport({
    baseUrl: 'http://app.example',
    sleep: async (ms) => {
      waits.push(ms);
    },
    now: () => now,
    fetch: async (input, init) => {
      sent.push(new Request(input, init));
      const next = answers.shift();
      if (!next || next instanceof Error) throw next ?? new Error('no more answers');
      return next;
    },
    ...options,
  });
  const wait = (ms: number) => {
    now += ms;
  };
  return { transport, sent, waits, wait };
}

const get = { operation: 'get', method: 'GET', path: '/x', repeatable: true };
const post = { operation: 'post', method: 'POST', path: '/x', body: {}, repeatable: false };
const event = { ...post, repeatable: true, event: true };
const busy = (seconds: string) => new Response('', { status: 503, headers: { 'retry-after': seconds } });

describe('repeats', () => {
  it('wait as long as the app asks for', async () => {
    const { transport, waits } = scripted([
      busy('2'),
      busy('Thu, 01 Jan 1970 00:00:07 GMT'),
      Response.json(1),
    ]);
    expect((await transport(post)).body).toBe(1);
    expect(waits).toEqual([2000, 7000]);
  });

  it('end after so many tries, and at once where the wait is too long', async () => {
    const few = scripted([busy('0'), busy('0'), busy('0')], { retries: 1 });
    await expect(few.transport(get)).rejects.toMatchObject({ status: 503 });
    expect(few.sent).toHaveLength(2);
    const long = scripted([busy('3600')]);
    await expect(long.transport(get)).rejects.toMatchObject({ status: 503, retryAfterMs: 3_600_000 });
  });

  it('of events carry the same correlation id', async () => {
    const { transport, sent } = scripted([
      new TypeError('fetch failed'),
      new Response('', { status: 502 }),
      Response.json({}),
    ]);
    await transport(event);
    const ids = sent.map(({ headers }) => headers.get('x-ms-correlation-id'));
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(1);
  });

  it('are not made where nobody knows whether a change arrived', async () => {
    const { transport, sent } = scripted([new TypeError('fetch failed')]);
    await expect(transport(post)).rejects.toMatchObject({ code: 'Network', status: 0 });
    expect(sent).toHaveLength(1);
  });

  it('are not made of what is refused', async () => {
    const { transport, sent } = scripted([
      Response.json({ code: 'InvalidBody', detail: 'no' }, { status: 400 }),
    ]);
    await expect(transport(get)).rejects.toMatchObject({ code: 'InvalidBody', message: 'get: no' });
    expect(sent).toHaveLength(1);
  });
});

describe('tokens', () => {
  const token = (expires: number): Token => ({ value: `t${expires}`, expires });
  const ok = () => Response.json({});

  it('are kept until five minutes before they expire, and fetched once for calls at the same time', async () => {
    let fetched = 0;
    const { transport, sent, wait } = scripted([ok(), ok(), ok(), ok()], {
      token: async () => token(3_600_000 * ++fetched),
    });
    await Promise.all([transport(get), transport(get)]);
    wait(3_299_000);
    await transport(get);
    expect(fetched).toBe(1);
    wait(1000);
    await transport(get);
    expect(fetched).toBe(2);
    expect(sent.at(-1)?.headers.get('authorization')).toBe('Bearer t7200000');
  });

  it('are renewed once where the app takes one no longer', async () => {
    let fetched = 0;
    const { transport } = scripted([new Response('', { status: 401 }), ok()], {
      token: async () => token(1e9 + ++fetched),
    });
    await transport(get);
    expect(fetched).toBe(2);
  });

  it('outlive a renewal that fails', async () => {
    let fetched = 0;
    const { transport, wait } = scripted([ok(), ok()], {
      token: async () => {
        if (fetched++ > 0) throw new Error('down');
        return token(3_600_000);
      },
    });
    await transport(get);
    wait(3_400_000);
    expect((await transport(get)).status).toBe(200);
  });
});

it('gives up a try in time', async () => {
  const { transport } = scripted([], {
    timeoutMs: 5,
    retries: 0,
    fetch: (_, init) =>
      new Promise((_resolve, reject) =>
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
      ),
  });
  await expect(transport(get)).rejects.toMatchObject({ code: 'Timeout' });
});
