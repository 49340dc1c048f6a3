import type { Typed } from '../checker/typed.ts';
import { type Slot, slotOf } from './attributes.ts';
import { emit } from './expressions.ts';
import { hoisted } from './module.ts';
import { runtimeCall, temp, type Unit } from './unit.ts';

/** A node as a single value: the first of many. */
export function emitOne(unit: Unit, node: Typed): string {
  const code = emit(unit, node);
  return node.many ? runtimeCall(unit, 'one', code) : code;
}

/** A node as a Boolean: any of many. */
export function emitCondition(unit: Unit, node: Typed): string {
  const code = emit(unit, node);
  if (!node.many) return code;
  const t = temp(unit);
  return `((${t} = ${code}) === true || (typeof ${t} === "object" && ${runtimeCall(unit, 'any1', t, truth(unit))}))`;
}

export const truth = (unit: Unit): string => lambda(unit, 1, '$0 === true');

/** A function of so many values at the top of the program, so that the slow path captures nothing. */
export function lambda(unit: Unit, count: number, template: string): string {
  const names = Array.from({ length: count }, (_, i) => `x${i}`);
  const body = fill(template, names);
  return hoisted(
    unit.module,
    'l',
    `${count}:${body}`,
    (name) => `const ${name} = (${names.join(', ')}) => ${body};`,
  );
}

export function fill(template: string, values: readonly string[]): string {
  return template.replace(/\$([0-9])/g, (_, i: string) => values[Number(i)] ?? 'undefined');
}

export const swap = (template: string): string =>
  template.replace(/\$([01])/g, (_, i: string) => (i === '0' ? '$1' : '$0'));

export const atom = /^(?:[a-z][0-9]+|c|-?[0-9.]+|"[^"\\]*"|true|false)$/;

/** A Boolean of two values that may be many: holds if it holds for any. */
export function anyTwo(unit: Unit, template: string, left: Typed, right: Typed): string {
  const slot = left.kind === 'attribute' && !right.many ? slotOf(unit, left) : undefined;
  if (slot !== undefined) {
    const other = emit(unit, right);
    if (atom.test(other)) return anyOfSlot(unit, template, slot, other);
  }
  const a = emit(unit, left);
  const b = emit(unit, right);
  if (!left.many && !right.many) return `(${fill(template, [a, b])})`;
  if (left.many && !right.many && atom.test(b)) return anyOneSide(unit, template, a, b, false);
  if (right.many && !left.many && atom.test(a)) return anyOneSide(unit, template, b, a, true);
  const ta = temp(unit);
  const tb = temp(unit);
  const single = [left.many ? ta : '', right.many ? tb : '']
    .filter((t) => t !== '')
    .map((t) => `typeof ${t} !== "object"`);
  const slow =
    template === '$0 === $1'
      ? runtimeCall(unit, 'anySame', ta, tb)
      : runtimeCall(unit, 'any2', ta, tb, lambda(unit, 2, template));
  return `(${ta} = ${a}, ${tb} = ${b}, ${single.join(' && ')} ? ${fill(template, [ta, tb])} : ${slow})`;
}

export function anyOfSlot(unit: Unit, template: string, slot: Slot, other: string): string {
  const { name, plain, refill } = slot;
  const slow = runtimeCall(unit, 'any2', name, other, lambda(unit, 2, template));
  if (template === '$0 === $1') {
    return `(${name} === ${other} || (typeof ${name} !== "${plain}" && (${refill} === ${other} || (typeof ${name} === "object" && ${slow}))))`;
  }
  return `(typeof ${name} === "${plain}" || typeof ${refill} === "${plain}" ? ${fill(template, [name, other])} : ${slow})`;
}

export function anyOneSide(
  unit: Unit,
  template: string,
  many: string,
  other: string,
  swapped: boolean,
): string {
  const t = temp(unit);
  const quick = fill(template, swapped ? [other, t] : [t, other]);
  const slow = runtimeCall(unit, 'any2', t, other, lambda(unit, 2, swapped ? swap(template) : template));
  if (template === '$0 === $1')
    return `((${t} = ${many}) === ${other} || (typeof ${t} === "object" && ${slow}))`;
  return `(typeof (${t} = ${many}) !== "object" ? ${quick} : ${slow})`;
}

/** Applies a template to a value, element by element where it is many. */
export function mapped(unit: Unit, node: Typed, template: string): string {
  const code = emit(unit, node);
  if (!node.many) return fill(template, [code]);
  const t = temp(unit);
  return `(typeof (${t} = ${code}) !== "object" ? ${fill(template, [t])} : ${runtimeCall(unit, 'map1', t, lambda(unit, 1, template))})`;
}

export function anySingle(unit: Unit, template: string, node: Typed): string {
  const t = temp(unit);
  return `(typeof (${t} = ${emit(unit, node)}) !== "object" ? ${fill(template, [t])} : ${runtimeCall(unit, 'any1', t, lambda(unit, 1, template))})`;
}
