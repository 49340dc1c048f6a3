import { describe, expect, test } from 'vitest';
import {
  type Answer,
  compileRules,
  type JsonObject,
  type Request,
  type Resources,
  type RuleSource,
  type RunInput,
} from './index.ts';

const resources: Resources = {
  environment: 'child',
  lists: { Risky: { columns: ['Email', 'Status'] } },
  supportLists: ['Email Support List'],
  velocities: ['spend', ...Array.from({ length: 40 }, (_, i) => `v${i}`)],
  externalCalls: { a: { parameters: [] }, b: { parameters: [] }, c: { parameters: ['x'] } },
  functions: {
    spent: {
      parameters: [{ name: 'who', type: 'String', default: '' }],
      outputs: [
        {
          name: 'week',
          type: 'Double',
          default: 0,
          code: 'LET $k = who.ToLower()\nRETURN Velocity.spend($k, 7d)',
        },
      ],
    },
  },
  parent: {
    environment: 'root',
    velocities: ['above'],
    functions: {
      up: {
        parameters: [],
        outputs: [{ name: 'v', type: 'Double', default: 0, code: 'RETURN Velocity.above(@"user.id", 1d)' }],
      },
    },
  },
};
const payload = { user: { id: 'U1', email: 'a@b.c' }, ips: ['1.1.1.1', '2.2.2.2'], n: 5 };
const input: RunInput = { payload, now: Date.UTC(2024, 4, 1), correlationId: 'c-1' };

const compile = (...clauses: string[]) =>
  compileRules([{ name: 'R', clauses: clauses.map((code, i) => ({ name: `c${i + 1}`, code })) }], resources)
    .program!;

/** Runs to the end, answering every request; says which requests each round started. */
function runAll(
  rules: ReturnType<typeof compile>,
  answer: (r: Request) => Answer,
  extra: Partial<RunInput> = {},
) {
  const known = new Map<string, Answer>();
  const rounds: string[][] = [];
  for (;;) {
    const result = rules.run({ ...input, ...extra, answer: (r) => known.get(r.id) });
    if (result.done) return { outcome: result.outcome, rounds };
    rounds.push(result.needs.map((r) => ('name' in r ? r.name : r.kind)));
    for (const r of result.needs) {
      expect(known.has(r.id)).toBe(false);
      known.set(r.id, answer(r));
    }
  }
}

describe('what is planned', () => {
  const keys = (requests: Request[]) =>
    requests.map((r) => ('key' in r ? `${r.environment}/${'name' in r ? r.name : r.list}/${r.key}` : r.kind));

  test('reads whose keys come from attributes, constants, variables and functions, each once', () => {
    const program = compile(
      'LET $mail = @"user.email".ToUpper()\nRETURN Reject() WHEN Velocity.spend($mail, 7d) > 1 and IsBlock("Email Support List", $mail)',
      'RETURN Reject() WHEN 1 == 2 and Functions.spent(@"user.id").week > 5 or Functions.root.up().v > 1',
      'RETURN Reject() WHEN ContainsKey("Risky", "Email", @"ips") or Lookup("Risky", "Email", "x", "Status") == "a" or Velocity.spend($mail, 7d) > 2',
    );
    expect(keys(program.plan(input))).toEqual([
      'child/spend/A@B.C',
      'child/Email Support List/A@B.C',
      'child/spend/u1',
      'root/above/U1',
      'child/Risky/1.1.1.1',
      'child/Risky/2.2.2.2',
      'child/Risky/x',
    ]);
  });

  test('a key that needs an answer, or cannot be computed, is left out; so is an empty one', () => {
    const program = compile(
      'RETURN Reject() WHEN Velocity.spend(External.a().id, 1d) > 1',
      'RETURN Reject() WHEN Velocity.spend(@"user.id".Substring(9), 1d) > 1',
      'RETURN Reject() WHEN Velocity.spend(@"missing", 1d) > 1',
    );
    expect(program.plan(input)).toEqual([]);
  });

  test('40 velocities and 20 lists are one round, after which the rules run to the end', () => {
    const clauses = [
      ...Array.from({ length: 40 }, (_, i) => `RETURN Reject() WHEN Velocity.v${i}(@"user.id", 1d) > 5`),
      ...Array.from(
        { length: 20 },
        (_, i) => `RETURN Reject() WHEN ContainsKey("Risky", "Email", @"user.email" + "${i}")`,
      ),
    ];
    const program = compile(...clauses);
    const planned = program.plan(input);
    expect(planned.length).toBe(60);
    const known = new Map(planned.map((r) => [r.id, { value: r.kind === 'velocity' ? 0 : null }]));
    expect(program.run({ ...input, answer: (r) => known.get(r.id) }).done).toBe(true);
  });
});

