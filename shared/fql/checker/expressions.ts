import type { Expression, Let } from '../tree.ts';
import { aType, isNumber, isScalar, type Type } from '../type.ts';
import { checkCall, checkMember, checkName } from './calls.ts';
import { asJson, besides, castHint, coerce, errorAt, settle, settled } from './coerce.ts';
import { functionCall } from './functions.ts';
import { checkBinary } from './operators.ts';
import { byName, offerName, report, type Scope } from './scope.ts';
import type { Local, Typed } from './typed.ts';

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

/** Checks an expression; an attribute with no context yet comes back as `Open`. */
export function check(scope: Scope, e: Expression): Typed {
  const at = { start: e.start, end: e.end };
  switch (e.kind) {
    case 'literal':
      return { ...at, kind: 'const', type: e.type, many: false, value: e.value };
    case 'attribute':
      scope.attributes.push({ path: e.path, ...at });
      return { ...at, kind: 'attribute', type: 'Open', many: false, path: e.path };
    case 'payload':
      if (e.path.length > 0) scope.attributes.push({ path: e.path, ...at });
      return { ...at, kind: 'payload', type: 'Json', many: false, path: e.path };
    case 'variable':
      return checkVariable(scope, e);
    case 'name':
      return checkName(scope, e);
    case 'member':
      return checkMember(scope, e);
    case 'call':
      return checkCall(scope, e);
    case 'index':
      return checkIndex(scope, e);
    case 'not':
      return {
        ...at,
        kind: 'not',
        type: 'Boolean',
        many: false,
        operand: condition(scope, e.operand, 'What "not" negates'),
      };
    case 'negate':
      return checkNegate(scope, e);
    case 'and':
    case 'or': {
      const operands = e.operands.map((o) => condition(scope, o, `Each side of "${e.kind}"`));
      return { ...at, kind: e.kind, type: 'Boolean', many: false, operands };
    }
    case 'binary':
      return checkBinary(scope, e);
    case 'conditional':
      return checkConditional(scope, e);
    case 'array':
      return {
        ...at,
        kind: 'array',
        type: 'Json',
        many: false,
        items: e.items.map((i) => jsonValue(scope, i)),
      };
    case 'object':
      return {
        ...at,
        kind: 'object',
        type: 'Json',
        many: false,
        entries: e.entries.map((entry) => ({ key: entry.key, value: jsonValue(scope, entry.value) })),
      };
    case 'window':
      report(
        scope,
        'unexpected-window',
        `${e.text} is a time window, and only a velocity takes one: Velocity.name(key, 7d).`,
        at,
      );
      return errorAt(at);
  }
}

/** A value as JSON. */
export function jsonValue(scope: Scope, e: Expression): Typed {
  const value = check(scope, e);
  const json = asJson(value);
  if (json !== undefined) return json;
  report(
    scope,
    'no-value',
    `${capital(aType(value.type))} cannot be put into JSON.${castHint(value.type, 'Json')}`,
    value,
  );
  return errorAt(value);
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A Boolean, as WHEN, `and`, `or`, `not` and `? :` need it. */
export function condition(scope: Scope, e: Expression, what: string): Typed {
  return coerce(scope, check(scope, e), 'Boolean', what);
}

function checkVariable(scope: Scope, e: Of<'variable'>): Typed {
  if (functionCall(scope, e) !== undefined) {
    report(
      scope,
      'output-expected',
      `A function gives its values by name: take one, as in $${e.name}.Calculate_Sum.`,
      e,
    );
    return errorAt(e);
  }
  const local =
    scope.locals.get(e.name) ?? scope.locals.get(`~${e.name.toLowerCase()}`) ?? importLocal(scope, e);
  if (local === undefined) {
    const names = [...scope.locals.keys()].filter((n) => !n.startsWith('~'));
    const hint = offerName(scope, e.name, names, (n) => `$${n}`);
    report(
      scope,
      'unknown-variable',
      `$${e.name} is not defined. Define it with LET $${e.name} = … before it is used.${hint}`,
      e,
    );
    return errorAt(e);
  }
  local.used = true;
  if (local.type === 'Open') return { ...local.value, start: e.start, end: e.end };
  return { kind: 'local', local, type: local.type, many: local.many, start: e.start, end: e.end };
}

/** A variable of an earlier clause: its LET runs in this clause too. */
function importLocal(scope: Scope, e: Of<'variable'>): Local | undefined {
  const found = byName(scope.earlier, e.name);
  if (found === undefined) return undefined;
  scope.earlier.delete(found.name);
  const local = defineLocal(scope, {
    ...found,
    value: moved(found.value, e, found.clause),
    nameStart: e.start,
    nameEnd: e.end,
    start: e.start,
    end: e.end,
  });
  if (local.type !== 'Open' && local.type !== 'Error') scope.imported.push({ kind: 'let', local });
  return local;
}

/** A copy of an expression of another clause that stands, all of it, at one place; its calls remember where they stood. */
export function moved<E extends Expression>(
  e: E,
  at: { start: number; end: number },
  clause: string | undefined,
): E {
  const copy = structuredClone(e);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    if ('kind' in value && value.kind === 'call' && 'start' in value && !('home' in value))
      Object.assign(value, { home: `${clause}/${value.start}` });
    if ('start' in value) value.start = at.start;
    if ('nameStart' in value) value.nameStart = at.start;
    if ('end' in value) value.end = at.end;
    for (const part of Object.values(value)) visit(part);
  };
  visit(copy);
  return copy;
}

