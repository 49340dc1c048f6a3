import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import purchase from '../tools/seed/purchase.json' with { type: 'json' };
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';

/* Events that come after an assessment, or before it, or twice: docs/events.md. */

let azurite: Azurite;
let app: RunningApp;

const sets: [string, string[]][] = [
  [
    'Money',
    [
      'SELECT Count() AS bankEvents FROM BankEvent GROUPBY @"purchase.deviceContext.externalDeviceId"',
      'SELECT Count() AS declined FROM BankEvent WHEN @"status" == "Declined" and @"purchase.totalAmount" > 100 GROUPBY @"purchase.user.userId"',
      'SELECT Sum(@"amount") AS chargedBack FROM Chargeback GROUPBY @"purchase.user.userId"',
      'SELECT Sum(@"amount") AS refunded FROM Refund GROUPBY @"purchase.user.userId"',
      'SELECT Count() AS rejected FROM PurchaseStatus WHEN @"statusType" == "Rejected" GROUPBY @"purchase.user.userId"',
      'SELECT Count() AS labels FROM Label WHEN @"isFraud" GROUPBY @"purchase.user.userId"',
      'SELECT Count() AS approvedBefore FROM PurchaseStatus WHEN @"purchase.ruleEvaluation.decision" == "Approve" GROUPBY @"purchase.user.userId"',
    ],
  ],
  [
    'Accounts',
    [
      'SELECT Count() AS failedLogins FROM AccountLoginStatus WHEN @"statusDetails.statusType" == "Rejected" GROUPBY @"accountLogin.user.userId"',
      'SELECT DistinctCount(@"custom.email") AS mails FROM Assessment_A1, Assessment_A1:status GROUPBY @"custom.userId"',
      'SELECT Count() AS fraudsOfA1 FROM A1:label GROUPBY @"a1.custom.userId"',
    ],
  ],
];

const known = [
  ['bankEvents', 'deviceContext.externalDeviceId'],
  ...['declined', 'chargedBack', 'refunded', 'rejected', 'labels', 'approvedBefore', 'failedLogins'].map(
    (name) => [name, 'user.userId'],
  ),
].map(([name, key]) => `${name} = Velocity.${name}(@"${key}", 7d)`);

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  const made: [string, object][] = [
    ['primary', { name: 'Primary' }],
    ['primary/assessments/A1', { template: 'Custom' }],
    ...sets.map(([name, velocities]): [string, object] => [`primary/velocitySets/${name}`, { velocities }]),
    [
      'primary/rules/Known',
      { assessment: 'Purchase', clauses: [{ name: 'known', code: `OBSERVE Output(${known.join(', ')})` }] },
    ],
    [
      'primary/rules/Known of A1',
      {
        assessment: 'A1',
        clauses: [
          {
            name: 'known',
            code: 'OBSERVE Output(mails = Velocity.mails(@"custom.userId", 7d), frauds = Velocity.fraudsOfA1(@"custom.userId", 7d))',
          },
        ],
      },
    ],
  ];
  for (const [path, body] of made) {
    const { status, body: answer } = await manage('PUT', encodeURI(path), body);
    expect(status, `${path}: ${JSON.stringify(answer)}`).toBe(201);
  }
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

