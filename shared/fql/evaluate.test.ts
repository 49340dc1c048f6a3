import { expect, test } from 'vitest';
import { evaluate } from './index.ts';

const rules = (code: string) => [{ name: 'R', clauses: [{ name: 'c', code }] }];

test('a body that is no request is told field by field', () => {
  const result = evaluate({
    rules: [{ name: '', clauses: 5 }],
    payload: [],
    now: 'soon',
    velocities: { v: 'many' },
  });
  expect(result.kind === 'invalid' && result.errors.map((e) => e.path)).toEqual([
    'rules.0.name',
    'rules.0.clauses',
    'payload',
    'now',
    'velocities.v',
  ]);
  expect(evaluate('text').kind).toBe('invalid');
  expect(evaluate(null).kind).toBe('invalid');
});

test('code that does not compile gives the diagnostics of rules and actions', () => {
  const result = evaluate({ rules: rules('RETURN Rejekt()'), actions: rules('RETURN Reject()') });
  expect(result).toMatchObject({
    kind: 'diagnostics',
    diagnostics: [
      {
        rule: 'R',
        clause: 'c',
        severity: 'error',
        code: 'decision-expected',
        line: 1,
        column: 8,
        endLine: 1,
        endColumn: 16,
      },
      { rule: 'R', clause: 'c', code: 'wrong-place' },
    ],
  });
});

test('what the request gives wins over what the environment has', () => {
  const environment = {
    resources: {
      environment: 'e',
      lists: { L: { columns: ['other'] } },
      velocities: ['V'],
      externalCalls: { Call: { parameters: ['x'] } },
    },
    answer: () => ({ value: 1 }),
  };
  const code =
    'OBSERVE Output(l = ContainsKey("l", "k", "98052"), v = Velocity.v("u", 1d), c = External.call("x").a)';
  const result = evaluate(
    {
      rules: rules(code),
      lists: { l: { columns: ['k'], rows: [[98052]] } },
      velocities: { v: 7 },
      externalCalls: { call: { a: 9 } },
    },
    environment,
  );
  expect(result).toMatchObject({
    kind: 'answer',
    answer: { outputs: { c: { l: true, v: 7, c: 9 } }, diagnostics: [] },
  });
});

test('what only the environment has is asked of it; what nobody knows has its default and a diagnostic', () => {
  const environment = { resources: { environment: 'e', velocities: ['known', 'unknown'] } };
  const answer = (r: { kind: string; name?: string }) => (r.name === 'known' ? { value: 4 } : undefined);
  const code = 'OBSERVE Output(a = Velocity.known("u", 1d), b = Velocity.unknown("u", 1d))';
  const result = evaluate({ rules: rules(code) }, { ...environment, answer });
  expect(result).toMatchObject({
    answer: {
      outputs: { c: { a: 4, b: 0 } },
      diagnostics: [{ rule: 'R', clause: 'c', code: 'not-available', line: 1, column: 49 }],
    },
  });
});

test('the answer is plain JSON', () => {
  const result = evaluate({ rules: rules('RETURN Challenge("SMS", "bot"), Output(a = 1)') });
  expect(JSON.parse(JSON.stringify(result))).toEqual({
    kind: 'answer',
    answer: {
      decision: 'Challenge',
      challengeType: 'SMS',
      reasons: ['bot'],
      supportMessages: [],
      rule: 'R',
      clause: 'c',
      ruleEvaluations: [{ rule: 'R', clauseNames: ['c'] }],
      outputs: { c: { a: 1 } },
      traces: [],
      variables: {},
      customProperties: {},
      diagnostics: [],
    },
  });
});
