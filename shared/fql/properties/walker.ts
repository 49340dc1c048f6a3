import type { Local, Typed } from '../checker/typed.ts';
import { charAt } from '../library/strings.ts';
import { dateText, maxDate, minDate, spanText } from '../runtime/dates.ts';
import { Fault, fail } from '../runtime/fault.ts';
import { asJson, isArray, isObject, sameJson } from '../runtime/json.ts';
import { defaults, fromJson, jsonText, scalarText } from '../runtime/values.ts';
import { isScalar, type ScalarType } from '../type.ts';
import type { Json, RunInput } from '../types.ts';

/**
 * A naive evaluator of the checked tree, for tests only: it walks the tree and shares with the compiler nothing but the
 * meaning of single values (conversions and the library's functions). Values that are many are arrays in a box.
 */
interface Box {
  box: unknown[];
  missing: () => unknown;
}

const isBox = (value: unknown): value is Box =>
  isObject(value) && 'box' in value && 'missing' in value && Array.isArray(value.box);
const first = (value: unknown): unknown =>
  isBox(value) ? (value.box.length > 0 ? value.box[0] : value.missing()) : value;
const all = (value: unknown): unknown[] => (isBox(value) ? value.box : [value]);

function readAll(
  value: Json | undefined,
  path: readonly (string | number)[],
): { many: boolean; values: (Json | undefined)[] } {
  let many = false;
  let values: (Json | undefined)[] = [value];
  const spread = () => {
    while (values.some(isArray)) {
      many = true;
      values = values.flatMap((v): readonly (Json | undefined)[] => (isArray(v) ? v : [v]));
    }
  };
  for (const step of path) {
    if (typeof step === 'number') values = values.map((v) => (isArray(v) ? v[step] : undefined));
    else {
      spread();
      values = values.map((v) => {
        if (!isObject(v)) return undefined;
        const key =
          Object.keys(v).find((k) => k === step) ??
          Object.keys(v).find((k) => k.toLowerCase() === step.toLowerCase());
        return key === undefined ? undefined : v[key];
      });
    }
  }
  spread();
  return { many, values };
}

function attribute(input: RunInput, path: readonly (string | number)[], type: ScalarType): unknown {
  const { many, values } = readAll(input.payload, path);
  const converted = values.map((v) => fromJson[type](v, 0));
  return many ? { box: converted, missing: () => defaults[type] } : converted[0];
}

export function walk(node: Typed, input: RunInput, locals: ReadonlyMap<Local, unknown>): unknown {
  const go = (n: Typed): unknown => walk(n, input, locals);
  const one = (n: Typed): unknown => first(go(n));
  const number = (n: Typed): number => Number(one(n));
  const holds = (n: Typed): boolean => all(go(n)).some((v) => v === true);
  switch (node.kind) {
    case 'const':
      return node.value;
    case 'attribute':
      return attribute(input, node.path, isScalar(node.type) ? node.type : 'String');
    case 'exists':
      return readAll(input.payload, node.path).values.some((v) => v !== undefined && v !== null);
    case 'local':
      return locals.get(node.local);
    case 'not':
      return !holds(node.operand);
    case 'and':
      return node.operands.every(holds);
    case 'or':
      return node.operands.some(holds);
    case 'conditional':
      return holds(node.test) ? go(node.then) : go(node.otherwise);
    case 'negate':
      return node.type === 'Int32' ? int32(0 - number(node.operand)) : 0 - number(node.operand);
    case 'compare': {
      const left = all(go(node.left));
      const right = all(go(node.right));
      return node.op === '!='
        ? !left.some((a) => right.some((b) => holdsFor('==', a, b, node.left.type)))
        : left.some((a) => right.some((b) => holdsFor(node.op, a, b, node.left.type)));
    }
    case 'arithmetic':
      return arithmetic(node, one(node.left), one(node.right));
    case 'convert':
      return each(go(node.operand), node.type, (v) => convert(node, v));
    case 'text':
      return each(go(node.operand), node.type, (v) =>
        isScalar(node.operand.type) ? scalarText(node.operand.type, v) : jsonText(v),
      );
    case 'array':
      return node.items.map(go).map(first);
    case 'object':
      return Object.fromEntries(node.entries.map((e) => [e.key, one(e.value)]));
    case 'element': {
      const target = one(node.target);
      const index = number(node.index);
      if (node.target.type === 'String') return charAt(String(target), index, 0);
      const found = Array.isArray(target) ? target[index] : undefined;
      return found === undefined && node.target.type === 'Strings'
        ? fail(0, 'index-out-of-range', '')
        : (found ?? null);
    }
    case 'in': {
      const values = all(go(node.value));
      const wanted = String(one(node.set))
        .split(',')
        .map((s) => s.trim().toLowerCase());
      return values.some((v) => wanted.includes(String(v).trim().toLowerCase()));
    }
    case 'call':
      return call(node, node.args.map(go), input);
    default:
      throw new Error(`The walker does not know ${node.kind}.`);
  }
}

