import type { Problem } from './text.ts';

export type TokenKind =
  | 'name'
  | 'variable'
  | 'attribute'
  | 'payload'
  | 'string'
  | 'int'
  | 'double'
  | 'window'
  | 'op'
  | 'end';

export interface Token {
  kind: TokenKind;
  /** Names, variables (without `$`), operators, paths, decoded strings; digits of numbers and windows. */
  text: string;
  /** Numbers and windows. */
  value: number;
  start: number;
  end: number;
}

export interface Comment {
  start: number;
  end: number;
}

export interface Lexed {
  tokens: Token[];
  comments: Comment[];
  problems: Problem[];
}

/** White space, and the marks without width that come along from documents and web pages. */
const space = /[\s\u00ad\u200b-\u200f\u2060]+/y;
const word = /[\p{L}_][\p{L}\p{N}_]*/uy;
const number = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const operators = ['&&', '||', '==', '!=', '>=', '<=', '<>', '@@', ...'><=!+-*/%?:()[]{},.|'];
/** The quotes that a string may open with, and those that close it. */
const quotes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '“”"',
  '”': '“”"',
  '‘': "‘’'",
  '’': "‘’'",
};
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** Splits a text into tokens; never throws, takes time linear in the text. What cannot be read is a problem and is skipped. */
export function lex(source: string): Lexed {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  const problems: Problem[] = [];
  let at = 0;

  const push = (kind: TokenKind, text: string, start: number, value = 0): void => {
    tokens.push({ kind, text, value, start, end: at });
  };
  const fail = (code: string, message: string, start: number, end = at): void => {
    problems.push({ severity: 'error', code, message, start, end });
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };

  const readString = (): string => {
    const start = at;
    const closing = quotes[source[at] ?? ''] ?? '';
    at++;
    let text = '';
    for (;;) {
      const c = source[at];
      if (c === undefined || c === '\n') {
        fail(
          'unterminated-string',
          `This string is never closed. Add ${closing.at(-1)} where it should end.`,
          start,
        );
        return text;
      }
      at++;
      if (closing.includes(c)) return text;
      text += c === '\\' ? readEscape() : c;
    }
  };

  const readEscape = (): string => {
    const c = source[at] ?? '';
    if (c === 'u' || c === 'x') {
      const digits = /^[0-9a-fA-F]{4}/.exec(source.slice(at + 1, at + 5))?.[0];
      if (digits !== undefined && c === 'u') {
        at += 5;
        return String.fromCharCode(Number.parseInt(digits, 16));
      }
    }
    const known = Object.hasOwn(escapes, c) ? escapes[c] : undefined;
    if (known !== undefined) {
      at++;
      return known;
    }
    const shown = c === '\n' || c === '' ? '' : c;
    fail(
      'bad-escape',
      `"\\${shown}" is no escape. Known are \\" \\' \\\\ \\n \\r \\t \\uXXXX; for a backslash itself write "\\\\${shown}".`,
      at - 1,
      at + shown.length,
    );
    return '\\';
  };

  const readPath = (kind: 'attribute' | 'payload', start: number): void => {
    const before = at;
    const gap = match(space);
    if (gap !== undefined) at += gap.length;
    if ((source[at] ?? '') in quotes && Object.hasOwn(quotes, source[at] ?? '')) {
      push(kind, readString().trim(), start);
      return;
    }
    at = before;
    const name = match(word);
    if (name !== undefined) at += name.length;
    else if (kind === 'attribute') {
      fail('attribute-expected', 'After "@" comes the path of an attribute, as in @"user.email".', start);
      return;
    }
    push(kind, name ?? '', start);
  };

  const readNumber = (text: string, start: number): void => {
    at += text.length;
    const suffix = match(word);
    if (suffix !== undefined) {
      at += suffix.length;
      push('window', text + suffix, start, Number(text));
    } else if (/^[0-9]+$/.test(text)) push('int', text, start, Number(text));
    else push('double', text, start, Number(text));
  };

  for (;;) {
    const gap = match(space);
    if (gap !== undefined) at += gap.length;
    const start = at;
    const c = source[at];
    if (c === undefined) break;
    if (c === '/' && source[at + 1] === '/') {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end;
      comments.push({ start, end: at });
      continue;
    }
    if (c === '/' && source[at + 1] === '*') {
      const end = source.indexOf('*/', at + 2);
      at = end < 0 ? source.length : end + 2;
      comments.push({ start, end: at });
      if (end < 0)
        fail(
          'unterminated-comment',
          'This comment is never closed. Add "*/" where it should end.',
          start,
          start + 2,
        );
      continue;
    }
    if (Object.hasOwn(quotes, c)) {
      push('string', readString(), start);
      continue;
    }
    if (c === '@') {
      const double = source[at + 1] === '@';
      at += double ? 2 : 1;
      readPath(double ? 'payload' : 'attribute', start);
      continue;
    }
    if (c === '$') {
      at++;
      const name = match(word);
      if (name === undefined) {
        fail('variable-expected', 'After "$" comes the name of a variable, as in $fullName.', start);
        continue;
      }
      at += name.length;
      push('variable', name, start);
      continue;
    }
    const digits = match(number);
    if (digits !== undefined) {
      readNumber(digits, start);
      continue;
    }
    const name = match(word);
    if (name !== undefined) {
      at += name.length;
      push('name', name, start);
      continue;
    }
    const operator = operators.find((o) => source.startsWith(o, at));
    if (operator !== undefined) {
      at += operator.length;
      push('op', operator, start);
      continue;
    }
    at += source.codePointAt(at)! > 0xffff ? 2 : 1;
    const hint =
      c === '&'
        ? ' Logical "and" is written "&&" or "and".'
        : c === ';'
          ? ' Statements need no ";" between them.'
          : '–—−'.includes(c)
            ? ' A minus is written "-".'
            : '';
    const last = problems.at(-1);
    if (last?.code === 'unknown-character' && last.end === start) last.end = at;
    else
      fail(
        'unknown-character',
        `${JSON.stringify(source.slice(start, at))} means nothing here.${hint}`,
        start,
      );
  }
  push('end', '', at);
  return { tokens, comments, problems };
}
