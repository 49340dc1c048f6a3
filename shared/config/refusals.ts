import type { Diagnostic } from '../fql/index.ts';
import { type Json, Problem } from '../problem.ts';
import type { ResourceEntry } from './manifest.ts';
import { renderedDiagnostics } from './rendered.ts';
import type { Use } from './resolve.ts';
import { kindOf, type ResourceKind } from './resources.ts';

/* What a write answers when it cannot be done. */

/** A name as messages show it. */
export function quote(name: string): string {
  return JSON.stringify(name);
}

/** 409: Holdfast made it. */
export function systemDefined(entry: ResourceEntry): Problem {
  return Problem.conflict(
    `The ${kindOf(entry.kind).noun} ${quote(entry.name)} is system-defined: it cannot be edited or deleted. Copy it under another name.`,
    { code: 'SystemDefined' },
  );
}

/** 409, with the places that are in the way. */
export function inUse(what: string, uses: readonly (Use & { message?: string })[]): Problem {
  const places = uses.map(
    ({ kind, name, environmentName, message }) =>
      `${kindOf(kind).noun} ${quote(name)} of ${environmentName}${message === undefined ? '' : ` (${message})`}`,
  );
  return Problem.conflict(`${what}: ${[...new Set(places)].join(', ')}.`, {
    code: 'InUse',
    extra: { references: uses.map((use): { [name: string]: Json } => ({ ...use })) },
  });
}

/** 422, with the compiler's diagnostics. */
export function doesNotCompile(
  kind: ResourceKind,
  name: string,
  content: unknown,
  diagnostics: readonly Diagnostic[],
): Problem {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const first = errors[0];
  const where = first
    ? `${first.clause ?? first.rule ?? name}:${first.line}:${first.column}: ${first.message}`
    : '';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return Problem.unprocessable(`The ${kind.noun} ${quote(name)} does not compile: ${where}${more}`, {
    code: 'DoesNotCompile',
    extra: {
      diagnostics: diagnosticsJson(diagnostics),
      rendered: renderedDiagnostics(name, content, diagnostics),
    },
  });
}

export function diagnosticsJson(diagnostics: readonly Diagnostic[]): Json[] {
  return diagnostics.map(({ severity, code, message, line, column, endLine, endColumn, rule, clause }) => ({
    ...(rule === undefined ? {} : { rule }),
    ...(clause === undefined ? {} : { clause }),
    severity,
    code,
    message,
    line,
    column,
    endLine,
    endColumn,
  }));
}
