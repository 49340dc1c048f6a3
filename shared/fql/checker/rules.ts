import type { CheckedClause, CheckedRule } from '../compiler/rules.ts';
import { parse } from '../parser.ts';
import { lineStarts, type Problem, spanOf } from '../text.ts';
import type { Code, Let } from '../tree.ts';
import type { Diagnostic, Resources, RuleKind, RuleSource, Section } from '../types.ts';
import { checkCode } from './code.ts';
import type { FunctionCall, Place, Scope, Session } from './scope.ts';
import type { CheckedCode, Local } from './typed.ts';
import { warnings } from './warnings.ts';

const sections: Readonly<Record<Section, number>> = {
  PriorToScoring: 2,
  PostBotScoring: 1,
  PostRiskScoring: 0,
};

export function sectionNumber(section: Section | undefined): number {
  return section === undefined ? 0 : sections[section];
}

/** So many diagnostics of one text are enough to begin with. */
const mostDiagnostics = 100;

/** Turns problems into diagnostics with lines and columns. */
export function diagnosticsOf(
  source: string,
  problems: readonly Problem[],
  where: { rule?: string; clause?: string },
): Diagnostic[] {
  if (problems.length === 0) return [];
  const starts = lineStarts(source);
  return problems
    .toSorted((a, b) => a.start - b.start)
    .slice(0, mostDiagnostics)
    .map((p) => ({
      severity: p.severity,
      code: p.code,
      message: p.message,
      ...where,
      ...spanOf(starts, p.start, p.end),
    }));
}

/** What a piece of code sees of the code around it. */
export interface Outer {
  /** What the condition belongs to is a post-decision action. */
  decided?: boolean;
  locals: ReadonlyMap<string, Local>;
  ids: { next: number };
  aliases: ReadonlyMap<string, FunctionCall>;
  earlier: ReadonlyMap<string, Let>;
}

export function newOuter(): Outer {
  return { locals: new Map(), ids: { next: 0 }, aliases: new Map(), earlier: new Map() };
}

/** What the condition of a rule or velocity set gives to its clauses. */
export function outerOf(condition: CheckedPiece | undefined, ids: { next: number }): Outer {
  return {
    ...newOuter(),
    ids,
    ...(condition === undefined ? {} : { locals: condition.scope.locals, aliases: condition.scope.aliases }),
  };
}

export interface CheckedPiece {
  parsed: Code;
  code: CheckedCode;
  scope: Scope;
  diagnostics: Diagnostic[];
}

/** Parses and checks one text. `outer` is what a condition defined. */
export function checkPiece(
  source: string,
  place: Place,
  resources: Resources,
  session: Session,
  where: { rule?: string; clause?: string },
  outer: Outer = newOuter(),
): CheckedPiece {
  const parsed = parse(source);
  const scope: Scope = {
    place,
    decided: place === 'action' || outer.decided === true,
    resources,
    session,
    problems: parsed.problems,
    locals: new Map(outer.locals),
    aliases: new Map(outer.aliases),
    parameters: new Map(),
    ids: outer.ids,
    earlier: new Map(outer.earlier),
    imported: [],
    outputs: 0,
    attributes: [],
  };
  const code = checkCode(scope, parsed.code);
  warnings(scope, code, outer.locals);
  return { parsed: parsed.code, code, scope, diagnostics: diagnosticsOf(source, scope.problems, where) };
}

export interface CheckedRules {
  rules: CheckedRule[];
  diagnostics: Diagnostic[];
}

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === '';
/** A rule may use so many functions. */
const mostFunctions = 10;
const wholeText = { line: 1, column: 1, endLine: 1, endColumn: 1 };

/** Checks all rules; clauses come back in the order they run: the sections in their order. */
export function checkRules(
  rules: readonly RuleSource[],
  resources: Resources,
  session: Session,
  kind: RuleKind,
): CheckedRules {
  const diagnostics: Diagnostic[] = [];
  return { rules: rules.map((rule) => checkRule(rule, resources, session, kind, diagnostics)), diagnostics };
}

function checkRule(
  rule: RuleSource,
  resources: Resources,
  session: Session,
  kind: RuleKind,
  diagnostics: Diagnostic[],
): CheckedRule {
  const source = rule.condition ?? '';
  const own: Outer = { ...newOuter(), decided: kind === 'action' };
  session.functionsUsed.clear();
  const condition = isBlank(source)
    ? undefined
    : checkPiece(source, 'condition', resources, session, { rule: rule.name }, own);
  diagnostics.push(...(condition?.diagnostics ?? []));
  const outer = outerOf(condition, own.ids);
  const earlier = new Map<string, Let>();
  const names = new Set<string>();
  const pieces = rule.clauses
    .map((clause, order) => ({ clause, order, section: sectionNumber(clause.section) }))
    .toSorted((a, b) => b.section - a.section || a.order - b.order)
    .map(({ clause, section, order }) => {
      const where = { rule: rule.name, clause: clause.name };
      const piece = checkPiece(clause.code, kind, resources, session, where, {
        ...outer,
        earlier,
      });
      for (const s of piece.parsed.statements)
        if (s.kind === 'let') earlier.set(s.name, { ...s, clause: clause.name });
      if (names.has(clause.name.toLowerCase())) {
        const message = `Two clauses of this rule are called ${JSON.stringify(clause.name)}. Give each a name of its own.`;
        piece.diagnostics.push({ severity: 'error', code: 'defined-twice', message, ...where, ...wholeText });
      }
      names.add(clause.name.toLowerCase());
      return {
        piece,
        order,
        where,
        checked: { name: clause.name, section, code: piece.code, size: clause.code.length },
      };
    });
  warnOfUnreachable(pieces);
  for (const { piece } of pieces.toSorted((a, b) => a.order - b.order))
    diagnostics.push(...piece.diagnostics);
  if (session.functionsUsed.size > mostFunctions) {
    const message = `A rule may use ${mostFunctions} functions; this one uses ${session.functionsUsed.size}.`;
    diagnostics.push({ severity: 'error', code: 'too-many', message, rule: rule.name, ...wholeText });
  }
  return {
    name: rule.name,
    condition: condition?.code,
    conditionSize: source.length,
    clauses: pieces.map((p) => p.checked),
  };
}

/** A clause that always decides leaves nothing to the clauses after it. */
function warnOfUnreachable(
  pieces: readonly { piece: CheckedPiece; where: { rule: string; clause: string }; checked: CheckedClause }[],
): void {
  const last = pieces.findIndex((p) => {
    const final = p.checked.code.final?.kind;
    return (
      p.checked.code.when === undefined &&
      (final === 'return' || final === 'routeto') &&
      p.piece.diagnostics.length === 0
    );
  });
  if (last < 0) return;
  for (const { piece, where } of pieces.slice(last + 1)) {
    const message = `This clause is never reached: ${JSON.stringify(pieces[last]?.where.clause)} before it always decides.`;
    piece.diagnostics.push({ severity: 'warning', code: 'unreachable', message, ...where, ...wholeText });
  }
}