describe('waiting for answers', () => {
  test('calls that are certain to be made start together', () => {
    const { rounds, outcome } = runAll(
      compile(
        'LET $a = External.a()\nLET $b = External.b()\nRETURN Reject() WHEN $a.x > 1 and External.c("1").x > 1',
      ),
      () => ({ value: { x: 5 } }),
    );
    expect(rounds).toEqual([['a', 'b'], ['c']]);
    expect(outcome.decision?.decision).toBe('Reject');
  });

  test.each([
    ['and', 'RETURN Reject() WHEN @"n" > 9 and External.a().x > 1', []],
    ['or', 'RETURN Reject() WHEN @"n" < 9 or External.a().x > 1', []],
    ['? :', 'RETURN Reject() WHEN (@"n" > 9 ? External.a().x : External.b().x) > 1', [['b']]],
    [
      'a fault before',
      'LET $a = External.a()\nLET $s = @"user.id".Substring(9)\nLET $b = External.b()\nRETURN Reject() WHEN $b.x > 1 and $s == ""',
      [['a']],
    ],
    [
      'a fault that only the answer shows',
      'LET $a = External.a().x.AsJsonArray()\nLET $b = External.b()\nRETURN Reject() WHEN $b.x > 1',
      [['a']],
    ],
    ['arguments of a clause whose WHEN is false', 'OBSERVE Output(a = External.a().x) WHEN @"n" > 9', []],
    [
      'arguments once WHEN holds',
      'OBSERVE Output(a = External.a().x, b = External.b().x) WHEN External.c("q").x > 1',
      [['c'], ['a', 'b']],
    ],
    ['a call whose argument is a call', 'OBSERVE Output(a = External.c(External.a().x).x)', [['a'], ['c']]],
  ])('%s makes no call that is not reached', (_, code, rounds) => {
    expect(runAll(compile(code), () => ({ value: { x: 5 } })).rounds).toEqual(rounds);
  });

  test('the same call is made once, however often it stands there', () => {
    const { rounds } = runAll(
      compile('RETURN Reject() WHEN External.a().x > 9', 'RETURN Reject() WHEN External.a().x > 1'),
      () => ({ value: { x: 5 } }),
    );
    expect(rounds).toEqual([['a']]);
  });

  test('a suspended run leaves nothing behind', () => {
    const { outcome } = runAll(
      compile(
        'DO SetVariables(n = GetVariable("n").AsInt() + 1)\nOBSERVE Output(n = GetVariable("n").AsInt(), x = External.a().x)',
      ),
      () => ({ value: { x: 5 } }),
      { variables: new Map([['n', 1]]) },
    );
    expect([outcome.outputs, outcome.variables]).toEqual([{ c1: { n: 2, x: 5 } }, { n: 2 }]);
  });

  test('RandomInt stays the same while a run waits, and differs between assessments', () => {
    const program = compile('OBSERVE Output(r = RandomInt(0, 1000000), x = External.a().x)');
    const values = ['c-1', 'c-1', 'c-2'].map(
      (correlationId) => runAll(program, () => ({ value: {} }), { correlationId }).outcome.outputs.c1?.r,
    );
    expect(values[0]).toBe(values[1]);
    expect(values[0]).not.toBe(values[2]);
  });
});

describe('failed answers', () => {
  test('give the default of their kind, or their own, and one fault', () => {
    const failed = { code: 'timeout', message: 'It took too long.' };
    const { outcome } = runAll(
      compile(
        'LET $a = External.a()\nOBSERVE Output(v = Velocity.spend("u", 1d), l = Lookup("Risky", "Email", "x", "Status"), s = IsSafe("Email Support List", "x"), a = $a.x, again = External.a().x, m = Model.Risk().Score)',
      ),
      (r) =>
        r.kind === 'externalCall'
          ? { failed, value: { x: 'own default' }, diagnostics: { errorMessage: 'timeout' } }
          : { failed },
    );
    expect(outcome.outputs.c1).toEqual({
      v: 0,
      l: 'Unknown',
      s: false,
      a: 'own default',
      again: 'own default',
      m: 0,
    });
    expect(outcome.faults.map((f) => [f.clause, f.code, f.line])).toEqual([
      ['c1', 'timeout', 1],
      ['c1', 'timeout', 2],
      ['c1', 'timeout', 2],
      ['c1', 'timeout', 2],
      ['c1', 'timeout', 2],
    ]);
  });
});