/** A variable is defined once; `LET $x = $x + 1` takes over the $x of an earlier clause and is a second definition too. */
export function reportSecond(scope: Scope, statement: Let): void {
  const at = { start: statement.nameStart, end: statement.nameEnd };
  report(scope, 'defined-twice', `$${statement.name} is defined already. A variable is defined once.`, at);
}

/** Checks the value of a LET and makes its variable known. */
export function defineLocal(scope: Scope, statement: Let): Local {
  const checked = check(scope, statement.value);
  if (scope.locals.has(statement.name)) reportSecond(scope, statement);
  const value = checked.type === 'Open' && checked.kind !== 'attribute' ? settled(checked) : checked;
  if (value.type === 'CharSet')
    report(scope, 'no-value', 'A character set cannot be kept in a variable.', value);
  const local: Local = {
    name: statement.name,
    id: scope.ids.next++,
    type: value.type,
    many: value.many,
    value,
    used: false,
    start: statement.nameStart,
    end: statement.nameEnd,
  };
  scope.locals.set(statement.name, local);
  const folded = `~${statement.name.toLowerCase()}`;
  if (!scope.locals.has(folded)) scope.locals.set(folded, local);
  return local;
}

function checkIndex(scope: Scope, e: Of<'index'>): Typed {
  const at = { start: e.start, end: e.end };
  const checked = check(scope, e.target);
  const target = checked.kind === 'arithmetic' ? settled(checked) : checked;
  const index = settle(check(scope, e.index), 'Int32');
  if (target.type === 'Error' || index.type === 'Error') return errorAt(at);
  if (target.type === 'Open' && target.kind === 'attribute') {
    if (index.kind === 'const' && typeof index.value === 'number' && index.value >= 0) {
      return { ...target, ...at, path: [...target.path, index.value] };
    }
    report(
      scope,
      'type-mismatch',
      'The index of an attribute must be a number, as in @"productList"[0].',
      index,
    );
    return errorAt(at);
  }
  if (target.type === 'Strings' || target.type === 'String') {
    return {
      ...at,
      kind: 'element',
      type: 'String',
      many: false,
      target,
      index: coerce(scope, index, 'Int32', 'The index'),
    };
  }
  if (target.type === 'Json' || target.type === 'Response') {
    const json = coerce(scope, target, 'Json', 'What is indexed');
    const ready = index.type === 'String' ? index : coerce(scope, index, 'Int32', 'The index');
    return { ...at, kind: 'element', type: 'Json', many: false, target: json, index: ready };
  }
  report(scope, 'type-mismatch', `Only arrays have elements; this is ${aType(target.type)}.`, target);
  return errorAt(at);
}

function checkNegate(scope: Scope, e: Of<'negate'>): Typed {
  const operand = settle(check(scope, e.operand), 'Double');
  const ready =
    operand.type === 'Json' || operand.type === 'Response'
      ? coerce(scope, operand, 'Double', 'What "-" negates')
      : operand;
  if (ready.type === 'Error') return errorAt(e);
  if (!isNumber(ready.type) && ready.type !== 'TimeSpan') {
    report(
      scope,
      'type-mismatch',
      `"-" needs a number, but this is ${aType(ready.type)}.${castHint(ready.type, 'Double')}`,
      ready,
    );
    return errorAt(e);
  }
  return { kind: 'negate', operand: ready, type: ready.type, many: false, start: e.start, end: e.end };
}

function checkConditional(scope: Scope, e: Of<'conditional'>): Typed {
  const at = { start: e.start, end: e.end };
  const test = condition(scope, e.test, 'What stands before "?"');
  let then = check(scope, e.then);
  let otherwise = check(scope, e.otherwise);
  if (then.type === 'Open' && otherwise.type === 'Open') {
    if (then.kind === 'arithmetic') then = settled(then);
    if (otherwise.kind === 'arithmetic') otherwise = settled(otherwise);
  }
  if (then.type === 'Open' && otherwise.type === 'Open') {
    return { ...at, kind: 'conditional', type: 'Open', many: false, test, then, otherwise };
  }
  if (then.type === 'Open') then = settle(then, besides(otherwise.type));
  if (otherwise.type === 'Open') otherwise = settle(otherwise, besides(then.type));
  const type = commonType(then.type, otherwise.type);
  if (type === undefined) {
    report(
      scope,
      'type-mismatch',
      `Both results of "? :" must have one type, but the first is ${aType(then.type)} and the second ${aType(otherwise.type)}.`,
      at,
    );
    return errorAt(at);
  }
  if (type === 'Error') return errorAt(at);
  then = coerce(scope, then, type, 'This result');
  otherwise = coerce(scope, otherwise, type, 'This result');
  return { ...at, kind: 'conditional', type, many: then.many || otherwise.many, test, then, otherwise };
}

function commonType(a: Type, b: Type): Type | undefined {
  if (a === b) return a;
  if (a === 'Error' || b === 'Error') return 'Error';
  if (isNumber(a) && isNumber(b)) return 'Double';
  const jsonA = a === 'Json' || a === 'Response';
  const jsonB = b === 'Json' || b === 'Response';
  if (jsonA && jsonB) return 'Json';
  if (jsonA && isScalar(b)) return besides(b);
  if (jsonB && isScalar(a)) return besides(a);
  return undefined;
}
