import type {
  CheckedCode,
  CheckedDecision,
  CheckedFinal,
  CheckedStatement,
  Observation,
} from '../checker/typed.ts';
import { mark } from '../runtime/outcome.ts';
import type { Behavior, Decision } from '../types.ts';
import { certainSteps, emitTogether, localsAhead, startsSeveral } from './certain.ts';
import { emit, emitObject } from './expressions.ts';
import { emitCondition, emitOne } from './many.ts';
import { constant, type Module, moduleText } from './module.ts';
import { emitPlan, valuesOf } from './plan.ts';
import type { Purity } from './purity.ts';
import { newUnit, type Unit } from './unit.ts';

export interface CheckedClause {
  name: string;
  /** 0: scores known, 1: only the bot score, 2: none. */
  section: number;
  code: CheckedCode;
  /** Length of the source, as a measure of how much is generated. */
  size: number;
}

export interface CheckedRule {
  name: string;
  condition: CheckedCode | undefined;
  conditionSize: number;
  clauses: CheckedClause[];
}

/** So much source goes into one JavaScript function: more would be too large for the optimizing compiler. */
const functionSize = 12_000;
const json = JSON.stringify;

interface Writer {
  module: Module;
  purity: Purity;
  environment: string;
  behavior: Behavior;
  main: string[];
  functions: number;
}

/** The text of a program: `{ run(o), plan(o, q) }`. */
export function rulesText(
  module: Module,
  purity: Purity,
  environment: string,
  rules: readonly CheckedRule[],
  behavior: Behavior,
): string {
  const writer: Writer = { module, purity, environment, behavior, main: [], functions: 0 };
  const calls: string[] = [];
  const plans: string[] = [];
  let group: number[] = [];
  let size = 0;
  let number = 0;
  const numbers = rules.map((rule) => {
    const first = number;
    number += rule.clauses.length;
    return first;
  });
  const flush = () => {
    if (group.length > 0) calls.push(writeGroup(writer, rules, numbers, group));
    group = [];
    size = 0;
  };
  for (const [i, rule] of rules.entries()) {
    const own = rule.conditionSize + rule.clauses.reduce((sum, c) => sum + c.size, 0);
    if (size > 0 && size + own > functionSize) flush();
    group.push(i);
    size += own;
    const plan = emitPlan(module, purity, `${environment}|${rule.name}`, i, [
      ...(rule.condition === undefined
        ? []
        : [
            {
              statements: rule.condition.statements,
              values: rule.condition.when === undefined ? [] : [rule.condition.when],
            },
          ]),
      ...rule.clauses.map((c) => ({
        statements: c.code.statements,
        values: [...(c.code.when === undefined ? [] : [c.code.when]), ...valuesOf(c.code.final)],
      })),
    ]);
    if (plan !== '') {
      writer.main.push(`function plan${i}(o, q) { const c = o.input; ${plan} }`);
      plans.push(`plan${i}(o, q);`);
    }
  }
  flush();
  writer.main.push(`function run(o) { ${calls.map((c) => `if (${c}(o)) return;`).join(' ')} }`);
  writer.main.push(`function plan(o, q) { ${plans.join(' ')} }`);
  return moduleText(module, writer.main, '{ run, plan }');
}

/** One JavaScript function for some rules; it returns true when nothing may run after it. */
function writeGroup(
  writer: Writer,
  rules: readonly CheckedRule[],
  numbers: readonly number[],
  group: readonly number[],
): string {
  const unit = newUnit(writer.module, writer.environment, 0, -1, true);
  const body = group.map((i) => writeRule(writer, unit, rules[i]!, i, numbers[i]!)).join('\n');
  return writeFunction(writer, unit, ['o'], body);
}

function writeFunction(writer: Writer, unit: Unit, parameters: readonly string[], body: string): string {
  const name = `g${writer.functions++}`;
  const declared = unit.declared.length === 0 ? '' : `let ${unit.declared.join(', ')};`;
  writer.main.push(
    `function ${name}(${parameters.join(', ')}) { const c = o.input; ${declared}\n${body}\nreturn false; }`,
  );
  return name;
}

