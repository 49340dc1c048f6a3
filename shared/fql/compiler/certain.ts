import type { CheckedStatement, Local, Typed } from '../checker/typed.ts';
import { children } from '../checker/typed.ts';
import { emitExternal } from './calls.ts';
import { emit, mayFault } from './expressions.ts';
import { use } from './module.ts';
import { isPure, type Purity } from './purity.ts';
import type { Unit } from './unit.ts';

type External = Extract<Typed, { kind: 'externalCall' | 'assessment' | 'model' }>;
type Step =
  | { kind: 'request'; node: External }
  /** May fault before anything from outside is known: then nothing after it is certain. */
  | { kind: 'evaluate'; node: Typed }
  | { kind: 'let'; local: Local };

/**
 * The calls that are certain to be made once a piece of code starts: LETs in order, then WHEN up to the first operand
 * that may be skipped. They are started together.
 */
export function certainSteps(
  purity: Purity,
  statements: readonly CheckedStatement[],
  then: readonly Typed[],
): Step[] {
  const steps: Step[] = [];
  for (const statement of statements) {
    if (statement.kind === 'let') {
      if (isPure(purity, statement.local.value)) steps.push({ kind: 'let', local: statement.local });
      else if (!walk(purity, statement.local.value, steps)) return steps;
    } else if (!statement.values.every((v) => walk(purity, v.value, steps))) return steps;
  }
  for (const node of then) if (!walk(purity, node, steps)) return steps;
  return steps;
}

/** Adds the certain calls under a node, in the order of evaluation; false: what follows is not certain. */
function walk(purity: Purity, node: Typed, steps: Step[]): boolean {
  if (isPure(purity, node)) {
    if (mayFault(node)) steps.push({ kind: 'evaluate', node });
    return true;
  }
  if (node.kind === 'and' || node.kind === 'or') {
    const [first, ...rest] = node.operands;
    return (first === undefined || walk(purity, first, steps)) && !rest.some(mayFault);
  }
  if (node.kind === 'conditional') {
    return walk(purity, node.test, steps) && !mayFault(node.then) && !mayFault(node.otherwise);
  }
  for (const child of children(node)) if (!walk(purity, child, steps)) return false;
  if (node.kind === 'externalCall' || node.kind === 'assessment' || node.kind === 'model') {
    if (children(node).every((c) => isPure(purity, c))) steps.push({ kind: 'request', node });
    return true;
  }
  return !faultsItself(node);
}

/** Whether the node's own work, not its children's, can fault. */
function faultsItself(node: Typed): boolean {
  if (node.kind === 'call') return node.member.faults !== undefined;
  return node.kind === 'convert'
    ? node.type !== 'Json'
    : node.kind === 'arithmetic' || node.kind === 'element' || node.kind === 'negate';
}

/** The locals that the steps compute ahead of their LET. */
export function localsAhead(steps: readonly Step[]): ReadonlySet<Local> {
  return new Set(steps.flatMap((s) => (s.kind === 'let' ? [s.local] : [])));
}

export function startsSeveral(steps: readonly Step[]): boolean {
  return steps.filter((s) => s.kind === 'request').length > 1;
}

/** JavaScript that asks for all certain calls at once and suspends if any is missing. */
export function emitTogether(unit: Unit, steps: readonly Step[]): string {
  const last = steps.findLastIndex((s) => s.kind === 'request');
  const parts = steps.slice(0, last + 1).map((step) => {
    if (step.kind === 'request') return `w.push(${emitExternal(unit, step.node, true)});`;
    if (step.kind === 'let') return `v${step.local.id} = ${emit(unit, step.local.value)};`;
    return `${emit(unit, step.node)};`;
  });
  return `{ const w = []; try { ${parts.join(' ')} } catch (e) { o.onlyFault(e); } ${use(unit.module, 'together')}(o, w); }`;
}
