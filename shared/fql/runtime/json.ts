import type { Json, JsonObject } from '../types.ts';
import { fail, shown } from './fault.ts';

/** Is a JSON value an object, and no array? */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Is a JSON value an array? */
export function isArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** Objects with more keys than this get an index of their folded keys, kept as long as the object lives. */
const scanned = 24;
const indexes = new WeakMap<object, Map<string, string>>();

/** The object's own key that equals `lower` (already lower case) when case is ignored; the first one in order. */
export function foldedKey(object: JsonObject, lower: string): string | undefined {
  let count = 0;
  for (const key in object) {
    if (key.length === lower.length && key.toLowerCase() === lower && Object.hasOwn(object, key)) return key;
    if (++count > scanned) return indexOf(object).get(lower);
  }
  return undefined;
}

function indexOf(object: JsonObject): Map<string, string> {
  let index = indexes.get(object);
  if (index === undefined) {
    index = new Map();
    for (const key of Object.keys(object)) {
      const lower = key.toLowerCase();
      if (!index.has(lower)) index.set(lower, key);
    }
    indexes.set(object, index);
  }
  return index;
}

/** A property of a JSON object by name, any letter case; null where there is none. Never looks at a prototype. */
export function field(value: unknown, name: string, lower: string): Json {
  if (!isObject(value)) return null;
  if (Object.hasOwn(value, name)) return value[name] ?? null;
  const key = foldedKey(value, lower);
  return key === undefined ? null : (value[key] ?? null);
}

/** An element of a JSON array (from 0), or a property where the index is a text; null where there is none. */
export function element(value: unknown, index: unknown): Json {
  if (isArray(value) && typeof index === 'number') return value[index] ?? null;
  if (isObject(value) && typeof index === 'string') return field(value, index, index.toLowerCase());
  return null;
}

/** Element of a list of strings; out of range is a fault. */
export function stringAt(values: readonly string[], index: number, site: number): string {
  return values[index] ?? fail(site, 'index-out-of-range', `Index ${index} of a list of ${values.length}.`);
}

/** Sets an own property, whatever its name. */
export function put<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else object[key] = value;
}

/** A value whose JSON text would be about this long is too large: arrays of arrays could double it with every LET. */
const largest = 2_000_000;
const sizes = new WeakMap<object, number>();

/** About how long the JSON text of a value is. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  let size = 2;
  for (const [key, part] of Object.entries(value)) size += key.length + 4 + sizeOf(part);
  return size;
}

/** The object or array itself; a RangeError where it is too large. Only what holds other objects has to be measured. */
export function bounded<T extends object>(value: T): T {
  let nested = false;
  for (const part of Object.values(value)) {
    if (typeof part !== 'object' || part === null) continue;
    nested = true;
    if (!sizes.has(part)) sizes.set(part, sizeOf(part));
  }
  if (!nested) return value;
  const size = sizeOf(value);
  if (size > largest) throw new RangeError('The value is too large.');
  sizes.set(value, size);
  return value;
}

/** An object from keys and values in turn. */
export function makeObject(...pairs: readonly unknown[]): Record<string, Json> {
  const object: Record<string, Json> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) put(object, String(pairs[i]), asJson(pairs[i + 1]));
  return bounded(object);
}

/** A value that is JSON by construction; what is not (undefined) is null. */
export function asJson(value: unknown): Json {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (isArray(value) || isObject(value)) return value;
  return null;
}

export function asArray(value: unknown, site: number): readonly Json[] {
  if (isArray(value)) return value;
  if (value === null || value === undefined) return [];
  return fail(site, 'not-an-array', `${shown(value)} is no array.`);
}

/** An object (or, as DFP's own examples have it, an array) as it is; a missing one is an empty object. */
export function asObject(value: unknown, site: number): Json {
  if (isObject(value) || isArray(value)) return value;
  if (value === null || value === undefined) return {};
  return fail(site, 'not-an-object', `${shown(value)} is neither an object nor an array.`);
}

/** Whether two JSON values are the same, member by member. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isArray(a) && isArray(b)) return a.length === b.length && a.every((x, i) => sameJson(x, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && sameJson(a[k], b[k]))
  );
}