function each(value: unknown, type: string, f: (v: unknown) => unknown): unknown {
  if (!isBox(value)) return f(value);
  if (type === 'Json') return f(first(value));
  return { box: value.box.map(f), missing: () => f(value.missing()) };
}

function convert(node: Extract<Typed, { kind: 'convert' }>, value: unknown): unknown {
  const from = node.operand.type;
  if (node.type === 'Json')
    return from === 'DateTime'
      ? dateText(Number(value))
      : from === 'TimeSpan'
        ? spanText(Number(value))
        : value === 0
          ? 0
          : asJson(value);
  if (from === 'Int32' && node.type === 'Double') return value;
  return isScalar(node.type) ? fromJson[node.type](value, 0) : value;
}

function int32(value: number): number {
  return Number.isInteger(value) && value >= -2147483648 && value <= 2147483647
    ? value + 0
    : fail(0, 'overflow', '');
}

function holdsFor(op: string, a: unknown, b: unknown, type: string): boolean {
  if (op === '==') return type === 'Json' ? sameJson(a, b) : a === b;
  if (typeof a === 'string' && typeof b === 'string')
    return op === '<' ? a < b : op === '<=' ? a <= b : op === '>' ? a > b : a >= b;
  const [x, y] = [Number(a), Number(b)];
  return op === '<' ? x < y : op === '<=' ? x <= y : op === '>' ? x > y : x >= y;
}

function arithmetic(node: Extract<Typed, { kind: 'arithmetic' }>, a: unknown, b: unknown): unknown {
  if (node.type === 'String') return `${a}${b}`;
  const [x, y] = [Number(a), Number(b)];
  if (node.type === 'CharSet') return x | y;
  if (node.type === 'Int32' && (node.op === '/' || node.op === '%') && y === 0)
    return fail(0, 'division-by-zero', '');
  const result = { '+': x + y, '-': x - y, '*': x * y, '/': x / y, '%': x % y }[
    node.op === '-' ? '-' : node.op === '*' ? '*' : node.op === '/' ? '/' : node.op === '%' ? '%' : '+'
  ];
  if (node.type === 'Int32') return int32(Math.trunc(result));
  if (!Number.isFinite(result)) return fail(0, node.type === 'DateTime' ? 'out-of-range' : 'not-finite', '');
  if (node.type === 'DateTime' && (result < minDate || result > maxDate)) return fail(0, 'out-of-range', '');
  if (node.type === 'TimeSpan' && Math.abs(result) > 922337203685477) return fail(0, 'overflow', '');
  return result;
}

function call(node: Extract<Typed, { kind: 'call' }>, args: readonly unknown[], input: RunInput): unknown {
  const { member } = node;
  const run = (values: readonly unknown[]): unknown =>
    Reflect.apply(member.run, undefined, [
      ...(member.input ? [input] : []),
      ...values,
      ...(member.faults === undefined ? [] : [0]),
    ]);
  if (member.lift === 'first') return run(args.map(first));
  if (member.lift === 'map')
    return each(args[0], member.result, (v) => run([v, ...args.slice(1).map(first)]));
  const combinations = args.reduce<unknown[][]>(
    (sets, arg) => sets.flatMap((s) => all(arg).map((v) => [...s, v])),
    [[]],
  );
  return combinations.some((values) => run(values) === true);
}

/** Runs the walker; a fault comes back as its code. A variable keeps all its values, what is put out is a single one. */
export function evaluateNaively(
  node: Typed,
  input: RunInput,
  locals: ReadonlyMap<Local, unknown>,
  keepMany: boolean,
): { value: unknown } | { fault: string } {
  try {
    const value = walk(node, input, locals);
    return { value: keepMany ? value : first(value) };
  } catch (e) {
    if (e instanceof Fault) return { fault: e.code };
    throw e;
  }
}
