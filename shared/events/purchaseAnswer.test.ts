import { describe, expect, it } from 'vitest';
import type { Decision } from './decision.ts';
import {
  observationAnswer,
  purchaseAnswer,
  purchaseDeviceAttributes,
  signUpAnswer,
} from './purchaseAnswer.ts';

const decided: Decision = {
  decision: 'Reject',
  challengeType: null,
  reasons: ['blocked', 'velocity'],
  supportMessages: ['call us'],
  rule: 'Block list',
  clause: 'email',
  ruleEnvironmentId: 'env-1',
  evaluations: [{ rule: 'Block list', clauses: ['email'], environmentId: 'env-1' }],
  outputs: { email: { count: 3, ratio: 0.5, hit: true, none: null, list: [1, 'a'], text: 'x' } },
  riskScore: 120,
  botScore: 4,
  reasonCodes: [
    { code: '900', name: 'PAYMENT_INFORMATION:GENERAL', text: 'new card' },
    { code: '500', name: 'LOCATION_CONSISTENCY:GENERAL', text: 'countries differ' },
    { code: '900', name: 'PAYMENT_INFORMATION:GENERAL', text: 'card of another country' },
  ],
  diagnostics: [
    { kind: 'rule', code: 'FQL100', message: 'out of range', rule: 'R', line: 2, clause: undefined },
    { kind: 'rule', code: 'FQL101', message: 'no number' },
    { kind: 'externalCall', code: 'TimedOut', message: 'no answer within 200 ms' },
  ],
  transactionReferenceId: 'tx-1',
  deviceAttributes: { trueIp: '203.0.113.24', deviceModelName: 'not in this answer' },
};

const undecided: Decision = {
  ...decided,
  decision: 'Approve',
  reasons: [],
  rule: null,
  clause: null,
  ruleEnvironmentId: null,
  evaluations: [],
  outputs: {},
  reasonCodes: [],
  diagnostics: [],
};

describe('the answer to a purchase', () => {
  it('has DFP’s members, casing and JSON types', () => {
    const { resultDetails, transactionReferenceId } = purchaseAnswer('p-1', decided);
    expect(transactionReferenceId).toBe('tx-1');
    expect(resultDetails).toMatchObject({
      MerchantRuleDecision: 'Reject',
      RiskScore: 120,
      ReasonCodes: '900-PAYMENT_INFORMATION:GENERAL,500-LOCATION_CONSISTENCY:GENERAL',
      MIDFlag: 'Standard',
      PolicyApplied: 'Block list',
      PolicyAppliedEnvironmentId: 'env-1',
      MerchantRuleReason: 'blocked,velocity',
      BankName: null,
      ClauseName: 'email',
      PurchaseId: 'p-1',
      RuleEvaluations: [{ Rule: 'Block list', ClauseNames: ['email'], EnvironmentId: 'env-1' }],
      MerchantRuleOutput: {
        email: { count: '3', ratio: '0.5', hit: 'true', none: '', list: '[1,"a"]', text: 'x' },
      },
    });
  });

  it('has all 20 device attributes as texts, known or not', () => {
    const attributes = purchaseAnswer('p-1', decided).resultDetails.DeviceAttributes;
    expect(Object.keys(attributes)).toHaveLength(purchaseDeviceAttributes.length);
    expect(attributes.TrueIp).toBe('203.0.113.24');
    expect(attributes.BrowserUserAgent).toBe('');
    expect(attributes).not.toHaveProperty('DeviceModelName');
  });

  it('gives diagnostics as lists by what they are about, or not at all', () => {
    expect(purchaseAnswer('p-1', decided).resultDetails).toHaveProperty('Diagnostics', {
      Rules: [
        { Code: 'FQL100', Message: 'out of range', Rule: 'R', Line: 2 },
        { Code: 'FQL101', Message: 'no number' },
      ],
      ExternalCalls: [{ Code: 'TimedOut', Message: 'no answer within 200 ms' }],
    });
    expect(purchaseAnswer('p-1', undecided).resultDetails).not.toHaveProperty('Diagnostics');
  });

  it('names the policy Default, and no clause, where no rule decided', () => {
    expect(purchaseAnswer('p-1', undecided).resultDetails).toMatchObject({
      MerchantRuleDecision: 'Approve',
      PolicyApplied: 'Default',
      PolicyAppliedEnvironmentId: null,
      MerchantRuleReason: null,
      ClauseName: null,
      ReasonCodes: '',
      RuleEvaluations: [],
      MerchantRuleOutput: {},
    });
  });

  it('gives the score as an integer from 0 to 999, whatever came', () => {
    for (const [score, shown] of [
      [12.5, 13],
      [-3, 0],
      [1e9, 999],
      [Number.NaN, 0],
    ] as const) {
      expect(purchaseAnswer('p', { ...decided, riskScore: score }).resultDetails.RiskScore).toBe(shown);
    }
  });
});

it('sign-up answers carry the sign-up’s id instead', () => {
  const { resultDetails } = signUpAnswer('s-1', decided);
  expect(resultDetails.SignUpId).toBe('s-1');
  expect(resultDetails).not.toHaveProperty('PurchaseId');
});

it('observation events are answered with success', () => {
  expect(observationAnswer()).toEqual({ resultDetails: { Succeeded: true, Error: null } });
});
