import type { BinaryOperator, Expression, Let } from '../tree.ts';
import { aType, isNumber, isScalar, type Type } from '../type.ts';
import { checkCall, checkMember, checkName } from './calls.ts';
import { asBody, asJson, besides, castHint, coerce, errorAt, isConstant, settle, settled } from './coerce.ts';
import { offerName, report, type Scope } from './scope.ts';
import type { Local, Typed } from './typed.ts';

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

/** Checks an expression; an attribute with no context yet comes back as `Open`. */
export function check(scope: Scope, e: Expression): Typed {
  const at = { start: e.start, end: e.end };
  switch (e.kind) {
    case 'literal':
      return { ...at, kind: 'const', type: e.type, many: false, value: e.value };
    case 'attribute':
      scope.attributes.push({ path: e.path, ...at });
      return { ...at, kind: 'attribute', type: 'Open', many: false, path: e.path };
    case 'payload':
      if (e.path.length > 0) scope.attributes.push({ path: e.path, ...at });
      return { ...at, kind: 'payload', type: 'Json', many: false, path: e.path };
    case 'variable':
      return checkVariable(scope, e);
    case 'name':
      return checkName(scope, e);
    case 'member':
      return checkMember(scope, e);
    case 'call':
      return checkCall(scope, e);
    case 'index':
      return checkIndex(scope, e);
    case 'not':
      return {
        ...at,
        kind: 'not',
        type: 'Boolean',
        many: false,
        operand: condition(scope, e.operand, 'What "not" negates'),
      };
    case 'negate':
      return checkNegate(scope, e);
    case 'and':
    case 'or': {
      const operands = e.operands.map((o) => condition(scope, o, `Each side of "${e.kind}"`));
      return { ...at, kind: e.kind, type: 'Boolean', many: false, operands };
    }
    case 'binary':
      return checkBinary(scope, e);
    case 'conditional':
      return checkConditional(scope, e);
    case 'array':
      return {
        ...at,
        kind: 'array',
        type: 'Json',
        many: false,
        items: e.items.map((i) => jsonValue(scope, i)),
      };
    case 'object':
      return {
        ...at,
        kind: 'object',
        type: 'Json',
        many: false,
        entries: e.entries.map((entry) => ({ key: entry.key, value: jsonValue(scope, entry.value) })),
      };
    case 'window':
      report(
        scope,
        'unexpected-window',
        `${e.text} is a time window, and only a velocity takes one: Velocity.name(key, 7d).`,
        at,
      );
      return errorAt(at);
  }
}

/** A value as JSON. */
export function jsonValue(scope: Scope, e: Expression): Typed {
  const value = check(scope, e);
  const json = asJson(value);
  if (json !== undefined) return json;
  report(
    scope,
    'no-value',
    `${capital(aType(value.type))} cannot be put into JSON.${castHint(value.type, 'Json')}`,
    value,
  );
  return errorAt(value);
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A Boolean, as WHEN, `and`, `or`, `not` and `? :` need it. */
export function condition(scope: Scope, e: Expression, what: string): Typed {
  return coerce(scope, check(scope, e), 'Boolean', what);
}

function checkVariable(scope: Scope, e: Of<'variable'>): Typed {
  const local =
    scope.locals.get(e.name) ?? scope.locals.get(`~${e.name.toLowerCase()}`) ?? importLocal(scope, e);
  if (local === undefined) {
    const names = [...scope.locals.keys()].filter((n) => !n.startsWith('~'));
    const hint = offerName(scope, e.name, names, (n) => `$${n}`);
    report(
      scope,
      'unknown-variable',
      `$${e.name} is not defined. Define it with LET $${e.name} = … before it is used.${hint}`,
      e,
    );
    return errorAt(e);
  }
  local.used = true;
  if (local.type === 'Open') return { ...local.value, start: e.start, end: e.end };
  return { kind: 'local', local, type: local.type, many: local.many, start: e.start, end: e.end };
}

/** A variable of an earlier clause: its LET runs in this clause too. */
function importLocal(scope: Scope, e: Of<'variable'>): Local | undefined {
  const found = scope.earlier.get(e.name);
  if (found === undefined) return undefined;
  const local = defineLocal(scope, {
    ...found,
    value: moved(found.value, e),
    nameStart: e.start,
    nameEnd: e.end,
    start: e.start,
    end: e.end,
  });
  if (local.type !== 'Open' && local.type !== 'Error') scope.imported.push({ kind: 'let', local });
  return local;
}

/** A copy of an expression that stands, all of it, at one place. */
function moved(e: Expression, at: { start: number; end: number }): Expression {
  const copy = structuredClone(e);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    if ('start' in value) value.start = at.start;
    if ('nameStart' in value) value.nameStart = at.start;
    if ('end' in value) value.end = at.end;
    for (const part of Object.values(value)) visit(part);
  };
  visit(copy);
  return copy;
}

