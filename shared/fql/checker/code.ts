import type { Argument, Code, Expression, Final, Let } from '../tree.ts';
import { asText, coerce, constantText, errorAt, settled } from './coerce.ts';
import { check, condition, defineLocal, jsonValue, reportSecond } from './expressions.ts';
import { functionCall } from './functions.ts';
import { constantArgument } from './globals.ts';
import { findName, offerName, refer, report, type Scope } from './scope.ts';
import type { CheckedCode, CheckedDecision, CheckedFinal, KeyValue, Local, Observation } from './typed.ts';

type Call = Extract<Expression, { kind: 'call' }>;

/** Checks one condition, clause, velocity or function output; new variables are added to the scope. */
export function checkCode(scope: Scope, code: Code): CheckedCode {
  const checked: CheckedCode = { statements: [] };
  for (const statement of code.statements) {
    if (statement.kind === 'let') {
      const local = checkLet(scope, statement);
      if (local !== undefined) checked.statements.push({ kind: 'let', local });
      continue;
    }
    if (scope.place === 'condition' || scope.place === 'function' || scope.place === 'velocity') {
      report(scope, 'wrong-place', `${placeName(scope)} may not set variables.`, statement);
    }
    const values =
      statement.call.kind === 'call' ? keyValues(scope, statement.call.args, 'SetVariables') : [];
    checked.statements.push({ kind: 'set', values, start: statement.start, end: statement.end });
  }
  if (code.when !== undefined) {
    if (scope.place === 'function')
      report(scope, 'wrong-place', 'An output has no WHEN. Use "? :" to choose a value.', code.when);
    checked.when = condition(scope, code.when, 'WHEN');
  }
  if (code.final !== undefined) {
    const final = checkFinal(scope, code.final);
    if (final !== undefined) checked.final = final;
  }
  checkWhole(scope, code);
  checked.statements.unshift(...scope.imported);
  return checked;
}

function placeName(scope: Scope): string {
  const names = {
    decision: 'A decision rule',
    action: 'A post-decision action',
    routing: 'A routing rule',
    velocity: 'A velocity',
    function: 'A function',
    condition: 'A condition',
  };
  return names[scope.place];
}

/** What the place needs and lacks. */
function checkWhole(scope: Scope, code: Code): void {
  if (scope.problems.some((p) => p.severity === 'error')) return;
  const at = { start: code.start, end: code.end };
  if (scope.place === 'condition') {
    if (code.when === undefined) report(scope, 'when-missing', 'A condition needs a WHEN.', at);
  } else if (code.final === undefined && code.when !== undefined) {
    const what =
      scope.place === 'routing'
        ? 'ROUTETO'
        : scope.place === 'action'
          ? 'DO'
          : scope.place === 'velocity'
            ? 'SELECT'
            : 'RETURN or OBSERVE';
    report(scope, 'statement-missing', `WHEN alone does nothing in a clause. Put ${what} before it.`, at);
  } else if (code.final === undefined && (scope.place === 'function' || scope.place === 'velocity')) {
    report(
      scope,
      'statement-missing',
      scope.place === 'function' ? 'An output needs RETURN and a value.' : 'A velocity needs a SELECT.',
      at,
    );
  } else if (code.final === undefined && code.statements.length === 0) {
    report(scope, 'empty-code', 'This clause is empty.', at, 'error');
  }
}

function checkLet(scope: Scope, statement: Let): Local | undefined {
  const known = scope.locals.get(statement.name);
  if (known !== undefined || scope.aliases.has(statement.name)) reportSecond(scope, statement);
  const call = functionCall(scope, statement.value);
  if (call !== undefined) {
    scope.aliases.set(statement.name, call);
    return undefined;
  }
  if (known !== undefined) {
    check(scope, statement.value);
    return undefined;
  }
  const local = defineLocal(scope, statement);
  return local.type === 'Open' || local.type === 'Error' ? undefined : local;
}

function keyValues(scope: Scope, args: readonly Argument[], name: string): KeyValue[] {
  const values: KeyValue[] = [];
  for (const arg of args) {
    const value = jsonValue(scope, arg.value);
    if (arg.name === undefined) {
      report(scope, 'name-expected', `${name} takes keys and values: ${name}(key = …).`, arg);
      continue;
    }
    if (arg.name.startsWith('$')) report(scope, 'name-expected', `The key of ${name} has no "$".`, arg);
    if (values.some((v) => v.key === arg.name))
      report(scope, 'defined-twice', `The key ${arg.name} is given twice.`, arg);
    values.push({ key: arg.name, value });
  }
  return values;
}

