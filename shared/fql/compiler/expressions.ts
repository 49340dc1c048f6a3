import { children, type Typed } from '../checker/typed.ts';
import type { Type } from '../type.ts';
import { emitAttribute, emitScore, isScore } from './attributes.ts';
import { emitArgument, emitCall, emitExternal, window } from './calls.ts';
import { functionName } from './functions.ts';
import { anyTwo, emitCondition, emitOne, lambda, mapped } from './many.ts';
import { existsReader, hoisted, jsonReader, use } from './module.ts';
import { kept, runtimeCall, site, temp, type Unit } from './unit.ts';

const json = JSON.stringify;

/** JavaScript for a node. Where `node.many`, the value may be `Many`. */
export function emit(unit: Unit, node: Typed): string {
  switch (node.kind) {
    case 'const':
      return typeof node.value === 'number' && (node.value < 0 || Object.is(node.value, -0))
        ? `(${json(node.value)})`
        : json(node.value);
    case 'attribute':
      return emitAttribute(unit, node);
    case 'payload':
      if (isScore(node.path)) return emitScore(unit, node.path);
      return kept(unit, `json:${json(node.path)}`, `${jsonReader(unit.module, node.path)}(c)`);
    case 'exists':
      return kept(unit, `exists:${json(node.path)}`, `${existsReader(unit.module, node.path)}(c)`);
    case 'present':
      return runtimeCall(unit, 'isPresent', emit(unit, node.operand));
    case 'local':
      return unit.local(node.local.id);
    case 'parameter':
      return `p${node.index}`;
    case 'call':
      return emitCall(unit, node);
    case 'field':
      return runtimeCall(
        unit,
        'field',
        emit(unit, node.target),
        json(node.name),
        json(node.name.toLowerCase()),
      );
    case 'element':
      return emitElement(unit, node);
    case 'convert':
      return emitConvert(unit, node);
    case 'text':
      return emitText(unit, node);
    case 'not':
      return `!${emitCondition(unit, node.operand)}`;
    case 'negate':
      return emitNegate(unit, node);
    case 'and':
      return `(${node.operands.map((x) => emitCondition(unit, x)).join(' && ')})`;
    case 'or':
      return `(${node.operands.map((x) => emitCondition(unit, x)).join(' || ')})`;
    case 'compare':
      return emitCompare(unit, node);
    case 'arithmetic':
      return emitArithmetic(unit, node);
    case 'conditional':
      return `(${emitCondition(unit, node.test)} ? ${emit(unit, node.then)} : ${emit(unit, node.otherwise)})`;
    case 'array':
      return runtimeCall(unit, 'bounded', `[${node.items.map((x) => emit(unit, x)).join(', ')}]`);
    case 'object':
      return emitObject(unit, node.entries);
    case 'in':
      return emitIn(unit, node);
    case 'random': {
      const key = json(node.home === undefined ? `${unit.name}/${node.start}` : `${unit.whole}|${node.home}`);
      return runtimeCall(unit, 'randomInt', 'o', key, emitOne(unit, node.min), emitOne(unit, node.max));
    }
    case 'variable':
      return `o.variable(${json(node.key)})`;
    case 'velocity':
      return runtimeCall(
        unit,
        'velocity',
        'o',
        json(node.environment),
        json(node.name),
        window(unit, node.window),
        emitOne(unit, node.key),
        String(site(unit, node)),
      );
    case 'supportList':
      return runtimeCall(
        unit,
        'onSupportList',
        'o',
        json(node.environment),
        json(node.list),
        json(node.status),
        emit(unit, node.key),
        String(site(unit, node)),
      );
    case 'containsKey':
      return runtimeCall(
        unit,
        'containsKey',
        'o',
        json(node.environment),
        json(node.list),
        json(node.column),
        emit(unit, node.key),
        String(site(unit, node)),
      );
    case 'lookup':
      return runtimeCall(
        unit,
        'lookup',
        'o',
        json(node.environment),
        json(node.list),
        json(node.column),
        emit(unit, node.key),
        json(node.value),
        emitOne(unit, node.otherwise),
        String(site(unit, node)),
      );
    case 'externalCall':
    case 'assessment':
    case 'model':
      return emitExternal(unit, node, false);
    case 'function':
      return `${functionName(unit.module, node.use.key)}(${['o', String(site(unit, node)), ...node.args.map((a, i) => emitArgument(unit, node.use.key, a, i))].join(', ')})`;
    case 'error':
      return 'null';
  }
}

/** Whether evaluating a node can end in a fault. */
export function mayFault(node: Typed): boolean {
  switch (node.kind) {
    case 'const':
    case 'parameter':
    case 'local':
      return false;
    case 'call':
      return node.member.faults !== undefined || node.args.some(mayFault);
    case 'attribute':
    case 'convert':
    case 'arithmetic':
    case 'element':
    case 'negate':
      return true;
    default:
      return children(node).some(mayFault);
  }
}