/** Checks the value of a LET and makes its variable known. */
export function defineLocal(scope: Scope, statement: Let): Local {
  const checked = check(scope, statement.value);
  const value = checked.type === 'Open' && checked.kind !== 'attribute' ? settled(checked) : checked;
  if (value.type === 'CharSet')
    report(scope, 'no-value', 'A character set cannot be kept in a variable.', value);
  const local: Local = {
    name: statement.name,
    id: scope.ids.next++,
    type: value.type,
    many: value.many,
    value,
    used: false,
    start: statement.nameStart,
    end: statement.nameEnd,
  };
  scope.locals.set(statement.name, local);
  const folded = `~${statement.name.toLowerCase()}`;
  if (!scope.locals.has(folded)) scope.locals.set(folded, local);
  return local;
}

function checkIndex(scope: Scope, e: Of<'index'>): Typed {
  const at = { start: e.start, end: e.end };
  const target = check(scope, e.target);
  const index = settle(check(scope, e.index), 'Int32');
  if (target.type === 'Error' || index.type === 'Error') return errorAt(at);
  if (target.type === 'Open' && target.kind === 'attribute') {
    if (index.kind === 'const' && typeof index.value === 'number' && index.value >= 0) {
      return { ...target, ...at, path: [...target.path, index.value] };
    }
    report(
      scope,
      'type-mismatch',
      'The index of an attribute must be a number, as in @"productList"[0].',
      index,
    );
    return errorAt(at);
  }
  if (target.type === 'Strings' || target.type === 'String') {
    return {
      ...at,
      kind: 'element',
      type: 'String',
      many: false,
      target,
      index: coerce(scope, index, 'Int32', 'The index'),
    };
  }
  if (target.type === 'Json' || target.type === 'Response') {
    const json = coerce(scope, target, 'Json', 'What is indexed');
    const ready = index.type === 'String' ? index : coerce(scope, index, 'Int32', 'The index');
    return { ...at, kind: 'element', type: 'Json', many: false, target: json, index: ready };
  }
  report(scope, 'type-mismatch', `Only arrays have elements; this is ${aType(target.type)}.`, target);
  return errorAt(at);
}

function checkNegate(scope: Scope, e: Of<'negate'>): Typed {
  const operand = settle(check(scope, e.operand), 'Double');
  const ready =
    operand.type === 'Json' || operand.type === 'Response'
      ? coerce(scope, operand, 'Double', 'What "-" negates')
      : operand;
  if (ready.type === 'Error') return errorAt(e);
  if (!isNumber(ready.type) && ready.type !== 'TimeSpan') {
    report(
      scope,
      'type-mismatch',
      `"-" needs a number, but this is ${aType(ready.type)}.${castHint(ready.type, 'Double')}`,
      ready,
    );
    return errorAt(e);
  }
  return { kind: 'negate', operand: ready, type: ready.type, many: false, start: e.start, end: e.end };
}

function checkConditional(scope: Scope, e: Of<'conditional'>): Typed {
  const at = { start: e.start, end: e.end };
  const test = condition(scope, e.test, 'What stands before "?"');
  let then = check(scope, e.then);
  let otherwise = check(scope, e.otherwise);
  if (then.type === 'Open' && otherwise.type === 'Open') {
    return { ...at, kind: 'conditional', type: 'Open', many: false, test, then, otherwise };
  }
  if (then.type === 'Open') then = settle(then, besides(otherwise.type));
  if (otherwise.type === 'Open') otherwise = settle(otherwise, besides(then.type));
  const type = commonType(then.type, otherwise.type);
  if (type === undefined) {
    report(
      scope,
      'type-mismatch',
      `Both results of "? :" must have one type, but the first is ${aType(then.type)} and the second ${aType(otherwise.type)}.`,
      at,
    );
    return errorAt(at);
  }
  if (type === 'Error') return errorAt(at);
  then = coerce(scope, then, type, 'This result');
  otherwise = coerce(scope, otherwise, type, 'This result');
  return { ...at, kind: 'conditional', type, many: then.many || otherwise.many, test, then, otherwise };
}

