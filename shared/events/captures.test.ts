import { describe, expect, it } from 'vitest';
import { type Capture, captures, expectWhatIsRead } from '../../test/captures.ts';
import {
  accountAcknowledgement,
  accountAnswer,
  assessmentAnswer,
  assessmentKind,
  type Decision,
  eventKinds,
  matchPath,
  observationAnswer,
  olderAccountAnswer,
  type PathMatch,
  purchaseAnswer,
  type Received,
  receiveCustomAssessment,
  signInAnswer,
  signUpAnswer,
} from './index.ts';

const decision: Decision = {
  decision: 'Challenge',
  challengeType: 'SMS',
  reasons: ['NO_CLAUSE_HIT'],
  supportMessages: ['m'],
  rule: 'R',
  clause: 'c',
  ruleEnvironmentId: 'env',
  evaluations: [{ rule: 'R', clauses: ['c'], environmentId: 'env' }],
  outputs: { c: { k: 7 } },
  riskScore: 120,
  botScore: 3,
  reasonCodes: [{ code: '900', name: 'PAYMENT_INFORMATION:GENERAL', text: 't' }],
  diagnostics: [{ kind: 'rule', code: 'x', message: 'm' }],
  transactionReferenceId: 'tx',
  deviceAttributes: { trueIp: '203.0.113.24' },
};

const definition = {
  fields: [
    { path: 'deviceFingerprinting.id', type: 'string', required: true },
    { path: 'custom.channel', type: 'string', required: true },
  ],
  dataSubjectIds: ['user.id'],
} as const;

function matched(capture: Capture): PathMatch {
  const match = matchPath(capture.path.split('?')[0] ?? '');
  if (!match) throw new Error(`no event for ${capture.path}`);
  return match;
}

function received(capture: Capture, match: PathMatch): Received {
  switch (match.type) {
    case 'CustomAssessment':
      return receiveCustomAssessment(capture.body, match.name ?? '');
    case 'Assessment':
      return assessmentKind(definition).parse(capture.body);
    case 'AssessmentObservation':
    case 'AssessmentLabel':
      throw new Error('no capture of these is known');
    default:
      return eventKinds[match.type].parse(capture.body, match.id);
  }
}

function answer(match: PathMatch): unknown {
  const name = `AP.${match.type}`;
  switch (match.type) {
    case 'Purchase':
      return purchaseAnswer('id', decision);
    case 'SignUp':
      return signUpAnswer('id', decision);
    case 'SignIn':
      return signInAnswer('id', decision);
    case 'AccountCreation':
    case 'AccountLogin':
      return (match.version === '0.5' ? olderAccountAnswer : accountAnswer)(decision, {
        name,
        email: 'dana.okafor7@Example.com',
      });
    case 'CustomAssessment':
      return accountAnswer(decision, { name: match.name ?? '' });
    case 'Assessment':
      return assessmentAnswer(decision, {
        metadata: { eventId: 'e', timestamp: 'soon' },
        apiName: match.name ?? '',
        hierarchyPath: '/primary',
        correlationId: 'c',
        now: 0,
        scores: ['Risk'],
      });
    case 'PurchaseStatus':
    case 'BankEvent':
    case 'Chargeback':
    case 'Refund':
    case 'UpdateAccount':
    case 'Label':
    case 'SignUpStatus':
      return observationAnswer(match.version);
    default:
      return accountAcknowledgement(name, 'tx');
  }
}

const posted = (folder: '' | 'own/') => captures(folder).filter(([, { method }]) => method === 'POST');
const theirs = posted('');
const ours = posted('own/');

it('there are captures to replay', () => {
  expect(theirs.length).toBeGreaterThanOrEqual(33);
  expect(ours.length).toBeGreaterThanOrEqual(35);
});

describe.each([...theirs, ...ours])('%s', (_name, capture) => {
  it('is found by its path, accepted, and answered with what the client reads', () => {
    const match = matched(capture);
    const result = received(capture, match);
    expect(result.ok ? [] : result.faults).toEqual([]);
    expectWhatIsRead(capture, JSON.parse(JSON.stringify(answer(match))));
  });
});

