import type { Typed } from '../checker/typed.ts';
import { memberNumber } from '../library/index.ts';
import type { Member } from '../library/member.ts';
import { emit, mayFault } from './expressions.ts';
import { anySingle, anyTwo, emitOne, fill, lambda } from './many.ts';
import { constant, hoisted, use } from './module.ts';
import { runtimeCall, site, temp, type Unit } from './unit.ts';

const json = JSON.stringify;

export function window(unit: Unit, value: { count: number; unit: string }): string {
  return constant(unit.module, `window:${value.count}${value.unit}`, () => value);
}

/** A call that leaves the process: the call itself, or (for starting several together) only its request. */
export function emitExternal(
  unit: Unit,
  node: Extract<Typed, { kind: 'externalCall' | 'assessment' | 'model' }>,
  requestOnly: boolean,
): string {
  const place = String(site(unit, node));
  if (node.kind === 'externalCall') {
    const args = node.args.map((a) => emitOne(unit, a));
    if (requestOnly)
      return runtimeCall(
        unit,
        'externalCallRequest',
        'o',
        json(node.environment),
        json(node.name),
        place,
        `[${args.join(', ')}]`,
      );
    return runtimeCall(unit, 'callExternal', 'o', json(node.environment), json(node.name), place, ...args);
  }
  if (node.kind === 'model') {
    const context = node.context === undefined ? [] : [emitOne(unit, node.context)];
    if (requestOnly) return runtimeCall(unit, 'modelRequest', json(node.model), ...context);
    return runtimeCall(unit, 'model', 'o', json(node.model), place, ...context);
  }
  const base = node.base === undefined ? 'undefined' : emit(unit, node.base);
  const entries = node.entries.flatMap((e) => [json(e.key), emit(unit, e.value)]);
  const common = ['o', json(node.environment), json(node.name), json(node.operation), place, base];
  if (requestOnly) return runtimeCall(unit, 'assessmentRequest', ...common, `[${entries.join(', ')}]`);
  return runtimeCall(unit, 'callAssessment', ...common, ...entries);
}

/** An argument of a function; where it faults the parameter's default is taken. */
export function emitArgument(unit: Unit, key: string, node: Typed, index: number): string {
  const code = emitOne(unit, node);
  if (!mayFault(node)) return code;
  const parameter = unit.module.functions.get(key)?.parameters[index];
  const title = `${unit.module.functions.get(key)?.name ?? ''}, parameter ${parameter?.name ?? ''}`;
  return `(() => { try { return ${code}; } catch (e) { return o.functionFault(e, ${site(unit, node)}, ${json(title)}, ${json(parameter?.default ?? null)}); } })()`;
}

/** The template of a member: its inline form, or a call of its function. */
export function templateOf(unit: Unit, member: Member, count: number, place: string): string {
  const shift = member.input ? 1 : 0;
  if (member.inline !== undefined) return member.inline;
  use(unit.module, 'library');
  const number = memberNumber(member);
  const name = hoisted(unit.module, 'm', String(number), (n) => `const ${n} = library[${number}];`);
  const values = Array.from({ length: count + shift }, (_, i) => `$${i}`);
  if (member.faults !== undefined) values.push(place);
  return `${name}(${values.join(', ')})`;
}

export function emitCall(unit: Unit, node: Extract<Typed, { kind: 'call' }>): string {
  const { member, args } = node;
  const place = member.faults === undefined ? '' : String(site(unit, node));
  if (args.length > 8) return emitLongCall(unit, member, args, place);
  const template = templateOf(unit, member, args.length, place);
  const input = member.input ? ['c'] : [];
  const anyMany = args.some((a) => a.many);
  if (member.lift === 'first' || !anyMany)
    return fill(template, [...input, ...args.map((a) => emitOne(unit, a))]);
  const two = args[1];
  const first = args[0]!;
  if (member.lift === 'any' && input.length === 0 && args.length === 1)
    return anySingle(unit, template, first);
  if (member.lift === 'any' && input.length === 0 && args.length === 2 && two !== undefined)
    return anyTwo(unit, template, first, two);
  const names = args.map(() => temp(unit));
  const assigned = args.map((a, i) => `${names[i]} = ${emit(unit, a)}`).join(', ');
  const tests = args.flatMap((a, i) => (a.many ? [`typeof ${names[i]} !== "object"`] : []));
  const shifted =
    input.length === 0
      ? template
      : template.replaceAll('$0', 'c').replace(/\$([1-9])/g, (_, i: string) => `$${Number(i) - 1}`);
  const slowName = use(unit.module, member.lift === 'any' ? 'anyOf' : 'mapFirst');
  const slow =
    input.length === 0
      ? lambda(unit, args.length, template)
      : `(${names.map((_, i) => `x${i}`).join(', ')}) => ${fill(
          shifted,
          names.map((_, i) => `x${i}`),
        )}`;
  return `(${assigned}, ${tests.join(' && ')} ? ${fill(template, [...input, ...names])} : ${slowName}([${names.join(', ')}], ${slow}))`;
}

/** A call with more arguments than a template has numbers for. */
export function emitLongCall(unit: Unit, member: Member, args: readonly Typed[], place: string): string {
  use(unit.module, 'library');
  const values = [
    ...(member.input ? ['c'] : []),
    ...args.map((a) => emitOne(unit, a)),
    ...(place === '' ? [] : [place]),
  ];
  return `library[${memberNumber(member)}](${values.join(', ')})`;
}
