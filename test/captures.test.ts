import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerSchemas } from '../shared/events/answerSchemas.ts';
import { matchPath } from '../shared/events/index.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Capture, captures, expectWhatIsRead, spoilt } from './captures.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';

/* Every request of DFP's public clients, sent to a running app as the client sends it. */

let azurite: Azurite;
let app: RunningApp;

/** The environment that the captures name by its GUID; those that name none find it as the default. */
const environment = '5d0a4c0e-3f0b-4a57-9c1f-1c6f2f3a8b11';

/** A rule that decides, puts something out, and has a fault, so that an answer has all its members. */
const clauses = [
  { name: 'faulty', code: 'OBSERVE Output(part = "ab".Substring(5))' },
  { name: 'shown', code: 'OBSERVE Output(number = 7, text = "seven")' },
  { name: 'decides', code: 'RETURN Challenge("SMS", "unusual", "call them")' },
];

const asking = [
  {
    name: 'scores',
    code: 'OBSERVE Output(risk = Model.Risk().Score, bot = Model.Bot(@"device.deviceContextId").Score)',
  },
  ...clauses,
];

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  const made: [string, object][] = [
    ['primary', { name: 'Primary', id: environment }],
    ['XYZ', { name: 'XYZ', parent: 'primary' }],
    [
      'primary/assessments/MoneyTransfer',
      {
        template: 'Money transfer',
        sections: [
          { name: 'deviceFingerprinting', fields: [{ name: 'id', type: 'string', required: true }] },
        ],
        customFields: [{ name: 'channel', type: 'string', required: true, searchable: true }],
      },
    ],
    ['primary/assessments/ProfileUpdate', { template: 'Legacy' }],
    ...['Purchase', 'AccountCreation', 'AccountLogin'].map((assessment): [string, object] => [
      `primary/rules/${assessment}`,
      { assessment, clauses },
    ]),
    ...['MoneyTransfer', 'ProfileUpdate'].map((assessment): [string, object] => [
      `primary/rules/${assessment}`,
      { assessment, clauses: asking },
    ]),
  ];
  for (const [path, body] of made) {
    const { status, body: answer } = await manage('PUT', path, body);
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

/** Sends it with a correlation id of its own: several captures use the same made-up ids. */
function replay({ method, path, headers, body }: Capture): Promise<Answer> {
  const sent = Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.toLowerCase() !== 'authorization')
      .map(([name, value]) => [name, name.toLowerCase() === 'x-ms-correlation-id' ? randomUUID() : value]),
  );
  return call(app.baseUrl, method, path, body ?? undefined, sent);
}

describe.each([...captures(''), ...captures('own/')])('%s', (_name, capture) => {
  it('is accepted, and answered with what the client reads', async () => {
    const { status, body } = await replay(capture);
    expect(status, JSON.stringify(body)).toBe(200);
    expectWhatIsRead(capture, body);
    const match = matchPath(capture.path.split('?')[0] ?? '');
    if (match?.version === '1.0') expect(() => answerSchemas[match.type].parse(body)).not.toThrow();
    for (const [what, answer] of spoilt(capture, body))
      expect(() => expectWhatIsRead(capture, answer), what).toThrow();
  });

  it('sent again as it was gets the same answer', async () => {
    const again = { ...capture, headers: { ...capture.headers } };
    delete again.headers['x-ms-correlation-id'];
    const first = await replay(again);
    const second = await replay(again);
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
  });
});

describe('the environment of a request', () => {
  const capture = new Map(captures('own/')).get('mr__purchase');
  const send = (headers: Record<string, string>, query = '') =>
    call(app.baseUrl, 'POST', `${capture?.path}${query}`, capture?.body, headers);
  const environmentOf = ({ body }: Answer) => body.resultDetails.PolicyAppliedEnvironmentId;

  it.each([
    ['its GUID', { 'x-ms-dfpenvid': environment }, ''],
    ['its GUID in upper case', { 'X-MS-DFPENVID': environment.toUpperCase() }, ''],
    ['its API name', { 'x-ms-dfpenvid': 'PRIMARY' }, ''],
    ['a path', { 'x-ms-dfpenvid': '/primary/XYZ' }, ''],
    ['a path that begins with a GUID', { 'x-ms-dfpenvid': `${environment}/XYZ` }, ''],
    ['the query, with a stray slash', {}, `?x-ms-dfpenvid=${environment}/`],
    ['the query in another letter case', {}, `?X-Ms-DfpEnvId=${environment}/`],
    ['the query beside an empty header', { 'x-ms-dfpenvid': ' ' }, `?x-ms-dfpenvid=${environment}/`],
    ['nothing: the default', {}, ''],
  ])('is known by %s', async (_, headers, query) => {
    const answer = await send(headers, query);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(environmentOf(answer)).toBe(environment);
  });

  it('that nobody knows is a 404, with the correlation id', async () => {
    const headers = { 'x-ms-dfpenvid': randomUUID(), 'x-ms-correlation-id': 'C-404' };
    const answer = await send(headers);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ ErrorType: 'ClientError', Retryable: false });
    expect(answer.headers.get('x-ms-correlation-id')).toBe('C-404');
  });

  it('is demanded where the operator says so', { timeout: 60_000 }, async () => {
    const strict = await startApp({
      storage: azurite.connectionString,
      settings: { HOLDFAST_REQUIRE_ENVIRONMENT: 'true' },
    });
    const post = (headers: Record<string, string>) =>
      call(strict.baseUrl, 'POST', `${capture?.path}`, capture?.body, headers);
    const refused = await post({ 'x-ms-correlation-id': 'C-400' });
    expect(refused.status).toBe(400);
    expect(refused.body.Message).toContain('x-ms-dfpenvid');
    expect(refused.headers.get('x-ms-correlation-id')).toBe('C-400');
    expect((await post({ 'x-ms-dfpenvid': 'primary' })).status).toBe(200);
    // a person is deleted in no environment that nobody named
    const forget = (headers: Record<string, string>) =>
      call(strict.baseUrl, 'POST', '/v1.0/gdpr/delete', { SubjectID: 'User:nobody' }, headers);
    expect(await forget({})).toMatchObject({ status: 400, body: { ErrorType: 'ClientError' } });
    expect((await forget({ 'x-ms-dfpenvid': 'primary' })).status).toBe(202);
    await strict.stop();
  });
});
