import type { CheckedClause, CheckedRule } from '../compiler/rules.ts';
import { parse } from '../parser.ts';
import { lineStarts, type Problem, spanOf } from '../text.ts';
import type { Diagnostic, Resources, RuleKind, RuleSource, Section } from '../types.ts';
import { checkCode } from './code.ts';
import type { Place, Scope, Session } from './scope.ts';
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
    .map((p) => ({
      severity: p.severity,
      code: p.code,
      message: p.message,
      ...where,
      ...spanOf(starts, p.start, p.end),
    }));
}

export interface CheckedPiece {
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
  outer: { locals: ReadonlyMap<string, Local>; ids: { next: number }; aliases: Scope['aliases'] } = {
    locals: new Map(),
    ids: { next: 0 },
    aliases: new Map(),
  },
): CheckedPiece {
  const parsed = parse(source);
  const scope: Scope = {
    place,
    resources,
    session,
    problems: parsed.problems,
    locals: new Map(outer.locals),
    aliases: new Map(outer.aliases),
    parameters: new Map(),
    ids: outer.ids,
    attributes: [],
  };
  const code = checkCode(scope, parsed.code);
  warnings(scope, parsed.code, code, outer.locals);
  return { code, scope, diagnostics: diagnosticsOf(source, scope.problems, where) };
}

export interface CheckedRules {
  rules: CheckedRule[];
  diagnostics: Diagnostic[];
}

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === '';

/** Checks all rules; clauses come back in the order they run: the sections in their order. */
export function checkRules(
  rules: readonly RuleSource[],
  resources: Resources,
  session: Session,
  kind: RuleKind,
): CheckedRules {
  const diagnostics: Diagnostic[] = [];
  const checked = rules.map((rule) => {
    const ids = { next: 0 };
    const source = rule.condition ?? '';
    const condition = isBlank(source)
      ? undefined
      : checkPiece(
          source,
          'condition',
          resources,
          session,
          { rule: rule.name },
          { locals: new Map(), ids, aliases: new Map() },
        );
    if (condition !== undefined) diagnostics.push(...condition.diagnostics);
    const outer = {
      locals: condition?.scope.locals ?? new Map<string, Local>(),
      ids,
      aliases: condition?.scope.aliases ?? new Map(),
    };
    const names = new Set<string>();
    const clauses = rule.clauses
      .map((clause): CheckedClause => {
        const piece = checkPiece(
          clause.code,
          kind,
          resources,
          session,
          { rule: rule.name, clause: clause.name },
          outer,
        );
        if (names.has(clause.name.toLowerCase())) {
          const message = `Two clauses of this rule are called ${JSON.stringify(clause.name)}. Give each a name of its own.`;
          piece.diagnostics.push({
            severity: 'error',
            code: 'defined-twice',
            message,
            rule: rule.name,
            clause: clause.name,
            line: 1,
            column: 1,
            endLine: 1,
            endColumn: 1,
          });
        }
        names.add(clause.name.toLowerCase());
        diagnostics.push(...piece.diagnostics);
        return {
          name: clause.name,
          section: sectionNumber(clause.section),
          code: piece.code,
          size: clause.code.length,
        };
      })
      .map((clause, order) => ({ clause, order }))
      .toSorted((a, b) => b.clause.section - a.clause.section || a.order - b.order)
      .map((x) => x.clause);
    return { name: rule.name, condition: condition?.code, conditionSize: source.length, clauses };
  });
  return { rules: checked, diagnostics };
}
