import { type Comment, lex, type Token } from './lexer.ts';
import {
  type Cursor,
  describe,
  endOfLast,
  isOperator,
  isWord,
  next,
  peek,
  problem,
  stop,
  syntaxStop,
  takeOperator,
} from './parser/cursor.ts';
import { parseExpression, statementWords } from './parser/expressions.ts';
import { nearest, type Problem } from './text.ts';
import type { Code, EventType, Expression, Final } from './tree.ts';

export interface Parsed {
  code: Code;
  tokens: Token[];
  comments: Comment[];
  problems: Problem[];
}

/**
 * Reads one condition, clause, velocity or function output. Never throws; takes time linear in the text. What cannot
 * be read is reported, and reading goes on at the next statement.
 */
export function parse(source: string): Parsed {
  const { tokens, comments, problems } = lex(source);
  const cursor: Cursor = { tokens, at: 0, depth: 0, tooDeep: false, problems };
  const code: Code = { statements: [], start: 0, end: source.length };
  while (peek(cursor).kind !== 'end' && !cursor.tooDeep) {
    const before = cursor.at;
    try {
      parseStatement(cursor, code);
    } catch (e) {
      if (e !== syntaxStop) throw e;
      cursor.depth = 0;
      if (cursor.at === before) next(cursor);
      while (peek(cursor).kind !== 'end' && !startsStatement(cursor)) next(cursor);
    }
  }
  return { code, tokens, comments, problems };
}

/** What people write who know SQL better, and what it is here. */
const otherLanguages: ReadonlyMap<string, string> = new Map([
  ['in', 'In is a function: In(@"user.countryRegion", "US, MX, CA").'],
  ['like', 'Ask .Contains("…"), .StartsWith("…"), .EndsWith("…") or Patterns.IsRegexMatch("…", text).'],
  ['is', 'Compare with "==", or ask Exists(@"…") or .IsNullOrEmpty().'],
  ['between', 'Write two comparisons: a >= 1 and a <= 5.'],
  ['xor', 'Write a != b.'],
  ['mod', 'The remainder is written a % b.'],
  ['then', 'Write condition ? value : other value.'],
  ['if', 'Write condition ? value : other value, or a clause with WHEN.'],
]);

function startsStatement(cursor: Cursor): boolean {
  const token = peek(cursor);
  return token.kind === 'name' && statementWords.has(token.text.toLowerCase()) && !isWord(token, 'as');
}

function parseStatement(cursor: Cursor, code: Code): void {
  const token = peek(cursor);
  const keyword = token.kind === 'name' ? token.text.toLowerCase() : '';
  switch (keyword) {
    case 'let':
      parseLet(cursor, code);
      return;
    case 'when':
      parseWhen(cursor, code);
      return;
    case 'return':
    case 'observe':
    case 'routeto':
      next(cursor);
      setFinal(cursor, code, token, {
        kind: keyword,
        values: parseValues(cursor),
        start: token.start,
        end: endOfLast(cursor),
      });
      return;
    case 'do':
      parseDo(cursor, code);
      return;
    case 'select':
      parseSelect(cursor, code);
      return;
    case 'from':
    case 'groupby':
    case 'as':
      stop(
        cursor,
        'syntax',
        `${keyword.toUpperCase()} belongs to a SELECT statement, and none is open here.`,
      );
      return;
    default: {
      const meant =
        token.kind === 'name'
          ? nearest(token.text, ['RETURN', 'OBSERVE', 'WHEN', 'LET', 'DO', 'SELECT', 'ROUTETO'])
          : undefined;
      const other = token.kind === 'name' ? otherLanguages.get(token.text.toLowerCase()) : undefined;
      const hint = other !== undefined ? ` ${other}` : meant === undefined ? '' : ` Did you mean ${meant}?`;
      const after = code.when !== undefined || code.final !== undefined || code.statements.length > 0;
      const what = after
        ? 'Expected the end of the text or another statement'
        : 'Expected a statement (LET, RETURN, OBSERVE, WHEN …)';
      stop(cursor, 'syntax', `${what}, found ${describe(token)}.${hint}`);
    }
  }
}

function parseLet(cursor: Cursor, code: Code): void {
  const start = next(cursor).start;
  if (code.final !== undefined || code.when !== undefined) {
    problem(
      cursor,
      'statement-order',
      'LET must stand before RETURN, OBSERVE, WHEN and the like.',
      start,
      start + 3,
    );
  }
  const name = peek(cursor);
  if (name.kind !== 'variable') {
    const hint = name.kind === 'name' ? ` Write $${name.text}.` : '';
    stop(
      cursor,
      'syntax',
      `Expected the name of a variable after LET, as in LET $fullName = …, found ${describe(name)}.${hint}`,
    );
  }
  next(cursor);
  if (!takeOperator(cursor, '=')) {
    const found = peek(cursor);
    const hint = isOperator(found, '==') ? ' A single "=" defines, "==" compares.' : '';
    stop(cursor, 'syntax', `Expected "=" after $${name.text}, found ${describe(found)}.${hint}`);
  }
  const value = parseExpression(cursor);
  code.statements.push({
    kind: 'let',
    name: name.text,
    nameStart: name.start,
    nameEnd: name.end,
    value,
    start,
    end: value.end,
  });
}

