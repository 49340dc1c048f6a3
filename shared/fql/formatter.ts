import type { Comment, Token } from './lexer.ts';
import { parse } from './parser.ts';

/** Lines are broken when they would be longer. */
const width = 100;

/** A token or comment as the formatter lays it out. */
interface Piece {
  text: string;
  token: Token | undefined;
  /** A `//` comment behind code: the line ends after it. */
  trailing: boolean;
  /** A comment that stands alone on its line. */
  ownLine: boolean;
}

const keywords = /^(?:let|return|observe|when|do|select|as|from|groupby|routeto)$/i;
const words = /^(?:and|or|not|true|false)$/i;
const startsLine = /^(?:let|return|observe|when|do|select|from|groupby|routeto)$/i;

/**
 * Lays a text out: one statement a line, one space around operators, long lines broken before `and`/`or` or after the
 * commas of a call. Comments stay where they are. Formatting twice changes nothing; a text with errors stays as it is.
 */
export function format(source: string): string {
  const parsed = parse(source);
  if (parsed.problems.some((p) => p.severity === 'error')) return source;
  const pieces = piecesOf(source, parsed.tokens, parsed.comments);
  const lines: string[] = [];
  let statement: Piece[] = [];
  let depth = 0;
  const flush = () => {
    if (statement.length > 0) lines.push(...layOut(statement));
    statement = [];
  };
  for (const [i, piece] of pieces.entries()) {
    const kind = piece.token?.kind;
    const before = tokenBefore(pieces, i);
    const begins = kind === 'name' && depth === 0 && startsLine.test(piece.text) && before?.text !== '.';
    const after = piece.token === undefined && statement.every((p) => p.token === undefined);
    if (begins || (depth === 0 && (piece.ownLine || after))) flush();
    if (kind === 'op' && '([{'.includes(piece.text)) depth++;
    if (kind === 'op' && ')]}'.includes(piece.text)) depth--;
    statement.push(piece);
  }
  flush();
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function piecesOf(source: string, tokens: readonly Token[], comments: readonly Comment[]): Piece[] {
  const items = [
    ...tokens
      .filter((t) => t.kind !== 'end')
      .map((t) => ({ start: t.start, end: t.end, token: t as Token | undefined })),
    ...comments.map((c) => ({ start: c.start, end: c.end, token: undefined })),
  ].toSorted((a, b) => a.start - b.start);
  return items.map((item, i) => {
    const text = textOf(source, item, tokenBefore(items, i), tokenAfter(items, i));
    if (item.token !== undefined) return { text, token: item.token, trailing: false, ownLine: false };
    const before = source.slice(items[i - 1]?.end ?? 0, item.start);
    const after = source.slice(item.end, items[i + 1]?.start ?? source.length);
    const alone = (i === 0 || before.includes('\n')) && (i === items.length - 1 || after.includes('\n'));
    const line = text.startsWith('//');
    return {
      text,
      token: undefined,
      trailing: (line && !alone) || (!alone && text.includes('\n')),
      ownLine: alone,
    };
  });
}

type Item = { token: Token | undefined };

/** The nearest token, past comments. */
function tokenBefore(items: readonly Item[], at: number): Token | undefined {
  let i = at - 1;
  while (i >= 0 && items[i]?.token === undefined) i--;
  return items[i]?.token;
}

function tokenAfter(items: readonly Item[], at: number): Token | undefined {
  let i = at + 1;
  while (i < items.length && items[i]?.token === undefined) i++;
  return items[i]?.token;
}

function textOf(
  source: string,
  item: { start: number; end: number; token: Token | undefined },
  before: Token | undefined,
  after: Token | undefined,
): string {
  const raw = source.slice(item.start, item.end);
  if (item.token === undefined) return raw.trimEnd();
  if (item.token.kind === 'attribute' || item.token.kind === 'payload') return raw.replace(/^(@@?)\s+/, '$1');
  if (item.token.kind !== 'name' || before?.text === '.') return raw;
  if (after?.kind === 'op' && (after.text === '=' || after.text === ':') && before?.text !== '?') return raw;
  if (keywords.test(raw) && after?.text !== '(') return raw.toUpperCase();
  return words.test(raw) ? raw.toLowerCase() : raw;
}

/** The lines of one statement. */
function layOut(pieces: readonly Piece[]): string[] {
  if (isFrom(pieces)) return layOutFrom(pieces);
  const flat = join(pieces.filter((p) => p.token !== undefined));
  const breaks = new Set<number>();
  if (flat.length > width) {
    const chain = chainBreaks(pieces);
    for (const at of chain.length > 0 ? chain : callBreaks(pieces)) breaks.add(at);
  }
  const lines: string[] = [];
  let line: Piece[] = [];
  let first = true;
  const flush = () => {
    if (line.length === 0) return;
    const closing = line[0]?.token?.kind === 'op' && line[0].text === ')';
    lines.push(`${first || closing ? '' : '  '}${join(line)}`);
    line = [];
    first = false;
  };
  for (const [i, piece] of pieces.entries()) {
    if (breaks.has(i) || piece.ownLine) flush();
    line.push(piece);
    if (piece.trailing || piece.ownLine) {
      const alone = pieces.length === 1;
      flush();
      if (alone) first = true;
    }
  }
  flush();
  return lines;
}

const isFrom = (pieces: readonly Piece[]): boolean =>
  pieces[0]?.token?.kind === 'name' && /^from$/i.test(pieces[0].text);

/** FROM: the observation events of an assessment are written without spaces, `Assessment_A1:status`. */
function layOutFrom(pieces: readonly Piece[]): string[] {
  let text = '';
  const comments: string[] = [];
  for (const [i, p] of pieces.entries()) {
    if (p.token === undefined) comments.push(p.text);
    else text += i === 0 || p.text === ':' || p.text === ',' || text.endsWith(':') ? p.text : ` ${p.text}`;
  }
  const own = pieces.filter((p) => p.token === undefined).every((p) => p.ownLine);
  return own ? [text, ...comments] : [[text, ...comments].join(' ')];
}

/** Before each `and` and `or` outside parentheses. */
function chainBreaks(pieces: readonly Piece[]): number[] {
  const found: number[] = [];
  let depth = 0;
  for (const [i, p] of pieces.entries()) {
    if (p.token?.kind === 'op' && '([{'.includes(p.text)) depth++;
    if (p.token?.kind === 'op' && ')]}'.includes(p.text)) depth--;
    const joins =
      (p.token?.kind === 'name' && /^(?:and|or)$/i.test(p.text)) || p.text === '&&' || p.text === '||';
    if (depth === 0 && joins && p.token !== undefined && tokenBefore(pieces, i)?.text !== '.') found.push(i);
  }
  return found;
}

/** After the parenthesis and commas of the outermost calls, and before their closing parenthesis. */
function callBreaks(pieces: readonly Piece[]): number[] {
  const found: number[] = [];
  let depth = 0;
  for (const [i, p] of pieces.entries()) {
    if (p.token?.kind !== 'op') continue;
    if ('([{'.includes(p.text)) {
      depth++;
      if (depth === 1 && p.text === '(') found.push(i + 1);
    } else if (')]}'.includes(p.text)) {
      if (depth === 1 && p.text === ')') found.push(i);
      depth--;
    } else if (p.text === ',' && depth === 1) found.push(i + 1);
  }
  return found;
}

/** Tokens on one line, with a space where one belongs. */
function join(pieces: readonly Piece[]): string {
  let text = '';
  for (const [i, piece] of pieces.entries()) {
    const before = pieces[i - 1];
    if (before !== undefined && spaced(before, piece, pieces[i - 2])) text += ' ';
    text += piece.text;
  }
  return text;
}

function isOperand(piece: Piece | undefined): boolean {
  if (piece === undefined) return false;
  if (piece.token?.kind === 'op') return ')]}'.includes(piece.text);
  if (piece.token?.kind === 'name')
    return !keywords.test(piece.text) && !/^(?:and|or|not)$/i.test(piece.text);
  return piece.token !== undefined;
}

function spaced(a: Piece, b: Piece, beforeA: Piece | undefined): boolean {
  if (a.token === undefined || b.token === undefined) return true;
  if (a.token.kind === 'op') {
    if (a.text === '.' || a.text === '(' || a.text === '[' || (a.text === '!' && b.text !== '='))
      return false;
    if (a.text === '-' && !isOperand(beforeA)) return b.token.kind === 'op' && b.text === '-';
  }
  if (b.token.kind === 'op') {
    if (b.text === '.' || b.text === ',' || b.text === ')' || b.text === ']') return false;
    if (b.text === ':' && a.token.kind !== 'op' && isKey(beforeA)) return false;
    if (b.text === '(' || b.text === '[') return !isOperand(a) || (b.text === '[' && a.text === '}');
  }
  return true;
}

const isKey = (before: Piece | undefined): boolean => before?.text === '{' || before?.text === ',';
