import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPiece } from '../checker/rules.ts';
import { newSession } from '../checker/scope.ts';
import type { Local } from '../checker/typed.ts';
import { sampleResources } from '../conformance/sample.ts';
import { compileRules, compileVelocitySet, format } from '../index.ts';
import { parse } from '../parser.ts';
import { printCode } from '../printer.ts';
import type { JsonObject, RunInput } from '../types.ts';
import { anyCode, payload, typedExpression } from './arbitraries.ts';
import { evaluateNaively } from './walker.ts';

/** A tree without its positions. */
function bare(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, v) =>
      ['start', 'end', 'nameStart', 'nameEnd', 'whenStart'].includes(key) ? undefined : v,
    ),
  );
}

const errorsOf = (source: string) => parse(source).problems.filter((p) => p.severity === 'error');

describe('printing', () => {
  test('what is printed reads back as the same tree', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const text = printCode(code);
        expect(errorsOf(text)).toEqual([]);
        expect(bare(parse(text).code)).toEqual(bare(code));
      }),
      { numRuns: 400 },
    );
  });

  test('formatting keeps the tree and the comments, and is done after once', () => {
    const gap = fc.constantFrom(
      ' ',
      '\n',
      '\n\n',
      '  /* c */ ',
      ' // end\n',
      '\n// own\n',
      '\n/* two\nlines */\n',
      '\n// own\n/* c */ ',
      '\t',
    );
    fc.assert(
      fc.property(anyCode, fc.array(gap, { minLength: 1, maxLength: 9 }), (code, gaps) => {
        const printed = printCode(code);
        const tokens = parse(printed).tokens;
        const source = tokens
          .map((t, i) => (gaps[i % gaps.length] ?? ' ') + printed.slice(t.start, t.end))
          .join('');
        if (errorsOf(source).length > 0) return;
        const formatted = format(source);
        expect(bare(parse(formatted).code)).toEqual(bare(parse(source).code));
        expect(parse(formatted).comments.length).toBe(parse(source).comments.length);
        expect(format(formatted)).toBe(formatted);
      }),
      { numRuns: 250 },
    );
  });

  test('a comment in front of a statement, under a comment of its own line, stands at the margin', () => {
    const formatted = '// Approves\n/* old */\nRETURN Approve()\n';
    expect(format('// Approves\n/* old */ RETURN Approve()')).toBe(formatted);
    expect(format(formatted)).toBe(formatted);
  });
});

describe('generated code', () => {
  const kinds = ['String', 'Int32', 'Double', 'Boolean', 'DateTime', 'TimeSpan'] as const;

  test('does what a naive walk over the checked tree does', () => {
    const program = fc
      .constantFrom(...kinds)
      .chain((kind) =>
        fc.tuple(
          typedExpression(kind),
          typedExpression('Boolean'),
          fc.constantFrom(...kinds).chain(typedExpression),
        ),
      );
    fc.assert(
      fc.property(program, payload, ([value, when, local], data) => {
        const code = `LET $x = ${local}\nOBSERVE Output(v = ${value}, x = $x) WHEN ${when}`;
        const { program: compiled, diagnostics } = compileRules(
          [{ name: 'R', clauses: [{ name: 'c', code }] }],
          { environment: 'e' },
        );
        if (compiled === undefined) throw new Error(`${code}\n${diagnostics[0]?.message}`);
        const input: RunInput = { payload: data as JsonObject, now: Date.UTC(2024, 4, 1, 11, 4, 30) };
        const result = compiled.run(input);
        if (!result.done) throw new Error('It waits for something.');
        expect({ outputs: result.outcome.outputs, faults: result.outcome.faults.map((f) => f.code) }).toEqual(
          naively(code, input),
        );
      }),
      { numRuns: 600 },
    );
  });

  function naively(code: string, input: RunInput): { outputs: unknown; faults: string[] } {
    const checked = checkPiece(code, 'decision', { environment: 'e' }, newSession(), {}).code;
    const locals = new Map<Local, unknown>();
    const outputs: Record<string, unknown> = {};
    const steps = [...checked.statements.flatMap((s) => (s.kind === 'let' ? [s.local] : []))];
    for (const local of steps) {
      const result = evaluateNaively(local.value, input, locals, true);
      if ('fault' in result) return { outputs: {}, faults: [result.fault] };
      locals.set(local, result.value);
    }
    const when = evaluateNaively(checked.when!, input, locals, false);
    if ('fault' in when) return { outputs: {}, faults: [when.fault] };
    if (when.value !== true) return { outputs: {}, faults: [] };
    const values = checked.final?.kind === 'observe' ? (checked.final.observations[0]?.values ?? []) : [];
    for (const { key, value } of values) {
      const result = evaluateNaively(value, input, locals, false);
      if ('fault' in result) return { outputs: {}, faults: [result.fault] };
      outputs[key] = result.value;
    }
    return { outputs: { c: outputs }, faults: [] };
  }
});

