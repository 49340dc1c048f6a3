import { expect, test } from 'vitest';
import { compileRules, explain, type RunInput } from './index.ts';

const resources = { environment: 'e', velocities: ['spend'] };
const input: RunInput = {
  payload: {
    totalAmount: 250.5,
    user: { id: 'u1', email: 'kayla@contoso.com' },
    list: [{ t: 'a' }, { t: 'b' }],
  },
  scores: { risk: 500 },
  now: 0,
  answer: () => ({ value: 3 }),
};
const clause = (code: string) => ({ name: 'R', clauses: [{ name: 'c', code }] });

test('a WHEN shows its operands, their values and what they were computed from', () => {
  const code =
    'LET $limit = 100 * 5\nRETURN Reject() WHEN @"totalAmount" > $limit and Velocity.spend(@"user.id", 7d) > 1 and not @"user.email".EndsWith(".org")';
  expect(explain(clause(code), resources, input)).toEqual([
    {
      clause: 'c',
      when: { text: code.slice(code.indexOf('@"total')), value: false },
      joined: 'and',
      operands: [
        {
          text: '@"totalAmount" > $limit',
          value: false,
          operands: [
            { text: '@"totalAmount"', value: 250.5 },
            { text: '$limit', value: 500 },
          ],
        },
        {
          text: 'Velocity.spend(@"user.id", 7d) > 1',
          value: true,
          operands: [{ text: 'Velocity.spend(@"user.id", 7d)', value: 3 }],
        },
        {
          text: 'not @"user.email".EndsWith(".org")',
          value: true,
          operands: [{ text: '@"user.email"', value: 'kayla@contoso.com' }],
        },
      ],
    },
  ]);
});

test('the condition comes first, and its variables are known in the clauses', () => {
  const rule = {
    name: 'R',
    condition: 'LET $n = @"totalAmount" + 1\nWHEN $n > 5',
    clauses: [
      { name: 'c', code: 'RETURN Reject() WHEN $n > 500' },
      { name: 'd', code: 'RETURN Approve()' },
    ],
  };
  expect(
    explain(rule, resources, input).map((e) => [e.clause, e.when.value, e.operands[0]?.operands[0]?.value]),
  ).toEqual([
    [undefined, true, 251.5],
    ['c', false, 251.5],
  ]);
});

test('values across an array are shown all', () => {
  const [explained] = explain(
    clause('RETURN Reject() WHEN @"list.t" == "c" or @"totalAmount" < 5'),
    resources,
    input,
  );
  expect(explained).toMatchObject({
    joined: 'or',
    when: { value: false },
    operands: [{ value: false, operands: [{ text: '@"list.t"', value: ['a', 'b'] }] }, {}],
  });
});

test('faults and answers that are not known stand where they belong', () => {
  const [explained] = explain(
    clause(
      'RETURN Reject() WHEN @"user.id".Substring(9) == "" and Model.Risk().Score > 5 and @riskScore > 400',
    ),
    resources,
    { ...input, answer: () => undefined },
  );
  expect(explained?.operands.map((o) => [o.value, o.fault?.code, o.unknown])).toEqual([
    [undefined, 'out-of-range', undefined],
    [undefined, undefined, true],
    [true, undefined, undefined],
  ]);
});

test('scores are 0 in a section before scoring', () => {
  const rule = {
    name: 'R',
    clauses: [
      { name: 'c', section: 'PriorToScoring' as const, code: 'RETURN Reject() WHEN @riskScore > 400' },
    ],
  };
  expect(explain(rule, resources, input)[0]?.operands[0]?.operands).toEqual([
    { text: '@riskScore', value: 0 },
  ]);
});

test('a random number is the one that the run drew', () => {
  const rule = {
    name: 'R',
    condition: 'LET $early = RandomInt(0, 1000000)\nWHEN $early >= 0',
    clauses: [
      { name: 'a', code: 'LET $r = RandomInt(0, 1000000)\nOBSERVE Output(r = $r, early = $early)' },
      { name: 'b', code: 'RETURN Reject() WHEN $r + $early < 0' },
    ],
  };
  const run = compileRules([rule], resources).program?.run(input);
  const outputs = run?.done ? run.outcome.outputs.a : undefined;
  const shown = explain(rule, resources, input)
    .flatMap((e) => e.operands)
    .flatMap((o) => o.operands)
    .map((v) => v.value);
  expect(shown).toEqual([outputs?.early, Number(outputs?.r) + Number(outputs?.early)]);
});
