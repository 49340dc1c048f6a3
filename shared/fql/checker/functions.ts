import { parse } from '../parser.ts';
import { defaults, fromJson } from '../runtime/values.ts';
import { lineStarts, type Problem, quoted, spanOf } from '../text.ts';
import type { Expression } from '../tree.ts';
import type { ScalarType } from '../type.ts';
import type { FunctionType, Json, Resources } from '../types.ts';
import { counted, positional } from './arguments.ts';
import { checkCode } from './code.ts';
import { convertTo, errorAt } from './coerce.ts';
import { moved } from './expressions.ts';
import {
  byName,
  environmentNamed,
  type FunctionCall,
  type FunctionOutput,
  findKey,
  offerName,
  refer,
  report,
  rootOf,
  type Scope,
  type Session,
} from './scope.ts';
import type { Typed } from './typed.ts';

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

export const typesOf: Readonly<Record<FunctionType, ScalarType>> = {
  Boolean: 'Boolean',
  DateTime: 'DateTime',
  Double: 'Double',
  Integer: 'Int32',
  String: 'String',
};

/** The declared default as a value of its type; one that cannot be read is the type's own default. */
export function defaultOf(type: ScalarType, given: Json): string | number | boolean {
  try {
    return fromJson[type](given, 0);
  } catch {
    return defaults[type];
  }
}

/** The call `Functions.…(…)` that an expression is, or that a variable of this or an earlier clause stands for. */
export function functionCall(scope: Scope, e: Expression): FunctionCall | undefined {
  if (e.kind === 'variable') return calledBy(scope, e);
  if (e.kind !== 'call' || e.callee.kind !== 'member') return undefined;
  let at: Expression = e.callee.target;
  while (at.kind === 'member' || at.kind === 'index') at = at.target;
  const named = at.kind === 'name' && at.name.toLowerCase() === 'functions';
  return named && !scope.parameters.has('functions') ? e : undefined;
}

function calledBy(scope: Scope, e: Of<'variable'>): FunctionCall | undefined {
  const known = byName(scope.aliases, e.name);
  if (known !== undefined || byName(scope.locals, e.name) !== undefined) return known;
  const earlier = byName(scope.earlier, e.name);
  if (earlier === undefined) return undefined;
  scope.earlier.delete(earlier.name);
  const call = functionCall(scope, earlier.value);
  if (call === undefined) {
    scope.earlier.set(earlier.name, earlier);
    return undefined;
  }
  const here = moved(call, e, earlier.clause);
  scope.aliases.set(earlier.name, here);
  return here;
}

/** More outputs of functions than these are not computed in one piece of code: each doubling of them doubles its time. */
const mostOutputs = 1000;

function countOutputs(scope: Scope, added: number, at: Of<'member'>): boolean {
  const before = scope.outputs;
  scope.outputs += added;
  if (scope.outputs <= mostOutputs) return true;
  if (before <= mostOutputs)
    report(
      scope,
      'too-many',
      `Outputs of functions are computed more than ${mostOutputs} times here, those inside functions counted. Keep what is used twice in a variable: LET $sum = Functions.MyFunction(…).Calculate_Sum.`,
      at,
    );
  return false;
}

/** Which environment's functions are meant: the words between `Functions` and the name. */
function environmentOf(scope: Scope, target: Expression): Resources | undefined {
  if (target.kind === 'name') return scope.resources;
  if (target.kind === 'member' && target.target.kind === 'name') {
    const word = target.name.toLowerCase();
    if (word === 'root') return rootOf(scope.resources);
    if (word === 'parent') {
      if (scope.resources.parent === undefined)
        report(scope, 'unknown-environment', 'This environment has no parent.', target);
      return scope.resources.parent;
    }
    const hint = offerName(scope, target.name, ['root', 'parent', 'environment']);
    report(
      scope,
      'unknown-environment',
      `Functions.${target.name} is no environment: write root, parent or environment["id"].${hint}`,
      target,
    );
    return undefined;
  }
  const inner = target.kind === 'index' ? target.target : undefined;
  if (
    target.kind === 'index' &&
    inner?.kind === 'member' &&
    inner.target.kind === 'name' &&
    inner.name.toLowerCase() === 'environment'
  ) {
    const id = target.index;
    if (id.kind !== 'literal' || typeof id.value !== 'string') {
      report(scope, 'constant-expected', 'The id of an environment must be written out as a text.', id);
      return undefined;
    }
    const found = environmentNamed(scope.resources, id.value);
    if (found === undefined)
      report(
        scope,
        'unknown-environment',
        `${quoted(id.value)} is neither this environment nor one above it.`,
        id,
      );
    return found;
  }
  report(
    scope,
    'unknown-environment',
    'Write Functions.Name(…), Functions.root.Name(…), Functions.parent.Name(…) or Functions.environment["id"].Name(…).',
    target,
  );
  return undefined;
}

