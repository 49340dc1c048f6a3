import { describe, expect, test } from 'vitest';
import {
  checkFunction,
  compileRules,
  compileVelocitySet,
  type FunctionSource,
  type Resources,
} from '../index.ts';
import { sampleEnvironment, samplePayload, sampleResources } from './sample.ts';

/** Examples of the public pages that are no clauses of a rule: velocities, outputs of functions, routing. */
const resources: Resources = {
  ...sampleResources,
  lists: { ...sampleResources.lists, 'Risky Products': { columns: ['Product ID'] } },
};
const payload = {
  ...samplePayload,
  user: { userId: 'u1', email: 'a@b.c', country: 'MX' },
  device: { ipAddress: '203.0.113.7', deviceContextId: 'ctx' },
  ProductList: [{ productId: 'g7' }],
  custom: { email: 'c@d.e', userId: 'u2' },
  status: 'DECLINED',
  purchase: { deviceContext: { externalDeviceId: 'dev9' } },
};
const enrichment = { deviceAttributes: { deviceId: 'd1' }, ruleEvaluation: { decision: 'Reject' } };

describe('velocities.md and the statements of fpl-lang-ref.md', () => {
  test.each([
    [
      'SELECT Count() AS _Purchase_Rejections_Per_Email\nFROM Purchase\nWHEN @"ruleEvaluation.decision" == "Reject"\nGROUPBY @"user.email"',
      'Purchase',
      'a@b.c',
      1,
    ],
    [
      'SELECT DistinctCount(@"purchaseId")\nAS _BankDeclines_Per_Device\nFROM BankEvent\nWHEN @"status" == "DECLINED"\nGROUPBY @"purchase.deviceContext.externalDeviceId"',
      'BankEvent',
      'dev9',
      'p1',
    ],
    [
      'SELECT Sum(@"totalAmount") AS totalSpending_perUser\nFROM Purchase\nGROUPBY @"user.userId"',
      'Purchase',
      'u1',
      250.5,
    ],
    [
      'SELECT Count() AS NewAccounts_perIP\nFROM AccountCreation\nGROUPBY @"device.ipAddress"',
      'AccountCreation',
      '203.0.113.7',
      1,
    ],
    [
      'SELECT DistinctCount(@"user.userId") AS uniqueUserLogins_perDevice\nFROM AccountLogin\nGROUPBY @"deviceAttributes.deviceId"',
      'AccountLogin',
      'd1',
      'u1',
    ],
    [
      'SELECT Count() AS loginRejections_perUser\nFROM AccountLogin\nWHEN @"ruleEvaluation.decision" == "Reject" or @"riskScore" > 900\nGROUPBY @"user.userId"',
      'AccountLogin',
      'u1',
      1,
    ],
    [
      'SELECT Count() AS intlHighRiskTxns_perUser\nFROM Purchase\nWHEN @"user.country" != "US" and ContainsKey("Risky Products", "Product ID", @"ProductList.productId")\nGROUPBY @"user.userId"',
      'Purchase',
      'u1',
      1,
    ],
    [
      'SELECT DistinctCount(@"custom.email") AS uniqueEmails_perUser\nFROM Assessment_A1, Assessment_A1:status\nGROUPBY @"custom.userId"',
      'assessment_a1:STATUS',
      'u2',
      'c@d.e',
    ],
    [
      'SELECT Sum(@"totalAmount") AS totalSpending_perUser2\nFROM Purchase \nGROUPBY @"user.userId"\nWHEN Velocity.totalSpending_perUser(@"user.userid", 7d) > 1000',
      'Purchase',
      'u1',
      250.5,
    ],
    [
      'SELECT DistinctCount(@"device.deviceContextId") AS Devices_Per_IP\nFROM AccountLogin\nWHEN Functions.MyFunction(@"totalAmount", @"salesTax").Calculate_Sum > 5\nGROUPBY @"device.ipAddress"',
      'AccountLogin',
      '203.0.113.7',
      'ctx',
    ],
  ])('%s', (code, event, key, value) => {
    const { program, diagnostics } = compileVelocitySet(
      { name: 'S', condition: 'WHEN @"user.userId" != ""', velocities: [code] },
      resources,
    );
    expect(diagnostics).toEqual([]);
    const answer = (r: { kind: string }) => ({
      value: r.kind === 'velocity' ? 1500 : { 'Product ID': 'g7' },
    });
    const result = program?.contributions(
      { payload, enrichment, scores: { risk: 500 }, now: 0, answer },
      event,
    );
    expect(result).toMatchObject({ done: true, contributions: [{ key, value }], faults: [] });
  });
});

