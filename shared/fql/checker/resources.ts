import { quoted } from '../text.ts';
import type { Expression } from '../tree.ts';
import type { VelocityWindow } from '../types.ts';
import { counted, positional } from './arguments.ts';
import { asBody, asText, errorAt } from './coerce.ts';
import { check, jsonValue } from './expressions.ts';
import { constantArgument, exactly } from './globals.ts';
import { findKey, findName, offerName, refer, report, type Scope } from './scope.ts';
import type { Typed } from './typed.ts';

type Call = Extract<Expression, { kind: 'call' }>;
type At = { start: number; end: number };

interface Namespace {
  title: string;
  check(scope: Scope, name: string, e: Call, nameAt: At): Typed;
}

export function checkSupportList(scope: Scope, text: string, at: At): string | undefined {
  const list = findName(scope.resources.supportLists, text);
  if (list === undefined) {
    const hint = offerName(scope, text, scope.resources.supportLists ?? [], quoted);
    report(
      scope,
      'unknown-support-list',
      `There is no support list ${quoted(text)} in this environment.${hint}`,
      at,
    );
    return undefined;
  }
  refer(scope, { kind: 'supportList', environment: scope.resources.environment, name: list });
  return list;
}

export function checkListName(scope: Scope, arg: Typed): string | undefined {
  const text = constantArgument(scope, arg, 'The name of the list');
  if (text === undefined) return undefined;
  const list = findKey(scope.resources.lists, text);
  if (list === undefined) {
    const support = findName(scope.resources.supportLists, text);
    const hint =
      support === undefined
        ? offerName(scope, text, Object.keys(scope.resources.lists ?? {}), quoted)
        : ' It is a support list: ask InSupportList, IsSafe, IsBlock or IsWatch.';
    report(scope, 'unknown-list', `There is no list ${quoted(text)} in this environment.${hint}`, arg);
  }
  return list;
}

export function checkColumn(scope: Scope, list: string, arg: Typed): string | undefined {
  const text = constantArgument(scope, arg, 'The name of the column');
  if (text === undefined) return undefined;
  const columns = scope.resources.lists?.[list]?.columns ?? [];
  const column = findName(columns, text);
  if (column === undefined) {
    const hint = offerName(scope, text, columns, quoted) || ` It has ${columns.map(quoted).join(', ')}.`;
    report(scope, 'unknown-column', `The list ${quoted(list)} has no column ${quoted(text)}.${hint}`, arg);
    return undefined;
  }
  refer(scope, { kind: 'list', environment: scope.resources.environment, name: list, column });
  return column;
}

const longest: Readonly<Record<string, number>> = { s: 59, m: 59, h: 23, d: 90 };
const units: readonly VelocityWindow['unit'][] = ['s', 'm', 'h', 'd'];

function readWindow(scope: Scope, e: Expression): VelocityWindow | undefined {
  if (e.kind !== 'window') {
    report(scope, 'window-expected', 'A time window is a number and s, m, h or d: 30s, 5m, 2h, 7d.', e);
    return undefined;
  }
  const found = /^([0-9]+)([a-z])$/i.exec(e.text);
  const letter = (found?.[2] ?? '').toLowerCase();
  const unit = units.find((u) => u === letter);
  const count = Number(found?.[1] ?? 0);
  if (unit === undefined || count < 1 || count > (longest[unit] ?? 0)) {
    report(
      scope,
      'bad-window',
      `${e.text} is no time window. Windows are 1s to 59s, 1m to 59m, 1h to 23h and 1d to 90d.`,
      e,
    );
    return undefined;
  }
  return { count, unit };
}

function velocity(scope: Scope, name: string, e: Call, nameAt: At): Typed {
  const usage = `Velocity.${name}(@"user.userId", 7d)`;
  if (e.args.length !== 2) {
    report(
      scope,
      'argument-count',
      `A velocity takes a key and a time window: ${usage}; ${counted(e.args.length)} given here.`,
      e,
    );
    return errorAt(e);
  }
  const window = readWindow(scope, e.args[1]!.value);
  const key = asText(scope, check(scope, e.args[0]!.value), 'The key of a velocity');
  const found = findName(scope.resources.velocities, name);
  if (found === undefined) {
    report(
      scope,
      'unknown-velocity',
      `There is no velocity ${name} in this environment.${offerName(scope, name, scope.resources.velocities ?? [])}`,
      nameAt,
    );
    return errorAt(e);
  }
  const environment = scope.resources.environment;
  refer(scope, { kind: 'velocity', environment, name: found });
  if (window === undefined || key.type === 'Error') return errorAt(e);
  return {
    kind: 'velocity',
    environment,
    name: found,
    key,
    window,
    type: 'Double',
    many: false,
    start: e.start,
    end: e.end,
  };
}

