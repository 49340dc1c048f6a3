import type { PathStep } from '../tree.ts';
import type { ScalarType } from '../type.ts';
import type { Json, RunInput } from '../types.ts';
import { foldedKey, isArray, isObject } from './json.ts';
import { Many } from './many.ts';
import { defaults, fromJson } from './values.ts';

/** A path prepared for reading: names beside their lower-case form, indexes as numbers. */
export type ReadyPath = readonly (number | { name: string; lower: string })[];

export function readyPath(path: readonly PathStep[]): ReadyPath {
  return path.map((step) => (typeof step === 'number' ? step : { name: step, lower: step.toLowerCase() }));
}

/** Every value at the end of a path that crossed an array. */
class Spread {
  readonly items: (Json | undefined)[];
  constructor(items: (Json | undefined)[]) {
    this.items = items;
  }
}

function member(value: Json | undefined, name: string, lower: string): Json | undefined {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const key = foldedKey(value, lower);
  return key === undefined ? undefined : value[key];
}

/** Reads a path; an array that a name steps into stands for all its elements. */
function walk(root: Json | undefined, path: ReadyPath): Json | Spread | undefined {
  let value: Json | Spread | undefined = root;
  for (const step of path) {
    if (value === undefined || value === null) return value;
    if (typeof step === 'number') {
      if (value instanceof Spread)
        value = new Spread(value.items.map((x) => (isArray(x) ? x[step] : undefined)));
      else value = isArray(value) ? value[step] : undefined;
      continue;
    }
    if (isArray(value)) value = new Spread(flat(value));
    if (value instanceof Spread)
      value = new Spread(flat(value.items).map((x) => member(x, step.name, step.lower)));
    else value = member(value, step.name, step.lower);
  }
  return value;
}

function flat(items: readonly (Json | undefined)[]): (Json | undefined)[] {
  return items.some(isArray) ? items.flatMap((x) => (isArray(x) ? flat(x) : [x])) : [...items];
}

function read(input: RunInput, path: ReadyPath): Json | Spread | undefined {
  const value = walk(input.payload, path);
  if (value !== undefined) return value;
  return input.enrichment === undefined ? undefined : walk(input.enrichment, path);
}

/** The value of an attribute as a type: one, or `Many`; a missing one is the type's default. Conversion may fault. */
export function readAs(type: ScalarType, input: RunInput, path: ReadyPath, site: number): unknown {
  const value = read(input, path);
  const convert = fromJson[type];
  if (value instanceof Spread) return manyOf(type, value.items, site);
  if (isArray(value)) return manyOf(type, value, site);
  return convert(value, site);
}

function manyOf(type: ScalarType, items: readonly (Json | undefined)[], site: number): Many {
  const convert = fromJson[type];
  const converted = flat(items).map((x) => convert(x, site));
  return new Many(converted, () => defaults[type]);
}

/** The value of a path as JSON; a path that crosses an array gives the array of what its elements hold. */
export function readJson(input: RunInput, path: ReadyPath): Json {
  const value = path.length === 0 ? input.payload : read(input, path);
  if (value instanceof Spread) return value.items.filter((x) => x !== undefined);
  return value ?? null;
}

/** Whether the event has a value, not null, at the path. */
export function exists(input: RunInput, path: ReadyPath): boolean {
  const value = read(input, path);
  if (value instanceof Spread) return value.items.some((x) => x !== undefined && x !== null);
  return value !== undefined && value !== null;
}

/** A score of this assessment; undefined when the assessment has none, so that the payload is read. */
export function score(input: RunInput, which: 'risk' | 'bot', before: boolean): number | undefined {
  const value = input.scores?.[which];
  return value === undefined ? undefined : before ? 0 : value;
}
