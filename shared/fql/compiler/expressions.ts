import { children, type Typed } from '../checker/typed.ts';
import { memberNumber } from '../library/index.ts';
import type { Member } from '../library/member.ts';
import { isScalar, type Type } from '../type.ts';
import { functionName } from './functions.ts';
import {
  attributeReader,
  constant,
  existsReader,
  firstRead,
  hoisted,
  jsonReader,
  type Module,
  pathConstant,
  plainType,
  slowReader,
  use,
} from './module.ts';

/** The JavaScript function being written. Its parameter is `o` (the outcome), its first line `const c = o.input`. */
export interface Unit {
  module: Module;
  /** Which code this is, among all of an assessment: a part of the identity of call sites. */
  name: string;
  rule: number;
  clause: number;
  /** 0: scores known … as `Outcome.section`. */
  section: number;
  /** What is read once and kept in a variable of the function; undefined: nothing is. */
  slots: Map<string, string> | undefined;
  /** Names of variables to declare. */
  declared: string[];
  temps: number;
  /** A rule without a condition came before: `o.matched` is set. */
  matched: boolean;
  /** How locals are called in this function. */
  local: (id: number) => string;
}

export function newUnit(
  module: Module,
  name: string,
  rule: number,
  clause: number,
  keepsSlots: boolean,
): Unit {
  return {
    module,
    name,
    rule,
    clause,
    section: 0,
    slots: keepsSlots ? new Map() : undefined,
    declared: [],
    temps: 0,
    matched: false,
    local: (id) => `v${id}`,
  };
}

export function site(unit: Unit, node: { start: number; end: number }): number {
  unit.module.sites.push({ rule: unit.rule, clause: unit.clause, start: node.start, end: node.end });
  return unit.module.sites.length - 1;
}

export function temp(unit: Unit): string {
  const name = `t${unit.temps++}`;
  unit.declared.push(name);
  return name;
}

const json = JSON.stringify;

/** A value read at most once per run, where the function keeps slots. */
function kept(unit: Unit, key: string, read: string): string {
  if (unit.slots === undefined) return read;
  let name = unit.slots.get(key);
  if (name === undefined) {
    name = `a${unit.slots.size}`;
    unit.slots.set(key, name);
    unit.declared.push(name);
  }
  return `(${name} === undefined ? (${name} = ${read}) : ${name})`;
}