export function checkFunctionUse(scope: Scope, call: FunctionCall, e: Of<'member'>): Typed {
  if (call.callee.kind !== 'member' || scope.outputs > mostOutputs) return errorAt(e);
  const callee = call.callee;
  const args = positional(scope, call.args, `Functions.${callee.name}`);
  const resources = environmentOf(scope, callee.target);
  if (resources === undefined) return errorAt(e);
  const name = findKey(resources.functions, callee.name);
  const source = name === undefined ? undefined : resources.functions?.[name];
  if (name === undefined || source === undefined) {
    const hint = offerName(scope, callee.name, Object.keys(resources.functions ?? {}));
    report(
      scope,
      'unknown-function',
      `There is no function ${callee.name} in ${resources === scope.resources ? 'this' : 'that'} environment.${hint}`,
      {
        start: callee.nameStart,
        end: callee.end,
      },
    );
    return errorAt(e);
  }
  refer(scope, { kind: 'function', environment: resources.environment, name });
  if (args.length !== source.parameters.length) {
    const wanted =
      source.parameters.length === 0
        ? 'no arguments'
        : `${source.parameters.length} (${source.parameters.map((p) => p.name).join(', ')})`;
    report(scope, 'argument-count', `${name} takes ${wanted}; ${counted(args.length)} given here.`, call);
    return errorAt(e);
  }
  const wantedOutput = e.name.toLowerCase();
  const output = source.outputs.find((o) => o.name.toLowerCase() === wantedOutput);
  if (output === undefined) {
    const names = source.outputs.map((o) => o.name);
    const hint = offerName(scope, e.name, names) || ` It has ${names.join(', ')}.`;
    report(scope, 'unknown-output', `${name} has no output ${e.name}.${hint}`, {
      start: e.nameStart,
      end: e.end,
    });
    return errorAt(e);
  }
  const ready = args.map((a, i) => {
    const parameter = source.parameters[i]!;
    return convertTo(scope, a, typesOf[parameter.type], `The parameter ${parameter.name}`);
  });
  const key = JSON.stringify([resources.environment, name, output.name]);
  const checked = outputOf(scope, key, name, output.name, resources, e);
  if (checked === undefined || ready.some((a) => a.type === 'Error')) return errorAt(e);
  if (!countOutputs(scope, 1 + checked.outputs, e)) return errorAt(e);
  return {
    kind: 'function',
    use: { key, name, environment: resources.environment },
    args: ready,
    type: checked.type,
    many: false,
    start: e.start,
    end: e.end,
  };
}

/** The checked output, checked on its first use. A circle and a fault inside it are reported where it is used. */
function outputOf(
  scope: Scope,
  key: string,
  name: string,
  output: string,
  resources: Resources,
  at: Of<'member'>,
): FunctionOutput | undefined {
  const session = scope.session;
  if (session.open.includes(key)) {
    report(scope, 'circular-function', `${name}.${output} is computed from itself.`, at);
    return undefined;
  }
  const known = session.functions.get(key);
  if (known !== undefined) return known.code === undefined ? undefined : known;
  const problems: string[] = [];
  const checked = checkOutput(session, key, name, output, resources, (source, problem) => {
    const span = spanOf(lineStarts(source), problem.start, problem.end);
    if (problem.severity === 'error') problems.push(`${span.line}:${span.column} ${problem.message}`);
  });
  if (checked.code === undefined) {
    report(
      scope,
      'function-has-errors',
      `The output ${output} of the function ${name} has errors: ${problems[0] ?? ''}`,
      at,
    );
    return undefined;
  }
  return checked;
}

export function checkOutput(
  session: Session,
  key: string,
  name: string,
  outputName: string,
  resources: Resources,
  found: (source: string, problem: Problem) => void,
): FunctionOutput {
  const source = resources.functions?.[name];
  const output = source?.outputs.find((o) => o.name === outputName);
  const type = typesOf[output?.type ?? 'String'];
  const parameters = (source?.parameters ?? []).map((p) => ({
    name: p.name,
    type: typesOf[p.type],
    default: defaultOf(typesOf[p.type], p.default),
  }));
  const text = output?.code ?? '';
  const parsed = parse(text);
  const inner: Scope = {
    place: 'function',
    decided: false,
    resources,
    session,
    problems: parsed.problems,
    locals: new Map(),
    aliases: new Map(),
    parameters: new Map(parameters.map((p, index) => [p.name.toLowerCase(), { index, type: p.type }])),
    ids: { next: 0 },
    earlier: new Map(),
    imported: [],
    outputs: 0,
    attributes: [],
  };
  session.open.push(key);
  const code = checkCode(inner, parsed.code);
  if (code.final?.kind === 'value') {
    code.final.value = convertTo(inner, code.final.value, type, `The output ${outputName}`);
  }
  session.open.pop();
  const failed = inner.problems.some((p) => p.severity === 'error');
  for (const problem of inner.problems) found(text, problem);
  const result: FunctionOutput = {
    key,
    name,
    output: outputName,
    type,
    default: defaultOf(type, output?.default ?? null),
    parameters,
    code: failed ? undefined : code,
    source: text,
    localCount: inner.ids.next,
    outputs: inner.outputs,
  };
  session.functions.set(key, result);
  return result;
}
