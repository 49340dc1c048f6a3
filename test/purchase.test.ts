import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, credentials, type RunningApp, startApp } from './holdfast.ts';

let azurite: Azurite;
let app: RunningApp;
const path = '/v1.0/MerchantServices/events/Purchase';

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  await seed({ baseUrl: app.baseUrl, headers: await credentials() });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

function send(changes: object = {}, headers: Record<string, string> = {}, at = path): Promise<Answer> {
  const body = { ...purchase, purchaseId: randomUUID(), ...changes };
  return call(app.baseUrl, 'POST', at, body, { 'x-ms-correlation-id': randomUUID(), ...headers });
}

function manage(method: string, tail: string, body?: unknown, headers = {}): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/${tail}`, body, headers);
}

/** A purchase whose user, e-mail, device and so on nobody else uses. */
function of(user: string, changes: object = {}): object {
  return {
    user: { ...purchase.user, userId: user, email: `${user}@example.com` },
    deviceContext: { deviceContextId: `device-${user}`, ipAddress: '198.51.100.7' },
    paymentInstrumentList: [
      { ...purchase.paymentInstrumentList[0], merchantPaymentInstrumentId: `pi-${user}` },
    ],
    ...changes,
  };
}

describe('a purchase', () => {
  it('gets a decision, a score and the rule and clause that decided, in DFP’s shape', async () => {
    const { status, body, headers } = await send(of('first'), { 'x-ms-correlation-id': 'C-1' });
    expect(status).toBe(200);
    expect(headers.get('x-ms-correlation-id')).toBe('C-1');
    const { resultDetails } = body;
    expect(resultDetails.MerchantRuleDecision).toBe('Approve');
    expect(resultDetails.PolicyApplied).toBe('Sample - purchases');
    expect(resultDetails.ClauseName).toBe('Everything else');
    expect(resultDetails.MerchantRuleReason).toBe('nothing against it');
    expect(Number.isInteger(resultDetails.RiskScore)).toBe(true);
    expect(resultDetails.MerchantRuleOutput['Show what is known']).toEqual({
      purchases_1h: '0',
      spent_7d: '0',
    });
    expect(body.transactionReferenceId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is found whatever the letter case of the path, doubled and trailing slashes', async () => {
    for (const at of ['/v1.0/merchantservices/events/purchase', `/${path}`, `${path}/`])
      expect((await send({}, {}, at)).status, at).toBe(200);
  });

  it('sent again gets the stored answer and counts once, also at the same time', async () => {
    const [id, correlation] = [randomUUID(), { 'x-ms-correlation-id': randomUUID() }];
    const once = of('again', { purchaseId: id });
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(once, correlation)));
    const later = await send({ ...once, _metadata: { trackingId: 'another try' } }, correlation);
    for (const each of [...answers, later]) {
      expect(each.status).toBe(200);
      expect(each.body).toEqual(answers[0]?.body);
    }
    const next = await send(of('again'));
    expect(next.body.resultDetails.MerchantRuleOutput['Show what is known'].purchases_1h).toBe('1');
  });

  it('with another body under the same key is a conflict, and nothing is stored of it', async () => {
    const [id, correlation] = [randomUUID(), { 'x-ms-correlation-id': randomUUID() }];
    await send({ purchaseId: id, totalAmount: 1 }, correlation);
    const other = await send({ purchaseId: id, totalAmount: 2 }, correlation);
    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({ ErrorType: 'ClientError', Retryable: false });
    const shown = await manage('GET', `primary/events/Purchase/${id}`);
    expect(shown.body.event.totalAmount).toBe(1);
  });

  it('of a known id under a new correlation id is a new assessment, and the latest is shown', async () => {
    const id = randomUUID();
    await send({ purchaseId: id, totalAmount: 1 }, { 'x-ms-correlation-id': 'one' });
    expect((await send({ purchaseId: id, totalAmount: 2 }, { 'x-ms-correlation-id': 'two' })).status).toBe(
      200,
    );
    expect((await manage('GET', `primary/events/Purchase/${id}`)).body.event.totalAmount).toBe(2);
    const first = await manage('GET', `primary/events/purchase/${id}?correlationId=one`);
    expect(first.body.event.totalAmount).toBe(1);
  });

  it('without a correlation id is known again by its content', async () => {
    const body = { ...purchase, ...of('nocorrelation'), purchaseId: randomUUID() };
    const [one, two] = [
      await call(app.baseUrl, 'POST', path, body),
      await call(app.baseUrl, 'POST', path, body),
    ];
    expect(two.body).toEqual(one.body);
    expect(two.headers.get('x-ms-correlation-id')).toBe(one.headers.get('x-ms-correlation-id'));
  });

  it('shows every rule and clause, and what was read', async () => {
    const id = randomUUID();
    await send(of('shown', { purchaseId: id }));
    const { status, body } = await manage('GET', `primary/events/Purchase/${id}`);
    expect(status).toBe(200);
    const rules = body.evidence.trail.flatMap((each: { rules: object[] }) => each.rules);
    const sample = rules.find((rule: { rule: string }) => rule.rule === 'Sample - purchases');
    expect(sample.clauses.map((clause: { result: string }) => clause.result)).toEqual([
      'when false',
      'observed',
      'when false',
      'when false',
      'when false',
      'returned',
    ]);
    const read = body.evidence.reads.map((each: { request: { kind: string } }) => each.request.kind);
    expect(read).toContain('velocity');
    expect(read).toContain('supportList');
    expect(body.answer.decision).toBe('Approve');

    // and why: each WHEN with the values it met
    const explained = body.rules.find((rule: { rule: string }) => rule.rule === 'Sample - purchases');
    const tooMany = explained.clauses.find((one: { clause: string }) => one.clause === 'Too many purchases');
    expect(tooMany.why.when).toMatchObject({ value: false });
    expect(tooMany.why.operands[0].operands[0]).toEqual({
      text: 'Velocity.Default_PurchaseCount_PerEmail(@"user.email", 1h)',
      value: 0,
    });
  });
});

describe('velocities', () => {
  it('count 200 purchases at once of one key as exactly 200', { timeout: 120_000 }, async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => send(of('crowd', { totalAmount: 0.1 }))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(200));
    const next = await send(of('crowd'));
    const known = next.body.resultDetails.MerchantRuleOutput['Show what is known'];
    expect(known).toEqual({ purchases_1h: '200', spent_7d: '20' });
    expect(next.body.resultDetails).toMatchObject({
      MerchantRuleDecision: 'Reject',
      ClauseName: 'Too many purchases',
    });
  });

  it('of a parent count the events of its children', async () => {
    const answers = [];
    for (let i = 0; i < 2; i++) answers.push(await send(of('child'), { 'x-ms-dfpenvid': '/primary/outlet' }));
    expect(answers[1]?.body.resultDetails.MerchantRuleOutput['Show what is known'].purchases_1h).toBe('1');
    const above = await send(of('child'), { 'x-ms-dfpenvid': 'primary' });
    expect(above.body.resultDetails.MerchantRuleOutput['Show what is known'].purchases_1h).toBe('2');
  });
});

describe('support lists', () => {
  it('decide at once', async () => {
    const entry = { status: 'Block', reason: 'chargebacks' };
    const key = encodeURIComponent('blocked@example.com');
    const put = await manage('PUT', `primary/supportLists/Email%20Support%20List/entries/${key}`, entry);
    expect(put.status).toBeLessThan(300);
    const { body } = await send(of('blocked'));
    expect(body.resultDetails).toMatchObject({
      MerchantRuleDecision: 'Reject',
      PolicyApplied: 'Default Support Rule',
    });
  });
});

const nasty = [
  'a/b\\c#d?e%f',
  'ключ — 鍵 🔑',
  'x\'y"z',
  ' spaces ',
  '..',
  'é'.repeat(500),
  'a|b',
  '__proto__',
  '\u0007bell',
  'line\u2028POST and\u2029paragraph',
];

describe('keys of any Unicode text', () => {
  it.each(nasty)('%j is an id, a user and a velocity key', async (text) => {
    const user = { ...purchase.user, userId: text, email: text };
    const sent = await send({ ...of('nasty'), user, purchaseId: text }, { 'x-ms-correlation-id': 'n1' });
    expect(sent.status, JSON.stringify(sent.body)).toBe(200);
    const shown = await manage('GET', `primary/events/Purchase/${encodeURIComponent(text)}`);
    if (text !== '..') expect(shown.body.event.purchaseId).toBe(text);
    const next = await send({ ...of('nasty'), user });
    expect(next.body.resultDetails.MerchantRuleOutput['Show what is known'].purchases_1h).toBe('1');
  });
});

describe('bad input', () => {
  const cases: [string, unknown, Record<string, string>, number, RegExp][] = [
    ['not JSON', '{"purchaseId": ', {}, 400, /not JSON/],
    ['nothing', '', {}, 400, /empty/],
    ['an array', [], {}, 400, /object/],
    ['no purchaseId', { ...purchase, purchaseId: undefined }, {}, 400, /purchaseId/],
    ['wrong types', { ...purchase, totalAmount: {}, user: 7 }, {}, 400, /totalAmount.*user/],
    ['an unknown environment', purchase, { 'x-ms-dfpenvid': 'nowhere' }, 404, /nowhere/],
    ['an environment of another tree', purchase, { 'x-ms-dfpenvid': randomUUID() }, 404, /environment/i],
    ['5 MB', JSON.stringify({ ...purchase, blob: 'x'.repeat(5_000_000) }), {}, 413, /larger/],
    ['an endless header', purchase, { 'x-ms-correlation-id': 'x'.repeat(5000) }, 400, /x-ms-correlation-id/],
  ];
  it.each(cases)('%s is refused by name', async (_, body, headers, status, message) => {
    const answer = await call(app.baseUrl, 'POST', path, body, headers);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(answer.body.Message).toMatch(message);
    expect(answer.body.ErrorType).toBe('ClientError');
  });

  it('unknown paths and methods are told', async () => {
    expect((await call(app.baseUrl, 'POST', '/v1.0/nothing', {})).status).toBe(404);
    expect((await call(app.baseUrl, 'GET', path)).status).toBe(405);
    expect((await call(app.baseUrl, 'POST', '/v1.0/%2e%2e/management', {})).status).toBe(404);
  });

  it('stores nothing', async () => {
    const id = randomUUID();
    await call(app.baseUrl, 'POST', path, { ...purchase, purchaseId: id, totalAmount: 'much' });
    expect((await manage('GET', `primary/events/Purchase/${id}`)).status).toBe(404);
  });

  it('names a broken row of a list, and the list stays as it was', async () => {
    const csv = (text: string) =>
      call(app.baseUrl, 'PUT', '/management/v1/environments/primary/lists/Mine', text, {
        'content-type': 'text/csv',
      });
    expect((await csv('Key,Value\na,1\n')).status).toBe(201);
    const broken = await csv('Key,Value\na,1\nb,2,3\n');
    expect(broken.status).toBe(400);
    expect(JSON.stringify(broken.body)).toMatch(/row 3|line 3/i);
    expect((await manage('GET', 'primary/lists/Mine')).body).toBe('Key,Value\na,1\n');
  });
});
