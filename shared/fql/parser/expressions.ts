import type { Token } from '../lexer.ts';
import type { Argument, BinaryOperator, Entry, Expression } from '../tree.ts';
import {
  type Cursor,
  deepest,
  describe,
  endOfLast,
  expectOperator,
  giveUp,
  isOperator,
  isWord,
  next,
  peek,
  problem,
  stop,
  takeOperator,
} from './cursor.ts';
import { parsePath } from './path.ts';

const binding: Readonly<Record<string, number>> = {
  '|': 3,
  '==': 4,
  '!=': 4,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  '%': 7,
};
/** What `not` (the word) takes: everything tighter than `and`. */
const looseNot = 3;

/** Words that begin a statement and therefore end an expression. */
export const statementWords: ReadonlySet<string> = new Set([
  'return',
  'when',
  'let',
  'observe',
  'do',
  'select',
  'as',
  'from',
  'groupby',
  'routeto',
]);

/** How tightly the operator at a token binds; 0: it is none. */
function powerOf(token: Token): number {
  if (token.kind === 'op')
    return token.text === '&&' ? 2 : token.text === '||' ? 1 : (binding[token.text] ?? 0);
  if (token.kind !== 'name') return 0;
  return isWord(token, 'and') ? 2 : isWord(token, 'or') ? 1 : 0;
}

/**
 * Reads an expression of operators that bind at least as tightly as `least`; 0 takes a "? :" as well. One function for
 * all operators keeps the stack small: four frames for a level of nesting.
 */
export function parseExpression(cursor: Cursor, least = 0): Expression {
  if (++cursor.depth > deepest) giveUp(cursor);
  let left = parseUnary(cursor);
  /** The chain of `and` or `or` that this loop builds. */
  let chain: Expression | undefined;
  for (let length = 1; ; length++) {
    const token = peek(cursor);
    if (isOperator(token, '=')) {
      stop(cursor, 'assignment', 'A single "=" compares nothing. Write "==" to compare two values.');
    }
    if (isOperator(token, '<>')) stop(cursor, 'syntax', '"<>" is written "!=" here.');
    if (least === 0 && isOperator(token, '?')) {
      left = parseResults(cursor, left);
      break;
    }
    const power = powerOf(token);
    if (power === 0 || power < least) break;
    next(cursor);
    const right = parseExpression(cursor, power + 1);
    if (power <= 2) {
      const kind = power === 2 ? ('and' as const) : ('or' as const);
      if (chain !== undefined && chain === left && chain.kind === kind) {
        chain.operands.push(right);
        chain.end = right.end;
      } else {
        const joined: Expression = { kind, operands: [left, right], start: left.start, end: right.end };
        chain = joined;
        left = joined;
      }
      length--;
      continue;
    }
    if (length > deepest) giveUp(cursor);
    left = { kind: 'binary', op: operatorOf(token.text), left, right, start: left.start, end: right.end };
  }
  cursor.depth--;
  return left;
}

/** The two results of "? :". */
function parseResults(cursor: Cursor, test: Expression): Expression {
  next(cursor);
  const then = parseExpression(cursor);
  expectOperator(cursor, ':', 'between the two results of "? :"');
  const otherwise = parseExpression(cursor);
  return { kind: 'conditional', test, then, otherwise, start: test.start, end: otherwise.end };
}

const operatorNames: readonly BinaryOperator[] = [
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '|',
];

function operatorOf(text: string): BinaryOperator {
  return operatorNames.find((o) => o === text) ?? '==';
}

function parseUnary(cursor: Cursor): Expression {
  const token = peek(cursor);
  if (isWord(token, 'not')) {
    next(cursor);
    const operand = parseExpression(cursor, looseNot);
    return { kind: 'not', operand, start: token.start, end: operand.end };
  }
  if (isOperator(token, '!') || isOperator(token, '-') || isOperator(token, '+')) {
    next(cursor);
    if (++cursor.depth > deepest) giveUp(cursor);
    const operand = parseUnary(cursor);
    cursor.depth--;
    if (token.text === '+') return operand;
    if (token.text === '!') return { kind: 'not', operand, start: token.start, end: operand.end };
    if (operand.kind === 'literal' && typeof operand.value === 'number' && operand.value > 0) {
      const value = -operand.value;
      const type = value === -2147483648 ? 'Int32' : operand.type;
      return { kind: 'literal', type, value, start: token.start, end: operand.end };
    }
    return { kind: 'negate', operand, start: token.start, end: operand.end };
  }
  return parsePostfix(cursor);
}

function parsePostfix(cursor: Cursor): Expression {
  let target = parsePrimary(cursor);
  for (let length = 1; ; length++) {
    if (length > deepest) giveUp(cursor);
    if (takeOperator(cursor, '.')) {
      const token = peek(cursor);
      if (token.kind !== 'name') {
        stop(cursor, 'syntax', `Expected the name of a member after ".", found ${describe(token)}.`);
      }
      next(cursor);
      target = {
        kind: 'member',
        target,
        name: token.text,
        nameStart: token.start,
        start: target.start,
        end: token.end,
      };
    } else if (takeOperator(cursor, '[')) {
      const index = parseExpression(cursor);
      const close = expectOperator(cursor, ']', 'after the index');
      target = { kind: 'index', target, index, start: target.start, end: close.end };
    } else if (isOperator(peek(cursor), '(') && (target.kind === 'name' || target.kind === 'member')) {
      const args = parseArguments(cursor);
      target = { kind: 'call', callee: target, args, start: target.start, end: endOfLast(cursor) };
    } else return target;
  }
}

