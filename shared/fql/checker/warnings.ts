import { printPath } from '../parser/path.ts';
import { foldedKey, isArray, isObject } from '../runtime/json.ts';
import type { PathStep } from '../tree.ts';
import type { Json } from '../types.ts';
import { offerName, report, type Scope } from './scope.ts';
import type { CheckedCode, Local, Typed } from './typed.ts';

/** Warns of what is allowed but hardly meant. */
export function warnings(scope: Scope, checked: CheckedCode, outer: ReadonlyMap<string, Local>): void {
  if (scope.problems.some((p) => p.severity === 'error')) return;
  if (scope.place !== 'condition') warnOfUnused(scope, outer);
  if (checked.when !== undefined) warnOfConstant(scope, checked.when);
  if (scope.resources.samplePayload !== undefined && scope.place !== 'velocity') {
    for (const attribute of scope.attributes) warnOfUnknown(scope, scope.resources.samplePayload, attribute);
  }
}

function warnOfUnused(scope: Scope, outer: ReadonlyMap<string, Local>): void {
  for (const [name, local] of scope.locals) {
    if (name.startsWith('~') || outer.has(name) || local.used || makesCall(local.value)) continue;
    report(scope, 'unused-variable', `$${local.name} is never used.`, local, 'warning');
  }
}

function makesCall(node: Typed): boolean {
  return node.kind === 'externalCall' || node.kind === 'assessment';
}

/** The value that a condition always has, where constants alone decide it. */
function always(node: Typed): boolean | undefined {
  if (node.kind === 'const') return typeof node.value === 'boolean' ? node.value : undefined;
  if (node.kind === 'not') {
    const value = always(node.operand);
    return value === undefined ? undefined : !value;
  }
  if (node.kind === 'and' || node.kind === 'or') {
    const values = node.operands.map(always);
    const decides = node.kind === 'or';
    if (values.includes(decides)) return decides;
    return values.includes(undefined) ? undefined : !decides;
  }
  if (node.kind !== 'compare' || node.left.kind !== 'const' || node.right.kind !== 'const') return undefined;
  const a = node.left.value;
  const b = node.right.value;
  if (node.op === '==' || node.op === '!=') return (a === b) === (node.op === '==');
  if (a === null || b === null) return undefined;
  return node.op === '<' ? a < b : node.op === '<=' ? a <= b : node.op === '>' ? a > b : a >= b;
}

function warnOfConstant(scope: Scope, when: Typed): void {
  const value = always(when);
  if (value === undefined) return;
  const what = scope.place === 'condition' ? 'rule' : 'clause';
  const [code, message] = value
    ? ['always-true', 'This WHEN is always true. Leave it out, or compare with an attribute.']
    : ['never-true', `This WHEN is never true: the ${what} does nothing.`];
  report(scope, code, message, when, 'warning');
}

/** The values at one step of a path in the sample; an array stands for its elements. */
function stepInto(values: readonly Json[], step: PathStep): Json[] {
  const spread = typeof step === 'number' ? values : values.flatMap((v) => (isArray(v) ? [...v] : [v]));
  return spread.flatMap((v) => {
    if (typeof step === 'number')
      return isArray(v) && v.length > 0 ? [v[Math.min(step, v.length - 1)] ?? null] : [];
    if (!isObject(v)) return [];
    const key = Object.hasOwn(v, step) ? step : foldedKey(v, step.toLowerCase());
    return key === undefined ? [] : [v[key] ?? null];
  });
}

const generated: ReadonlySet<string> = new Set([
  'riskscore',
  'botscore',
  'deviceattributes',
  'ruleevaluation',
]);

function warnOfUnknown(scope: Scope, sample: Json, attribute: Scope['attributes'][number]): void {
  if (generated.has(String(attribute.path[0]).toLowerCase())) return;
  let values: Json[] = [sample];
  for (const [i, step] of attribute.path.entries()) {
    const inside = stepInto(values, step);
    if (inside.length > 0) {
      values = inside;
      continue;
    }
    const names = values
      .flatMap((v) => (isArray(v) ? [...v] : [v]))
      .flatMap((v) => (isObject(v) ? Object.keys(v) : []));
    const before = attribute.path.slice(0, i);
    const hint = offerName(scope, String(step), names, (n) => `@"${printPath([...before, n])}"`);
    const where = before.length === 0 ? 'The sample payload' : `${printPath(before)} of the sample payload`;
    report(scope, 'unknown-attribute', `${where} has no ${String(step)}.${hint}`, attribute, 'warning');
    return;
  }
}