describe('functions.md', () => {
  const number = { type: 'Double', default: 0 } as const;
  const run = (code: string, type: 'Double' | 'String') => {
    const source: FunctionSource = {
      parameters: [
        { name: '_number1', ...number },
        { name: '_number2', ...number },
      ],
      outputs: [{ name: 'out', type, default: type === 'Double' ? 0 : '', code }],
    };
    const own: Resources = {
      ...resources,
      externalCalls: { weather: { parameters: ['city'] } },
      functions: { ...resources.functions, F: source },
    };
    expect(checkFunction('F', source, own).diagnostics).toEqual([]);
    const { program } = compileRules(
      [{ name: 'R', clauses: [{ name: 'c', code: 'OBSERVE Output(v = Functions.F(2, 3).out)' }] }],
      own,
    );
    const result = program?.run({ payload: samplePayload, now: 0, ...sampleEnvironment });
    return result?.done ? [result.outcome.outputs.c?.v, result.outcome.faults] : result;
  };
  test.each([
    ['RETURN _number1 + _number2', 'Double', 5],
    ['RETURN @"salesTax"', 'Double', 20],
    ['RETURN Geo.CountryCode(@"device.ipAddress")', 'String', 'US'],
    ['RETURN Lookup("Country_Score", "Country", "US", "ScoreCutOff")', 'String', '700'],
    ['RETURN Lookup("Country_Score", "Country", "US", "ScoreCutOff")', 'Double', 700],
    ['RETURN Velocity.IPs_Per_User(@"device.ipAddress", 30s)', 'Double', 3],
    ['RETURN External.weather("Seattle").id', 'String', 'w1'],
    [
      'LET $result = Assessments.myAssessment.Evaluate(a = 1)\nRETURN $result.received.ToStr()',
      'String',
      '{"a":1}',
    ],
    ['RETURN Functions.MyFunction(@"totalAmount", @"salesTax").Calculate_Sum', 'Double', 270.5],
  ] as const)('%s', (code, type, value) => {
    expect(run(code, type)).toEqual([value, []]);
  });

  test('a function that uses itself is refused, also through another', () => {
    const output = (code: string) => ({ name: 'v', type: 'Double' as const, default: 0, code });
    const functions = {
      A: { parameters: [], outputs: [output('RETURN Functions.B().v')] },
      B: { parameters: [], outputs: [output('RETURN Functions.A().v')] },
    };
    expect(checkFunction('A', functions.A, { environment: 'e', functions }).diagnostics).toMatchObject([
      { code: 'function-has-errors', rule: 'A', clause: 'v' },
    ]);
  });

  test('names, defaults and limits are checked', () => {
    const source: FunctionSource = {
      parameters: [
        { name: '1x', type: 'Double', default: 'much' },
        { name: 'a', type: 'String', default: '' },
        { name: 'A', type: 'String', default: '' },
      ],
      outputs: Array.from({ length: 31 }, (_, i) => ({
        name: `o${i}`,
        type: 'Double' as const,
        default: 0,
        code: 'RETURN 1',
      })),
    };
    expect(checkFunction('F', source, { environment: 'e' }).diagnostics.map((d) => d.code)).toEqual([
      'bad-name',
      'defined-twice',
      'bad-default',
      'too-many',
    ]);
  });

  test('a rule may use ten functions', () => {
    const one = {
      parameters: [],
      outputs: [{ name: 'v', type: 'Double' as const, default: 0, code: 'RETURN 1' }],
    };
    const functions = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`f${i}`, one]));
    const code = `RETURN Reject() WHEN ${Object.keys(functions)
      .map((f) => `Functions.${f}().v == 1`)
      .join(' and ')}`;
    expect(
      compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], {
        environment: 'e',
        functions,
      }).diagnostics.map((d) => d.code),
    ).toEqual(['too-many']);
  });
});

describe('case-management-administrator.md and functions.md: routing', () => {
  test.each([
    ['ROUTETO Queue("High Value Orders")\nWHEN @"purchase.request.totalAmount" > 1000', 'High Value Orders'],
    ['ROUTETO Queue("High Value Queue")\nWHEN @"purchase.request.totalAmount" > 500', 'High Value Queue'],
    [
      'ROUTETO Queue("General Queue")\nWHEN Functions.MyFunction(@"purchase.request.totalAmount", @"purchase.request.salesTax").Calculate_Sum > 5',
      'General Queue',
    ],
  ])('%s', (code, queue) => {
    const { program } = compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], resources, {
      kind: 'routing',
    });
    const result = program?.run({
      payload: { purchase: { request: { totalAmount: 1500, salesTax: 5 } } },
      now: 0,
    });
    expect(result).toMatchObject({ done: true, outcome: { queue: { queue, clause: 'c' } } });
  });
});