/** Everything that reads source text, none of which may throw. */
function readEverything(source: string): void {
  const { tokens, code } = parse(source);
  expect(tokens.length).toBeLessThanOrEqual(source.length + 1);
  expect(code.end).toBe(source.length);
  format(source);
  const rule = { name: 'R', condition: source, clauses: [{ name: 'c', code: source }] };
  for (const kind of ['decision', 'action', 'routing'] as const) {
    const { diagnostics } = compileRules([rule], sampleResources, { kind });
    for (const d of diagnostics) expect(d.line).toBeGreaterThan(0);
  }
  compileVelocitySet({ name: 'V', velocities: [source] }, sampleResources);
}

describe('any text', () => {
  const fragment = fc.constantFrom(
    'RETURN ',
    'Approve()',
    'WHEN ',
    'LET $a = ',
    'OBSERVE Output(',
    'SELECT Count() AS n FROM P ',
    'GROUPBY ',
    '@"a.b"',
    '@@',
    '$a',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '.',
    '+',
    '-',
    '!',
    'not ',
    ' and ',
    ' or ',
    '==',
    '<',
    '?',
    ':',
    '"',
    "'",
    '“',
    '1',
    '2.5',
    '7d',
    '//',
    '/*',
    '*/',
    '\\',
    '\n',
    'Velocity.x(',
    'External.',
    'Functions.root.',
    '\u0000',
    '\ud800',
    'é',
  );

  test('is read without an exception, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 60 }),
          fc.array(fragment, { maxLength: 30 }).map((f) => f.join('')),
        ),
        readEverything,
      ),
      { numRuns: 300 },
    );
  });

  const size = 100_000;
  const fill = (unit: string) => unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
  test.each([
    '(',
    '[',
    '{a:',
    '!',
    '-',
    'not ',
    '@',
    '@"',
    '"',
    '$',
    '1+',
    '"a"+',
    'a.',
    'a(',
    'a[',
    '@"a"==1 and ',
    '@"a"==1 or ',
    '1?1:',
    '/*',
    '//',
    '\\',
    '.',
    '{',
    'LET $a=1\n',
    'RETURN ',
    'WHEN ',
    'foo(1) and ',
    '$qwerty + ',
    '1 2 ',
    'x=',
    'Velocty.y(1,7d) or ',
    '“',
    '\n',
    '"\\q" + ',
  ])('100 kB of %j is read in one go', (unit) => {
    for (const source of [fill(unit), `RETURN Approve() WHEN ${fill(unit)}`]) {
      expect(parse(source).tokens.length).toBeLessThanOrEqual(source.length + 1);
      format(source);
      compileRules([{ name: 'R', clauses: [{ name: 'c', code: source }] }], sampleResources);
    }
  });
});

describe('nesting', () => {
  const run = (code: string) =>
    compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], { environment: 'e' });
  const nest = (open: string, inner: string, close: string, depth: number) =>
    open.repeat(depth) + inner + close.repeat(depth);

  test.each([
    ['parentheses', nest('(', '1 == 1', ')', 200)],
    ['not', nest('not (', '1 == 1', ')', 200)],
    ['ternaries', nest('(1 == 2 ? false : ', 'true', ')', 200)],
    ['calls', `${nest('Math.Max(1, ', '2', ')', 200)} > 1`],
    ['arithmetic', `${nest('(1 + ', '2', ')', 200)} > 1`],
    ['arrays', `Exists(${nest('[', '1', ']', 200)}[0])`],
  ])('200 levels of %s work', (_, when) => {
    const { program, diagnostics } = run(`RETURN Reject() WHEN ${when}`);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    expect(program?.run({ payload: {}, now: 0 })).toMatchObject({
      done: true,
      outcome: { decision: { decision: 'Reject' } },
    });
  });

  test('too many levels are one diagnostic', () => {
    expect(
      run(`RETURN Reject() WHEN ${nest('(', '1 == 1', ')', 5000)}`).diagnostics.map((d) => d.code),
    ).toEqual(['too-deep']);
  });

  test('2,000 clauses are one program', () => {
    const clauses = Array.from({ length: 2000 }, (_, i) => ({
      name: `c${i}`,
      code: `RETURN Reject("${i}") WHEN @"n" == ${i}`,
    }));
    const program = compileRules([{ name: 'R', condition: 'LET $m = @"n" + 1\nWHEN $m > 0', clauses }], {
      environment: 'e',
    }).program;
    expect(program?.run({ payload: { n: 1999 }, now: 0 })).toMatchObject({
      outcome: { decision: { reason: '1999' } },
    });
  });
});