function runtimeCall(unit: Unit, name: Parameters<typeof use>[1], ...args: string[]): string {
  return `${use(unit.module, name)}(${args.join(', ')})`;
}

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
      return `[${node.items.map((x) => emit(unit, x)).join(', ')}]`;
    case 'object':
      return emitObject(unit, node.entries);
    case 'in':
      return emitIn(unit, node);
    case 'random': {
      const key = json(`${unit.name}/${node.start}`);
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

export function window(unit: Unit, value: { count: number; unit: string }): string {
  return constant(unit.module, `window:${value.count}${value.unit}`, () => value);
}

/** A call that leaves the process: the call itself, or (for starting several together) only its request. */
export function emitExternal(
  unit: Unit,
  node: Extract<Typed, { kind: 'externalCall' | 'assessment' | 'model' }>,
  requestOnly: boolean,
): string {
  const place = String(site(unit, node));
  if (node.kind === 'externalCall') {
    const args = node.args.map((a) => emitOne(unit, a));
    if (requestOnly)
      return runtimeCall(
        unit,
        'externalCallRequest',
        'o',
        json(node.environment),
        json(node.name),
        place,
        `[${args.join(', ')}]`,
      );
    return runtimeCall(unit, 'callExternal', 'o', json(node.environment), json(node.name), place, ...args);
  }
  if (node.kind === 'model') {
    const context = node.context === undefined ? [] : [emitOne(unit, node.context)];
    if (requestOnly) return runtimeCall(unit, 'modelRequest', json(node.model), ...context);
    return runtimeCall(unit, 'model', 'o', json(node.model), place, ...context);
  }
  const base = node.base === undefined ? 'undefined' : emit(unit, node.base);
  const entries = node.entries.flatMap((e) => [json(e.key), emit(unit, e.value)]);
  const common = ['o', json(node.environment), json(node.name), json(node.operation), place, base];
  if (requestOnly) return runtimeCall(unit, 'assessmentRequest', ...common, `[${entries.join(', ')}]`);
  return runtimeCall(unit, 'callAssessment', ...common, ...entries);
}

/** An argument of a function; where it faults the parameter's default is taken. */
function emitArgument(unit: Unit, key: string, node: Typed, index: number): string {
  const code = emitOne(unit, node);
  if (!mayFault(node)) return code;
  const parameter = unit.module.functions.get(key)?.parameters[index];
  const title = `${unit.module.functions.get(key)?.name ?? ''}, parameter ${parameter?.name ?? ''}`;
  return `(() => { try { return ${code}; } catch (e) { return o.functionFault(e, ${site(unit, node)}, ${json(title)}, ${json(parameter?.default ?? null)}); } })()`;
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

function emitAttribute(unit: Unit, node: Extract<Typed, { kind: 'attribute' }>): string {
  const type = isScalar(node.type) ? node.type : 'String';
  const only = node.path.length === 1 && typeof node.path[0] === 'string' ? node.path[0].toLowerCase() : '';
  const place = site(unit, node);
  if (only === 'riskscore' || only === 'botscore') {
    const which = only === 'riskscore' ? 'risk' : 'bot';
    const read = runtimeCall(
      unit,
      'scoreAs',
      'o',
      json(which),
      json(type),
      pathConstant(unit.module, node.path),
      String(place),
    );
    return kept(unit, `score:${which}:${type}:${unit.section}`, read);
  }
  return kept(
    unit,
    `${type}:${json(node.path)}`,
    `${attributeReader(unit.module, node.path, type)}(c, ${place})`,
  );
}

interface Slot {
  name: string;
  plain: 'string' | 'number' | 'boolean';
  /** Reads the attribute in full and keeps the result. */
  refill: string;
}

/**
 * The variable of a function that holds an attribute: read cheaply where the function starts, in full only where that
 * gave no plain value of the type. Undefined where there is none.
 */
function slotOf(unit: Unit, node: Typed): Slot | undefined {
  if (node.kind !== 'attribute' || unit.slots === undefined || isScore(node.path)) return undefined;
  const type = isScalar(node.type) ? node.type : 'String';
  const plain = plainType(type);
  if (plain === undefined) return undefined;
  const key = `first:${type}:${json(node.path)}`;
  let name = unit.slots.get(key);
  if (name === undefined) {
    name = `a${unit.slots.size}`;
    unit.slots.set(key, name);
    unit.declared.push(`${name} = ${firstRead(node.path)}`);
  }
  return {
    name,
    plain,
    refill: `(${name} = ${slowReader(unit.module, node.path, type)}(c, ${name}, ${site(unit, node)}))`,
  };
}

function isScore(path: readonly (string | number)[]): boolean {
  const only = path.length === 1 && typeof path[0] === 'string' ? path[0].toLowerCase() : '';
  return only === 'riskscore' || only === 'botscore';
}

/** A node as a single value: the first of many. */
export function emitOne(unit: Unit, node: Typed): string {
  const code = emit(unit, node);
  return node.many ? runtimeCall(unit, 'one', code) : code;
}

/** A node as a Boolean: any of many. */
export function emitCondition(unit: Unit, node: Typed): string {
  const code = emit(unit, node);
  if (!node.many) return code;
  const t = temp(unit);
  return `((${t} = ${code}) === true || (typeof ${t} === "object" && ${runtimeCall(unit, 'any1', t, truth(unit))}))`;
}

const truth = (unit: Unit): string => lambda(unit, 1, '$0 === true');

/** A function of so many values at the top of the program, so that the slow path captures nothing. */
function lambda(unit: Unit, count: number, template: string): string {
  const names = Array.from({ length: count }, (_, i) => `x${i}`);
  const body = fill(template, names);
  return hoisted(
    unit.module,
    'l',
    `${count}:${body}`,
    (name) => `const ${name} = (${names.join(', ')}) => ${body};`,
  );
}

function fill(template: string, values: readonly string[]): string {
  return template.replace(/\$([0-9])/g, (_, i: string) => values[Number(i)] ?? 'undefined');
}

const swap = (template: string): string =>
  template.replace(/\$([01])/g, (_, i: string) => (i === '0' ? '$1' : '$0'));

const atom = /^(?:[a-z][0-9]+|c|-?[0-9.]+|"[^"\\]*"|true|false)$/;

/** A Boolean of two values that may be many: holds if it holds for any. */
function anyTwo(unit: Unit, template: string, left: Typed, right: Typed): string {
  const slot = left.kind === 'attribute' && !right.many ? slotOf(unit, left) : undefined;
  if (slot !== undefined) {
    const other = emit(unit, right);
    if (atom.test(other)) return anyOfSlot(unit, template, slot, other);
  }
  const a = emit(unit, left);
  const b = emit(unit, right);
  if (!left.many && !right.many) return `(${fill(template, [a, b])})`;
  if (left.many && !right.many && atom.test(b)) return anyOneSide(unit, template, a, b, false);
  if (right.many && !left.many && atom.test(a)) return anyOneSide(unit, template, b, a, true);
  const ta = temp(unit);
  const tb = temp(unit);
  const single = [left.many ? ta : '', right.many ? tb : '']
    .filter((t) => t !== '')
    .map((t) => `typeof ${t} !== "object"`);
  const slow = runtimeCall(unit, 'any2', ta, tb, lambda(unit, 2, template));
  return `(${ta} = ${a}, ${tb} = ${b}, ${single.join(' && ')} ? ${fill(template, [ta, tb])} : ${slow})`;
}

function anyOfSlot(unit: Unit, template: string, slot: Slot, other: string): string {
  const { name, plain, refill } = slot;
  const slow = runtimeCall(unit, 'any2', name, other, lambda(unit, 2, template));
  if (template === '$0 === $1') {
    return `(${name} === ${other} || (typeof ${name} !== "${plain}" && (${refill} === ${other} || (typeof ${name} === "object" && ${slow}))))`;
  }
  return `(typeof ${name} === "${plain}" || typeof ${refill} === "${plain}" ? ${fill(template, [name, other])} : ${slow})`;
}

function anyOneSide(unit: Unit, template: string, many: string, other: string, swapped: boolean): string {
  const t = temp(unit);
  const quick = fill(template, swapped ? [other, t] : [t, other]);
  const slow = runtimeCall(unit, 'any2', t, other, lambda(unit, 2, swapped ? swap(template) : template));
  if (template === '$0 === $1')
    return `((${t} = ${many}) === ${other} || (typeof ${t} === "object" && ${slow}))`;
  return `(typeof (${t} = ${many}) !== "object" ? ${quick} : ${slow})`;
}

function emitCompare(unit: Unit, node: Extract<Typed, { kind: 'compare' }>): string {
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

function emitArithmetic(unit: Unit, node: Extract<Typed, { kind: 'arithmetic' }>): string {
  const a = emitOne(unit, node.left);
  const b = emitOne(unit, node.right);
  const { op, type } = node;
  if (type === 'String') return `(${a} + ${b})`;
  if (type === 'CharSet') return `(${a} | ${b})`;
  const place = String(site(unit, node));
  if (type === 'Int32') {
    if (op === '/') return runtimeCall(unit, 'divideInt', a, b, place);
    if (op === '%') return runtimeCall(unit, 'remainderInt', a, b, place);
    return runtimeCall(unit, 'int', `${a} ${op} ${b}`, place);
  }
  if (type === 'DateTime') return runtimeCall(unit, 'dateInRange', `${a} ${op} ${b}`, place);
  if (type === 'TimeSpan') return runtimeCall(unit, 'finiteTime', `${a} ${op} ${b}`, place);
  return runtimeCall(unit, 'finite', `${a} ${op} ${b}`, place);
}

function emitNegate(unit: Unit, node: Extract<Typed, { kind: 'negate' }>): string {
  const operand = emitOne(unit, node.operand);
  if (node.type === 'Int32') return runtimeCall(unit, 'int', `0 - ${operand}`, String(site(unit, node)));
  return `(0 - ${operand})`;
}

function emitElement(unit: Unit, node: Extract<Typed, { kind: 'element' }>): string {
  const target = emitOne(unit, node.target);
  const index = emitOne(unit, node.index);
  if (node.target.type === 'Strings')
    return runtimeCall(unit, 'stringAt', target, index, String(site(unit, node)));
  if (node.target.type === 'String')
    return runtimeCall(unit, 'charAt', target, index, String(site(unit, node)));
  return runtimeCall(unit, 'element', target, index);
}

/** Applies a template to a value, element by element where it is many. */
function mapped(unit: Unit, node: Typed, template: string): string {
  const code = emit(unit, node);
  if (!node.many) return fill(template, [code]);
  const t = temp(unit);
  return `(typeof (${t} = ${code}) !== "object" ? ${fill(template, [t])} : ${runtimeCall(unit, 'map1', t, lambda(unit, 1, template))})`;
}

const sameAtRunTime: readonly Type[] = ['Strings', 'Score', 'Bin', 'Json', 'String', 'Boolean', 'Int32'];

function emitConvert(unit: Unit, node: Extract<Typed, { kind: 'convert' }>): string {
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

function emitText(unit: Unit, node: Extract<Typed, { kind: 'text' }>): string {
  use(unit.module, 'toText');
  return mapped(unit, node.operand, `toText(${json(node.operand.type)}, $0)`);
}

export function emitObject(unit: Unit, entries: readonly { key: string; value: Typed }[]): string {
  return runtimeCall(unit, 'makeObject', ...entries.flatMap((e) => [json(e.key), emit(unit, e.value)]));
}

function emitIn(unit: Unit, node: Extract<Typed, { kind: 'in' }>): string {
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

/** The template of a member: its inline form, or a call of its function. */
function templateOf(unit: Unit, member: Member, count: number, place: string): string {
  const shift = member.input ? 1 : 0;
  if (member.inline !== undefined) return member.inline;
  use(unit.module, 'library');
  const number = memberNumber(member);
  const name = hoisted(unit.module, 'm', String(number), (n) => `const ${n} = library[${number}];`);
  const values = Array.from({ length: count + shift }, (_, i) => `$${i}`);
  if (member.faults !== undefined) values.push(place);
  return `${name}(${values.join(', ')})`;
}

function emitCall(unit: Unit, node: Extract<Typed, { kind: 'call' }>): string {
  const { member, args } = node;
  const place = member.faults === undefined ? '' : String(site(unit, node));
  if (args.length > 8) return emitLongCall(unit, member, args, place);
  const template = templateOf(unit, member, args.length, place);
  const input = member.input ? ['c'] : [];
  const anyMany = args.some((a) => a.many);
  if (member.lift === 'first' || !anyMany)
    return fill(template, [...input, ...args.map((a) => emitOne(unit, a))]);
  const two = args[1];
  const first = args[0]!;
  if (member.lift === 'any' && input.length === 0 && args.length === 1)
    return anySingle(unit, template, first);
  if (member.lift === 'any' && input.length === 0 && args.length === 2 && two !== undefined)
    return anyTwo(unit, template, first, two);
  const names = args.map(() => temp(unit));
  const assigned = args.map((a, i) => `${names[i]} = ${emit(unit, a)}`).join(', ');
  const tests = args.flatMap((a, i) => (a.many ? [`typeof ${names[i]} !== "object"`] : []));
  const shifted =
    input.length === 0
      ? template
      : template.replaceAll('$0', 'c').replace(/\$([1-9])/g, (_, i: string) => `$${Number(i) - 1}`);
  const slowName = use(unit.module, member.lift === 'any' ? 'anyOf' : 'mapFirst');
  const slow =
    input.length === 0
      ? lambda(unit, args.length, template)
      : `(${names.map((_, i) => `x${i}`).join(', ')}) => ${fill(
          shifted,
          names.map((_, i) => `x${i}`),
        )}`;
  return `(${assigned}, ${tests.join(' && ')} ? ${fill(template, [...input, ...names])} : ${slowName}([${names.join(', ')}], ${slow}))`;
}

function anySingle(unit: Unit, template: string, node: Typed): string {
  const t = temp(unit);
  return `(typeof (${t} = ${emit(unit, node)}) !== "object" ? ${fill(template, [t])} : ${runtimeCall(unit, 'any1', t, lambda(unit, 1, template))})`;
}

/** A call with more arguments than a template has numbers for. */
function emitLongCall(unit: Unit, member: Member, args: readonly Typed[], place: string): string {
  use(unit.module, 'library');
  const values = [
    ...(member.input ? ['c'] : []),
    ...args.map((a) => emitOne(unit, a)),
    ...(place === '' ? [] : [place]),
  ];
  return `library[${memberNumber(member)}](${values.join(', ')})`;
}
