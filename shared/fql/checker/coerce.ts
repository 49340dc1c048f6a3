import { parseDate } from '../runtime/dates.ts';
import { numberText } from '../runtime/numbers.ts';
import { jsonText } from '../runtime/values.ts';
import { quoted } from '../text.ts';
import { aType, isNumber, isScalar, type Type } from '../type.ts';
import { report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

export function errorAt(node: { start: number; end: number }): Typed {
  return { kind: 'error', type: 'Error', many: false, start: node.start, end: node.end };
}

/** Gives a node whose type its context decides that type. */
export function settle(node: Typed, type: Type): Typed {
  if (node.type !== 'Open') return node;
  if (node.kind === 'attribute') {
    if (!isScalar(type))
      return {
        kind: 'payload',
        path: node.path,
        type: 'Json',
        many: false,
        start: node.start,
        end: node.end,
      };
    return { ...node, type, many: true };
  }
  if (node.kind === 'conditional') {
    const then = settle(node.then, type);
    const otherwise = settle(node.otherwise, type);
    return {
      ...node,
      then,
      otherwise,
      type: isScalar(type) ? type : 'Json',
      many: then.many || otherwise.many,
    };
  }
  if (node.kind === 'arithmetic') {
    const to = isNumber(type) ? 'Double' : 'String';
    return { ...node, left: settle(node.left, to), right: settle(node.right, to), type: to };
  }
  return node;
}

/** Without a context, an attribute is a String. */
export function settled(node: Typed): Typed {
  return settle(node, 'String');
}

/** What an attribute becomes beside a value of a type. */
export function besides(type: Type): Type {
  if (type === 'Int32') return 'Double';
  return isScalar(type) ? type : 'String';
}

function wrap(kind: 'convert' | 'text', operand: Typed, type: Type): Typed {
  return { kind, operand, type, many: operand.many, start: operand.start, end: operand.end };
}

export function isConstant(node: Typed): node is Typed & { kind: 'const' } {
  return node.kind === 'const';
}

/** The node as a String, whatever scalar it is. */
export function asText(scope: Scope, node: Typed, what: string): Typed {
  const value = settled(node);
  if (value.type === 'String' || value.type === 'Error') return value;
  if (isConstant(value) && typeof value.value === 'number' && isNumber(value.type)) {
    return { ...value, type: 'String', value: numberText(value.value) };
  }
  if (isScalar(value.type)) return wrap('text', value, 'String');
  const json = asJson(value);
  if (json !== undefined) return wrap('convert', json, 'String');
  return mismatch(scope, value, 'String', what);
}

/** The node as text of any kind: JSON for objects and arrays. */
export function asBody(scope: Scope, node: Typed, what: string): Typed {
  const value = settled(node);
  if (isScalar(value.type)) return asText(scope, value, what);
  const json = asJson(value);
  if (json !== undefined) return wrap('text', json, 'String');
  return mismatch(scope, value, 'String', what);
}

/** The node as JSON, or undefined where its type has no JSON form. */
export function asJson(node: Typed): Typed | undefined {
  const value = settled(node);
  if (value.type === 'Json' || value.type === 'Error') return value;
  if (value.type === 'Window' || value.type === 'CharSet' || value.type === 'Pattern') return undefined;
  return wrap('convert', value, 'Json');
}

function mismatch(scope: Scope, node: Typed, to: Type, what: string): Typed {
  if (node.type !== 'Error') {
    report(
      scope,
      'type-mismatch',
      `${what} must be ${aType(to)}, but this is ${aType(node.type)}.${castHint(node.type, to)}`,
      node,
    );
  }
  return errorAt(node);
}

/** How to get from one type to another, for the end of a message. */
export function castHint(from: Type, to: Type): string {
  if (from === 'String') {
    if (to === 'Double') return ' Cast it with .ToDouble().';
    if (to === 'Int32') return ' Cast it with .ToInt32().';
    if (to === 'DateTime') return ' Cast it with .ToDateTime().';
    if (to === 'Boolean') return ' Compare it with a value, or cast it with .ToBoolean().';
  }
  if (from === 'Double' && to === 'Int32') return ' Cast it with Convert.ToInt32(…).';
  if (to === 'String' && isScalar(from)) return ' Cast it with .ToString().';
  if (from === 'Score') return ' Take its .Score.';
  if (from === 'Pattern') return ' Take its .maxConsonants or .gibberScore.';
  if (isNumber(from) && to === 'Boolean') return ' Compare it with a value, as in … > 0.';
  if (from === 'TimeSpan' && isNumber(to)) return ' Take its .TotalDays, .TotalHours …';
  return '';
}

/** The node as a value of a type; what cannot be is reported. `what` begins the message: `The prefix of StartsWith`. */
export function coerce(scope: Scope, node: Typed, to: Type, what: string): Typed {
  if (node.type === to || node.type === 'Error') return node;
  if (node.type === 'Open') {
    const value = settle(node, to);
    return value.type === to ? value : coerce(scope, value, to, what);
  }
  if (to === 'Json') return asJson(node) ?? mismatch(scope, node, to, what);
  if (to === 'Double' && node.type === 'Int32') {
    return isConstant(node) ? { ...node, type: 'Double' } : wrap('convert', node, 'Double');
  }
  if (isScalar(to) && (node.type === 'Json' || node.type === 'Response')) {
    return wrap('convert', asJson(node) ?? node, to);
  }
  if (to === 'DateTime' && isConstant(node) && typeof node.value === 'string') {
    const date = parseDate(node.value);
    if (date !== undefined) return { ...node, type: 'DateTime', value: date };
    report(
      scope,
      'type-mismatch',
      `${what} must be a DateTime, and ${quoted(node.value)} is no date. Write it as in "2024-05-01" or "2024-05-01T11:04:30Z".`,
      node,
    );
    return errorAt(node);
  }
  return mismatch(scope, node, to, what);
}

/** As `coerce`, but one scalar becomes another where a text of it could be read: for what functions declare. */
export function convertTo(scope: Scope, node: Typed, to: Type, what: string): Typed {
  const value = settle(node, to);
  const open = value.type !== to && isScalar(value.type) && isScalar(to);
  if (open && to === 'String') return asText(scope, value, what);
  if (
    open &&
    !(to === 'Double' && value.type === 'Int32') &&
    value.type !== 'DateTime' &&
    value.type !== 'TimeSpan'
  ) {
    return wrap('convert', value, to);
  }
  return coerce(scope, value, to, what);
}

/** The value of a constant, for arguments that must be one. */
export function constantText(node: Typed): string | undefined {
  return isConstant(node) && node.type === 'String' ? jsonText(node.value) : undefined;
}
