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

export function textAt(value: unknown, ...path: (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' && found.trim() !== '' ? found.trim() : undefined;
}

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
