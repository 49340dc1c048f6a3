/** The values of an attribute path that crosses an array: every element's, in order. */
export class Many {
  readonly items: readonly unknown[];
  readonly #missing: () => unknown;
  /** `missing` gives the single value where there is no element: what a missing attribute would give. */
  constructor(items: readonly unknown[], missing: () => unknown) {
    this.items = items;
    this.#missing = missing;
  }
  /** The first element's value. */
  get first(): unknown {
    return this.items.length > 0 ? this.items[0] : this.#missing();
  }
}

/** The single value of what may be many. */
export function one(value: unknown): unknown {
  return value instanceof Many ? value.first : value;
}

/** Whether the test holds for any element of any of the arguments. */
export function any1(a: unknown, test: (a: unknown) => boolean): boolean {
  return a instanceof Many ? a.items.some((x) => test(x)) : test(a);
}

/** More pairs than these are not compared one by one. */
const mostPairs = 2_000_000;

export function any2(a: unknown, b: unknown, test: (a: unknown, b: unknown) => boolean): boolean {
  if (a instanceof Many && b instanceof Many && a.items.length * b.items.length > mostPairs)
    throw new RangeError('Too many pairs.');
  return any1(a, (x) => any1(b, (y) => test(x, y)));
}

/** Whether any element of one is an element of the other; takes time linear in both. */
export function anySame(a: unknown, b: unknown): boolean {
  const known = new Set(a instanceof Many ? a.items : [a]);
  return any1(b, (x) => known.has(x));
}

/** For calls with any number of arguments that may be many. */
export function anyOf(values: readonly unknown[], test: (...values: unknown[]) => boolean): boolean {
  const at = values.findIndex((v) => v instanceof Many);
  if (at < 0) return test(...values);
  return any1(values[at], (x) => anyOf(values.with(at, x), test));
}

/** Maps every element; a single value is mapped as itself. */
export function map1(a: unknown, f: (a: unknown) => unknown): unknown {
  if (!(a instanceof Many)) return f(a);
  return new Many(
    a.items.map((x) => f(x)),
    () => f(a.first),
  );
}

/** Maps the first argument's elements; the other arguments are taken as single values. */
export function mapFirst(values: readonly unknown[], f: (...values: unknown[]) => unknown): unknown {
  const rest = values.slice(1).map(one);
  return map1(values[0], (x) => f(x, ...rest));
}

export function isMany(value: unknown): value is Many {
  return value instanceof Many;
}
