import { type Module, use } from './module.ts';

/** The JavaScript function being written. Its parameter is `o` (the outcome), its first line `const c = o.input`. */
export interface Unit {
  module: Module;
  /** Which code this is, among all of an assessment: a part of the identity of call sites. */
  name: string;
  /** The rule that it is a part of, as in `name`. */
  whole: string;
  rule: number;
  clause: number;
  /** 0: scores known … as `Outcome.section`. */
  section: number;
  /** What is read once and kept in a variable of the function; undefined: nothing is. */
  slots: Map<string, string> | undefined;
  /** Names of variables to declare. */
  declared: string[];
  temps: number;
  /** A rule without a condition came before: `o.matched` is set. */
  matched: boolean;
  /** How locals are called in this function. */
  local: (id: number) => string;
}

export function newUnit(
  module: Module,
  name: string,
  rule: number,
  clause: number,
  keepsSlots: boolean,
): Unit {
  return {
    module,
    name,
    whole: name,
    rule,
    clause,
    section: 0,
    slots: keepsSlots ? new Map() : undefined,
    declared: [],
    temps: 0,
    matched: false,
    local: (id) => `v${id}`,
  };
}

export function site(unit: Unit, node: { start: number; end: number }): number {
  unit.module.sites.push({ rule: unit.rule, clause: unit.clause, start: node.start, end: node.end });
  return unit.module.sites.length - 1;
}

export function temp(unit: Unit): string {
  const name = `t${unit.temps++}`;
  unit.declared.push(name);
  return name;
}

export function runtimeCall(unit: Unit, name: Parameters<typeof use>[1], ...args: string[]): string {
  return `${use(unit.module, name)}(${args.join(', ')})`;
}

/** A value read at most once per run, where the function keeps slots. */
export function kept(unit: Unit, key: string, read: string): string {
  if (unit.slots === undefined) return read;
  let name = unit.slots.get(key);
  if (name === undefined) {
    name = `a${unit.slots.size}`;
    unit.slots.set(key, name);
    unit.declared.push(name);
  }
  return `(${name} === undefined ? (${name} = ${read}) : ${name})`;
}