function manage(method: string, tail: string, body?: unknown): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/${tail}`, body);
}

async function post(path: string, body: unknown, correlation: string = randomUUID()): Promise<Answer> {
  const answer = await call(app.baseUrl, 'POST', path, body, { 'x-ms-correlation-id': correlation });
  expect(answer.status, `${path}: ${JSON.stringify(answer.body)}`).toBe(200);
  return answer;
}

const event = (name: string, body: object, correlation?: string) =>
  post(
    `/v1.0/MerchantServices/events/${name}`,
    { _metadata: { trackingId: randomUUID() }, ...body },
    correlation,
  );

/** Buys something; what the velocities said of the customer and the device before. */
async function buy(user: string, purchaseId: string = randomUUID(), changes: object = {}) {
  const { body } = await event('Purchase', {
    ...purchase,
    purchaseId,
    totalAmount: 250,
    user: { ...purchase.user, userId: user, email: `${user}@example.com` },
    deviceContext: { deviceContextId: `session-${user}`, externalDeviceId: `device-${user}` },
    paymentInstrumentList: [
      { ...purchase.paymentInstrumentList[0], merchantPaymentInstrumentId: `pi-${user}` },
    ],
    ...changes,
  });
  return body.resultDetails.MerchantRuleOutput.known;
}

const bankEvent = (purchaseId: string, changes: object = {}) => ({
  bankEventId: randomUUID(),
  type: 'Auth',
  status: 'Declined',
  purchaseId,
  ...changes,
});

async function shown(type: string, id: string) {
  const { status, body } = await manage(
    'GET',
    `primary/events/${encodeURIComponent(type)}/${encodeURIComponent(id)}`,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

describe('an event that comes after its purchase', () => {
  it('sees the purchase under its name, and counts', async () => {
    const id = randomUUID();
    await buy('after', id);
    await event('BankEvent', bankEvent(id));
    await event('BankEvent', bankEvent(id, { status: 'Approved' }));
    await event('Chargeback', { chargebackId: randomUUID(), purchaseId: id, amount: 30.5 });
    await event('Refund', { refundId: randomUUID(), purchaseId: id, amount: '9.50' });
    await event('PurchaseStatus', {
      purchaseId: id,
      statusType: 'Rejected',
      statusDate: '2026-01-01T00:00:00Z',
    });
    await event('Label', { labelObjectType: 'Purchase', labelObjectId: id, isFraud: true });
    expect(await buy('after')).toEqual({
      bankEvents: '2',
      declined: '1',
      chargedBack: '30.5',
      refunded: '9.5',
      rejected: '1',
      labels: '1',
      approvedBefore: '1',
      failedLogins: '0',
    });
  });

  it('is listed with it, and its status is the purchase’s', async () => {
    const id = randomUUID();
    await buy('listed', id);
    expect(await shown('Purchase', id)).toMatchObject({
      assessmentType: 'Protect',
      status: null,
      laterEvents: [],
    });
    const bank = bankEvent(id);
    await event('BankEvent', bank);
    for (const statusType of ['Pending', 'Approved'])
      await event('PurchaseStatus', {
        purchaseId: id,
        statusType,
        statusDate: '2026-01-01T00:00:00Z',
        reason: 'RuleEngine',
      });
    const { status, laterEvents, event: stored } = await shown('purchase', id);
    expect(stored.purchaseId).toBe(id);
    expect(status).toMatchObject({ statusType: 'Approved', reason: 'RuleEngine', type: 'PurchaseStatus' });
    expect(laterEvents.map(({ type }: { type: string }) => type)).toEqual([
      'BankEvent',
      'PurchaseStatus',
      'PurchaseStatus',
    ]);
    expect(await shown('BankEvent', bank.bankEventId)).toMatchObject({
      event: { status: 'Declined' },
      assessment: { type: 'Purchase', id },
    });
  });

  it('belongs to the latest purchase of the id', async () => {
    const id = randomUUID();
    await buy('earlier', id);
    await buy('latest', id);
    await event('BankEvent', bankEvent(id));
    expect((await buy('earlier')).bankEvents).toBe('0');
    expect((await buy('latest')).bankEvents).toBe('1');
  });

  it('counts once however often it comes, also at the same time', async () => {
    const id = randomUUID();
    await buy('twice', id);
    const [body, correlation] = [bankEvent(id), randomUUID()];
    const answers = await Promise.all(Array.from({ length: 6 }, () => event('BankEvent', body, correlation)));
    answers.push(await event('BankEvent', body, correlation));
    for (const answer of answers)
      expect(answer.body).toEqual({ resultDetails: { Succeeded: true, Error: null } });
    expect((await buy('twice')).bankEvents).toBe('1');
    const other = { ...body, status: 'Approved' };
    const headers = { 'x-ms-correlation-id': correlation };
    const refused = await call(
      app.baseUrl,
      'POST',
      '/v1.0/MerchantServices/events/BankEvent',
      other,
      headers,
    );
    expect(refused.status).toBe(409);
    expect((await shown('BankEvent', body.bankEventId)).event.status).toBe('Declined');
  });
});

describe('an event that comes before its purchase', () => {
  it('counts when the purchase comes, once, also where it came twice', async () => {
    const id = randomUUID();
    const [body, correlation] = [bankEvent(id), randomUUID()];
    await event('BankEvent', body, correlation);
    await event('BankEvent', body, correlation);
    await event('PurchaseStatus', {
      purchaseId: id,
      statusType: 'Rejected',
      statusDate: '2026-01-01T00:00:00Z',
    });
    expect(await shown('BankEvent', body.bankEventId)).toMatchObject({
      assessment: null,
      waitsFor: [{ type: 'Purchase', id }],
    });
    expect((await buy('before', id)).bankEvents).toBe('0');
    await event('BankEvent', body, correlation);
    expect(await buy('before')).toMatchObject({ bankEvents: '1', declined: '1', rejected: '1' });
    const found = await shown('Purchase', id);
    expect(found.status).toMatchObject({ statusType: 'Rejected' });
    expect(found.laterEvents).toHaveLength(2);
    const attached = await shown('BankEvent', body.bankEventId);
    expect(attached.assessment).toMatchObject({ type: 'Purchase', id });
    expect(attached.contributions.length).toBeGreaterThan(0);
    expect(attached).not.toHaveProperty('waitsFor');
  });

  it('is missed by none and counted once where the two cross each other', { timeout: 60_000 }, async () => {
    const ids = Array.from({ length: 40 }, () => randomUUID());
    await Promise.all(ids.flatMap((id) => [event('BankEvent', bankEvent(id)), buy('crossing', id)]));
    expect((await buy('crossing')).bankEvents).toBe('40');
  });

  it('does not wait for a purchase of another id, or of no id', async () => {
    const id = randomUUID();
    await event('BankEvent', bankEvent(id));
    await buy('other', `${id}x`);
    expect((await buy('other')).bankEvents).toBe('0');
  });
});

describe('an event that knows only the customer', () => {
  const label = (labelObjectType: string, labelObjectId: string) =>
    event('Label', { labelObjectType, labelObjectId, labelState: 'Fraud', isFraud: true });

  it.each([
    ['Account', (user: string) => user],
    ['PI', (user: string) => `pi-${user}`],
    ['EMAIL', (user: string) => `${user.toUpperCase()}@Example.com`],
  ])('belongs to the latest assessment: %s', async (type, idOf) => {
    const [user, id] = [`customer-${type}`, randomUUID()];
    await buy(user);
    await buy(user, id);
    await label(type, idOf(user));
    expect((await shown('Purchase', id)).laterEvents).toMatchObject([{ type: 'Label' }]);
    expect((await buy(user)).labels).toBe('1');
  });

  it('waits for nobody', async () => {
    await label('Account', 'nobody-yet');
    await buy('nobody-yet');
    expect((await buy('nobody-yet')).labels).toBe('0');
  });

  it('belongs to the latest login where it is a login’s status', async () => {
    const [user, loginId] = [randomUUID(), randomUUID()];
    await post(`/v1.0/action/account/login/${user}`, {
      name: 'AP.AccountLogin',
      metadata: { loginId },
      user: { userId: user },
    });
    await buy(user);
    await post(`/v1.0/observe/account/login/status/${user}`, {
      metadata: { trackingId: randomUUID() },
      statusDetails: { statusType: 'Rejected', reasonType: 'ChallengeFailed' },
    });
    expect(await shown('AccountLogin', loginId)).toMatchObject({
      status: { statusType: 'Rejected', reasonType: 'ChallengeFailed' },
    });
    expect((await buy(user)).failedLogins).toBe('1');
  });
});

describe('an assessment of the merchant’s own', () => {
  const evaluate = async (eventId: string, user: string, email: string) => {
    const { body } = await post('/v1.0/assessment/A1', {
      metadata: { eventId },
      custom: { userId: user, email },
    });
    return body.customProperties.known;
  };

  it('feeds velocities with its own events and those that follow', async () => {
    const id = randomUUID();
    await evaluate(id, 'a1-user', 'one@example.com');
    await post('/v1.0/observe/assessment/a1/Status', {
      metadata: { primaryEventId: id, eventId: randomUUID() },
      statusType: 'Approved',
      custom: { userId: 'a1-user', email: 'two@example.com' },
    });
    expect(await evaluate(randomUUID(), 'a1-user', 'one@example.com')).toEqual({ mails: 2, frauds: 0 });
    expect(await shown('a1', id)).toMatchObject({
      type: 'A1',
      status: { statusType: 'Approved', type: 'A1:status' },
    });
  });

  it('is found by labels of its own API and of the purchase family, early or late', async () => {
    const id = randomUUID();
    const body = { label: { labelObjectType: 'Assessment', labelObjectId: id, isFraud: true } };
    expect((await post('/v1.0/label/assessment/A1', body)).body).toEqual({ succeeded: true, error: null });
    await event('Label', { labelObjectType: 'CustomFraudEvaluation', labelObjectId: id });
    await evaluate(id, 'a1-label', 'one@example.com');
    await event('Label', { labelObjectType: 'GenericEvent', labelObjectId: id });
    const { laterEvents } = await shown('A1', id);
    expect(laterEvents.map(({ type }: { type: string }) => type).sort()).toEqual([
      'A1:label',
      'Label',
      'Label',
    ]);
    expect(await evaluate(randomUUID(), 'a1-label', 'x@example.com')).toEqual({ mails: 1, frauds: 1 });
  });

  it('without a definition is a 404, without what it demands a 400', async () => {
    const unknown = await call(app.baseUrl, 'POST', '/v1.0/assessment/Nothing', {
      metadata: { eventId: 'e' },
    });
    expect(unknown.status).toBe(404);
    expect(unknown.body.Message).toContain('Nothing');
    const missing = await call(app.baseUrl, 'POST', '/v1.0/assessment/A1', { metadata: {} });
    expect(missing.status).toBe(400);
    expect(missing.body.Message).toContain('metadata.eventId');
  });
});
