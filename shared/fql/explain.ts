import { type CheckedPiece, checkPiece, newOuter, outerOf, sectionNumber } from './checker/rules.ts';
import { newSession, type Session } from './checker/scope.ts';
import { type CheckedStatement, children, type Typed } from './checker/typed.ts';
import { emit } from './compiler/expressions.ts';
import { instantiate, moduleText, newModule, use } from './compiler/module.ts';
import { newUnit, type Unit } from './compiler/unit.ts';
import { Fault } from './runtime/fault.ts';
import { asJson, isArray, isObject } from './runtime/json.ts';
import { Outcome, Suspended } from './runtime/outcome.ts';
import { lineStarts } from './text.ts';
import type { Json, Resources, RuleKind, RuleSource, RunInput } from './types.ts';

/** What an expression was: its value (many values as an array), or why it has none. */
export interface ExplainedValue {
  /** As it stands in the rule. */
  text: string;
  value?: Json;
  fault?: { code: string; message: string };
  /** It rests on an answer that the input does not have. */
  unknown?: true;
}

export interface ExplainedOperand extends ExplainedValue {
  /** What it was computed from: both sides of a comparison, the arguments of a call. */
  operands: ExplainedValue[];
}

export interface Explanation {
  /** Absent: the condition of the rule. */
  clause?: string;
  /** The whole WHEN. */
  when: ExplainedValue;
  /** How the operands are joined; `only`: there is one. */
  joined: 'and' | 'or' | 'only';
  operands: ExplainedOperand[];
}

interface Shown {
  node: Typed;
  parts: readonly Typed[];
}

/**
 * Why a rule's condition and clauses held or did not: each WHEN with its top-level operands, their values and what these
 * were computed from. For people who look at one event: slow, and every operand is computed, also those that a run
 * skips. Clauses without WHEN and rules that do not compile give nothing. Answers must come from what was recorded.
 */
export function explain(
  rule: RuleSource,
  resources: Resources,
  input: RunInput,
  kind: RuleKind = 'decision',
): Explanation[] {
  const session = newSession();
  const own = { ...newOuter(), decided: kind === 'action' };
  const source = rule.condition ?? '';
  const whole = `${resources.environment}|${rule.name}`;
  const condition =
    source.trim() === ''
      ? undefined
      : checkPiece(source, 'condition', resources, session, { rule: rule.name }, own);
  const outer = outerOf(condition, own.ids);
  const before = condition?.code.statements ?? [];
  const explained =
    condition === undefined ? [] : explainPiece(condition, source, whole, undefined, [], 0, session, input);
  const earlier = new Map();
  const clauses = rule.clauses.toSorted((a, b) => sectionNumber(b.section) - sectionNumber(a.section));
  for (const clause of clauses) {
    const piece = checkPiece(clause.code, kind, resources, session, {}, { ...outer, earlier });
    for (const s of piece.parsed.statements)
      if (s.kind === 'let') earlier.set(s.name, { ...s, clause: clause.name });
    explained.push(
      ...explainPiece(
        piece,
        clause.code,
        whole,
        clause.name,
        before,
        sectionNumber(clause.section),
        session,
        input,
      ),
    );
  }
  return explained;
}

function explainPiece(
  piece: CheckedPiece,
  source: string,
  whole: string,
  clause: string | undefined,
  before: readonly CheckedStatement[],
  section: number,
  session: Session,
  input: RunInput,
): Explanation[] {
  const when = piece.code.when;
  if (when === undefined || piece.diagnostics.some((d) => d.severity === 'error')) return [];
  const joined = when.kind === 'and' || when.kind === 'or' ? when.kind : 'only';
  const operands = when.kind === 'and' || when.kind === 'or' ? when.operands : [when];
  const shown: Shown[] = operands.map((node) => ({ node, parts: partsOf(node) }));
  const nodes = [when, ...shown.flatMap((s) => [s.node, ...s.parts])];
  const unit = { ...newUnit(newModule(session.functions, true), whole, -1, -1, false), section };
  const lets = letsOf(unit, before);
  if (clause !== undefined) unit.name = `${whole}|${clause}`;
  lets.push(...letsOf(unit, piece.code.statements));
  const values = evaluateNodes(unit, nodes, lets, input);
  let at = 0;
  const next = (node: Typed): ExplainedValue => ({
    text: source.slice(node.start, node.end),
    ...values[at++],
  });
  return [
    {
      ...(clause === undefined ? {} : { clause }),
      when: next(when),
      joined,
      operands: shown.map((s) => ({ ...next(s.node), operands: s.parts.map(next) })),
    },
  ];
}

/** What is worth showing under an operand: not its constants. Conversions are looked through. */
function partsOf(node: Typed): Typed[] {
  const inner = node.kind === 'not' ? node.operand : node;
  return children(inner).filter(
    (c) => c.kind !== 'const' && !(c.kind === 'convert' && c.operand.kind === 'const'),
  );
}

type Value = Omit<ExplainedValue, 'text'>;

/** JavaScript that computes the variables of LET. */
function letsOf(unit: Unit, statements: readonly CheckedStatement[]): string[] {
  return statements.flatMap((s) =>
    s.kind === 'let'
      ? [
          `let v${s.local.id}; try { v${s.local.id} = ${emit(unit, s.local.value)}; } catch (e) { failed.push(e); }`,
        ]
      : [],
  );
}

/** Computes nodes one by one; a fault or a missing answer belongs to the node alone. */
function evaluateNodes(
  unit: Unit,
  nodes: readonly Typed[],
  lets: readonly string[],
  input: RunInput,
): Value[] {
  const { module, section } = unit;
  use(module, 'toJson');
  use(module, 'isMany');
  const values = nodes.map((node) => {
    const code = emit(unit, node);
    return `() => { const x = ${code}; return isMany(x) ? x.items.map((i) => toJson(${JSON.stringify(node.type)}, i)) : toJson(${JSON.stringify(node.type)}, x); }`;
  });
  const declared = unit.declared.length === 0 ? '' : `let ${unit.declared.join(', ')};`;
  const main = `function run(o, failed, out) { const c = o.input; ${declared} ${lets.join('\n')} out.push(${values.join(',\n')}); }`;
  const outcome = new Outcome({ rules: [], sites: module.sites, lineStarts }, input);
  outcome.section = section;
  const made = instantiate(module, moduleText(module, [main], '{ run }'));
  const failed: unknown[] = [];
  const thunks: unknown[] = [];
  if (isObject(made) && typeof made.run === 'function')
    Reflect.apply(made.run, undefined, [outcome, failed, thunks]);
  return thunks.map((thunk) => (failed.length > 0 ? failure(failed[0]) : resultOf(thunk)));
}

function resultOf(thunk: unknown): Value {
  try {
    const value: unknown = typeof thunk === 'function' ? thunk() : null;
    return { value: isArray(value) ? value : asJson(value) };
  } catch (e) {
    return failure(e);
  }
}

function failure(e: unknown): Value {
  if (e instanceof Suspended) return { unknown: true };
  if (e instanceof Fault) return { fault: { code: e.code, message: e.message } };
  if (e instanceof RangeError)
    return { fault: { code: 'too-large', message: 'A value became too large or too deeply nested.' } };
  throw e;
}
