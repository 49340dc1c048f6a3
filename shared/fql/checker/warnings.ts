import type { Code } from '../tree.ts';
import { report, type Scope } from './scope.ts';
import type { CheckedCode, Local, Typed } from './typed.ts';

/** Warns of what is allowed but hardly meant. */
export function warnings(
  scope: Scope,
  _code: Code,
  checked: CheckedCode,
  outer: ReadonlyMap<string, Local>,
): void {
  if (scope.problems.some((p) => p.severity === 'error')) return;
  if (scope.place !== 'condition') {
    for (const [name, local] of scope.locals) {
      if (name.startsWith('~') || outer.has(name) || local.used) continue;
      if (!makesCall(local.value))
        report(scope, 'unused-variable', `$${local.name} is never used.`, local, 'warning');
    }
  }
  if (checked.when?.kind === 'const') {
    const text =
      checked.when.value === true
        ? 'This WHEN is always true; leave it out.'
        : 'This WHEN is never true: the clause does nothing.';
    report(scope, checked.when.value === true ? 'always-true' : 'never-true', text, checked.when, 'warning');
  }
}

function makesCall(node: Typed): boolean {
  return node.kind === 'externalCall' || node.kind === 'assessment';
}
