import type { Expression } from '../tree.ts';
import { counted, positional } from './arguments.ts';
import { asText, coerce, constantText, errorAt } from './coerce.ts';
import { checkColumn, checkListName, checkSupportList } from './resources.ts';
import { refer, report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

type Call = Extract<Expression, { kind: 'call' }>;
type Handler = (scope: Scope, e: Call, name: string) => Typed;

/** Arguments without names, in the number wanted; undefined, reported, where not. */
export function exactly(
  scope: Scope,
  e: Call,
  name: string,
  least: number,
  most: number,
  usage: string,
): Typed[] | undefined {
  const args = positional(scope, e.args, name);
  if (args.length < least || args.length > most) {
    report(scope, 'argument-count', `Write ${usage}; ${counted(args.length)} given here.`, e);
    return undefined;
  }
  return args.some((a) => a.type === 'Error') ? undefined : args;
}

/** The text of an argument that must be a constant String. */
export function constantArgument(scope: Scope, arg: Typed, what: string): string | undefined {
  const text = constantText(arg);
  if (text === undefined)
    report(scope, 'constant-expected', `${what} must be written out as a text, as in "…".`, arg);
  return text;
}

const supportList =
  (status: 'any' | 'Safe' | 'Block' | 'Watch'): Handler =>
  (scope, e, name) => {
    const args = exactly(scope, e, name, 2, 2, `${name}("Email Support List", @"user.email")`);
    if (args === undefined) return errorAt(e);
    const text = constantArgument(scope, args[0]!, 'The name of the support list');
    const key = asText(scope, args[1]!, 'The key');
    const list = text === undefined ? undefined : checkSupportList(scope, text, args[0]!);
    if (list === undefined || key.type === 'Error') return errorAt(e);
    return {
      kind: 'supportList',
      environment: scope.resources.environment,
      list,
      key,
      status,
      type: 'Boolean',
      many: false,
      start: e.start,
      end: e.end,
    };
  };

function exists(scope: Scope, e: Call, name: string): Typed {
  const at = { start: e.start, end: e.end };
  const args = exactly(scope, e, name, 1, 1, 'Exists(@"user.email")');
  const arg = args?.[0];
  if (arg === undefined) return errorAt(at);
  if (arg.kind === 'attribute' || arg.kind === 'payload') {
    return { ...at, kind: 'exists', path: arg.path, type: 'Boolean', many: false };
  }
  if (arg.type === 'Json' || arg.type === 'Response') {
    return {
      ...at,
      kind: 'present',
      operand: coerce(scope, arg, 'Json', 'This'),
      type: 'Boolean',
      many: false,
    };
  }
  report(
    scope,
    'attribute-expected',
    'Exists asks for an attribute, as in Exists(@"user.email"), or for a field of a JSON value.',
    arg,
  );
  return errorAt(at);
}

function getVariable(scope: Scope, e: Call, name: string): Typed {
  const args = exactly(scope, e, name, 1, 1, 'GetVariable("key")');
  const key =
    args === undefined ? undefined : constantArgument(scope, args[0]!, 'The key of a global variable');
  if (key === undefined) return errorAt(e);
  refer(scope, { kind: 'variable', environment: scope.resources.environment, name: key });
  return { kind: 'variable', key, type: 'Json', many: false, start: e.start, end: e.end };
}

function containsKey(scope: Scope, e: Call, name: string): Typed {
  const args = exactly(scope, e, name, 3, 3, 'ContainsKey("List", "Column", @"user.email")');
  if (args === undefined) return errorAt(e);
  const list = checkListName(scope, args[0]!);
  const column = list === undefined ? undefined : checkColumn(scope, list, args[1]!);
  const key = asText(scope, args[2]!, 'The key');
  if (list === undefined || column === undefined || key.type === 'Error') return errorAt(e);
  return {
    kind: 'containsKey',
    environment: scope.resources.environment,
    list,
    column,
    key,
    type: 'Boolean',
    many: false,
    start: e.start,
    end: e.end,
  };
}

function lookup(scope: Scope, e: Call, name: string): Typed {
  const args = exactly(
    scope,
    e,
    name,
    4,
    5,
    'Lookup("List", "Key column", @"user.email", "Value column") with a default as fifth argument if wanted',
  );
  if (args === undefined) return errorAt(e);
  const list = checkListName(scope, args[0]!);
  const column = list === undefined ? undefined : checkColumn(scope, list, args[1]!);
  const key = asText(scope, args[2]!, 'The key');
  const value = list === undefined ? undefined : checkColumn(scope, list, args[3]!);
  const given = args[4];
  const otherwise: Typed =
    given === undefined
      ? { kind: 'const', value: 'Unknown', type: 'String', many: false, start: e.start, end: e.end }
      : asText(scope, given, 'The default');
  if (list === undefined || column === undefined || value === undefined) return errorAt(e);
  if (key.type === 'Error' || otherwise.type === 'Error') return errorAt(e);
  return {
    kind: 'lookup',
    environment: scope.resources.environment,
    list,
    column,
    key,
    value,
    otherwise,
    type: 'String',
    many: key.many,
    start: e.start,
    end: e.end,
  };
}

function isIn(scope: Scope, e: Call, name: string): Typed {
  const args = exactly(scope, e, name, 2, 2, 'In(@"user.countryRegion", "US, MX, CA")');
  if (args === undefined) return errorAt(e);
  const value = asText(scope, args[0]!, 'What In looks for');
  const set = asText(scope, args[1]!, 'The list of In, values separated by commas,');
  if (value.type === 'Error' || set.type === 'Error') return errorAt(e);
  return { kind: 'in', value, set, type: 'Boolean', many: false, start: e.start, end: e.end };
}

function randomInt(scope: Scope, e: Call, name: string): Typed {
  const args = exactly(scope, e, name, 2, 2, 'RandomInt(0, 100)');
  if (args === undefined) return errorAt(e);
  const min = coerce(scope, args[0]!, 'Int32', 'The least number of RandomInt');
  const max = coerce(scope, args[1]!, 'Int32', 'The end of the range of RandomInt');
  if (min.type === 'Error' || max.type === 'Error') return errorAt(e);
  if (min.kind === 'const' && max.kind === 'const' && Number(min.value) >= Number(max.value)) {
    report(scope, 'empty-range', `RandomInt needs a range: ${min.value} is not below ${max.value}.`, e);
    return errorAt(e);
  }
  const home = e.home === undefined ? {} : { home: e.home };
  return { kind: 'random', min, max, ...home, type: 'Int32', many: false, start: e.start, end: e.end };
}

/** Functions that stand alone and that the library's rows cannot express. */
export const globalFunctions: Readonly<Record<string, Handler>> = {
  exists,
  getvariable: getVariable,
  containskey: containsKey,
  lookup,
  in: isIn,
  insupportlist: supportList('any'),
  issafe: supportList('Safe'),
  isblock: supportList('Block'),
  iswatch: supportList('Watch'),
  randomint: randomInt,
};
