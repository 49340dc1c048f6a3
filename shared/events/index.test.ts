import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { accountAnswer, mailFeatures } from './accountAnswer.ts';
import { assessmentReader } from './assessment.ts';
import {
  assessmentAnswer,
  type Decision,
  eventKinds,
  eventPaths,
  eventSchemas,
  eventTypes,
  labelsFraud,
  matchPath,
  receiveAssessmentLabel,
  receiveAssessmentObservation,
  receiveCustomAssessment,
} from './index.ts';

const undecided: Decision = {
  decision: 'Approve',
  challengeType: null,
  reasons: ['NO_CLAUSE_HIT'],
  supportMessages: [],
  rule: null,
  clause: null,
  ruleEnvironmentId: null,
  evaluations: [],
  outputs: {},
  riskScore: 15.4,
  botScore: -1,
  reasonCodes: [],
  diagnostics: [],
  transactionReferenceId: 'tx',
  deviceAttributes: {},
};

describe('paths', () => {
  it.each([
    ['/v1.0/MerchantServices/events/Purchase', { type: 'Purchase', version: '1.0' }],
    ['//v1.0//merchantservices/EVENTS/purchase/', { type: 'Purchase', version: '1.0' }],
    ['/v0.5/MerchantServices/events/Transaction', { type: 'Purchase', version: '0.5' }],
    ['/KnowledgeGateway/activities/Refund', { type: 'Refund', version: '0.5' }],
    ['/v1.0/Merchantservices/events/SignIn', { type: 'SignIn', version: '1.0' }],
    ['/v1.0/action/account/create', { type: 'AccountCreation', version: '1.0' }],
    ['/v1.0/action/account/create/', { type: 'AccountCreation', version: '1.0' }],
    ['/v1.0/action/account/create/dummyValue', { type: 'AccountCreation', version: '1.0' }],
    ['/v1.0/action/AccountCreation/A%2FB', { type: 'AccountCreation', version: '1.0', id: 'A/B' }],
    ['/v1.0/observe/account/login/status/U1', { type: 'AccountLoginStatus', version: '1.0', id: 'U1' }],
    ['/v1.0/label/account/login/U1', { type: 'AccountLabel', version: '1.0', id: 'U1' }],
    [
      '/v0.5/MerchantServices/AccountProtection/events/T/AccountLogin/L',
      { type: 'AccountLogin', version: '0.5', id: 'L' },
    ],
    [
      '/v1.0/action/assessment/ProfileUpdate',
      { type: 'CustomAssessment', version: '1.0', name: 'ProfileUpdate' },
    ],
    ['/v1.0/assessment/MoneyTransfer', { type: 'Assessment', version: '1.0', name: 'MoneyTransfer' }],
    [
      '/v1.0/observe/assessment/A1/status',
      { type: 'AssessmentObservation', version: '1.0', name: 'A1', event: 'status' },
    ],
    ['/v1.0/MerchantServices/events/Purchas%65', { type: 'Purchase', version: '1.0' }],
    ['/v1.0/assessment/%E0%A4%A', { type: 'Assessment', version: '1.0', name: '%E0%A4%A' }],
  ])('%s', (path, match) => {
    expect(matchPath(path)).toEqual(match);
  });

  it.each([
    ['/'],
    [''],
    ['/v1.0'],
    ['/v1.0/merchantservices/events'],
    ['/v2.0/merchantservices/events/purchase'],
    ['/v1.0%2Fmerchantservices/events/purchase'],
    ['/v1.0/merchantservices/events/purchase/x'],
  ])('%s is none of DFP’s', (path) => {
    expect(matchPath(path)).toBeUndefined();
  });

  it('every event is found by each of its paths, and by no other event’s', () => {
    for (const type of eventTypes) {
      for (const path of eventPaths[type]) {
        expect(path).toBe(path.toLowerCase());
        expect(matchPath(path.replaceAll(/[{}]/g, ''))?.type).toBe(type);
      }
    }
  });
});

