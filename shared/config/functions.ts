import { compileRules, type Diagnostic, type FunctionSource, type Resources } from '../fql/index.ts';
import { foldName } from './manifest.ts';
import type { Checked } from './resources.ts';

/**
 * Checks a function by compiling a rule that reads each of its outputs, with arguments of any type. A fault inside an
 * output comes back as that output's, at its place in the output's code; `rule` is the function's name, `clause` the output's.
 */
export function checkFunction(name: string, source: FunctionSource, resources: Resources): Checked {
  const others = Object.entries(resources.functions ?? {}).filter(
    ([other]) => foldName(other) !== foldName(name),
  );
  const seen: Resources = { ...resources, functions: Object.fromEntries([...others, [name, source]]) };
  const call = `Functions.${name}(${source.parameters.map((_, index) => `@"argument${index}"`).join(', ')})`;
  const clauses = source.outputs.map((output) => ({
    name: output.name,
    code: `OBSERVE Output(value = ${call}.${output.name})`,
  }));
  const { program, diagnostics } = compileRules([{ name, clauses }], seen);
  const references = (program?.references ?? []).filter(
    (to) =>
      !(
        to.kind === 'function' &&
        to.environment === resources.environment &&
        foldName(to.name) === foldName(name)
      ),
  );
  return {
    diagnostics: diagnostics.filter(({ severity }) => severity === 'error').map(inside),
    references,
  };
}

/** The compiler tells the place inside the output in its message, as `… has errors: 1:8 There is no list X.` */
function inside(diagnostic: Diagnostic): Diagnostic {
  const [, line, column, message] = /has errors: (\d+):(\d+) ([\s\S]*)$/.exec(diagnostic.message) ?? [];
  if (line === undefined || column === undefined || message === undefined) {
    return { ...diagnostic, line: 1, column: 1, endLine: 1, endColumn: 1 };
  }
  const at = { line: Number(line), column: Number(column) };
  return { ...diagnostic, ...at, endLine: at.line, endColumn: at.column + 1, message };
}
