import type { Token } from '../lexer.ts';
import type { Problem } from '../text.ts';

/** Deeper nesting than this is a diagnostic: it keeps every later pass away from the end of the stack. */
export const deepest = 500;

/** Thrown inside the parser only, to leave a statement that cannot be read; never leaves `parse`. */
export const syntaxStop = Symbol('syntax stop');

/** A position in the tokens of one text, with the faults found so far. */
export interface Cursor {
  tokens: readonly Token[];
  at: number;
  depth: number;
  /** Set when nesting went too deep: reading ends there. */
  tooDeep: boolean;
  problems: Problem[];
}

export function peek(cursor: Cursor, ahead = 0): Token {
  return cursor.tokens[Math.min(cursor.at + ahead, cursor.tokens.length - 1)]!;
}

export function next(cursor: Cursor): Token {
  const token = peek(cursor);
  if (cursor.at < cursor.tokens.length - 1) cursor.at++;
  return token;
}

/** The end of the token read last. */
export function endOfLast(cursor: Cursor): number {
  return cursor.tokens[Math.max(cursor.at - 1, 0)]?.end ?? 0;
}

export function isOperator(token: Token, text: string): boolean {
  return token.kind === 'op' && token.text === text;
}

export function isWord(token: Token, word: string): boolean {
  return token.kind === 'name' && token.text.length === word.length && token.text.toLowerCase() === word;
}

export function takeOperator(cursor: Cursor, text: string): boolean {
  if (!isOperator(peek(cursor), text)) return false;
  next(cursor);
  return true;
}

export function problem(cursor: Cursor, code: string, message: string, start: number, end: number): void {
  cursor.problems.push({ severity: 'error', code, message, start, end });
}

export function stop(cursor: Cursor, code: string, message: string, token: Token = peek(cursor)): never {
  problem(cursor, code, message, token.start, Math.max(token.end, token.start + 1));
  throw syntaxStop;
}

/** What a token is, for a sentence that begins "found …". */
export function describe(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the text';
    case 'string':
      return 'a string';
    case 'attribute':
    case 'payload':
      return 'an attribute';
    case 'variable':
      return `$${token.text}`;
    case 'int':
    case 'double':
    case 'window':
      return token.text;
    default:
      return `"${token.text}"`;
  }
}

export function expectOperator(cursor: Cursor, text: string, why: string): Token {
  const token = peek(cursor);
  if (isOperator(token, text)) return next(cursor);
  return stop(cursor, 'syntax', `Expected "${text}" ${why}, found ${describe(token)}.`);
}

/** Nesting is past the limit: the whole text is given up with one diagnostic. */
export function giveUp(cursor: Cursor): never {
  cursor.tooDeep = true;
  return stop(
    cursor,
    'too-deep',
    `This expression is nested more than ${deepest} levels deep. Split it with LET.`,
  );
}