function writeRule(writer: Writer, unit: Unit, rule: CheckedRule, r: number, firstNumber: number): string {
  const lines: string[] = [];
  const label = `R${r}`;
  const locals: string[] = [];
  unit.rule = r;
  if (rule.condition !== undefined) {
    unit.clause = -1;
    unit.section = 0;
    unit.name = `${writer.environment}|${rule.name}`;
    unit.whole = unit.name;
    const steps = certainSteps(
      writer.purity,
      rule.condition.statements,
      rule.condition.when === undefined ? [] : [rule.condition.when],
    );
    for (const s of rule.condition.statements) if (s.kind === 'let') locals.push(`v${s.local.id}`);
    if (locals.length > 0) lines.push(`let ${locals.join(', ')};`);
    const sectionReset = writer.module.sections ? 'o.section = 0; ' : '';
    const together = startsSeveral(steps) ? emitTogether(unit, steps) : '';
    const lets = rule.condition.statements
      .map((s) => (s.kind === 'let' ? `v${s.local.id} = ${emit(unit, s.local.value)};` : ''))
      .join(' ');
    const when = rule.condition.when === undefined ? 'true' : emitCondition(unit, rule.condition.when);
    lines.push(
      `try { ${sectionReset}${together} ${lets} if (!${when}) break ${label}; } catch (e) { o.caught(e, ${r}, -1, 0); break ${label}; }`,
    );
    lines.push(`o.note(${mark.conditionTrue}, ${r});`);
  }
  if (rule.condition !== undefined || !unit.matched) lines.push('o.matched = true;');
  if (rule.condition === undefined) unit.matched = true;
  const size = rule.clauses.reduce((sum, c) => sum + c.size, 0);
  if (size > functionSize) lines.push(...writeLargeRule(writer, rule, r, firstNumber, locals));
  else
    for (const [i, clause] of rule.clauses.entries())
      lines.push(writeClause(writer, unit, rule, clause, r, i, firstNumber + i));
  if (writer.behavior === 'RunFirstMatching') lines.push(`o.stopRule = ${r}; return true;`);
  return `${label}: { ${lines.join('\n')} }`;
}

/** A rule with very much code: its clauses go into functions of their own, which get the condition's variables. */
function writeLargeRule(
  writer: Writer,
  rule: CheckedRule,
  r: number,
  firstNumber: number,
  locals: readonly string[],
): string[] {
  const calls: string[] = [];
  let from = 0;
  while (from < rule.clauses.length) {
    const unit = newUnit(writer.module, writer.environment, r, -1, true);
    const lines: string[] = [];
    let size = 0;
    let i = from;
    for (; i < rule.clauses.length && (size === 0 || size + rule.clauses[i]!.size <= functionSize); i++) {
      size += rule.clauses[i]!.size;
      lines.push(writeClause(writer, unit, rule, rule.clauses[i]!, r, i, firstNumber + i));
    }
    from = i;
    const parameters = ['o', ...locals];
    calls.push(
      `if (${writeFunction(writer, unit, parameters, lines.join('\n'))}(${parameters.join(', ')})) return true;`,
    );
  }
  return calls;
}

function writeClause(
  writer: Writer,
  unit: Unit,
  rule: CheckedRule,
  clause: CheckedClause,
  r: number,
  i: number,
  number: number,
): string {
  unit.rule = r;
  unit.clause = i;
  unit.section = clause.section;
  unit.whole = `${writer.environment}|${rule.name}`;
  unit.name = `${unit.whole}|${clause.name}`;
  const { code } = clause;
  const lines: string[] = [];
  if (writer.module.sections) lines.push(`o.section = ${clause.section};`);
  const steps = certainSteps(
    writer.purity,
    code.statements,
    code.when === undefined ? valuesOf(code.final) : [code.when],
  );
  const several = startsSeveral(steps);
  const ahead = several ? localsAhead(steps) : new Set();
  if (several) {
    if (ahead.size > 0) lines.push(`let ${[...localsAhead(steps)].map((l) => `v${l.id}`).join(', ')};`);
    lines.push(emitTogether(unit, steps));
  }
  for (const s of code.statements) lines.push(writeStatement(unit, s, ahead));
  const fired = writeFinal(writer, unit, rule, clause, r, i, number);
  if (code.when === undefined) lines.push(fired);
  else lines.push(`if (${emitCondition(unit, code.when)}) { ${fired} }`);
  return `try { ${lines.join(' ')} } catch (e) { o.caught(e, ${r}, ${i}, ${number}); }`;
}

