import { checkPiece, newOuter, outerOf } from './checker/rules.ts';
import { newSession } from './checker/scope.ts';
import { instantiate, newModule } from './compiler/module.ts';
import { newPurity } from './compiler/purity.ts';
import { type CheckedVelocity, velocitiesText } from './compiler/velocities.ts';
import { Outcome, type ProgramFacts, Suspended } from './runtime/outcome.ts';
import { lineStarts } from './text.ts';
import type {
  CompiledVelocitySet,
  Contribution,
  ContributionResult,
  Diagnostic,
  Request,
  Resources,
  RunInput,
  VelocityDefinition,
  VelocityProgram,
  VelocitySetSource,
} from './types.ts';

/** A set has at most so many velocities. */
const mostVelocities = 10;

/**
 * Compiles a velocity set. Never throws. In the diagnostics and faults `rule` is the set's name, `clause` the velocity's
 * (or `velocity 3` where its name cannot be read).
 */
export function compileVelocitySet(set: VelocitySetSource, resources: Resources): CompiledVelocitySet {
  const session = newSession();
  const diagnostics: Diagnostic[] = [];
  const own = newOuter();
  const text = set.condition ?? '';
  const condition =
    text.trim() === ''
      ? undefined
      : checkPiece(text, 'condition', resources, session, { rule: set.name }, own);
  diagnostics.push(...(condition?.diagnostics ?? []));
  const outer = outerOf(condition, own.ids);
  const velocities: CheckedVelocity[] = [];
  const definitions: VelocityDefinition[] = [];
  const whole = { line: 1, column: 1, endLine: 1, endColumn: 1 };
  if (set.velocities.length > mostVelocities) {
    diagnostics.push({
      severity: 'error',
      code: 'too-many',
      message: `A velocity set has at most ${mostVelocities} velocities; this one has ${set.velocities.length}.`,
      rule: set.name,
      ...whole,
    });
  }
  for (const [i, code] of set.velocities.entries()) {
    const piece = checkPiece(code, 'velocity', resources, session, { rule: set.name }, outer);
    const select = piece.code.final?.kind === 'select' ? piece.code.final : undefined;
    const clause = select?.name ?? `velocity ${i + 1}`;
    diagnostics.push(...piece.diagnostics.map((d) => ({ ...d, clause })));
    if (select === undefined) continue;
    if (definitions.some((d) => d.name.toLowerCase() === select.name.toLowerCase())) {
      diagnostics.push({
        severity: 'error',
        code: 'defined-twice',
        message: `Two velocities of this set are called ${select.name}.`,
        rule: set.name,
        clause,
        ...whole,
      });
    }
    velocities.push({ code: piece.code, select });
    definitions.push({ name: select.name, aggregate: select.aggregate, from: select.from });
  }
  if (diagnostics.some((d) => d.severity === 'error')) return { definitions, diagnostics };
  const module = newModule(session.functions, false);
  const generated = instantiate(
    module,
    velocitiesText(
      module,
      newPurity(session.functions),
      `${resources.environment}|${set.name}`,
      condition?.code,
      velocities,
    ),
  );
  const facts: ProgramFacts = {
    sites: module.sites,
    lineStarts,
    rules: [
      {
        name: set.name,
        hasCondition: condition !== undefined,
        condition: text,
        clauses: velocities.map((v, i) => ({
          name: v.select.name,
          section: 0,
          code: set.velocities[i] ?? '',
          observes: 'did',
        })),
      },
    ],
  };
  return {
    program: makeVelocityProgram(generated, facts, definitions, [...session.references.values()]),
    definitions,
    diagnostics,
  };
}

function makeVelocityProgram(
  generated: unknown,
  facts: ProgramFacts,
  definitions: VelocityDefinition[],
  references: VelocityProgram['references'],
): VelocityProgram {
  if (typeof generated !== 'object' || generated === null || !('run' in generated) || !('plan' in generated))
    throw new Error('The generated velocity set has no run and plan.');
  const { run, plan } = generated;
  if (typeof run !== 'function' || typeof plan !== 'function')
    throw new Error('The generated velocity set has no run and plan.');
  return {
    definitions,
    references,
    plan(input: RunInput, eventType: string): Request[] {
      const requests: Request[] = [];
      plan(new Outcome(facts, input), requests, eventType.toLowerCase());
      return [...new Map(requests.map((r) => [r.id, r])).values()];
    },
    contributions(input: RunInput, eventType: string): ContributionResult {
      const outcome = new Outcome(facts, input);
      const contributions: Contribution[] = [];
      try {
        run(outcome, eventType.toLowerCase(), contributions);
      } catch (e) {
        if (e instanceof Suspended) return { done: false, needs: e.needs };
        throw e;
      }
      return { done: true, contributions, faults: [...outcome.faults] };
    },
  };
}
