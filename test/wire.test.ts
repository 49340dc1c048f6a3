import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';

/* Account protection and the merchant's own assessments, from the outside; captures.test.ts has what clients really send. */

let azurite: Azurite;
let app: RunningApp;

const bot = 'python-requests/2.32';
const shown = (section: string) => ({
  name: section,
  section,
  code: 'OBSERVE Output(risk = @riskScore + 0, bot = @botScore + 0)',
});

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  const made: [string, object][] = [
    ['primary', { name: 'Primary' }],
    ...['AccountCreation', 'AccountLogin'].map((assessment): [string, object] => [
      `primary/rules/${assessment}`,
      {
        assessment,
        clauses: [
          ...['PriorToScoring', 'PostBotScoring', 'PostRiskScoring'].map(shown),
          { name: 'bots', code: 'RETURN Review("a bot", "look at it") WHEN @botScore > 700' },
        ],
      },
    ]),
    [
      'primary/assessments/Payments',
      {
        template: 'CardPayment',
        customFields: [
          { name: 'seats', type: 'integer', required: true },
          { name: 'contact', type: 'email' },
        ],
      },
    ],
    ['primary/assessments/Plain', { template: 'Custom' }],
    ...['Payments', 'Plain'].map((assessment): [string, object] => [
      `primary/rules/${assessment}`,
      { assessment, clauses: [{ name: 'score', code: 'OBSERVE Output(risk = Model.Risk().Score)' }] },
    ]),
    [
      'primary/actions/Tell',
      { assessment: 'Plain', clauses: [{ name: 'tell', code: 'DO SetResponse(told = true)' }] },
    ],
  ];
  for (const [path, body] of made) {
    const { status, body: answer } = await call(
      app.baseUrl,
      'PUT',
      `/management/v1/environments/${path}`,
      body,
    );
    expect(status, `${path}: ${JSON.stringify(answer)}`).toBe(201);
  }
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  call(app.baseUrl, 'POST', path, body, headers);

const login = (changes: object = {}) => ({
  name: 'AP.AccountLogin',
  version: '0.5',
  metadata: { loginId: randomUUID() },
  user: { userId: 'dana', username: 'dana@example.com' },
  device: { deviceContextId: 'session', httpUserAgent: bot },
  ...changes,
});

describe('account protection', () => {
  it('scores bots before risk, and each section of clauses sees what is scored by then', async () => {
    const { status, body } = await post('/v1.0/action/account/login/dana', login());
    expect(status).toBe(200);
    const [detail] = body.resultDetails;
    const [botRow, riskRow] = detail.scores;
    expect(botRow).toMatchObject({ scoreType: 'Bot', reason: 'SCRIPTED_CLIENT' });
    expect(riskRow).toMatchObject({ scoreType: 'Risk' });
    expect(botRow.scoreValue).toBeGreaterThan(700);
    expect(riskRow.scoreValue).toBeGreaterThan(0);
    expect(detail.other).toEqual({
      PriorToScoring: { risk: 0, bot: 0 },
      PostBotScoring: { risk: 0, bot: botRow.scoreValue },
      PostRiskScoring: { risk: riskRow.scoreValue, bot: botRow.scoreValue },
    });
    expect(detail).toMatchObject({ decision: 'Review', reasons: ['a bot'], clauseName: 'bots' });
    expect(body.enrichments.calculatedFeatures.emailDomain).toBe('example.com');
  });

  it('says that a bot score is not known where nothing is known', async () => {
    const { body } = await post('/v1.0/action/account/create', {
      metadata: { signUpId: randomUUID() },
      user: { username: 'dana' },
    });
    expect(body.name).toBe('AP.AccountCreation.Response.Success');
    expect(body.resultDetails[0].scores[0]).toEqual({
      scoreType: 'Bot',
      scoreValue: 0,
      reason: 'NO_DEVICE_DATA',
    });
  });

  it('knows a login again that is tried once more with another tracking id', async () => {
    const loginId = randomUUID();
    const attempt = (trackingId: string) =>
      post(
        '/v1.0/action/account/login',
        login({ metadata: { loginId, trackingId, merchantTimeStamp: trackingId } }),
      );
    const [first, second] = [await attempt('one'), await attempt('two')];
    expect(second.body).toEqual(first.body);
  });

  it('acknowledges later events, the same one with the same reference', async () => {
    const status = {
      metadata: { signUpId: randomUUID(), trackingId: 't' },
      statusDetails: { statusType: 'Approved' },
    };
    const headers = { 'x-ms-correlation-id': randomUUID() };
    const first = await post('/v1.0/observe/account/create/status', status, headers);
    expect(first.body).toMatchObject({ code: '200', description: 'OK' });
    expect((await post('/v1.0/observe/account/create/status/x', status, headers)).body).toEqual(first.body);
  });

  it('names every fault at once', async () => {
    const { status, body } = await post('/v1.0/action/account/create', {
      user: { userId: {} },
      email: [{ isEmailValidated: 'perhaps' }],
    });
    expect(status).toBe(400);
    expect(body.Message).toMatch(/metadata/);
    expect(body.Message).toMatch(/user\.userId/);
    expect(body.Message).toMatch(/email\[0\]\.isEmailValidated/);
  });
});

describe('an assessment of the merchant’s own', () => {
  const payments = (custom: object, eventId: string = randomUUID()) =>
    post('/v1.0/assessment/payments', { metadata: { eventId }, custom });

  it('demands its fields with their types', async () => {
    expect((await payments({ seats: '3' })).status).toBe(200);
    const wrong = await payments({ seats: 'three' });
    expect(wrong.status).toBe(400);
    expect(wrong.body.Message).toContain('custom.seats');
    const missing = await payments({});
    expect(missing.body.Message).toContain('custom.seats');
  });

  it('is scored where a rule asks, if its template has scores', async () => {
    const { body } = await payments({ seats: 1 });
    expect(body.enrichments.risk.scoreValue).toBe(body.customProperties.score.risk);
    expect(body.enrichments.risk.scoreValue).toBeGreaterThan(0);
    expect(body.enrichments.bot).toEqual({ scoreType: 'Bot', scoreValue: 0, reason: 'NOT_SCORED' });
    const plain = await post('/v1.0/assessment/Plain/evaluate', { metadata: { eventId: randomUUID() } });
    expect(plain.body.customProperties).toMatchObject({ score: { risk: 0 }, told: true });
    expect(plain.body.enrichments.risk.reason).toBe('NOT_SCORED');
    expect(JSON.stringify(plain.body.diagnostics)).toContain('Custom');
  });

  it('answers the same event with the same answer, times included', async () => {
    const id = randomUUID();
    expect((await payments({ seats: 2 }, id)).body).toEqual((await payments({ seats: 2 }, id)).body);
  });

  it('of the legacy kind must repeat its name', async () => {
    expect((await post('/v1.0/action/assessment/Plain', { name: 'plain' })).status).toBe(200);
    const other = await post('/v1.0/action/assessment/Plain', { name: 'Other' });
    expect(other.status).toBe(400);
    expect(other.body.Message).toContain('name');
  });
});

it('the health probe of DFP’s clients gets 200 and no byte', async () => {
  const { status, body } = await call(app.baseUrl, 'GET', '/api/v1/health');
  expect([status, body]).toEqual([200, '']);
});