describe('what each event demands', () => {
  const missing = (kind: keyof typeof eventKinds, body: unknown, pathId?: string): string[] => {
    const result = eventKinds[kind].parse(body, pathId);
    return result.ok ? [] : result.faults.map((fault) => fault.path);
  };

  it.each([
    ['Purchase', ['purchaseId', 'merchantLocalDate']],
    ['PurchaseStatus', ['purchaseId', 'statusType', 'statusDate']],
    ['BankEvent', ['bankEventId', 'type', 'purchaseId']],
    ['Chargeback', ['chargebackId', 'purchaseId']],
    ['Refund', ['refundId', 'purchaseId']],
    ['UpdateAccount', ['userId']],
    ['Label', ['labelObjectType', 'labelObjectId']],
    ['SignUp', ['signUpId', 'merchantLocalDate', 'user']],
    ['SignUpStatus', ['signUpId', 'statusType', 'statusDate']],
    ['SignIn', ['signInId', 'userId', 'merchantLocalDate']],
    ['AccountCreation', ['metadata']],
    ['AccountLogin', ['metadata']],
    ['AccountCreationStatus', ['statusDetails', 'metadata']],
    ['AccountLoginStatus', ['statusDetails', 'metadata']],
    ['AccountUpdate', ['metadata']],
    ['AccountLabel', ['label']],
  ] as const)('%s', (kind, paths) => {
    expect(missing(kind, {}).toSorted()).toEqual([...paths].toSorted());
  });

  it('an account event without its id in the body takes the one in the path', () => {
    expect(missing('AccountCreation', { metadata: {} })).toEqual(['metadata.signUpId']);
    const result = eventKinds.AccountCreation.parse({ Metadata: { SignUpId: null, TrackingId: 't' } }, 's-1');
    expect(result).toMatchObject({ ok: true, event: { id: 's-1', trackingId: 't' } });
    expect(eventKinds.AccountLogin.parse({ metadata: { LogInId: 'in-body' } }, 'in-path')).toMatchObject({
      event: { id: 'in-body' },
    });
    expect(
      eventKinds.AccountLoginStatus.parse({ metadata: {}, statusDetails: { statusType: 'Approved' } }, 'u-1'),
    ).toMatchObject({ event: { links: [{ to: 'User', id: 'u-1' }] } });
  });
});

describe('labels', () => {
  it('say fraud unless they say otherwise', () => {
    expect(labelsFraud({})).toBe(true);
    expect(labelsFraud({ labelState: 'Fraud' })).toBe(true);
    expect(labelsFraud({ isFraud: false, labelState: 'Fraud' })).toBe(false);
    expect(labelsFraud({ labelState: 'False Positive' })).toBe(false);
    expect(labelsFraud({ labelState: 'AccountNotCompromised' })).toBe(false);
  });

  it.each([
    ['PURCHASE', ['Purchase']],
    ['Account Creation', ['AccountCreation']],
    ['Signup', ['SignUp', 'AccountCreation']],
    ['ACCOUNTLOGIN', ['AccountLogin']],
    ['Payment instrument', ['PaymentInstrument']],
    ['Email', ['Email']],
    ['Custom Fraud Evaluation', ['Assessment']],
    ['something new', []],
  ])('of %s', (labelObjectType, to) => {
    const result = eventKinds.Label.parse({ labelObjectType, labelObjectId: 'x' });
    expect(result.ok && result.event.links.map((link) => link.to)).toEqual(to);
  });
});

describe('assessments', () => {
  const parse = assessmentReader([
    { path: 'metadata.eventId', type: 'string', required: true },
    { path: 'user.email', type: 'email', required: true },
    { path: 'custom.attempts', type: 'integer', required: true },
    { path: 'custom.tags', type: 'array', required: false },
    { path: 'custom.ok', type: 'boolean', required: false },
    { path: 'device.ip', type: 'ip', required: false },
  ]);

  it('read the fields of their definition in any case, keep the rest, and keep their types', () => {
    const result = parse({
      METADATA: { EVENTID: 'e' },
      User: { EMAIL: 'a@b.c', nick: 'x' },
      Custom: { Attempts: '3', ok: 'TRUE', Tags: [1], more: { A: 1 } },
      device: { ip: false },
    });
    expect(result).toMatchObject({
      ok: true,
      payload: {
        metadata: { eventId: 'e' },
        user: { email: 'a@b.c', nick: 'x' },
        custom: { attempts: 3, ok: true, tags: [1], more: { A: 1 } },
        device: {},
      },
    });
  });

  it('refuse what the definition does not allow, all at once', () => {
    const result = parse({ custom: { attempts: 1.5, tags: 'x', ok: 'perhaps' } });
    expect(!result.ok && result.faults.map((fault) => fault.path).toSorted()).toEqual([
      'custom.attempts',
      'custom.ok',
      'custom.tags',
      'metadata',
      'user',
    ]);
  });

  it('always have metadata.eventId', () => {
    const result = assessmentReader([])({ metadata: {} });
    expect(!result.ok && result.faults).toEqual([
      { path: 'metadata.eventId', message: 'is required', missing: true },
    ]);
  });

  it('legacy ones repeat their name', () => {
    expect(
      receiveCustomAssessment({ Name: 'profileupdate', user: { userId: 'u' } }, 'ProfileUpdate'),
    ).toMatchObject({
      ok: true,
      event: { subjects: [{ property: 'User', value: 'u' }] },
    });
    expect(receiveCustomAssessment({ name: 'Other' }, 'ProfileUpdate')).toMatchObject({
      ok: false,
      faults: [{ path: 'name' }],
    });
    expect(receiveCustomAssessment({}, 'ProfileUpdate')).toMatchObject({
      ok: false,
      faults: [{ path: 'name' }],
    });
  });

  it('legacy ones are any JSON beside that', () => {
    const read = (body: object) => receiveCustomAssessment({ name: 'A', ...body }, 'A');
    expect(read({ Metadata: { TrackingId: 7 }, version: 0.5 })).toMatchObject({
      event: { trackingId: '7', payload: { metadata: { trackingId: '7' }, version: '0.5' } },
    });
    const odd = { version: { major: 1 }, metadata: 'none', data: [] };
    expect(read(odd)).toMatchObject({ ok: true, event: { trackingId: undefined, payload: odd } });
    expect(read({ metadata: { trackingId: 'x'.repeat(2000) } })).toMatchObject({
      ok: true,
      event: { trackingId: undefined },
    });
  });

  it('their observations and labels name the event they are about', () => {
    expect(receiveAssessmentObservation({ metadata: { eventId: 'o', primaryEventId: 'e' } })).toMatchObject({
      event: { id: 'o', links: [{ to: 'Assessment', id: 'e' }] },
    });
    expect(receiveAssessmentObservation({ metadata: { eventId: 'e' } })).toMatchObject({
      event: { id: undefined, links: [{ to: 'Assessment', id: 'e' }] },
    });
    expect(
      receiveAssessmentLabel({ label: { labelObjectType: 'MoneyTransfer', labelObjectId: 'e' } }),
    ).toMatchObject({
      event: { links: [{ to: 'Assessment', id: 'e' }] },
    });
  });

  it('are answered with valid dates, whole scores, outputs by clause, and what actions set', () => {
    const answer = assessmentAnswer(
      { ...undecided, outputs: { c1: { a: 1 } }, customProperties: { top: true } },
      {
        metadata: { eventId: 'e', timestamp: '2025-11-03T18:22:45.1234567+01:00' },
        apiName: 'A1',
        hierarchyPath: '/primary',
        correlationId: 'c',
        now: Date.UTC(2026, 0, 2),
        scores: ['Risk'],
      },
    );
    expect(answer.metadata).toMatchObject({
      timestamp: '2025-11-03T17:22:45.123Z',
      processedDateTime: '2026-01-02T00:00:00.000Z',
    });
    expect(answer.customProperties).toEqual({ c1: { a: 1 }, top: true });
    expect(answer.enrichments.risk).toEqual({ scoreType: 'Risk', scoreValue: 15, reason: '' });
    expect(answer.enrichments.bot).toEqual({ scoreType: 'Bot', scoreValue: 0, reason: 'NOT_SCORED' });
  });
});