function writeStatement(unit: Unit, s: CheckedStatement, ahead: ReadonlySet<unknown>): string {
  if (s.kind === 'set') return `o.setVariables(${emitObject(unit, s.values)});`;
  return `${ahead.has(s.local) ? '' : 'const '}v${s.local.id} = ${emit(unit, s.local.value)};`;
}

function writeFinal(
  writer: Writer,
  unit: Unit,
  rule: CheckedRule,
  clause: CheckedClause,
  r: number,
  i: number,
  number: number,
): string {
  const final = clause.code.final;
  if (final === undefined) return `o.note(${mark.fired}, ${number});`;
  const together = clause.code.when === undefined ? '' : togetherAfterWhen(writer, unit, final);
  if (final.kind === 'return') {
    const decision = emitDecision(unit, final.decision, rule.name, clause.name);
    const observed = emitObservations(unit, final.observations, clause.name, r, i);
    const returned = `o.returned(${r}, ${i}, ${decision.name}); return true;`;
    return `${together} ${decision.code} ${observed.compute} ${observed.commit} ${returned}`;
  }
  if (final.kind === 'routeto') {
    return `${together} const queue = ${emitOne(unit, final.queue)}; o.routed(${r}, ${i}, ${number}, queue); return true;`;
  }
  if (final.kind !== 'observe' && final.kind !== 'do') return '';
  const observed = emitObservations(unit, final.observations, clause.name, r, i);
  return `${together} ${observed.compute} ${observed.commit} o.note(${mark.fired}, ${number});`;
}

function togetherAfterWhen(writer: Writer, unit: Unit, final: CheckedFinal): string {
  const steps = certainSteps(writer.purity, [], valuesOf(final));
  return startsSeveral(steps) ? emitTogether(unit, steps) : '';
}

/** A decision that is constant is made once, for all runs. */
function emitDecision(
  unit: Unit,
  decision: CheckedDecision,
  rule: string,
  clause: string,
): { code: string; name: string } {
  const parts = [decision.challengeType, decision.reason, decision.supportMessage];
  if (parts.every((p) => p === undefined || p.kind === 'const')) {
    const text = (p: CheckedDecision['reason']) =>
      p?.kind === 'const' ? { value: String(p.value) } : undefined;
    const type = text(decision.challengeType);
    const reason = text(decision.reason);
    const message = text(decision.supportMessage);
    const value: Decision = {
      decision: decision.decision,
      ...(type === undefined ? {} : { challengeType: type.value }),
      ...(reason === undefined ? {} : { reason: reason.value }),
      ...(message === undefined ? {} : { supportMessage: message.value }),
      rule,
      clause,
    };
    return { code: '', name: constant(unit.module, `decision:${json(value)}`, () => Object.freeze(value)) };
  }
  const entries = (['challengeType', 'reason', 'supportMessage'] as const).flatMap((key) => {
    const part = decision[key];
    return part === undefined ? [] : [`${key}: ${emitOne(unit, part)}`];
  });
  const code = `const d = { decision: ${json(decision.decision)}, ${entries.join(', ')}, rule: ${json(rule)}, clause: ${json(clause)} };`;
  return { code, name: 'd' };
}

/** All values are computed before the first effect, so that a fault leaves none. */
function emitObservations(
  unit: Unit,
  observations: readonly Observation[],
  clause: string,
  r: number,
  i: number,
): { compute: string; commit: string } {
  const compute: string[] = [];
  const commit: string[] = [];
  for (const [n, observation] of observations.entries()) {
    compute.push(`const x${n} = ${emitObject(unit, observation.values)};`);
    if (observation.kind === 'output') commit.push(`o.output(${json(clause)}, x${n});`);
    else if (observation.kind === 'trace') commit.push(`o.trace(${r}, ${i}, x${n});`);
    else if (observation.kind === 'variables') commit.push(`o.setVariables(x${n});`);
    else commit.push(`o.respond(${json(observation.section) ?? 'undefined'}, x${n});`);
  }
  return { compute: compute.join(' '), commit: commit.join(' ') };
}