function checkFinal(scope: Scope, final: Final): CheckedFinal | undefined {
  const allowed: Readonly<Record<Scope['place'], readonly Final['kind'][]>> = {
    decision: ['return', 'observe', 'do'],
    action: ['do', 'observe'],
    routing: ['routeto', 'do'],
    velocity: ['select'],
    function: ['return'],
    condition: [],
  };
  if (!allowed[scope.place].includes(final.kind)) {
    const hint =
      scope.place === 'action' && final.kind === 'return'
        ? ' The decision is made already; actions begin with DO.'
        : '';
    report(scope, 'wrong-place', `${placeName(scope)} has no ${final.kind.toUpperCase()}.${hint}`, final);
    return undefined;
  }
  switch (final.kind) {
    case 'return':
      if (scope.place === 'function') return checkValue(scope, final.values, final);
      return checkReturn(scope, final.values, final);
    case 'observe':
      return {
        kind: 'observe',
        observations: final.values.flatMap((v) =>
          observation(
            scope,
            v,
            scope.place === 'action' ? ['output', 'trace', 'response'] : ['output', 'trace'],
          ),
        ),
      };
    case 'do':
      return {
        kind: 'do',
        observations: final.values.flatMap((v) =>
          observation(scope, v, scope.place === 'action' ? ['response', 'variables'] : ['variables']),
        ),
      };
    case 'routeto':
      return checkRoute(scope, final.values, final);
    case 'select':
      return checkSelect(scope, final);
  }
}

function checkValue(
  scope: Scope,
  values: readonly Expression[],
  at: { start: number; end: number },
): CheckedFinal | undefined {
  if (values.length !== 1) report(scope, 'argument-count', 'An output returns one value.', at);
  const value = check(scope, values[0]!);
  return { kind: 'value', value };
}

const decisions = ['Approve', 'Reject', 'Review', 'Challenge'] as const;

function calleeName(e: Expression): string | undefined {
  return e.kind === 'call' && e.callee.kind === 'name' ? e.callee.name : undefined;
}

function checkReturn(
  scope: Scope,
  values: readonly Expression[],
  at: { start: number; end: number },
): CheckedFinal | undefined {
  const [first, ...rest] = values;
  const name = first === undefined ? undefined : calleeName(first);
  const decision = decisions.find((d) => d.toLowerCase() === name?.toLowerCase());
  if (first?.kind !== 'call' || decision === undefined) {
    const hint = name === undefined ? '' : offerName(scope, name, decisions, (d) => `${d}()`);
    const observes =
      name !== undefined && ['output', 'trace', 'other'].includes(name.toLowerCase())
        ? ' Without a decision, use OBSERVE.'
        : hint;
    report(
      scope,
      'decision-expected',
      `RETURN needs a decision first: Approve(), Reject(), Review() or Challenge("…").${observes}`,
      first ?? at,
    );
    return undefined;
  }
  return {
    kind: 'return',
    decision: checkDecision(scope, decision, first),
    observations: rest.flatMap((v) => observation(scope, v, ['output', 'trace'])),
  };
}

function checkDecision(scope: Scope, decision: (typeof decisions)[number], call: Call): CheckedDecision {
  const parts =
    decision === 'Challenge'
      ? (['challengeType', 'reason', 'supportMessage'] as const)
      : (['reason', 'supportMessage'] as const);
  const checked: CheckedDecision = { decision };
  if (call.args.length > parts.length || (decision === 'Challenge' && call.args.length === 0)) {
    const usage =
      decision === 'Challenge'
        ? 'Challenge("type", "reason", "message"), the last two optional'
        : `${decision}("reason", "message"), both optional`;
    report(scope, 'argument-count', `Write ${usage}.`, call);
  }
  for (const [i, arg] of call.args.entries()) {
    if (arg.name !== undefined)
      report(
        scope,
        'unexpected-name',
        `${decision} takes its arguments by position: leave out "${arg.name} =".`,
        arg,
      );
    const value = asText(scope, check(scope, arg.value), `The ${parts[i] ?? 'argument'} of ${decision}`);
    const part = parts[i];
    if (part !== undefined) checked[part] = value;
  }
  return checked;
}

