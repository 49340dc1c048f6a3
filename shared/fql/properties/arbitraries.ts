import fc from 'fast-check';
import type { Argument, BinaryOperator, Code, Entry, Expression } from '../tree.ts';

const at = { start: 0, end: 0 };
const word = fc
  .stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/)
  .filter(
    (w) => !/^(?:let|return|observe|when|do|select|as|from|groupby|routeto|and|or|not|true|false)$/i.test(w),
  );
const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 4 }), word);
const path = fc
  .array(fc.oneof({ weight: 3, arbitrary: word }, { weight: 1, arbitrary: fc.nat(20) }), {
    minLength: 0,
    maxLength: 3,
  })
  .chain((rest) => word.map((w) => [w, ...rest]));
const operators: BinaryOperator[] = ['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '|'];

const literal: fc.Arbitrary<Expression> = fc.oneof(
  text.map((value): Expression => ({ ...at, kind: 'literal', type: 'String', value })),
  fc.integer({ min: -2147483648, max: 2147483647 }).map(
    (value): Expression => ({
      ...at,
      kind: 'literal',
      type: 'Int32',
      value: Object.is(value, -0) ? 0 : value,
    }),
  ),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((d): Expression => ({ ...at, kind: 'literal', type: 'Double', value: d === 0 ? 0.5 : d })),
  fc.boolean().map((value): Expression => ({ ...at, kind: 'literal', type: 'Boolean', value })),
);

/** Any expression that the parser can give, whatever it would mean. */
export const anyExpression: fc.Arbitrary<Expression> = fc.letrec<{ e: Expression }>((tie) => {
  const e = tie('e');
  const callee: fc.Arbitrary<Expression> = fc.oneof(
    word.map((name): Expression => ({ ...at, kind: 'name', name })),
    fc
      .tuple(e, word)
      .map(([target, name]): Expression => ({ ...at, kind: 'member', target, name, nameStart: 0 })),
  );
  const argument = fc
    .tuple(fc.option(word, { nil: undefined }), e)
    .map(([name, value]): Argument => (name === undefined ? { ...at, value } : { ...at, name, value }));
  const entry = fc.tuple(text, e).map(([key, value]): Entry => ({ ...at, key, value }));
  const operands = fc.array(e, { minLength: 2, maxLength: 3 });
  return {
    e: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      literal,
      path.map((p): Expression => ({ ...at, kind: 'attribute', path: p })),
      fc.option(path, { nil: [] }).map((p): Expression => ({ ...at, kind: 'payload', path: p })),
      word.map((name): Expression => ({ ...at, kind: 'variable', name })),
      word.map((name): Expression => ({ ...at, kind: 'name', name })),
      fc.constantFrom('7d', '30s').map((t): Expression => ({ ...at, kind: 'window', text: t })),
      fc
        .tuple(e, word)
        .map(([target, name]): Expression => ({ ...at, kind: 'member', target, name, nameStart: 0 })),
      fc.tuple(e, e).map(([target, index]): Expression => ({ ...at, kind: 'index', target, index })),
      fc
        .tuple(callee, fc.array(argument, { maxLength: 3 }))
        .map(([c, args]): Expression => ({ ...at, kind: 'call', callee: c, args })),
      e.map((operand): Expression => ({ ...at, kind: 'not', operand })),
      e
        .filter((o) => !(o.kind === 'literal' && typeof o.value === 'number'))
        .map((operand): Expression => ({ ...at, kind: 'negate', operand })),
      operands.map((o): Expression => ({ ...at, kind: 'and', operands: o })),
      operands.map((o): Expression => ({ ...at, kind: 'or', operands: o })),
      fc
        .tuple(fc.constantFrom(...operators), e, e)
        .map(([op, left, right]): Expression => ({ ...at, kind: 'binary', op, left, right })),
      fc
        .tuple(e, e, e)
        .map(
          ([test, then, otherwise]): Expression => ({ ...at, kind: 'conditional', test, then, otherwise }),
        ),
      fc.array(e, { maxLength: 3 }).map((items): Expression => ({ ...at, kind: 'array', items })),
      fc.array(entry, { maxLength: 3 }).map((entries): Expression => ({ ...at, kind: 'object', entries })),
    ),
  };
}).e;

export const anyCode: fc.Arbitrary<Code> = fc
  .record({
    lets: fc.array(fc.tuple(word, anyExpression), { maxLength: 2 }),
    kind: fc.constantFrom('return' as const, 'observe' as const, 'routeto' as const),
    values: fc.array(anyExpression, { minLength: 1, maxLength: 2 }),
    when: fc.option(anyExpression, { nil: undefined }),
  })
  .map(({ lets, kind, values, when }) => ({
    ...at,
    statements: lets.map(([name, value]) => ({
      ...at,
      kind: 'let' as const,
      name,
      nameStart: 0,
      nameEnd: 0,
      value,
    })),
    final: { ...at, kind, values },
    ...(when === undefined ? {} : { when, whenStart: 0 }),
  }));

type Kind = 'String' | 'Int32' | 'Double' | 'Boolean' | 'DateTime' | 'TimeSpan';

/** The payload of the typed programs: every kind of value, missing ones, wrong ones, and arrays. */
export const payload = fc.record(
  {
    s: fc.oneof(
      fc.constantFrom('', 'a', 'ab', 'B', ' us ', '12', '2.5', 'true', '2024-02-29'),
      fc.integer({ min: -5, max: 5 }),
      fc.boolean(),
    ),
    n: fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.constantFrom(1e308, -2147483648, 2147483647, 2.5, '7', 'x'),
    ),
    b: fc.oneof(fc.boolean(), fc.constantFrom('TRUE', 0, 'no')),
    d: fc.constantFrom('2024-05-01T11:04:30Z', '0001-01-01', '9999-12-31', 'never', 5),
    list: fc.array(
      fc.record(
        { s: fc.constantFrom('a', 'ab', ''), n: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant('z')) },
        { requiredKeys: [] },
      ),
      { maxLength: 3 },
    ),
    O: fc.record({ S: fc.constantFrom('a', 'b') }),
  },
  { requiredKeys: [] },
);

