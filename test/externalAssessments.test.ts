/** Assessments that rules call: in a running app, over the management API and DFP's own paths. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';

let azurite: Azurite;
let app: RunningApp;

const manage = (method: string, tail: string, body?: unknown): Promise<Answer> =>
  call(app.baseUrl, method, `/management/v1/environments/${tail}`, body);

async function put(tail: string, body: unknown): Promise<void> {
  const { status, body: answer } = await manage('PUT', tail, body);
  if (status >= 300) throw new Error(`PUT ${tail}: ${status} ${JSON.stringify(answer)}`);
}

const rule = (assessment: string, code: string) => ({ assessment, clauses: [{ name: 'c', code }] });

function evaluate(name: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const metadata = { eventId: randomUUID() };
  return call(
    app.baseUrl,
    'POST',
    `/v1.0/assessment/${name}`,
    { metadata, ...body },
    { 'x-ms-correlation-id': randomUUID(), 'x-ms-dfpenvid': 'here', ...headers },
  );
}

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  await put('here', { name: 'Here' });
  await put('here/assessments/Micro', {
    template: 'Custom',
    customFields: [{ name: 'payment.amount', type: 'number', required: true }],
  });
  await put('here/rules/Micro', {
    ...rule('Micro', 'RETURN Reject("too much") WHEN @"payment.amount" > 100'),
  });
  await put('here/velocitySets/Micro', {
    velocities: ['SELECT Count() AS micros FROM Micro GROUPBY @"user.id"'],
  });
  await put('here/externalAssessments/MicroTx', { assessment: 'Micro', sampleResponse: { a: 1 } });
  await put('here/assessments/Main', { template: 'Custom' });
  await put(
    'here/rules/Main',
    rule(
      'Main',
      `LET $r = Assessments.MicroTx.Evaluate($baseInput = @@, user = { id: @"user.id", vip: true })
       LET $d = $r.GetDiagnostics()
       OBSERVE Output(decision = $r.decisionDetails.merchantRuleDecision, reason = $r.decisionDetails.reasons[0], id = $r.metadata.eventId,
         path = $r.metadata.hierarchyPath, status = $d.httpStatusCode, error = $d.errorMessage, n = Velocity.micros(@"user.id", 1h))`,
    ),
  );
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

describe('an assessment that a rule calls', () => {
  it('is decided by its own rules, over the mapped fields, and stored as an event of its own', async () => {
    const { status, body } = await evaluate('Main', { user: { id: 'u1' }, payment: { amount: 150 } });
    expect(status).toBe(200);
    const { id, ...output } = body.customProperties.c;
    expect(output).toEqual({
      decision: 'Reject',
      reason: 'too much',
      path: '/here',
      status: 200,
      error: '',
      n: 0,
    });
    const stored = await manage('GET', `here/events/Micro/${id}`);
    expect(stored.status).toBe(200);
    expect(stored.body.event).toMatchObject({ payment: { amount: 150 }, user: { id: 'u1', vip: true } });
  });

  it('counts once, however often the calling event is sent', async () => {
    const sent = { metadata: { eventId: 'E-1' }, user: { id: 'u2' }, payment: { amount: 1 } };
    const same = { 'x-ms-correlation-id': 'C-1' };
    const [first, second] = await Promise.all([evaluate('Main', sent, same), evaluate('Main', sent, same)]);
    expect(second?.body.customProperties).toEqual(first?.body.customProperties);
    await evaluate('Main', sent, same);
    const later = await evaluate('Main', { user: { id: 'u2' }, payment: { amount: 1 } });
    expect(later.body.customProperties.c.n).toBe(1);
  });

  it('that does not get what it wants gives {} and says why', async () => {
    const { status, body } = await evaluate('Main', { user: { id: 'u3' }, payment: { amount: 'many' } });
    expect(status).toBe(200);
    expect(body.customProperties.c).toMatchObject({ decision: null, status: 400 });
    expect(body.customProperties.c.error).toMatch(/payment\.amount/i);
    expect(JSON.stringify(body.diagnostics)).toContain('externalAssessment-');
  });

  it('that calls itself ends, with a diagnostic, and counts each time', async () => {
    await put('here/assessments/Round', { template: 'Custom' });
    await put('here/externalAssessments/Again', { assessment: 'Round' });
    await put(
      'here/rules/Round',
      rule('Round', 'LET $r = Assessments.Again.Evaluate($baseInput = @@)\nOBSERVE Output(r = $r)'),
    );
    const { status, body } = await evaluate('Round', { user: { id: 'u4' } });
    expect(status).toBe(200);
    let depth = 0;
    let inner = body;
    while (inner?.customProperties?.c?.r?.customProperties) {
      inner = inner.customProperties.c.r;
      depth++;
    }
    expect(depth).toBe(3);
    expect(inner.customProperties.c.r).toEqual({});
    expect(JSON.stringify(inner.diagnostics)).toContain('at most 3 deep');
  });

  it('gets observations and labels about its events', async () => {
    await put('here/assessments/Teller', { template: 'Custom' });
    await put(
      'here/rules/Teller',
      rule(
        'Teller',
        `LET $o = Assessments.MicroTx.Observe(metadata = { eventId: @"of" }, outcome = "paid")
         LET $l = Assessments.MicroTx.Label(label = { labelObjectType: "Custom", labelObjectId: @"of", labelState: "Fraud" })
         OBSERVE Output(observed = $o.succeeded, labelled = $l.succeeded)`,
      ),
    );
    const micro = await evaluate('Micro', { metadata: { eventId: 'M-1' }, payment: { amount: 1 } });
    expect(micro.status).toBe(200);
    const { body } = await evaluate('Teller', { of: 'M-1' });
    expect(body.customProperties.c).toEqual({ observed: true, labelled: true });
    const { body: stored } = await manage('GET', 'here/events/Micro/M-1');
    expect(JSON.stringify(stored)).toContain('Micro:observation');
    expect(JSON.stringify(stored)).toContain('Micro:label');
  });

  it('of another tree may be called where it is shared; one that is private is not told from none', async () => {
    await put('there', { name: 'There' });
    await put('there/assessments/Open', { template: 'Custom', sharing: 'Shared' });
    await put('there/assessments/Closed', { template: 'Custom', sharing: 'Private' });
    await put('here/externalAssessments/Open', { assessment: 'Open', environment: 'there' });
    for (const [name, environment] of [
      ['Closed', 'there'],
      ['Missing', 'there'],
      ['Nowhere', 'nowhere'],
    ])
      await put(`here/externalAssessments/${name}`, { assessment: name, environment });
    await put('here/assessments/Caller', { template: 'Custom' });
    await put(
      'here/rules/Caller',
      rule(
        'Caller',
        `LET $open = Assessments.Open.Evaluate($baseInput = @@)
         LET $closed = Assessments.Closed.Evaluate($baseInput = @@)
         LET $missing = Assessments.Missing.Evaluate($baseInput = @@)
         LET $nowhere = Assessments.Nowhere.Evaluate($baseInput = @@)
         OBSERVE Output(open = $open.metadata.hierarchyPath,
           closed = $closed.GetDiagnostics().httpStatusCode, closedText = $closed.GetDiagnostics().errorMessage,
           missing = $missing.GetDiagnostics().httpStatusCode, missingText = $missing.GetDiagnostics().errorMessage,
           nowhere = $nowhere.GetDiagnostics().httpStatusCode, nowhereText = $nowhere.GetDiagnostics().errorMessage)`,
      ),
    );
    const { body } = await evaluate('Caller', {});
    const text = (name: string) => `There is no assessment "${name}" that may be called from here.`;
    expect(body.customProperties.c).toEqual({
      open: '/there',
      closed: 404,
      closedText: text('Closed'),
      missing: 404,
      missingText: text('Missing'),
      nowhere: 404,
      nowhereText: text('Nowhere'),
    });
  });
});

describe('an external assessment', () => {
  it('is read as it was written, and is in the activity log', async () => {
    const { body } = await manage('GET', 'here/externalAssessments/microtx');
    expect(body).toMatchObject({
      name: 'MicroTx',
      assessment: 'Micro',
      sampleResponse: { a: 1 },
      version: 1,
    });
    expect(JSON.stringify((await manage('GET', 'here/activity')).body)).toContain('externalAssessments');
  });

  it('needs its assessment, which is one of the merchant’s own', async () => {
    const missing = await manage('PUT', 'here/externalAssessments/X', { assessment: 'Nowhere' });
    expect([missing.status, missing.body.detail]).toEqual([400, expect.stringContaining('Nowhere')]);
    const builtIn = await manage('PUT', 'here/externalAssessments/X', { assessment: 'purchase' });
    expect(builtIn.status).toBe(400);
    const name = await manage('PUT', 'here/externalAssessments/1x', { assessment: 'Micro' });
    expect(name.status).toBe(400);
  });

  it('in use is not deleted, nor is the assessment it calls', async () => {
    const external = await manage('DELETE', 'here/externalAssessments/MicroTx');
    expect([external.status, external.body.code]).toEqual([409, 'InUse']);
    const { body } = await manage('GET', 'here/externalAssessments/MicroTx/references');
    expect(body.items).toContainEqual(expect.objectContaining({ kind: 'rules', name: 'Main' }));
    const target = await manage('DELETE', 'here/assessments/Micro');
    expect(target.body.references).toContainEqual(
      expect.objectContaining({ kind: 'externalAssessments', name: 'MicroTx' }),
    );
  });

  it('that turns to another environment lets go of its assessment', async () => {
    await put('here/assessments/Freed', { template: 'Custom' });
    await put('here/externalAssessments/Turned', { assessment: 'Freed' });
    expect((await manage('DELETE', 'here/assessments/Freed')).status).toBe(409);
    await put('here/externalAssessments/Turned', { assessment: 'Freed', environment: 'there' });
    expect((await manage('DELETE', 'here/assessments/Freed')).status).toBe(204);
  });

  it('is not there for rules of environments below', async () => {
    await put('below', { name: 'Below', parent: 'here' });
    const code = 'LET $r = Assessments.MicroTx.Evaluate($baseInput = @@)\nOBSERVE Output(r = $r)';
    const { status, body } = await manage('PUT', 'below/rules/R', rule('Main', code));
    expect([status, body.diagnostics[0].code]).toEqual([422, 'unknown-external-assessment']);
  });
});
