import { checkOutput, typesOf } from './checker/functions.ts';
import { diagnosticsOf } from './checker/rules.ts';
import { newSession } from './checker/scope.ts';
import { fromJson } from './runtime/values.ts';
import type { Diagnostic, FunctionSource, Reference, Resources } from './types.ts';

/** The limits of one function, as DFP documents them. */
export const functionLimits = {
  outputs: 30,
  velocities: 15,
  externalCalls: 2,
  lists: 5,
  externalAssessments: 2,
} as const;

const wholeText = { line: 1, column: 1, endLine: 1, endColumn: 1 };
const identifier = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/**
 * Checks a function as it would stand in an environment: every output's code, its names, types, defaults and limits.
 * In the diagnostics `rule` is the function's name, `clause` the output's. Never throws.
 */
export function checkFunction(
  name: string,
  source: FunctionSource,
  resources: Resources,
): { diagnostics: Diagnostic[]; references: Reference[] } {
  const session = newSession();
  const own: Resources = { ...resources, functions: { ...resources.functions, [name]: source } };
  const diagnostics: Diagnostic[] = [];
  const fault = (code: string, message: string, clause?: string) => {
    diagnostics.push({
      severity: 'error',
      code,
      message,
      rule: name,
      ...(clause === undefined ? {} : { clause }),
      ...wholeText,
    });
  };
  checkNames(source.parameters, 'parameter', fault);
  checkNames(source.outputs, 'output', fault);
  for (const p of source.parameters)
    if (!fits(p)) fault('bad-default', `The default of the parameter ${p.name} is no ${p.type}.`);
  for (const o of source.outputs) {
    if (!fits(o)) fault('bad-default', `The default of the output ${o.name} is no ${o.type}.`, o.name);
    const key = JSON.stringify([own.environment, name, o.name]);
    checkOutput(session, key, name, o.name, own, (text, problem) => {
      diagnostics.push(...diagnosticsOf(text, [problem], { rule: name, clause: o.name }));
    });
  }
  const references = [...session.references.values()].filter((r) => r.kind !== 'function' || r.name !== name);
  checkLimits(source, references, fault);
  return { diagnostics, references };
}

function fits(value: { type: FunctionSource['outputs'][number]['type']; default: unknown }): boolean {
  try {
    fromJson[typesOf[value.type]](value.default, 0);
    return value.default !== null && value.default !== undefined;
  } catch {
    return false;
  }
}

function checkNames(
  named: readonly { name: string }[],
  what: string,
  fault: (code: string, message: string) => void,
): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (!identifier.test(name))
      fault(
        'bad-name',
        `${JSON.stringify(name)} is no name of ${what === 'output' ? 'an output' : 'a parameter'}: letters, digits and "_", not beginning with a digit.`,
      );
    if (seen.has(name.toLowerCase())) fault('defined-twice', `Two ${what}s are called ${name}.`);
    seen.add(name.toLowerCase());
  }
}

function checkLimits(
  source: FunctionSource,
  references: readonly Reference[],
  fault: (code: string, message: string) => void,
): void {
  const used = (kind: Reference['kind']) =>
    new Set(references.filter((r) => r.kind === kind).map((r) => `${r.environment}/${r.name}`)).size;
  const counts: readonly (readonly [number, number, string])[] = [
    [source.outputs.length, functionLimits.outputs, 'output properties'],
    [used('velocity'), functionLimits.velocities, 'different velocities'],
    [used('externalCall'), functionLimits.externalCalls, 'external calls'],
    [used('list'), functionLimits.lists, 'different lists'],
    [used('externalAssessment'), functionLimits.externalAssessments, 'different external assessments'],
  ];
  for (const [count, most, what] of counts)
    if (count > most) fault('too-many', `A function may have ${most} ${what}; this one has ${count}.`);
  if (source.outputs.length === 0) fault('empty-code', 'A function needs at least one output property.');
}