describe('nothing outside the payload and the resources can be reached', () => {
  const names = [
    'constructor',
    '__proto__',
    'prototype',
    'globalThis',
    'toString',
    'hasOwnProperty',
    'length',
    'eval',
    'process',
    'this',
    'arguments',
    '__defineGetter__',
    'valueOf',
  ];
  const outputs = (code: string, data: JsonObject = {}) => {
    const { program } = compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], { environment: 'e' });
    const result = program?.run({ payload: data, now: 0 });
    return result?.done ? result.outcome.outputs.c : undefined;
  };

  test.each(names)('%s is only a name', (name) => {
    expect(
      outputs(
        `OBSERVE Output(v = @"${name}", w = @"a.${name}", x = @@"${name}", y = @@"a".${name}, e = Exists(@"${name}"))`,
        { a: { b: [1] } },
      ),
    ).toEqual({ v: '', w: '', x: null, y: null, e: false });
    expect(
      outputs(`OBSERVE Output(v = @"a.${name}.${name}", w = GetVariable("${name}"))`, { a: 'text' }),
    ).toEqual({ v: '', w: null });
    const own = Object.fromEntries([[name, 'own']]);
    const data = name === '__proto__' ? JSON.parse('{"__proto__":"own"}') : own;
    expect(outputs(`OBSERVE Output(v = @"${name}")`, data)).toEqual({ v: 'own' });
    expect(outputs(`LET $${name} = 5\nOBSERVE Output(v = $${name} + 1)`)).toEqual({ v: 6 });
    const object = outputs(`OBSERVE Output(${name} = { ${name}: 1 })`) ?? {};
    expect(Object.keys(object)).toEqual([name]);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    const member = name === 'toString' || name === 'length' ? 'x' : name;
    for (const code of [
      `${name}`,
      `${name}()`,
      `Math.${name}`,
      `Math.${name}()`,
      `"a".${member}()`,
      `${name}.x()`,
      `External.${name}()`,
      `Velocity.${name}("a", 1d)`,
      `Functions.${name}().${name}`,
      `Assessments.${name}.Evaluate()`,
      `ContainsKey("${name}", "${name}", "a")`,
      `IsSafe("${name}", "a")`,
    ]) {
      const { diagnostics } = compileRules(
        [{ name: 'R', clauses: [{ name: 'c', code: `OBSERVE Output(v = ${code})` }] }],
        { environment: 'e', lists: {}, functions: {}, externalCalls: {} },
      );
      expect([code, diagnostics.some((d) => d.severity === 'error')]).toEqual([code, true]);
    }
    expect(Object.hasOwn(Object.prototype, 'v')).toBe(false);
  });

  test('texts of every kind stay texts', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 20 }),
          fc.constantFrom('"); process.exit(1); ("', '$' + '{1}', '`', '$1', '\u2028', '*/', '</script>'),
        ),
        (value) => {
          const code = `RETURN Reject(${JSON.stringify(value)}), Output(v = ${JSON.stringify(value)}) WHEN @"list" == ${JSON.stringify(value)}`;
          const { program } = compileRules([{ name: value, clauses: [{ name: value, code }] }], {
            environment: value,
          });
          const result = program?.run({ payload: { list: ['other', value] }, now: 0 });
          expect(result).toMatchObject({
            done: true,
            outcome: { decision: { reason: value, rule: value, clause: value } },
          });
        },
      ),
    );
  });
});