function parseArguments(cursor: Cursor): Argument[] {
  expectOperator(cursor, '(', 'before the arguments');
  const args: Argument[] = [];
  if (takeOperator(cursor, ')')) return args;
  do {
    const token = peek(cursor);
    const named = (token.kind === 'name' || token.kind === 'variable') && isOperator(peek(cursor, 1), '=');
    if (named) {
      next(cursor);
      next(cursor);
    }
    const value = parseExpression(cursor);
    const name = token.kind === 'variable' ? `$${token.text}` : token.text;
    args.push({ ...(named ? { name } : {}), value, start: token.start, end: value.end });
  } while (takeOperator(cursor, ','));
  expectOperator(cursor, ')', 'after the arguments');
  return args;
}

function parsePrimary(cursor: Cursor): Expression {
  const token = peek(cursor);
  const { start, end } = token;
  switch (token.kind) {
    case 'string':
      next(cursor);
      return { kind: 'literal', type: 'String', value: token.text, start, end };
    case 'int':
      next(cursor);
      return {
        kind: 'literal',
        type: token.value > 2147483647 ? 'Double' : 'Int32',
        value: token.value,
        start,
        end,
      };
    case 'double':
      next(cursor);
      if (!Number.isFinite(token.value))
        stop(cursor, 'number-too-large', `${token.text} is larger than a Double can be.`, token);
      return { kind: 'literal', type: 'Double', value: token.value, start, end };
    case 'window':
      next(cursor);
      return { kind: 'window', text: token.text, start, end };
    case 'variable':
      next(cursor);
      return { kind: 'variable', name: token.text, start, end };
    case 'attribute':
    case 'payload':
      return parseAttribute(cursor);
    case 'name':
      return parseName(cursor);
    case 'op':
      if (token.text === '(') {
        next(cursor);
        const inner = parseExpression(cursor);
        const close = expectOperator(cursor, ')', 'to close the parenthesis');
        return { ...inner, start, end: close.end };
      }
      if (token.text === '[') return parseArray(cursor);
      if (token.text === '{') return parseObject(cursor);
      return stop(cursor, 'syntax', `Expected a value, found ${describe(token)}.`);
    default:
      return stop(cursor, 'syntax', `Expected a value, found ${describe(token)}.`);
  }
}

function parseAttribute(cursor: Cursor): Expression {
  const token = next(cursor);
  const { start, end } = token;
  if (token.kind === 'payload' && token.text === '') return { kind: 'payload', path: [], start, end };
  const path = parsePath(token.text);
  if (path === undefined) {
    problem(
      cursor,
      'bad-path',
      `${JSON.stringify(token.text)} is no path of an attribute. A path is names joined by dots, with [0], [1] … for the elements of an array.`,
      start,
      end,
    );
  }
  return { kind: token.kind === 'payload' ? 'payload' : 'attribute', path: path ?? ['?'], start, end };
}

function parseName(cursor: Cursor): Expression {
  const token = peek(cursor);
  const { start, end } = token;
  const lower = token.text.toLowerCase();
  if (statementWords.has(lower) && !isOperator(peek(cursor, 1), '(')) {
    stop(cursor, 'syntax', `Expected a value, found the keyword ${lower.toUpperCase()}.`);
  }
  next(cursor);
  if (lower === 'true' || lower === 'false') {
    return { kind: 'literal', type: 'Boolean', value: lower === 'true', start, end };
  }
  return { kind: 'name', name: token.text, start, end };
}

function parseArray(cursor: Cursor): Expression {
  const open = next(cursor);
  const items: Expression[] = [];
  if (!isOperator(peek(cursor), ']')) {
    do items.push(parseExpression(cursor));
    while (takeOperator(cursor, ','));
  }
  const close = expectOperator(cursor, ']', 'to close the array');
  return { kind: 'array', items, start: open.start, end: close.end };
}

function parseObject(cursor: Cursor): Expression {
  const open = next(cursor);
  const entries: Entry[] = [];
  if (!isOperator(peek(cursor), '}')) {
    do entries.push(parseEntry(cursor));
    while (takeOperator(cursor, ','));
  }
  const close = expectOperator(cursor, '}', 'to close the object');
  return { kind: 'object', entries, start: open.start, end: close.end };
}

function parseEntry(cursor: Cursor): Entry {
  const token = peek(cursor);
  if (token.kind !== 'name' && token.kind !== 'string') {
    stop(cursor, 'syntax', `Expected the name of a field, as in { number: 7 }, found ${describe(token)}.`);
  }
  next(cursor);
  expectOperator(cursor, ':', 'after the name of the field');
  const value = parseExpression(cursor);
  return { key: token.text, value, start: token.start, end: value.end };
}
