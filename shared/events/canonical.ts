import { z } from 'zod';
import type { Json } from '../problem.ts';
import { describeValue, type Fault, faultsOf, renderPath } from './faults.ts';
import { maxText, toleranceOf } from './fields.ts';

export type JsonObject = { [name: string]: Json };

/** Deepest nesting that is read, and longest name of a member. */
export const maxDepth = 32;
export const maxName = 256;

/** Most elements of a list that the schema knows, and most faults that are listed. */
export const maxElements = 5_000;
const maxFaults = 50;

type Members = Map<string, { name: string; alias: boolean; plan: Plan }>;

type Plan =
  | { kind: 'text'; falseIsAbsent: boolean }
  | { kind: 'number' | 'boolean' | 'verbatim' | 'record' }
  | { kind: 'object'; members: Members }
  | { kind: 'list'; item: Plan };

/** Reads from a zod schema which names and kinds of values it wants, once, when the module loads. */
function planOf(schema: unknown): Plan {
  if (!(schema instanceof z.core.$ZodType)) return { kind: 'verbatim' };
  if (schema instanceof z.ZodOptional) {
    const inner = planOf(schema.unwrap());
    const own = toleranceOf(schema);
    return inner.kind === 'text' && own.falseIsAbsent ? { ...inner, falseIsAbsent: true } : inner;
  }
  if (schema instanceof z.ZodString)
    return { kind: 'text', falseIsAbsent: toleranceOf(schema).falseIsAbsent === true };
  if (schema instanceof z.ZodNumber) return { kind: 'number' };
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean' };
  if (schema instanceof z.ZodArray) return { kind: 'list', item: planOf(schema.element) };
  if (schema instanceof z.ZodRecord) return { kind: 'record' };
  // what is an object or a text is read as the object where it is one
  if (schema instanceof z.ZodUnion) return planOf(schema.options[0]);
  if (!(schema instanceof z.ZodObject)) return { kind: 'verbatim' };
  const members: Members = new Map();
  for (const [name, member] of Object.entries<z.core.$ZodType>(schema.shape)) {
    const plan = planOf(member);
    members.set(name.toLowerCase(), { name, alias: false, plan });
  }
  // an alias never hides a member that is really called so
  for (const [name, member] of Object.entries<z.core.$ZodType>(schema.shape))
    for (const alias of toleranceOf(member).aliases ?? [])
      if (!members.has(alias.toLowerCase()))
        members.set(alias.toLowerCase(), { name, alias: true, plan: planOf(member) });
  return { kind: 'object', members };
}

/** Sets an own member, also one named `__proto__`, which assignment would take for the object's prototype. */
function put(target: JsonObject, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else target[name] = value;
}

/** JSON has no negative zero. */
const plain = (value: number): number => (value === 0 ? 0 : value);

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Longest text that is read as a number: more digits than any amount has. */
const longestNumber = 64;

function toNumber(value: string): number | string | undefined {
  const trimmed = value.trim();
  if (trimmed === '') return undefined;
  const number = trimmed.length <= longestNumber && decimal.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? plain(number) : value;
}

function toBoolean(value: Json): Json | undefined {
  if (typeof value === 'string') {
    const word = value.trim().toLowerCase();
    if (word === '') return undefined;
    if (word === 'true' || word === '1') return true;
    if (word === 'false' || word === '0') return false;
  }
  if (value === 1) return true;
  return value === 0 ? false : value;
}

interface Walk {
  path: (string | number)[];
  faults: Fault[];
}

function fault(walk: Walk, message: string): void {
  if (walk.faults.length < maxFaults) walk.faults.push({ path: renderPath(walk.path), message });
}

/** A copy of any value as well-formed JSON: no lone surrogates, no numbers JSON lacks, no depth without end. */
function copy(value: unknown, walk: Walk): Json {
  if (typeof value === 'string') {
    if (value.length > maxText) fault(walk, `is longer than ${maxText} characters`);
    return value.toWellFormed();
  }
  if (typeof value === 'number') return Number.isFinite(value) ? plain(value) : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return null;
  if (walk.path.length >= maxDepth) {
    fault(walk, `is nested deeper than ${maxDepth} levels`);
    return null;
  }
  if (Array.isArray(value)) return value.map((item, index) => within(walk, index, () => copy(item, walk)));
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    if (!usableName(name, walk)) continue;
    put(
      result,
      name.toWellFormed(),
      within(walk, name, () => copy(member, walk)),
    );
  }
  return result;
}

function within<T>(walk: Walk, segment: string | number, work: () => T): T {
  walk.path.push(segment);
  const result = work();
  walk.path.pop();
  return result;
}

