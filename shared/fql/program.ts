import type { Session } from './checker/scope.ts';
import { instantiate, newModule } from './compiler/module.ts';
import { newPurity } from './compiler/purity.ts';
import { type CheckedRule, rulesText } from './compiler/rules.ts';
import { Outcome, type ProgramFacts, Suspended } from './runtime/outcome.ts';
import { lineStarts } from './text.ts';
import type { Behavior, Request, RuleProgram, RuleSource, RunInput, RunResult, Section } from './types.ts';

interface Generated {
  run(outcome: Outcome): void;
  plan(outcome: Outcome, requests: Request[]): void;
}

/** The generated module as what it is by construction; anything else is a fault of the compiler. */
function asGenerated(value: unknown): Generated {
  if (typeof value === 'object' && value !== null && 'run' in value && 'plan' in value) {
    const { run, plan } = value;
    if (typeof run === 'function' && typeof plan === 'function') {
      return { run: (o) => run(o), plan: (o, q) => plan(o, q) };
    }
  }
  throw new Error('The generated program has no run and plan.');
}

const sectionNames: readonly (Section | undefined)[] = [undefined, 'PostBotScoring', 'PriorToScoring'];

/** Makes a program of checked rules. */
export function makeProgram(
  rules: readonly CheckedRule[],
  sources: readonly RuleSource[],
  environment: string,
  session: Session,
  behavior: Behavior,
): RuleProgram {
  const sections = rules.some((r) => r.clauses.some((c) => c.section !== 0));
  const module = newModule(session.functions, sections);
  const text = rulesText(module, newPurity(session.functions), environment, rules, behavior);
  const generated = asGenerated(instantiate(module, text));
  const facts: ProgramFacts = {
    sites: module.sites,
    lineStarts,
    rules: rules.map((rule, r) => {
      const source = sources[r];
      return {
        name: rule.name,
        hasCondition: rule.condition !== undefined,
        condition: source?.condition ?? '',
        clauses: rule.clauses.map((c) => {
          const kind = c.code.final?.kind;
          return {
            name: c.name,
            section: c.section,
            code: source?.clauses.find((s) => s.name === c.name)?.code ?? '',
            observes:
              kind === 'return'
                ? ('returned' as const)
                : kind === 'observe'
                  ? ('observed' as const)
                  : ('did' as const),
          };
        }),
      };
    }),
  };
  return {
    references: [...session.references.values()],
    rules: rules.map((r) => ({
      name: r.name,
      clauses: r.clauses.map((c) => {
        const section =
          sources.find((s) => s.name === r.name)?.clauses.find((s) => s.name === c.name)?.section ??
          sectionNames[c.section];
        return section === undefined ? { name: c.name } : { name: c.name, section };
      }),
    })),
    run(input: RunInput): RunResult {
      const outcome = new Outcome(facts, input);
      try {
        generated.run(outcome);
      } catch (e) {
        if (e instanceof Suspended) return { done: false, needs: e.needs };
        throw e;
      }
      return { done: true, outcome };
    },
    plan(input: RunInput): Request[] {
      const requests: Request[] = [];
      generated.plan(new Outcome(facts, input), requests);
      return [...new Map(requests.map((r) => [r.id, r])).values()];
    },
  };
}
