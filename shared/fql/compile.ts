import { checkRules } from './checker/rules.ts';
import { newSession } from './checker/scope.ts';
import { makeProgram } from './program.ts';
import type { Compiled, CompileOptions, Resources, RuleSource } from './types.ts';

/**
 * Compiles a rule set against what its names mean. Never throws: everything that is wrong comes back as diagnostics,
 * all at once, with rule, clause and position. A program exists only where there is no error.
 */
export function compileRules(
  rules: readonly RuleSource[],
  resources: Resources,
  options: CompileOptions = {},
): Compiled {
  const session = newSession();
  const checked = checkRules(rules, resources, session, options.kind ?? 'decision');
  if (checked.diagnostics.some((d) => d.severity === 'error')) return { diagnostics: checked.diagnostics };
  const program = makeProgram(
    checked.rules,
    rules,
    resources.environment,
    session,
    options.behavior ?? 'RunAllMatching',
  );
  return { program, diagnostics: checked.diagnostics };
}