function parseWhen(cursor: Cursor, code: Code): void {
  const token = next(cursor);
  if (code.when !== undefined) {
    problem(cursor, 'second-when', 'A second WHEN. Join the conditions with "and".', token.start, token.end);
  }
  const when = parseExpression(cursor);
  if (code.when !== undefined) return;
  code.when = when;
  code.whenStart = token.start;
}

/** The comma-separated values of RETURN, OBSERVE, DO, ROUTETO. */
function parseValues(cursor: Cursor): Expression[] {
  const values: Expression[] = [];
  do values.push(parseExpression(cursor));
  while (takeOperator(cursor, ','));
  return values;
}

function setFinal(cursor: Cursor, code: Code, token: Token, final: Final): void {
  if (code.final !== undefined) {
    problem(
      cursor,
      'second-statement',
      `A clause has one ${code.final.kind.toUpperCase()} at most. Put this ${token.text.toUpperCase()} into a clause of its own.`,
      token.start,
      token.end,
    );
  } else if (code.when !== undefined) {
    problem(
      cursor,
      'statement-order',
      `WHEN must stand after ${token.text.toUpperCase()}, not before it.`,
      code.whenStart ?? token.start,
      (code.whenStart ?? token.start) + 4,
    );
  }
  code.final ??= final;
}

function parseDo(cursor: Cursor, code: Code): void {
  const token = next(cursor);
  const start = token.start;
  const values = parseValues(cursor);
  const end = endOfLast(cursor);
  const first = values[0];
  const sets =
    values.length === 1 &&
    first?.kind === 'call' &&
    first.callee.kind === 'name' &&
    first.callee.name.toLowerCase() === 'setvariables';
  const last = isWord(peek(cursor), 'when') || peek(cursor).kind === 'end';
  if (sets && code.final === undefined && code.when === undefined && !last) {
    code.statements.push({ kind: 'set', call: first, start, end });
    return;
  }
  setFinal(cursor, code, token, { kind: 'do', values, start, end });
}

function parseSelect(cursor: Cursor, code: Code): void {
  const token = next(cursor);
  const aggregate = parseExpression(cursor);
  if (!isWord(peek(cursor), 'as')) {
    stop(cursor, 'syntax', `Expected AS and the name of the velocity, found ${describe(peek(cursor))}.`);
  }
  next(cursor);
  const name = peek(cursor);
  if (name.kind !== 'name')
    stop(cursor, 'syntax', `Expected the name of the velocity after AS, found ${describe(name)}.`);
  next(cursor);
  if (!isWord(peek(cursor), 'from')) {
    stop(cursor, 'syntax', `Expected FROM and the events to observe, found ${describe(peek(cursor))}.`);
  }
  next(cursor);
  const from = parseEventTypes(cursor);
  if (isWord(peek(cursor), 'when')) parseWhen(cursor, code);
  let groupBy: Expression | undefined;
  if (isWord(peek(cursor), 'groupby')) {
    next(cursor);
    groupBy = parseExpression(cursor);
  } else if (isWord(peek(cursor), 'group') && isWord(peek(cursor, 1), 'by')) {
    stop(cursor, 'syntax', 'GROUPBY is written as one word.');
  } else {
    problem(
      cursor,
      'groupby-missing',
      'A velocity needs GROUPBY and the value that its events are counted by.',
      token.start,
      endOfLast(cursor),
    );
  }
  if (code.final !== undefined) {
    problem(
      cursor,
      'second-statement',
      'One SELECT is one velocity. Put this one into a velocity of its own.',
      token.start,
      token.end,
    );
    return;
  }
  code.final = {
    kind: 'select',
    aggregate,
    name: name.text,
    nameStart: name.start,
    from,
    ...(groupBy === undefined ? {} : { groupBy }),
    start: token.start,
    end: endOfLast(cursor),
  };
}

function parseEventTypes(cursor: Cursor): EventType[] {
  const types: EventType[] = [];
  do {
    const token = peek(cursor);
    if (token.kind !== 'name')
      stop(cursor, 'syntax', `Expected the name of an event after FROM, found ${describe(token)}.`);
    next(cursor);
    let name = token.text;
    if (takeOperator(cursor, ':')) {
      const part = peek(cursor);
      if (part.kind !== 'name')
        stop(
          cursor,
          'syntax',
          `Expected the name of an observation event after ":", found ${describe(part)}.`,
        );
      next(cursor);
      name += `:${part.text}`;
    }
    types.push({ name, start: token.start, end: endOfLast(cursor) });
  } while (takeOperator(cursor, ','));
  return types;
}