function commonType(a: Type, b: Type): Type | undefined {
  if (a === b) return a;
  if (a === 'Error' || b === 'Error') return 'Error';
  if (isNumber(a) && isNumber(b)) return 'Double';
  const jsonA = a === 'Json' || a === 'Response';
  const jsonB = b === 'Json' || b === 'Response';
  if (jsonA && jsonB) return 'Json';
  if (jsonA && isScalar(b)) return b;
  if (jsonB && isScalar(a)) return a;
  return undefined;
}

function checkBinary(scope: Scope, e: Of<'binary'>): Typed {
  const left = check(scope, e.left);
  const right = check(scope, e.right);
  if (left.type === 'Error' || right.type === 'Error') {
    const compares = ['==', '!=', '<', '<=', '>', '>='].includes(e.op);
    return compares ? { ...errorAt(e), type: 'Error' } : errorAt(e);
  }
  switch (e.op) {
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return checkComparison(scope, e, left, right);
    case '|':
      return checkUnion(scope, e, left, right);
    default:
      return checkArithmetic(scope, e, left, right);
  }
}

function checkUnion(scope: Scope, e: Of<'binary'>, left: Typed, right: Typed): Typed {
  for (const side of [left, right]) {
    if (side.type === 'CharSet') continue;
    const hint =
      side.type === 'Boolean' || side.type === 'Open' ? ' Logical "or" is written "||" or "or".' : '';
    report(
      scope,
      'type-mismatch',
      `"|" joins character sets, as in CharSet.Numeric|CharSet.Hyphen, but this is ${side.type === 'Open' ? 'an attribute' : aType(side.type)}.${hint}`,
      side,
    );
    return errorAt(e);
  }
  return {
    kind: 'arithmetic',
    op: '|',
    left,
    right,
    type: 'CharSet',
    many: false,
    start: e.start,
    end: e.end,
  };
}

function checkComparison(scope: Scope, e: Of<'binary'>, l: Typed, r: Typed): Typed {
  let left = l;
  let right = r;
  if (left.type === 'Open' && right.type === 'Open') {
    report(
      scope,
      'untyped-comparison',
      'Nothing says what type these attributes have, so they are compared as Strings. Cast one, as in Convert.ToDouble(…), if they are numbers or dates.',
      e,
      'warning',
    );
    left = settled(left);
    right = settled(right);
  }
  if (left.type === 'Open') left = settle(left, besides(right.type));
  if (right.type === 'Open') right = settle(right, besides(left.type));
  const type = comparedType(scope, e, left, right);
  if (type === undefined) return errorAt(e);
  left = coerce(scope, left, type, 'The left side of the comparison');
  right = coerce(scope, right, type, 'The right side of the comparison');
  const ordered = e.op !== '==' && e.op !== '!=';
  if (ordered && (type === 'Boolean' || type === 'Json' || type === 'CharSet')) {
    report(
      scope,
      'type-mismatch',
      `"${e.op}" cannot order ${type === 'Json' ? 'JSON values. Cast them, as in .AsDouble()' : `${type}s`}.`,
      e,
    );
    return errorAt(e);
  }
  const decision = [left, right].some((s) => s.kind === 'call' && s.member.owner === 'Response');
  return {
    kind: 'compare',
    op: e.op,
    left,
    right,
    type: 'Boolean',
    many: false,
    start: e.start,
    end: e.end,
    ...(decision ? { ignoreCase: true as const } : {}),
  };
}