const observations: Readonly<Record<string, { kind: Observation['kind']; title: string }>> = {
  output: { kind: 'output', title: 'Output' },
  other: { kind: 'output', title: 'Other' },
  trace: { kind: 'trace', title: 'Trace' },
  setresponse: { kind: 'response', title: 'SetResponse' },
  setvariables: { kind: 'variables', title: 'SetVariables' },
};

function observation(scope: Scope, e: Expression, allowed: readonly Observation['kind'][]): Observation[] {
  const name = calleeName(e);
  const lower = name?.toLowerCase() ?? '';
  const found = Object.hasOwn(observations, lower) ? observations[lower] : undefined;
  const titles = Object.values(observations)
    .filter((o) => allowed.includes(o.kind))
    .map((o) => `${o.title}(key = …)`);
  if (e.kind !== 'call' || found === undefined || !allowed.includes(found.kind)) {
    const only = found?.kind === 'response' ? ' SetResponse is for post-decision actions.' : '';
    const hint =
      only ||
      (name === undefined
        ? ''
        : offerName(
            scope,
            name,
            Object.values(observations).map((o) => o.title),
          ));
    report(scope, 'observation-expected', `Expected ${titles.join(' or ')} here.${hint}`, e);
    return [];
  }
  const args = [...e.args];
  let section: string | undefined;
  if (found.kind === 'response' && args[0] !== undefined && args[0].name === undefined) {
    section = constantArgument(scope, settled(check(scope, args[0].value)), 'The section of SetResponse');
    args.shift();
  }
  return [
    {
      kind: found.kind,
      ...(section === undefined ? {} : { section }),
      values: keyValues(scope, args, found.title),
    },
  ];
}

function checkRoute(
  scope: Scope,
  values: readonly Expression[],
  at: { start: number; end: number },
): CheckedFinal | undefined {
  const call = values[0];
  const name = call === undefined ? undefined : calleeName(call);
  if (
    values.length !== 1 ||
    call?.kind !== 'call' ||
    name?.toLowerCase() !== 'queue' ||
    call.args.length !== 1
  ) {
    report(scope, 'syntax', 'Write ROUTETO Queue("High Value Queue").', call ?? at);
    return undefined;
  }
  const queue = asText(scope, check(scope, call.args[0]!.value), 'The name of the queue');
  const text = constantText(queue);
  if (text !== undefined) {
    const known = scope.resources.queues;
    const found = findName(known, text);
    if (known !== undefined && found === undefined) {
      report(
        scope,
        'unknown-queue',
        `There is no queue ${JSON.stringify(text)} in this environment.${offerName(scope, text, known, (n) => JSON.stringify(n))}`,
        queue,
      );
    }
    refer(scope, { kind: 'queue', environment: scope.resources.environment, name: found ?? text });
  }
  return { kind: 'routeto', queue };
}

function checkSelect(scope: Scope, final: Extract<Final, { kind: 'select' }>): CheckedFinal | undefined {
  const call = final.aggregate;
  const name = calleeName(call)?.toLowerCase();
  const groupBy =
    final.groupBy === undefined
      ? errorAt(final)
      : asText(scope, check(scope, final.groupBy), 'What GROUPBY counts by');
  const base = { name: final.name, from: final.from.map((f) => f.name), groupBy } as const;
  if (call.kind === 'call' && name === 'count') {
    if (call.args.length > 0)
      report(
        scope,
        'argument-count',
        'Count() takes no argument. DistinctCount(…) counts different values.',
        call,
      );
    return { kind: 'select', aggregate: 'count', ...base };
  }
  if (call.kind === 'call' && (name === 'distinctcount' || name === 'sum')) {
    const title = name === 'sum' ? 'Sum' : 'DistinctCount';
    if (call.args.length !== 1) {
      report(scope, 'argument-count', `${title} takes one value, as in ${title}(@"totalAmount").`, call);
      return undefined;
    }
    const value = check(scope, call.args[0]!.value);
    const argument =
      name === 'sum'
        ? coerce(scope, value, 'Double', 'What Sum adds up')
        : asText(scope, value, 'What DistinctCount counts');
    return { kind: 'select', aggregate: name === 'sum' ? 'sum' : 'distinct', argument, ...base };
  }
  const hint =
    name === undefined ? '' : offerName(scope, name, ['Count', 'DistinctCount', 'Sum'], (n) => `${n}()`);
  report(scope, 'aggregate-expected', `SELECT needs Count(), DistinctCount(…) or Sum(…).${hint}`, call);
  return undefined;
}
