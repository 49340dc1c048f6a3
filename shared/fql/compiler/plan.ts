import type { FunctionOutput } from '../checker/scope.ts';
import {
  type CheckedFinal,
  type CheckedStatement,
  children,
  type Local,
  type Typed,
} from '../checker/typed.ts';
import { window } from './calls.ts';
import { emit } from './expressions.ts';
import { hoisted, type Module, use } from './module.ts';
import { isPure, type Purity } from './purity.ts';
import { newUnit, type Unit } from './unit.ts';

type Read = Extract<Typed, { kind: 'velocity' | 'supportList' | 'containsKey' | 'lookup' }>;

/** All values of a statement, in order. */
export function valuesOf(final: CheckedFinal | undefined): Typed[] {
  if (final === undefined) return [];
  const observed = (list: readonly { values: readonly { value: Typed }[] }[]) =>
    list.flatMap((o) => o.values.map((v) => v.value));
  switch (final.kind) {
    case 'return': {
      const { challengeType, reason, supportMessage } = final.decision;
      return [challengeType, reason, supportMessage]
        .flatMap((x) => (x === undefined ? [] : [x]))
        .concat(observed(final.observations));
    }
    case 'observe':
    case 'do':
      return observed(final.observations);
    case 'routeto':
      return [final.queue];
    case 'select':
      return [final.groupBy, ...(final.argument === undefined ? [] : [final.argument])];
    case 'value':
      return [final.value];
  }
}

export interface Piece {
  statements: readonly CheckedStatement[];
  values: readonly Typed[];
}

interface Planner {
  unit: Unit;
  purity: Purity;
  lines: string[];
  planned: Map<Local, boolean>;
  /** The parameters that may be unknown when a function's reads are planned. */
  guards: boolean;
}

/**
 * JavaScript that pushes to `q` the reads of some pieces of code whose keys are known before running. A read whose key
 * cannot be computed is left out. '' when there is none.
 */
export function emitPlan(
  module: Module,
  purity: Purity,
  name: string,
  rule: number,
  pieces: readonly Piece[],
): string {
  const planner: Planner = {
    unit: newUnit(module, name, rule, -1, false),
    purity,
    lines: [],
    planned: new Map(),
    guards: false,
  };
  for (const piece of pieces) {
    for (const s of piece.statements) {
      if (s.kind === 'let') planNode(planner, s.local.value);
      else for (const v of s.values) planNode(planner, v.value);
    }
    for (const value of piece.values) planNode(planner, value);
  }
  if (planner.lines.length === 0) return '';
  const declared = planner.unit.declared.length === 0 ? '' : `let ${planner.unit.declared.join(', ')};`;
  return `${declared} ${planner.lines.join('\n')}`;
}

function planNode(planner: Planner, node: Typed): void {
  for (const child of children(node)) planNode(planner, child);
  if (
    node.kind === 'velocity' ||
    node.kind === 'supportList' ||
    node.kind === 'containsKey' ||
    node.kind === 'lookup'
  )
    planRead(planner, node);
  if (node.kind === 'function') planFunction(planner, node);
}

/** Makes sure the locals that a value uses are computed; undefined where one cannot be. */
function guardOf(planner: Planner, node: Typed): string | undefined {
  if (!isPure(planner.purity, node)) return undefined;
  const conditions = new Set<string>();
  const visit = (n: Typed): void => {
    if (n.kind === 'local') {
      ensureLocal(planner, n.local);
      conditions.add(`ok${n.local.id}`);
    }
    if (n.kind === 'parameter' && planner.guards) conditions.add(`p${n.index} !== undefined`);
    for (const child of children(n)) visit(child);
  };
  visit(node);
  return conditions.size === 0 ? 'true' : [...conditions].join(' && ');
}

function ensureLocal(planner: Planner, local: Local): void {
  if (planner.planned.has(local)) return;
  planner.planned.set(local, true);
  const guard = guardOf(planner, local.value) ?? 'false';
  planner.unit.declared.push(`v${local.id}`, `ok${local.id} = false`);
  planner.lines.push(
    `if (${guard}) try { v${local.id} = ${emit(planner.unit, local.value)}; ok${local.id} = true; } catch (e) { o.onlyFault(e); }`,
  );
}

function planRead(planner: Planner, node: Read): void {
  const guard = guardOf(planner, node.key);
  if (guard === undefined) return;
  const unit = planner.unit;
  const json = JSON.stringify;
  const environment = json(node.environment);
  const request =
    node.kind === 'velocity'
      ? `${use(unit.module, 'velocityRequest')}(${environment}, ${json(node.name)}, ${window(unit, node.window)}, k)`
      : node.kind === 'supportList'
        ? `${use(unit.module, 'supportListRequest')}(${environment}, ${json(node.list)}, k)`
        : `${use(unit.module, 'listRequest')}(${environment}, ${json(node.list)}, ${json(node.column)}, k)`;
  const first =
    node.kind === 'velocity' ? `${use(unit.module, 'one')}(${emit(unit, node.key)})` : emit(unit, node.key);
  planner.lines.push(
    `if (${guard}) try { ${use(unit.module, 'any1')}(${first}, (k) => { if (${node.kind === 'velocity' ? 'k' : 'k.trim()'} !== "") q.push(${request}); return false; }); } catch (e) { o.onlyFault(e); }`,
  );
}

function planFunction(planner: Planner, node: Extract<Typed, { kind: 'function' }>): void {
  const { unit, purity } = planner;
  const output = unit.module.functions.get(node.use.key);
  if (output === undefined) return;
  const name = functionPlan(unit.module, purity, output);
  if (name === '') return;
  const args = node.args.map((a) => {
    const guard = guardOf(planner, a);
    return guard === undefined ? 'undefined' : `(${guard} ? ${emit(unit, a)} : undefined)`;
  });
  planner.lines.push(`try { ${name}(${['o', 'q', ...args].join(', ')}); } catch (e) { o.onlyFault(e); }`);
}

/** The planning function of a function's output; '' when it reads nothing. */
function functionPlan(module: Module, purity: Purity, output: FunctionOutput): string {
  const known = module.names.get(`p:${output.key}`);
  if (known !== undefined) return known;
  const unit = newUnit(module, output.key, -1, -1, false);
  const planner: Planner = { unit, purity, lines: [], planned: new Map(), guards: true };
  module.names.set(`p:${output.key}`, '');
  for (const s of output.code?.statements ?? []) if (s.kind === 'let') planNode(planner, s.local.value);
  for (const value of valuesOf(output.code?.final)) planNode(planner, value);
  if (planner.lines.length === 0) return '';
  module.names.delete(`p:${output.key}`);
  return hoisted(module, 'p', output.key, (name) => {
    const parameters = ['o', 'q', ...output.parameters.map((_, i) => `p${i}`)].join(', ');
    const declared = unit.declared.length === 0 ? '' : `let ${unit.declared.join(', ')};`;
    return `function ${name}(${parameters}) { const c = o.input; ${declared} ${planner.lines.join('\n')} }`;
  });
}
