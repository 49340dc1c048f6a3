import { printPath } from './parser/path.ts';
import type { Argument, Code, Expression, Final } from './tree.ts';

/** How tightly a node holds together; a looser one inside a tighter place gets parentheses. */
function strength(e: Expression): number {
  switch (e.kind) {
    case 'conditional':
      return 0;
    case 'or':
      return 1;
    case 'and':
      return 2;
    case 'binary':
      return {
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
      }[e.op];
    case 'not':
    case 'negate':
      return 8;
    case 'literal':
      return typeof e.value === 'number' && e.value < 0 ? 8 : 9;
    default:
      return 9;
  }
}

function within(e: Expression, least: number): string {
  const text = printExpression(e);
  return strength(e) < least ? `(${text})` : text;
}

function printNumber(type: string, value: number): string {
  const text = String(value);
  return type === 'Double' && /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

const printText = (text: string): string => JSON.stringify(text).replace(/\u007f/g, '\\u007f');

/** The source text of an expression: `parse` reads the same tree from it. */
export function printExpression(e: Expression): string {
  switch (e.kind) {
    case 'literal':
      if (typeof e.value === 'number') return printNumber(e.type, e.value);
      return typeof e.value === 'string' ? printText(e.value) : String(e.value);
    case 'window':
      return e.text;
    case 'attribute':
      return `@${printText(printPath(e.path))}`;
    case 'payload':
      return e.path.length === 0 ? '@@' : `@@${printText(printPath(e.path))}`;
    case 'variable':
      return `$${e.name}`;
    case 'name':
      return e.name;
    case 'member':
      return `${within(e.target, 9)}.${e.name}`;
    case 'index':
      return `${within(e.target, 9)}[${printExpression(e.index)}]`;
    case 'call':
      return `${within(e.callee, 9)}(${e.args.map(printArgument).join(', ')})`;
    case 'not':
      return `!${within(e.operand, 8)}`;
    case 'negate':
      return `-${e.operand.kind === 'literal' || e.operand.kind === 'negate' ? `(${printExpression(e.operand)})` : within(e.operand, 8)}`;
    case 'and':
      return e.operands.map((o) => within(o, 3)).join(' and ');
    case 'or':
      return e.operands.map((o) => within(o, 2)).join(' or ');
    case 'binary':
      return `${within(e.left, strength(e))} ${e.op} ${within(e.right, strength(e) + 1)}`;
    case 'conditional':
      return `${within(e.test, 1)} ? ${printExpression(e.then)} : ${printExpression(e.otherwise)}`;
    case 'array':
      return `[${e.items.map(printExpression).join(', ')}]`;
    case 'object':
      return e.entries.length === 0
        ? '{ }'
        : `{ ${e.entries.map((x) => `${printKey(x.key)}: ${printExpression(x.value)}`).join(', ')} }`;
  }
}

function printKey(key: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(key) ? key : printText(key);
}

function printArgument(a: Argument): string {
  return a.name === undefined ? printExpression(a.value) : `${a.name} = ${printExpression(a.value)}`;
}

function printFinal(final: Final): string {
  if (final.kind === 'select') {
    const groupBy = final.groupBy === undefined ? '' : `\nGROUPBY ${printExpression(final.groupBy)}`;
    return `SELECT ${printExpression(final.aggregate)} AS ${final.name}\nFROM ${final.from.map((f) => f.name).join(', ')}${groupBy}`;
  }
  return `${final.kind.toUpperCase()} ${final.values.map(printExpression).join(', ')}`;
}

/** The source text of a condition, clause, velocity or output, without comments. */
export function printCode(code: Code): string {
  const lines = code.statements.map((s) =>
    s.kind === 'let' ? `LET $${s.name} = ${printExpression(s.value)}` : `DO ${printExpression(s.call)}`,
  );
  if (code.final !== undefined) lines.push(printFinal(code.final));
  if (code.when !== undefined) lines.push(`WHEN ${printExpression(code.when)}`);
  return lines.join('\n');
}
