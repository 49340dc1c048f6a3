import { weekdays } from '../runtime/dates.ts';
import type { BinaryOperator, Expression } from '../tree.ts';
import { aType, isNumber, isScalar, type Type } from '../type.ts';
import { asBody, besides, castHint, coerce, errorAt, isConstant, settle, settled } from './coerce.ts';
import { check } from './expressions.ts';
import { report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

type Binary = Extract<Expression, { kind: 'binary' }>;

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Checks an operator between two values: what types they have, and in which type they meet. */
export function checkBinary(scope: Scope, e: Binary): Typed {
  const left = check(scope, e.left);
  const right = check(scope, e.right);
  if (left.type === 'Error' || right.type === 'Error') {
    return errorAt(e);
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

function checkUnion(scope: Scope, e: Binary, left: Typed, right: Typed): Typed {
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

function checkComparison(scope: Scope, e: Binary, l: Typed, r: Typed): Typed {
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
  left = weekday(left, right);
  right = weekday(right, left);
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

/** A constant text beside DayOfWeek, as C# names the days: its number, Sunday 0. */
function weekday(node: Typed, beside: Typed): Typed {
  if (!isConstant(node) || typeof node.value !== 'string') return node;
  if (beside.kind !== 'call' || beside.member.name !== 'DayOfWeek') return node;
  const name = node.value.toLowerCase();
  const day = weekdays.findIndex((d) => d.toLowerCase() === name);
  return day < 0 ? node : { ...node, type: 'Int32', value: day };
}

/** A text that `+` made, perhaps in a LET: not what its writer meant who compares it with a number. */
function isJoined(node: Typed): boolean {
  const made = node.kind === 'local' ? node.local.value : node;
  return made.kind === 'arithmetic' && made.type === 'String';
}

/** The type in which two values are compared; undefined, reported, where there is none. */
function comparedType(scope: Scope, e: Binary, left: Typed, right: Typed): Type | undefined {
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
    isJoined(text) && isNumber(other.type)
      ? ' "+" has joined two texts. To add numbers, cast them: @"a".ToDouble() + @"b".'
      : text.type === 'String'
        ? castHint('String', other.type) || castHint(other.type, 'String')
        : castHint(a, b) || castHint(b, a);
  report(scope, 'type-mismatch', `${capital(aType(a))} cannot be compared with ${aType(b)}.${hint}`, e);
  return undefined;
}

function checkArithmetic(scope: Scope, e: Binary, l: Typed, r: Typed): Typed {
  const at = { start: e.start, end: e.end };
  const op = e.op;
  let left = l;
  let right = r;
  if (op === '+' && left.type === 'Open' && right.type === 'Open')
    return { ...at, kind: 'arithmetic', op, left, right, type: 'Open', many: false };
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

/** `+` joins texts where a String takes part, or an attribute and a JSON value, which nothing gives a type. */
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
