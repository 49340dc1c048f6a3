import { offer, type Problem } from '../text.ts';
import type { Expression, Let, Node } from '../tree.ts';
import type { Type } from '../type.ts';
import type { Reference, Resources } from '../types.ts';
import type { CheckedCode, CheckedStatement, Local } from './typed.ts';

/** What stands where: decides which statements and functions are allowed. */
export type Place = 'decision' | 'action' | 'routing' | 'velocity' | 'function' | 'condition';

/** One output of a function, checked once however often it is used. */
export interface FunctionOutput {
  key: string;
  name: string;
  output: string;
  type: Type;
  default: string | number | boolean;
  parameters: { name: string; type: Type; default: string | number | boolean }[];
  code: CheckedCode | undefined;
  /** The text it was checked from, for places of faults. */
  source: string;
  localCount: number;
  /** How often outputs of other functions are computed in it. */
  outputs: number;
}

/** What a whole compilation shares. */
export interface Session {
  references: Map<string, Reference>;
  functions: Map<string, FunctionOutput>;
  /** Outputs being checked now: using one of them again is a circle. */
  open: string[];
  /** Functions used since this was last emptied: a rule may use so many. */
  functionsUsed: Set<string>;
  /** Nearest names are costly; after so many the messages go without. */
  offersLeft: number;
}

export function newSession(): Session {
  return { references: new Map(), functions: new Map(), open: [], functionsUsed: new Set(), offersLeft: 200 };
}

export type FunctionCall = Extract<Expression, { kind: 'call' }>;

/** What one piece of code is checked in. */
export interface Scope {
  place: Place;
  /** The decision is made: code of a post-decision action, its condition too. */
  decided: boolean;
  resources: Resources;
  session: Session;
  problems: Problem[];
  locals: Map<string, Local>;
  parameters: Map<string, { index: number; type: Type }>;
  /** Variables that stand for a call of a function, whose outputs are taken later. */
  aliases: Map<string, FunctionCall>;
  /** Hands out numbers for locals; shared by the condition and clauses of a rule. */
  ids: { next: number };
  /** LETs of earlier clauses of the rule: a variable's scope is its rule. What is taken over leaves it. Positions are those of the other clause. */
  earlier: Map<string, Let>;
  /** LETs taken over from earlier clauses, in order; they run first. */
  imported: CheckedStatement[];
  /** How often outputs of functions are computed when this runs once, those inside them counted. */
  outputs: number;
  /** Attributes read, for warnings. */
  attributes: { path: readonly (string | number)[]; start: number; end: number }[];
}

export function report(
  scope: Scope,
  code: string,
  message: string,
  at: Node,
  severity: 'error' | 'warning' = 'error',
): void {
  scope.problems.push({ severity, code, message, start: at.start, end: at.end });
}

/** ` Did you mean …?`, while there is patience left for searching. */
export function offerName(
  scope: Scope,
  name: string,
  candidates: Iterable<string>,
  quote = (s: string) => s,
): string {
  if (scope.session.offersLeft <= 0) return '';
  scope.session.offersLeft--;
  return offer(name, candidates, quote);
}

export function refer(scope: Scope, reference: Reference): void {
  const key = JSON.stringify([reference.kind, reference.environment, reference.name, reference.column]);
  scope.session.references.set(key, reference);
  if (reference.kind === 'function') scope.session.functionsUsed.add(key);
}

/** Finds a key of a record whatever its case. */
export function findKey(
  record: Readonly<Record<string, unknown>> | undefined,
  name: string,
): string | undefined {
  if (record === undefined) return undefined;
  if (Object.hasOwn(record, name)) return name;
  return findName(Object.keys(record), name);
}

export function findName(names: readonly string[] | undefined, name: string): string | undefined {
  const lower = name.toLowerCase();
  return names?.find((n) => n.length === name.length && n.toLowerCase() === lower);
}

/** What a map has under a name: under that very name first, then in any letter case. */
export function byName<T>(map: ReadonlyMap<string, T>, name: string): T | undefined {
  const exact = map.get(name);
  if (exact !== undefined) return exact;
  const found = findName([...map.keys()], name);
  return found === undefined ? undefined : map.get(found);
}

export function rootOf(resources: Resources): Resources {
  let at = resources;
  while (at.parent !== undefined) at = at.parent;
  return at;
}

/** An environment of the chain from here up to the root, by id or API name. */
export function environmentNamed(resources: Resources, name: string): Resources | undefined {
  const lower = name.toLowerCase();
  for (let at: Resources | undefined = resources; at !== undefined; at = at.parent) {
    if (at.environment.toLowerCase() === lower || at.apiName?.toLowerCase() === lower) return at;
  }
  return undefined;
}