describe('account answers', () => {
  it('have a row of results and both scores, Bot first, also where nothing decided', () => {
    const answer = accountAnswer(undecided, { name: 'AP.AccountLogin' });
    expect(answer).toMatchObject({
      name: 'AP.AccountLogin.Response.Success',
      code: '200',
      description: 'OK',
    });
    expect(answer.resultDetails).toEqual([
      {
        decision: 'Approve',
        challengeType: null,
        reasons: ['NO_CLAUSE_HIT'],
        rule: null,
        ruleEnvironmentId: null,
        clauseName: null,
        supportMessages: [],
        other: null,
        scores: [
          { scoreType: 'Bot', scoreValue: 0, reason: '' },
          { scoreType: 'Risk', scoreValue: 15, reason: '' },
        ],
        ruleEvaluations: [],
      },
    ]);
    expect(answer).not.toHaveProperty('diagnostics');
  });

  it('tell the mail address’s domain and pattern', () => {
    expect(mailFeatures('Dana.Okafor77@Example.COM')).toEqual({
      emailDomain: 'example.com',
      emailPattern: 'a.a0',
    });
    expect(mailFeatures('none')).toEqual({ emailDomain: '', emailPattern: '' });
    expect(mailFeatures(undefined)).toEqual({ emailDomain: '', emailPattern: '' });
  });
});

describe('schemas', () => {
  it.each(eventTypes)('%s can be written as JSON Schema', (type) => {
    const written = z.toJSONSchema(eventSchemas[type]);
    expect(written).toMatchObject({ type: 'object', additionalProperties: {} });
    expect(Object.keys(written.properties ?? {}).length).toBeGreaterThan(0);
  });

  it('have no two members that differ in letter case alone', () => {
    const check = (schema: unknown): void => {
      if (schema instanceof z.ZodOptional) check(schema.unwrap());
      if (schema instanceof z.ZodArray) check(schema.element);
      if (!(schema instanceof z.ZodObject)) return;
      const names = Object.keys(schema.shape);
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      for (const member of Object.values(schema.shape)) check(member);
    };
    for (const type of eventTypes) check(eventSchemas[type]);
  });

  it('know the attributes that DFP added in July 2024', () => {
    const written = JSON.stringify(z.toJSONSchema(eventSchemas.Purchase));
    for (const name of [
      'daysSinceEmailFirstSeen',
      'departureDistanceFromBillingAddress',
      'latitude',
      'longitude',
      'phoneAddressMatchStatus',
    ]) {
      expect(written).toContain(`"${name}"`);
    }
  });
});