const q = JSON.stringify;

/** The text of an expression of a type; it always compiles. */
export function typedExpression(kind: Kind): fc.Arbitrary<string> {
  return typed[kind];
}

const typed = fc.letrec<Record<Kind, string>>((tie) => {
  const s = tie('String');
  const i = tie('Int32');
  const d = tie('Double');
  const b = tie('Boolean');
  const t = tie('DateTime');
  const span = tie('TimeSpan');
  const options = { maxDepth: 3, depthSize: 'small' } as const;
  const number = fc.oneof(i, d);
  const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
  const equality = fc.constantFrom('==', '!=');
  const textAttribute = fc.constantFrom('@"s"', '@"list.s"', '@"o.s"', '@"missing"', '@"list[0].s"');
  const numberAttribute = fc.constantFrom('@"n"', '@"list.n"', '@"missing"', '@"list[1].n"');
  return {
    String: fc.oneof(
      options,
      fc.constantFrom('', 'a', 'ab', 'us, a', '$1', '2024-05-01').map(q),
      textAttribute.map((a) => `${a}.Trim()`),
      fc.tuple(s, fc.oneof(s, i, d, b, t, span)).map(([x, y]) => `(${x} + ${y})`),
      s.map((x) => `${x}.ToUpper()`),
      fc.tuple(s, i).map(([x, n]) => `${x}.Substring(${n})`),
      fc.tuple(s, s, s).map(([x, y, z]) => `${x}.Replace(${y}, ${z})`),
      fc.tuple(s, s, i).map(([x, y, n]) => `${x}.Split(${y})[${n}]`),
      fc.tuple(b, s, s).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
      fc.oneof(i, d, t, span, b).map((x) => `${x}.ToString()`),
      fc.tuple(textAttribute, s).map(([a, x]) => `(1 == 2 ? ${x} : ${a})`),
    ),
    Int32: fc.oneof(
      options,
      fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(2147483647)).map((n) => `(${n})`),
      fc.tuple(i, fc.constantFrom('+', '-', '*', '/', '%'), i).map(([x, op, y]) => `(${x} ${op} ${y})`),
      s.map((x) => `${x}.Length`),
      fc.tuple(s, s).map(([x, y]) => `${x}.IndexOf(${y})`),
      d.map((x) => `Convert.ToInt32(${x})`),
      i.map((x) => `(-${x})`),
      t.map((x) => `${x}.Day`),
      numberAttribute.map((a) => `${a}.ToInt32()`),
      fc.tuple(i, i).map(([x, y]) => `Math.Min(${x}, ${y})`),
    ),
    Double: fc.oneof(
      options,
      fc.constantFrom('0.5', '2.0', '1e300', '-7.25').map((n) => `(${n})`),
      numberAttribute.map((a) => `(${a} + 0)`),
      fc.tuple(d, fc.constantFrom('+', '-', '*', '/', '%'), number).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(fc.constantFrom('Round', 'Floor', 'Sqrt', 'Abs', 'Exp'), d).map(([f, x]) => `Math.${f}(${x})`),
      numberAttribute.map((a) => `Convert.ToDouble(${a})`),
      span.map((x) => `${x}.TotalDays`),
      fc.tuple(b, d, number).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
    ),
    Boolean: fc.oneof(
      options,
      fc.constantFrom('true', 'false'),
      fc.tuple(s, comparison, fc.oneof(s, textAttribute)).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(textAttribute, comparison, s).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc
        .tuple(number, comparison, fc.oneof(number, numberAttribute))
        .map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(numberAttribute, comparison, number).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(t, comparison, fc.oneof(t, fc.constant('@"d"'))).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(b, equality, fc.oneof(b, fc.constant('@"b"'))).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc
        .tuple(fc.oneof(b, fc.constant('@"b"')), fc.constantFrom('and', 'or', '&&', '||'), b)
        .map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.oneof(b, fc.constant('@"b"')).map((x) => `(!${x})`),
      fc
        .tuple(
          fc.oneof(s, textAttribute),
          fc.constantFrom('StartsWith', 'Contains', 'IgnoreCaseEquals'),
          fc.oneof(s, textAttribute),
        )
        .map(([x, m, y]) => `${x}.${m}(${y})`),
      fc.tuple(fc.oneof(s, textAttribute), s).map(([x, y]) => `In(${x}, ${y})`),
      textAttribute.map((a) => `Exists(${a})`),
      fc.oneof(s, textAttribute).map((x) => `${x}.ContainsAny(CharSet.Numeric|CharSet.Hyphen)`),
    ),
    DateTime: fc.oneof(
      options,
      fc.constantFrom('DateTime.UtcNow', 'DateTime.Today', 'DateTime.MinValue', '@"d".Date'),
      fc.tuple(t, fc.constantFrom('+', '-'), span).map(([x, op, y]) => `(${x} ${op} ${y})`),
      fc.tuple(t, d).map(([x, n]) => `${x}.AddDays(${n})`),
    ),
    TimeSpan: fc.oneof(
      options,
      fc.tuple(fc.constantFrom('Days', 'Seconds'), d).map(([u, n]) => `TimeSpan.From${u}(${n})`),
      fc.tuple(t, t).map(([x, y]) => `(${x} - ${y})`),
      fc.constant('TimeSpan.Zero'),
    ),
  };
});
