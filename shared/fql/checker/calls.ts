import { library, membersOf, namesOn, namesUnder, owners, staticMembers } from '../library/index.ts';
import type { Member } from '../library/member.ts';
import { printPath } from '../parser/path.ts';
import type { Expression } from '../tree.ts';
import { aType, isScalar, scalarTypes, type Type } from '../type.ts';
import { chooseOverload, fitArguments, makeCall, misfit, positional } from './arguments.ts';
import { asJson, coerce, errorAt, isConstant, settle } from './coerce.ts';
import { check } from './expressions.ts';
import { checkFunctionUse, functionCall } from './functions.ts';
import { globalFunctions } from './globals.ts';
import { resourceNamespaces } from './resources.ts';
import { offerName, report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

const namespaces = (): string[] => [...owners, ...Object.values(resourceNamespaces).map((n) => n.title)];

/** The word before a dot when it is a namespace: a name that no parameter hides. */
function namespaceOf(scope: Scope, target: Expression): string | undefined {
  if (target.kind !== 'name' || scope.parameters.has(target.name.toLowerCase())) return undefined;
  return target.name;
}

/** A bare name: a parameter of a function, or a mistake. */
export function checkName(scope: Scope, e: Of<'name'>): Typed {
  const parameter = scope.parameters.get(e.name.toLowerCase());
  if (parameter !== undefined) {
    return {
      kind: 'parameter',
      index: parameter.index,
      type: parameter.type,
      many: false,
      start: e.start,
      end: e.end,
    };
  }
  const lower = e.name.toLowerCase();
  let hint = '';
  if (lower === 'null')
    hint = ' There is no null: a missing attribute is "" or 0. Ask with Exists(@"…") or .IsNullOrEmpty().';
  else if (Object.hasOwn(globalFunctions, lower) || staticMembers('', e.name).length > 0)
    hint = ` ${e.name} is a function: call it with (…).`;
  else if (scope.locals.has(e.name)) hint = ` Did you mean $${e.name}?`;
  else
    hint =
      offerName(scope, e.name, [...scope.parameters.keys(), 'true', 'false']) ||
      ` An attribute is written @"${e.name}", a text "${e.name}".`;
  report(scope, 'unknown-name', `${e.name} means nothing here.${hint}`, e);
  return errorAt(e);
}

export function checkMember(scope: Scope, e: Of<'member'>): Typed {
  const call = functionCall(scope, e.target);
  if (call !== undefined) return checkFunctionUse(scope, call, e);
  const owner = namespaceOf(scope, e.target);
  if (owner !== undefined) return checkStaticProperty(scope, e, owner);
  const target = check(scope, e.target);
  if (target.type === 'Error') return errorAt(e);
  if (target.type === 'Score') return scoreField(scope, e, target);
  const receiver = settleReceiver(target, e.name, undefined);
  const found = membersOf(receiver.type, e.name).find((m) => m.kind === 'property');
  if (found !== undefined) return makeCall(found, [receiver], e);
  if (receiver.type === 'Json' || receiver.type === 'Response') {
    const json = coerce(scope, receiver, 'Json', 'This');
    return {
      kind: 'field',
      target: json,
      name: e.name,
      type: 'Json',
      many: false,
      start: e.start,
      end: e.end,
    };
  }
  if (membersOf(receiver.type, e.name).length > 0) {
    report(scope, 'call-expected', `${e.name} is a method: call it, as in .${e.name}(…).`, nameOf(e));
  } else reportUnknownMember(scope, receiver.type, e, target.type === 'Open');
  return errorAt(e);
}

const nameOf = (e: Of<'member'>) => ({ start: e.nameStart, end: e.end });

function scoreField(scope: Scope, e: Of<'member'>, target: Typed): Typed {
  const lower = e.name.toLowerCase();
  const json = asJson(target) ?? target;
  const at = { start: e.start, end: e.end, many: false };
  if (lower === 'score') {
    const field: Typed = { kind: 'field', target: json, name: 'score', type: 'Json', ...at };
    return { kind: 'convert', operand: field, type: 'Double', ...at };
  }
  if (lower === 'reason' || lower === 'reasons') {
    const field: Typed = { kind: 'field', target: json, name: 'reason', type: 'Json', ...at };
    return { kind: 'convert', operand: field, type: 'String', ...at };
  }
  report(
    scope,
    'unknown-member',
    `A model's result has Score and Reason, not ${e.name}.${offerName(scope, e.name, ['Score', 'Reason'])}`,
    nameOf(e),
  );
  return errorAt(e);
}

function checkStaticProperty(scope: Scope, e: Of<'member'>, owner: string): Typed {
  const overloads = staticMembers(owner, e.name);
  const found = overloads.find((m) => m.kind === 'property');
  if (found !== undefined) return makeCall(found, [], e);
  if (overloads.length > 0 || Object.hasOwn(resourceNamespaces, owner.toLowerCase())) {
    const shown = `${owner}.${e.name}`;
    report(scope, 'call-expected', `${shown} is a function: call it, as in ${shown}(…).`, e);
    return errorAt(e);
  }
  reportUnknownStatic(scope, owner, e);
  return errorAt(e);
}

function reportUnknownStatic(scope: Scope, owner: string, e: Of<'member'>): void {
  const names = namesUnder(owner);
  if (names.length > 0) {
    report(
      scope,
      'unknown-member',
      `${owner} has no ${e.name}.${offerName(scope, e.name, names)}`,
      nameOf(e),
    );
    return;
  }
  const hint = scope.locals.has(owner)
    ? ` Did you mean $${owner}?`
    : offerName(scope, owner, namespaces()) || ` An attribute is written @"${owner}.${e.name}".`;
  report(scope, 'unknown-name', `${owner} means nothing here.${hint}`, {
    start: e.target.start,
    end: e.target.end,
  });
}

function reportUnknownMember(scope: Scope, type: Type, e: Of<'member'>, open: boolean): void {
  const names = open ? [...new Set(scalarTypes.flatMap(namesOn))] : namesOn(type);
  const others = scalarTypes.filter((t) => t !== type && membersOf(t, e.name).length > 0);
  const hint =
    offerName(scope, e.name, names) ||
    (others.length > 0 ? ` ${e.name} is a member of ${others.join(' and ')}.` : '') ||
    (e.target.kind === 'attribute'
      ? ` The path of an attribute stands in quotes, dots and all: @"${printPath([...e.target.path, e.name])}".`
      : '');
  report(
    scope,
    'unknown-member',
    `${open ? 'No type has' : `${capital(aType(type))} has no`} ${open ? `a member ${e.name}` : e.name}.${hint}`,
    nameOf(e),
  );
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A constant that formats numbers and no dates: F2, N0, #,##0.00. */
function isNumberFormat(arg: Typed): boolean {
  const format = isConstant(arg) ? String(arg.value) : '';
  return /^(?:[NPE]|[FNDPGE][0-9]{1,2}|[#0,.]+%?)$/i.test(format);
}

/** An attribute takes the type whose member fits the arguments; text first. `args` undefined: a property is meant. */
function settleReceiver(target: Typed, name: string, args: readonly Typed[] | undefined): Typed {
  if (target.type !== 'Open') return target;
  if (name.toLowerCase() === 'tostring' && args?.some(isNumberFormat)) return settle(target, 'Double');
  const order: Type[] = ['String', 'DateTime', 'TimeSpan', 'Double', 'Boolean'];
  const fits = (m: Member) =>
    args === undefined
      ? m.kind === 'property'
      : m.kind === 'method' &&
        m.params.length === args.length &&
        args.every((a, i) => misfit(a, m.params[i]!) < Number.POSITIVE_INFINITY);
  const type =
    order.find((t) => membersOf(t, name).some(fits)) ??
    order.find((t) => membersOf(t, name).length > 0) ??
    (membersOf('Json', name).length > 0 ? 'Json' : 'String');
  return settle(target, type);
}

/** Casts of an attribute read it as that type, so that a missing one is the type's default. */
const casts: Readonly<Record<string, Type>> = {
  'string.todatetime': 'DateTime',
  'string.todouble': 'Double',
  'string.toint32': 'Int32',
  'string.toboolean': 'Boolean',
  'convert.todatetime': 'DateTime',
  'convert.todouble': 'Double',
  'convert.toboolean': 'Boolean',
};

function castOf(owner: string, name: string): Type | undefined {
  const key = `${owner}.${name}`.toLowerCase();
  return Object.hasOwn(casts, key) ? casts[key] : undefined;
}

export function checkCall(scope: Scope, e: Of<'call'>): Typed {
  const callee = e.callee;
  if (callee.kind === 'name') return checkGlobal(scope, e, callee);
  if (callee.kind !== 'member') return errorAt(e);
  if (functionCall(scope, e) !== undefined) {
    report(
      scope,
      'output-expected',
      'A function gives its values by name: take one, as in Functions.MyFunction(…).Calculate_Sum.',
      e,
    );
    for (const a of e.args) check(scope, a.value);
    return errorAt(e);
  }
  const owner = namespaceOf(scope, callee.target);
  if (owner !== undefined) {
    const lower = owner.toLowerCase();
    if (Object.hasOwn(resourceNamespaces, lower) && staticMembers(owner, callee.name).length === 0) {
      return resourceNamespaces[lower]!.check(scope, callee.name, e, nameOf(callee));
    }
    return checkStatic(scope, e, callee, owner);
  }
  const resource = callee.target.kind === 'member' ? callee.target : undefined;
  const outer = resource === undefined ? undefined : namespaceOf(scope, resource.target);
  if (resource !== undefined && outer?.toLowerCase() === 'assessments') {
    return resourceNamespaces.assessments!.check(scope, resource.name, e, nameOf(resource));
  }
  return checkMethod(scope, e, callee);
}

function checkStatic(scope: Scope, e: Of<'call'>, callee: Of<'member'>, owner: string): Typed {
  const overloads = staticMembers(owner, callee.name).filter((m) => m.kind === 'method');
  const args = positional(scope, e.args, `${owner}.${callee.name}`);
  if (overloads.length === 0) {
    if (staticMembers(owner, callee.name).length > 0) {
      if (args.length === 0) return makeCall(staticMembers(owner, callee.name)[0]!, [], e);
      report(scope, 'no-call', `${owner}.${callee.name} is a value: write it without (…).`, callee);
    } else reportUnknownStatic(scope, owner, callee);
    return errorAt(e);
  }
  if (overloads[0]?.owner === 'Response' && !scope.decided) {
    report(scope, 'wrong-place', 'Response.Decision() is known in post-decision actions only.', e);
    return errorAt(e);
  }
  const cast = castOf(owner, callee.name);
  const first = args[0];
  if (cast !== undefined && first?.type === 'Open' && args.length === 1) {
    const value = settle(first, cast);
    if (value.type === cast) return value;
  }
  return callWith(
    scope,
    overloads,
    args.map((a) => widened(overloads, a)),
    [],
    e,
  );
}

/** Convert takes attributes as numbers, the first of its overloads; Convert.ToString takes any text. */
function widened(overloads: readonly Member[], arg: Typed): Typed {
  const [first] = overloads;
  const number = first?.owner === 'Convert' && first.params[0]?.type === 'Double';
  return number && arg.type === 'Open' ? settle(arg, 'Double') : arg;
}

function callWith(
  scope: Scope,
  overloads: readonly Member[],
  args: readonly Typed[],
  receiver: readonly Typed[],
  at: { start: number; end: number },
): Typed {
  if (args.some((a) => a.type === 'Error')) return errorAt(at);
  const member = chooseOverload(scope, overloads, args, at);
  if (member === undefined) return errorAt(at);
  const fitted = fitArguments(scope, member, args);
  return fitted === undefined ? errorAt(at) : makeCall(member, [...receiver, ...fitted], at);
}

function checkGlobal(scope: Scope, e: Of<'call'>, callee: Of<'name'>): Typed {
  const lower = callee.name.toLowerCase();
  if (Object.hasOwn(globalFunctions, lower)) return globalFunctions[lower]!(scope, e, callee.name);
  const overloads = staticMembers('', callee.name);
  const args = positional(scope, e.args, callee.name);
  if (overloads.length > 0) return callWith(scope, overloads, args, [], e);
  const names = [
    ...Object.keys(globalFunctions).map(titleOf),
    ...library.filter((m) => m.owner === '').map((m) => m.name),
  ];
  const owner = library.find((m) => m.receiver === undefined && m.name.toLowerCase() === lower);
  const hint =
    offerName(scope, callee.name, names) ||
    (owner === undefined ? '' : ` Did you mean ${owner.owner}.${owner.name}?`);
  const statement = [
    'approve',
    'reject',
    'review',
    'challenge',
    'output',
    'trace',
    'setresponse',
    'setvariables',
    'queue',
  ].includes(lower);
  report(
    scope,
    'unknown-function',
    statement
      ? `${callee.name} gives no value; it stands right after RETURN, OBSERVE, DO or ROUTETO.`
      : `There is no function ${callee.name}.${hint}`,
    callee,
  );
  return errorAt(e);
}

const titles = [
  'Exists',
  'GetVariable',
  'ContainsKey',
  'Lookup',
  'In',
  'InSupportList',
  'IsSafe',
  'IsBlock',
  'IsWatch',
  'RandomInt',
];
const titleOf = (lower: string): string => titles.find((t) => t.toLowerCase() === lower) ?? lower;

function checkMethod(scope: Scope, e: Of<'call'>, callee: Of<'member'>): Typed {
  const target = check(scope, callee.target);
  const args = positional(scope, e.args, callee.name);
  if (target.type === 'Error' || args.some((a) => a.type === 'Error')) return errorAt(e);
  const cast = castOf('String', callee.name);
  if (target.type === 'Open' && cast !== undefined && args.length === 0) {
    const value = settle(target, cast);
    if (value.type === cast) return { ...value, start: e.start, end: e.end };
  }
  let receiver = settleReceiver(target, callee.name, args);
  let overloads = membersOf(receiver.type, callee.name);
  if (
    overloads.length === 0 &&
    (receiver.type === 'Response' ||
      receiver.type === 'Score' ||
      receiver.type === 'Strings' ||
      receiver.type === 'Bin')
  ) {
    overloads = membersOf('Json', callee.name);
    if (overloads.length > 0) receiver = asJson(receiver) ?? receiver;
  }
  if (overloads.length === 0 && (receiver.type === 'Json' || receiver.type === 'Response')) {
    const text = membersOf('String', callee.name);
    if (text.length > 0) {
      receiver = coerce(scope, receiver, 'String', 'This');
      overloads = text;
    }
  }
  const methods = overloads.filter((m) => m.kind === 'method');
  if (methods.length === 0) {
    if (overloads.length > 0)
      report(scope, 'no-call', `${callee.name} is a property: write it without (…).`, nameOf(callee));
    else if (callee.name.toLowerCase() === 'getdiagnostics') {
      report(
        scope,
        'type-mismatch',
        'GetDiagnostics is a method of the answer of an external call or assessment.',
        nameOf(callee),
      );
    } else reportUnknownMember(scope, receiver.type, callee, target.type === 'Open');
    return errorAt(e);
  }
  if (isScalar(receiver.type) && receiver.type === 'Int32' && methods[0]?.receiver === 'Double')
    receiver = coerce(scope, receiver, 'Double', 'This');
  return callWith(scope, methods, args, [receiver], e);
}