function externalCall(scope: Scope, name: string, e: Call, nameAt: At): Typed {
  const calls = scope.resources.externalCalls;
  const found = findKey(calls, name);
  const args = positional(scope, e.args, `External.${name}`);
  if (found === undefined) {
    report(
      scope,
      'unknown-external-call',
      `There is no external call ${name} in this environment.${offerName(scope, name, Object.keys(calls ?? {}))}`,
      nameAt,
    );
    return errorAt(e);
  }
  const environment = scope.resources.environment;
  refer(scope, { kind: 'externalCall', environment, name: found });
  const parameters = calls?.[found]?.parameters;
  if (parameters !== undefined && args.length !== parameters.length) {
    const wanted =
      parameters.length === 0 ? 'no arguments' : `${parameters.length} (${parameters.join(', ')})`;
    report(
      scope,
      'argument-count',
      `External.${found} takes ${wanted}; ${counted(args.length)} given here.`,
      e,
    );
    return errorAt(e);
  }
  const texts = args.map((a, i) => asBody(scope, a, `The parameter ${parameters?.[i] ?? i + 1}`));
  if (texts.some((t) => t.type === 'Error')) return errorAt(e);
  if (scope.place === 'velocity') {
    report(
      scope,
      'call-in-velocity',
      'An external call inside a velocity is made for every event, after the decision.',
      e,
      'warning',
    );
  }
  return {
    kind: 'externalCall',
    environment,
    name: found,
    args: texts,
    type: 'Response',
    many: false,
    start: e.start,
    end: e.end,
  };
}

const operations = ['evaluate', 'observe', 'label'] as const;

function assessment(scope: Scope, name: string, e: Call, nameAt: At): Typed {
  const known = scope.resources.externalAssessments;
  const found = findKey(known, name);
  const method = e.callee.kind === 'member' ? e.callee : undefined;
  if (method === undefined || method.target.kind === 'name') {
    report(
      scope,
      'syntax',
      `Say what to call: Assessments.${name}.Evaluate(…), .Observe(…) or .Label(…).`,
      e,
    );
    return errorAt(e);
  }
  const lower = method.name.toLowerCase();
  const operation = operations.find((o) => o === lower);
  const fields = e.args.map((a) => ({ arg: a, value: jsonValue(scope, a.value) }));
  if (operation === undefined) {
    report(
      scope,
      'unknown-member',
      `An external assessment has Evaluate, Observe and Label, not ${method.name}.${offerName(scope, method.name, ['Evaluate', 'Observe', 'Label'])}`,
      { start: method.nameStart, end: method.end },
    );
    return errorAt(e);
  }
  if (found === undefined) {
    report(
      scope,
      'unknown-external-assessment',
      `There is no external assessment ${name} in this environment.${offerName(scope, name, Object.keys(known ?? {}))}`,
      nameAt,
    );
    return errorAt(e);
  }
  let base: Typed | undefined;
  const entries: { key: string; value: Typed }[] = [];
  for (const { arg, value } of fields) {
    if (value.type === 'Error') return errorAt(e);
    if (arg.name === undefined) {
      report(
        scope,
        'name-expected',
        'Map the fields by name: Evaluate($baseInput = @@, user = @@"user").',
        arg,
      );
      return errorAt(e);
    }
    if (arg.name.toLowerCase() === '$baseinput') base = value;
    else if (arg.name.startsWith('$')) {
      report(
        scope,
        'unknown-name',
        `Only $baseInput has a dollar sign here.${offerName(scope, arg.name, ['$baseInput'])}`,
        arg,
      );
      return errorAt(e);
    } else entries.push({ key: arg.name, value });
  }
  const environment = scope.resources.environment;
  refer(scope, { kind: 'externalAssessment', environment, name: found });
  return {
    kind: 'assessment',
    environment,
    name: found,
    operation,
    base,
    entries,
    type: 'Response',
    many: false,
    start: e.start,
    end: e.end,
  };
}

function model(scope: Scope, name: string, e: Call, nameAt: At): Typed {
  const at = { start: e.start, end: e.end };
  const lower = name.toLowerCase();
  if (lower === 'risk') {
    if (exactly(scope, e, 'Model.Risk', 0, 0, 'Model.Risk()') === undefined) return errorAt(at);
    refer(scope, { kind: 'model', environment: scope.resources.environment, name: 'risk' });
    return { ...at, kind: 'model', model: 'risk', context: undefined, type: 'Score', many: false };
  }
  if (lower === 'bot') {
    const args = exactly(scope, e, 'Model.Bot', 1, 1, 'Model.Bot(@"deviceFingerprinting.id")');
    if (args === undefined) return errorAt(at);
    const context = asText(scope, args[0]!, 'The device context id of Model.Bot');
    refer(scope, { kind: 'model', environment: scope.resources.environment, name: 'bot' });
    return context.type === 'Error'
      ? errorAt(at)
      : { ...at, kind: 'model', model: 'bot', context, type: 'Score', many: false };
  }
  report(
    scope,
    'unknown-member',
    `Model has Risk and Bot, not ${name}.${offerName(scope, name, ['Risk', 'Bot'])}`,
    nameAt,
  );
  return errorAt(at);
}

/** The words before a dot under which an environment's own resources stand. */
export const resourceNamespaces: Readonly<Record<string, Namespace>> = {
  velocity: { title: 'Velocity', check: velocity },
  external: { title: 'External', check: externalCall },
  assessments: { title: 'Assessments', check: assessment },
  model: { title: 'Model', check: model },
  functions: { title: 'Functions', check: (_scope, _name, e) => errorAt(e) },
};