function usableName(name: string, walk: Walk): boolean {
  if (name.length <= maxName) return true;
  within(walk, name, () => fault(walk, `has a name longer than ${maxName} characters`));
  return false;
}

/** One value by its plan; `undefined` where it stands for "absent". What does not fit is left for the schema to refuse. */
function convert(plan: Plan, value: unknown, walk: Walk): Json | undefined {
  if (value === null || value === undefined) return undefined;
  switch (plan.kind) {
    case 'text':
      if (typeof value === 'number') return Number.isFinite(value) ? String(plain(value)) : undefined;
      if (value === false && plan.falseIsAbsent) return undefined;
      return typeof value === 'string' ? value.toWellFormed() : copy(value, walk);
    case 'number':
      return typeof value === 'string'
        ? toNumber(value)
        : typeof value === 'number'
          ? value
          : copy(value, walk);
    case 'boolean':
      return toBoolean(copy(value, walk));
    case 'verbatim':
      return copy(value, walk);
    case 'record':
      return isEmptyList(value) ? {} : copy(value, walk);
    case 'list':
      return convertList(plan.item, value, walk);
    case 'object':
      return convertObject(plan.members, value, walk);
  }
}

function convertList(item: Plan, value: unknown, walk: Walk): Json {
  if (Array.isArray(value)) {
    if (value.length > maxElements) {
      fault(walk, `has more than ${maxElements} elements`);
      return [];
    }
    return value
      .map((element, index) => within(walk, index, () => convert(item, element, walk)))
      .filter((element) => element !== undefined);
  }
  // some clients send the one element of a list without the list
  return item.kind === 'object' && typeof value === 'object'
    ? [convert(item, value, walk) ?? null]
    : copy(value, walk);
}

/** PHP writes an empty object so. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function convertObject(members: Members, value: unknown, walk: Walk): Json {
  if (isEmptyList(value)) return {};
  // some clients send a list of the one object that is wanted
  if (Array.isArray(value) && value.length === 1 && typeof value[0] === 'object' && value[0] !== null)
    return convertObject(members, value[0], walk);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return copy(value, walk);
  const result: JsonObject = {};
  const ranks = new Map<string, number>();
  for (const [name, member] of Object.entries(value)) {
    const known = members.get(name.toLowerCase());
    if (!known) {
      if (usableName(name, walk))
        put(
          result,
          name.toWellFormed(),
          within(walk, name, () => copy(member, walk)),
        );
      continue;
    }
    // a member given twice in different letter case: the exact name wins, then the first, an alias last
    const rank = known.alias ? 1 : name === known.name ? 3 : 2;
    if (rank <= (ranks.get(known.name) ?? 0)) continue;
    const converted = within(walk, known.name, () => convert(known.plan, member, walk));
    if (converted === undefined) continue;
    ranks.set(known.name, rank);
    result[known.name] = converted;
  }
  return result;
}

function conforms<S extends z.ZodType>(schema: S, value: unknown, faults: Fault[]): value is z.output<S> {
  const checked = schema.safeParse(value, { reportInput: true });
  if (!checked.success) faults.push(...faultsOf(checked.error.issues));
  return checked.success;
}

export type Parsed<T> = { ok: true; event: T; payload: JsonObject } | { ok: false; faults: Fault[] };
export type Reader<T> = (json: unknown) => Parsed<T>;

/**
 * Builds the reader of one kind of body from its zod schema. The reader brings member names into the schema's spelling
 * (any letter case and noted aliases), converts numbers and Booleans that came as text, leaves out nulls of known members,
 * takes a single object where a list is wanted, and keeps every other member where it is. `event` is the canonical body
 * with the schema's type, `payload` the same object as plain JSON, for rules. All faults are given at once; `adapt`
 * may bring an older shape into today's before.
 */
export function reader<S extends z.ZodObject>(
  schema: S,
  adapt?: (body: object) => unknown,
): Reader<z.output<S>> {
  const plan = planOf(schema);
  if (plan.kind !== 'object') throw new TypeError('a reader needs an object schema');
  const members = plan.members;
  return (json) => {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      return {
        ok: false,
        faults: [{ path: '', message: `expected a JSON object, got ${describeValue(json)}` }],
      };
    }
    const walk: Walk = { path: [], faults: [] };
    const payload = convertObject(members, adapt ? adapt(json) : json, walk);
    const event: unknown = payload;
    if (conforms(schema, event, walk.faults) && walk.faults.length === 0 && isObject(payload)) {
      return { ok: true, event, payload };
    }
    return { ok: false, faults: walk.faults };
  };
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