export function emitCompare(unit: Unit, node: Extract<Typed, { kind: 'compare' }>): string {
  const type = node.left.type;
  const equality = node.op === '==' || node.op === '!=';
  const not = node.op === '!=' ? '!' : '';
  if (equality && type === 'Json') {
    return `${not}${runtimeCall(unit, 'sameJson', emit(unit, node.left), emit(unit, node.right))}`;
  }
  if (equality) {
    const template =
      node.ignoreCase && type === 'String' ? `${use(unit.module, 'sameText')}($0, $1)` : '$0 === $1';
    return `${not}${anyTwo(unit, template, node.left, node.right)}`;
  }
  return anyTwo(unit, `$0 ${node.op} $1`, node.left, node.right);
}

export function emitArithmetic(unit: Unit, node: Extract<Typed, { kind: 'arithmetic' }>): string {
  const a = emitOne(unit, node.left);
  const b = emitOne(unit, node.right);
  const { op, type } = node;
  if (type === 'CharSet') return `(${a} | ${b})`;
  const place = String(site(unit, node));
  if (type === 'String') return runtimeCall(unit, 'joined', `${a} + ${b}`, place);
  if (type === 'Int32') {
    if (op === '/') return runtimeCall(unit, 'divideInt', a, b, place);
    if (op === '%') return runtimeCall(unit, 'remainderInt', a, b, place);
    return runtimeCall(unit, 'int', `${a} ${op} ${b}`, place);
  }
  if (type === 'DateTime') return runtimeCall(unit, 'dateInRange', `${a} ${op} ${b}`, place);
  if (type === 'TimeSpan') return runtimeCall(unit, 'finiteTime', `${a} ${op} ${b}`, place);
  return runtimeCall(unit, 'finite', `${a} ${op} ${b}`, place);
}

export function emitNegate(unit: Unit, node: Extract<Typed, { kind: 'negate' }>): string {
  const operand = emitOne(unit, node.operand);
  if (node.type === 'Int32') return runtimeCall(unit, 'int', `0 - ${operand}`, String(site(unit, node)));
  return `(0 - ${operand})`;
}

export function emitElement(unit: Unit, node: Extract<Typed, { kind: 'element' }>): string {
  const target = emitOne(unit, node.target);
  const index = emitOne(unit, node.index);
  if (node.target.type === 'Strings')
    return runtimeCall(unit, 'stringAt', target, index, String(site(unit, node)));
  if (node.target.type === 'String')
    return runtimeCall(unit, 'charAt', target, index, String(site(unit, node)));
  return runtimeCall(unit, 'element', target, index);
}

export const sameAtRunTime: readonly Type[] = [
  'Strings',
  'Score',
  'Bin',
  'Json',
  'String',
  'Boolean',
  'Int32',
];

export function emitConvert(unit: Unit, node: Extract<Typed, { kind: 'convert' }>): string {
  const from = node.operand.type;
  if (node.type === 'Json') {
    if (from === 'Response') return runtimeCall(unit, 'bodyOf', emit(unit, node.operand));
    if (!node.operand.many && sameAtRunTime.includes(from)) return emit(unit, node.operand);
    return runtimeCall(unit, 'toJson', json(from), emit(unit, node.operand));
  }
  if (from === 'Int32' && node.type === 'Double') return emit(unit, node.operand);
  use(unit.module, 'from');
  return mapped(unit, node.operand, `from.${node.type}($0, ${site(unit, node)})`);
}

export function emitText(unit: Unit, node: Extract<Typed, { kind: 'text' }>): string {
  use(unit.module, 'toText');
  return mapped(unit, node.operand, `toText(${json(node.operand.type)}, $0)`);
}

export function emitObject(unit: Unit, entries: readonly { key: string; value: Typed }[]): string {
  return runtimeCall(unit, 'makeObject', ...entries.flatMap((e) => [json(e.key), emit(unit, e.value)]));
}

export function emitIn(unit: Unit, node: Extract<Typed, { kind: 'in' }>): string {
  const { set } = node;
  use(unit.module, 'isIn');
  if (set.kind !== 'const') {
    const list = runtimeCall(unit, 'makeSet', emitOne(unit, set));
    return runtimeCall(unit, 'any2', emit(unit, node.value), list, lambda(unit, 2, 'isIn($1, $0)'));
  }
  const make = use(unit.module, 'makeSet');
  const name = hoisted(unit.module, 's', json(set.value), (n) => `const ${n} = ${make}(${json(set.value)});`);
  const code = emit(unit, node.value);
  if (!node.value.many) return `isIn(${name}, ${code})`;
  const t = temp(unit);
  return `(typeof (${t} = ${code}) !== "object" ? isIn(${name}, ${t}) : ${runtimeCall(unit, 'any1', t, lambda(unit, 1, `isIn(${name}, $0)`))})`;
}