describe('what the captures become', () => {
  function event(name: string) {
    const capture = new Map([...theirs, ...ours]).get(name);
    if (!capture) throw new Error(`no capture ${name}`);
    const result = received(capture, matched(capture));
    if (!result.ok) throw new Error(JSON.stringify(result.faults));
    return result.event;
  }

  it('Magento’s decimal texts are numbers, its false address and null streets are absent', () => {
    const { payload } = event('mag__purchase');
    expect(payload.totalAmount).toBe(65.1);
    expect(payload.deviceContext).toEqual({
      deviceContextId: '3E9B7C14-0A2D-4F6B-8C5E-7D1F2A3B4C5D',
      provider: 'DFPFingerPrinting',
    });
    expect(payload.shippingAddress).not.toHaveProperty('street2');
    expect(payload.user).toHaveProperty('timeZone', '+-5.5');
  });

  it('v0.5 bodies are today’s', () => {
    expect(event('v05__purchase').payload).toMatchObject({
      purchaseId: '8c0f3a52',
      user: { userId: 'dana@example.com', email: 'dana@example.com' },
      deviceContext: { ipAddress: '203.0.113.24', provider: 'DFPFINGERPRINTING' },
      shippingAddress: { firstName: 'Dana', city: 'Bothell' },
      paymentInstrumentList: [
        { purchaseAmount: 52.6, type: 'CREDITCARD', bin: '411111', billingAddress: { zipCode: '98011' } },
      ],
      productList: [{ productId: '1', productName: 'Mug', cogs: 0.11 }],
    });
    expect(event('v05__purchasestatus').payload).toMatchObject({
      purchaseId: '8c0f3a52',
      statusType: 'APPROVED',
    });
    expect(event('v05__bankevent').links).toEqual([{ to: 'Purchase', id: '8c0f3a52' }]);
    expect(event('v05__chargeback').payload).toMatchObject({
      purchaseId: '8c0f3a52',
      userId: 'dana@example.com',
    });
    expect(event('v05__updateaccount').payload).toMatchObject({
      userId: 'dana@example.com',
      addressList: [{ type: 'SHIPPING', city: 'Bothell' }],
    });
    expect(event('v05__account-login')).toMatchObject({
      id: 'a4c8e0f2',
      payload: { device: { deviceContextId: '3e9b7c14' } },
    });
  });

  it('v0.5 links are found flat and nested', () => {
    const status = { Status: { StatusType: 'APPROVED', StatusDate: '2019-03-05' } };
    for (const Data of [
      { PurchaseId: 'p', ...status },
      { Purchase: { PurchaseId: 'p' }, ...status },
    ])
      expect(eventKinds.PurchaseStatus.parse({ MerchantLocalDate: '2019-03-05', Data })).toMatchObject({
        ok: true,
        event: { payload: { purchaseId: 'p', statusType: 'APPROVED' } },
      });
    for (const Data of [
      { SignUpId: 's', ...status },
      { SignUp: { SignUpId: 's' }, ...status },
    ])
      expect(eventKinds.SignUpStatus.parse({ Data })).toMatchObject({ ok: true });
    for (const Data of [
      { UserId: 'u', FirstName: 'a' },
      { User: { UserId: 'u', UserDetails: { FirstName: 'a' } } },
    ])
      expect(eventKinds.UpdateAccount.parse({ Data })).toMatchObject({
        ok: true,
        event: { payload: { userId: 'u', firstName: 'a' } },
      });
  });

  it('a bank event says of 3-D Secure what it knows, as an object or a text', () => {
    const bank = (threeDS: unknown) =>
      eventKinds.BankEvent.parse({ bankEventId: 'b', type: 'Auth', purchaseId: 'p', threeDS });
    expect(bank({ ECI: 5 })).toMatchObject({ event: { payload: { threeDS: { eci: '5' } } } });
    expect(bank('authenticated')).toMatchObject({ event: { payload: { threeDS: 'authenticated' } } });
    expect(bank(true).ok).toBe(false);
  });

  it('a single mail address, telephone and address are lists of one', () => {
    expect(event('samples-docs__account-create-pascal').payload).toMatchObject({
      email: [{ emailValue: 'dana.okafor@example.com', isEmailUsername: true }],
      phone: [{ phoneNumber: '4255550142' }],
      address: [{ city: 'Bothell', countryRegion: 'US' }],
      device: { deviceContextId: '3e9b7c14-0a2d-4f6b-8c5e-7d1f2a3b4c5d' },
      ssoAuthenticationProvider: { authenticationProvider: 'MSA' },
    });
    expect(event('b2c-old__account-create-dummy-id').payload).toMatchObject({
      device: { deviceContextId: '3e9b7c14' },
      user: { countryRegion: 'US' },
      email: [{ emailValue: 'dana@example.com' }],
    });
  });

  it('later events find what they belong to', () => {
    expect(event('samples-master__purchasestatus-approved').links).toEqual([
      { to: 'Purchase', id: '8c0f3a52-7e1d-4b69-9a2c-5d6e7f809112' },
    ]);
    expect(event('samples-master__label-pi').links).toEqual([
      { to: 'PaymentInstrument', id: 'dana.okafor@example.com-CreditCard' },
    ]);
    expect(event('mslearn__label-account-window')).toMatchObject({
      links: [{ to: 'User', id: 'dana-001' }],
      subjects: [{ property: 'User', value: 'dana-001' }],
    });
    expect(event('mslearn__account-login').id).toBe('a4c8e0f2-1b3d-4e5f-8a7b-9c0d1e2f3a4b');
    expect(event('samples-master__updateaccount-card').links).toEqual([
      { to: 'User', id: 'dana.okafor@example.com' },
      { to: 'PaymentInstrument', id: 'dana.okafor@example.com-CreditCard' },
    ]);
  });

  it('ids that stand for none are no links', () => {
    expect(event('b2c-api__account-create-status-unknown-user').links).toEqual([
      { to: 'AccountCreation', id: 'f2b6a1d0' },
    ]);
    expect(event('b2c__account-create-status')).toMatchObject({
      subjects: [],
      links: [{ to: 'AccountCreation', id: 'f2b6a1d0' }],
    });
  });

  it('the assessment type is read wherever it stands, Protect where it does not', () => {
    expect(event('samples-master__account-create').assessmentType).toBe('Evaluate');
    expect(event('mr__purchase').assessmentType).toBe('Protect');
    expect(event('mag__purchase-no-timezone-empty-lists').assessmentType).toBe('Evaluate');
    expect(event('b2c__account-update').assessmentType).toBe('Protect');
    expect(event('samples-docs__account-create-pascal').assessmentType).toBe('Protect');
  });

  it('an assessment’s data subject ids are its event id and those of its definition', () => {
    expect(event('samples-master__assessment-v2-evaluate')).toMatchObject({
      id: '7a6b5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d',
      subjects: [
        { property: 'metadata.eventId', value: '7a6b5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d' },
        { property: 'user.id', value: 'dana-001' },
      ],
    });
  });
});