/** The type in which two values are compared; undefined, reported, where there is none. */
function comparedType(scope: Scope, e: Of<'binary'>, left: Typed, right: Typed): Type | undefined {
  const a = left.type;
  const b = right.type;
  const jsonA = a === 'Json' || a === 'Response';
  const jsonB = b === 'Json' || b === 'Response';
  if (jsonA && jsonB) return 'Json';
  if (jsonA && isScalar(b)) return b === 'Int32' ? 'Double' : b;
  if (jsonB && isScalar(a)) return a === 'Int32' ? 'Double' : a;
  if (isNumber(a) && isNumber(b)) return a === b ? a : 'Double';
  if (a === b && (isScalar(a) || a === 'CharSet')) return a;
  if (a === 'DateTime' && b === 'String' && isConstant(right)) return 'DateTime';
  if (b === 'DateTime' && a === 'String' && isConstant(left)) return 'DateTime';
  const [text, other] = a === 'String' ? [left, right] : [right, left];
  const hint =
    text.type === 'String'
      ? castHint('String', other.type) || castHint(other.type, 'String')
      : castHint(a, b) || castHint(b, a);
  report(scope, 'type-mismatch', `${capital(aType(a))} cannot be compared with ${aType(b)}.${hint}`, e);
  return undefined;
}

function checkArithmetic(scope: Scope, e: Of<'binary'>, l: Typed, r: Typed): Typed {
  const at = { start: e.start, end: e.end };
  const op = e.op;
  let left = l;
  let right = r;
  if (op === '+' && isText(left, right)) {
    const parts = [left, right].map((s) => asBody(scope, s, 'What "+" joins'));
    if (parts.some((p) => p.type === 'Error')) return errorAt(at);
    return { ...at, kind: 'arithmetic', op, left: parts[0]!, right: parts[1]!, type: 'String', many: false };
  }
  if (left.type === 'Open') left = settle(left, arithmeticType(op, right.type, true));
  if (right.type === 'Open') right = settle(right, arithmeticType(op, left.type, false));
  if ((left.type === 'Json' || left.type === 'Response') && !(right.type === 'DateTime'))
    left = coerce(scope, left, 'Double', 'This');
  if ((right.type === 'Json' || right.type === 'Response') && !(left.type === 'DateTime'))
    right = coerce(scope, right, 'Double', 'This');
  const type = resultType(op, left.type, right.type);
  if (type === undefined) {
    const hint = castHint(isNumber(left.type) ? right.type : left.type, 'Double');
    report(
      scope,
      'type-mismatch',
      `"${op}" cannot take ${aType(left.type)} and ${aType(right.type)}.${hint}`,
      at,
    );
    return errorAt(at);
  }
  if (type === 'Double') {
    if (left.type === 'Int32') left = coerce(scope, left, 'Double', 'This');
    if (right.type === 'Int32') right = coerce(scope, right, 'Double', 'This');
  }
  return { ...at, kind: 'arithmetic', op, left, right, type, many: false };
}

/** `+` joins texts where a String takes part, or two attributes that nothing else gives a type. */
function isText(left: Typed, right: Typed): boolean {
  if (left.type === 'String' || right.type === 'String') return true;
  const untyped = (n: Typed) => n.type === 'Open' || n.type === 'Json' || n.type === 'Response';
  return untyped(left) && untyped(right) && (left.type === 'Open' || right.type === 'Open');
}

function arithmeticType(op: BinaryOperator, other: Type, isLeft: boolean): Type {
  if (other === 'DateTime') return op === '-' ? 'DateTime' : 'TimeSpan';
  if (other === 'TimeSpan') return op === '*' || op === '/' ? 'Double' : isLeft ? 'DateTime' : 'TimeSpan';
  return 'Double';
}

function resultType(op: BinaryOperator, a: Type, b: Type): Type | undefined {
  if (isNumber(a) && isNumber(b)) return a === 'Int32' && b === 'Int32' ? 'Int32' : 'Double';
  if (op === '-' && a === 'DateTime' && b === 'DateTime') return 'TimeSpan';
  if ((op === '+' || op === '-') && a === 'DateTime' && b === 'TimeSpan') return 'DateTime';
  if (op === '+' && a === 'TimeSpan' && b === 'DateTime') return 'DateTime';
  if ((op === '+' || op === '-') && a === 'TimeSpan' && b === 'TimeSpan') return 'TimeSpan';
  if ((op === '*' || op === '/') && a === 'TimeSpan' && isNumber(b)) return 'TimeSpan';
  if (op === '*' && isNumber(a) && b === 'TimeSpan') return 'TimeSpan';
  if (op === '/' && a === 'TimeSpan' && b === 'TimeSpan') return 'Double';
  return undefined;
}
