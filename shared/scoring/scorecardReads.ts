import type { Facts } from './scorecardFacts.ts';

/** Reading an event of any shape: every reader gives undefined where the event does not tell. */

/** The member at the path, or undefined; inherited members do not count. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
}

/** The text at the path, trimmed; not where it is blank. */
export function textAt(value: unknown, ...path: (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' && found.trim() !== '' ? found.trim() : undefined;
}

/** The finite number at the path. */
export function numberAt(value: unknown, ...path: (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** The largest of the values that are known. */
export function most(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (found, value) => (value === undefined || (found !== undefined && found >= value) ? found : value),
    undefined,
  );
}

/** The smallest of the values that are known. */
export function least(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (found, value) => (value === undefined || (found !== undefined && found <= value) ? found : value),
    undefined,
  );
}

/** A list of the event; empty where there is none. */
export function list(facts: Facts, name: string): readonly unknown[] {
  const found = at(facts.event, name);
  return Array.isArray(found) ? found : [];
}

/** The lines of the basket. */
export const products = (facts: Facts) => list(facts, 'productList');

/** The payment instruments, under the name of either family. */
export const instruments = (facts: Facts) => [
  ...list(facts, 'paymentInstrumentList'),
  ...list(facts, 'paymentInstruments'),
];
/** The device, under the name of either family. */
export const device = (facts: Facts) => at(facts.event, 'deviceContext') ?? at(facts.event, 'device');

/** The entry of a list of contacts that is marked as the primary one, else the first. */
export function primary(facts: Facts, name: string, mark: string): unknown {
  const entries = list(facts, name);
  return entries.find((entry) => textAt(entry, mark)?.toLowerCase() === 'primary') ?? entries[0];
}

/** Words are compared without letter case, spaces, hyphens and underscores. */
export const word = (text: string | undefined) => text?.toLowerCase().replaceAll(/[\s_-]/g, '');

/** A Boolean as a measure. */
export const yes = (condition: boolean | undefined) =>
  condition === undefined ? undefined : Number(condition);