describe('the trail', () => {
  const rules: RuleSource[] = [
    { name: 'A', condition: 'WHEN @"n" == 9', clauses: [{ name: 'a1', code: 'RETURN Reject()' }] },
    {
      name: 'B',
      condition: 'WHEN @"user.id".Substring(99) == ""',
      clauses: [{ name: 'b1', code: 'RETURN Reject()' }],
    },
    {
      name: 'C',
      condition: 'WHEN @"n" == 5',
      clauses: [
        { name: 'early', section: 'PriorToScoring', code: 'OBSERVE Output(x = 1)' },
        {
          name: 'fault',
          section: 'PriorToScoring',
          code: 'RETURN Reject() WHEN 1 / (@"n".ToInt32() - 5) > 1',
        },
        { name: 'sets', section: 'PriorToScoring', code: 'DO SetVariables(a = 1)' },
        { name: 'no', section: 'PriorToScoring', code: 'RETURN Reject() WHEN @"n" > 5' },
        { name: 'yes', section: 'PriorToScoring', code: 'RETURN Review()' },
        { name: 'after', section: 'PriorToScoring', code: 'RETURN Approve() WHEN @"n" > 5' },
        { name: 'late', section: 'PostRiskScoring', code: 'RETURN Approve()' },
      ],
    },
    { name: 'D', clauses: [{ name: 'd1', code: 'RETURN Reject()' }] },
  ];

  test('says for every rule and clause what became of it', () => {
    const result = compileRules(rules, resources).program!.run(input);
    if (!result.done) throw new Error('It waits.');
    const results = result.outcome.trail.map((r) => [r.rule, r.condition, ...r.clauses.map((c) => c.result)]);
    expect(results).toEqual([
      ['A', 'false', 'not reached'],
      ['B', 'fault', 'not reached'],
      [
        'C',
        'true',
        'observed',
        'fault',
        'did',
        'when false',
        'returned',
        'not reached',
        'section not reached',
      ],
      ['D', 'not reached', 'not reached'],
    ]);
    expect(result.outcome.evaluations).toEqual([{ rule: 'C', clauses: ['early', 'sets', 'yes'] }]);
    expect(result.outcome.matched).toBe(true);
  });

  test('no condition holds: nothing matched', () => {
    const result = compileRules(rules.slice(0, 2), resources).program!.run(input);
    expect(result).toMatchObject({ done: true, outcome: { matched: false, decision: undefined } });
  });
});

test('routing takes the first queue that holds', () => {
  const rules = [
    {
      name: 'R',
      clauses: [
        { name: 'big', code: 'ROUTETO Queue("Big") WHEN @"n" > 9' },
        { name: 'general', code: 'ROUTETO QUEUE("General")' },
      ],
    },
  ];
  const { program, diagnostics } = compileRules(
    rules,
    { ...resources, queues: ['big', 'General'] },
    { kind: 'routing' },
  );
  expect(diagnostics).toEqual([]);
  expect(program?.run(input)).toMatchObject({
    outcome: { queue: { queue: 'General', rule: 'R', clause: 'general' } },
  });
  expect(program?.references).toEqual([
    { kind: 'queue', environment: 'child', name: 'big' },
    { kind: 'queue', environment: 'child', name: 'General' },
  ]);
});

test('references name what is used as the environment writes it', () => {
  const program = compile(
    'RETURN Reject() WHEN ContainsKey("risky", "email", "x") and Velocity.SPEND("u", 1d) > 1 and Functions.root.up().v > 1 and isblock("email support list", "x")',
  );
  expect(program.references).toEqual([
    { kind: 'list', environment: 'child', name: 'Risky', column: 'Email' },
    { kind: 'velocity', environment: 'child', name: 'spend' },
    { kind: 'function', environment: 'root', name: 'up' },
    { kind: 'velocity', environment: 'root', name: 'above' },
    { kind: 'supportList', environment: 'child', name: 'Email Support List' },
  ]);
});

test('paths across two large arrays are compared without trying every pair', () => {
  const items = (first: number) => Array.from({ length: 40_000 }, (_, i) => ({ id: first + i }));
  const runOver = (code: string, payload: JsonObject) => {
    const { program } = compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], resources);
    const result = program?.run({ payload, now: 0 });
    return result?.done ? [result.outcome.decision?.decision, result.outcome.faults.map((f) => f.code)] : [];
  };
  const same = 'RETURN Reject() WHEN @"a.id" == @"b.id"';
  expect(runOver(same, { a: items(0), b: items(39_999) })).toEqual(['Reject', []]);
  expect(runOver(same, { a: items(0), b: items(40_000) })).toEqual([undefined, []]);
  const part = 'RETURN Reject() WHEN @"a.id".Contains(@"b.id")';
  expect(runOver(part, { a: items(0), b: items(40_000) })).toEqual([undefined, ['too-large']]);
});
