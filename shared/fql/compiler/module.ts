import type { FunctionOutput } from '../checker/scope.ts';
import { readyPath } from '../runtime/attributes.ts';
import { runtime } from '../runtime/library.ts';
import type { Site } from '../runtime/outcome.ts';
import type { PathStep } from '../tree.ts';
import type { ScalarType } from '../type.ts';

/** The text of one generated program, piece by piece. Everything in it is made of numbers, names of ours and JSON. */
export interface Module {
  /** Functions and constants before the program's own functions. */
  head: string[];
  /** Values that generated code reads by number. */
  data: unknown[];
  sites: Site[];
  /** Names given to what is in `head`, by what it is. */
  names: Map<string, string>;
  used: Set<keyof typeof runtime>;
  functions: ReadonlyMap<string, FunctionOutput>;
  /** Whether sections before the scores exist: scores then differ within a rule. */
  sections: boolean;
}

export function newModule(functions: ReadonlyMap<string, FunctionOutput>, sections: boolean): Module {
  return { head: [], data: [], sites: [], names: new Map(), used: new Set(), functions, sections };
}

/** Refers to a function of the runtime. */
export function use(module: Module, name: keyof typeof runtime): string {
  module.used.add(name);
  return name;
}

/** A name for a value of `data`. `key` says what it is, so that equal ones are shared. */
export function constant(module: Module, key: string, value: () => unknown): string {
  const known = module.names.get(key);
  if (known !== undefined) return known;
  const name = `k${module.data.length}`;
  module.head.push(`const ${name} = data[${module.data.length}];`);
  module.data.push(value());
  module.names.set(key, name);
  return name;
}

/** A function at the top of the program; equal texts are shared. `make` gets the name. */
export function hoisted(module: Module, prefix: string, key: string, make: (name: string) => string): string {
  const full = `${prefix}:${key}`;
  const known = module.names.get(full);
  if (known !== undefined) return known;
  const name = `${prefix}${module.names.size}`;
  module.names.set(full, name);
  module.head.push(make(name));
  return name;
}

export function pathConstant(module: Module, path: readonly PathStep[]): string {
  return constant(module, `path:${JSON.stringify(path)}`, () => readyPath(path));
}

/** Names that mean something on every JavaScript value; a payload's own properties of these names are read the slow way. */
const inherited: ReadonlySet<string> = new Set(
  [
    Object.prototype,
    Array.prototype,
    String.prototype,
    Number.prototype,
    Boolean.prototype,
    Function.prototype,
  ].flatMap((p) => Object.getOwnPropertyNames(p)),
);

/** JavaScript that reads a path with the very spelling of the source; undefined where that could reach a prototype. */
function directRead(path: readonly PathStep[]): string | undefined {
  let code = 'c.payload';
  for (const [i, step] of path.entries()) {
    if (typeof step === 'number' || inherited.has(step)) return undefined;
    code += i === 0 ? `[${JSON.stringify(step)}]` : `?.[${JSON.stringify(step)}]`;
  }
  return code;
}

const quickTests: Partial<Record<ScalarType, string>> = {
  String: 'typeof v === "string"',
  Double: 'typeof v === "number"',
  Int32: 'typeof v === "number" && v === (v | 0)',
  Boolean: 'typeof v === "boolean"',
};

/** A function (c, s) that reads an attribute of the input `c` as a type, for the site `s`. */
export function attributeReader(module: Module, path: readonly PathStep[], type: ScalarType): string {
  return hoisted(module, 'r', `${type}:${JSON.stringify(path)}`, (name) => {
    const direct = directRead(path);
    const test = quickTests[type];
    const quick =
      direct === undefined || test === undefined ? '' : `const v = ${direct}; if (${test}) return v; `;
    const slow = `${use(module, 'readAs')}(${JSON.stringify(type)}, c, ${pathConstant(module, path)}, s)`;
    return `function ${name}(c, s) { ${quick}return ${slow}; }`;
  });
}

/** What `typeof` says of a value that needs no conversion to the type; undefined where that is not enough. */
export function plainType(type: ScalarType): 'string' | 'number' | 'boolean' | undefined {
  return type === 'String'
    ? 'string'
    : type === 'Double'
      ? 'number'
      : type === 'Boolean'
        ? 'boolean'
        : undefined;
}

/** The first, cheap read of an attribute where a function starts: whatever lies at the exact path. */
export function firstRead(path: readonly PathStep[]): string {
  return directRead(path) ?? 'undefined';
}

/** A function (c, v, s) for when the first read `v` is no plain value of the type: many stay many, the rest is read in full. */
export function slowReader(module: Module, path: readonly PathStep[], type: ScalarType): string {
  return hoisted(module, 'w', `${type}:${JSON.stringify(path)}`, (name) => {
    const slow = `${use(module, 'readAs')}(${JSON.stringify(type)}, c, ${pathConstant(module, path)}, s)`;
    return `function ${name}(c, v, s) { return ${use(module, 'isMany')}(v) ? v : ${slow}; }`;
  });
}

export function existsReader(module: Module, path: readonly PathStep[]): string {
  return hoisted(module, 'e', JSON.stringify(path), (name) => {
    const direct = directRead(path);
    const quick =
      direct === undefined
        ? ''
        : `const v = ${direct}; if (typeof v === "string" || typeof v === "number") return true; `;
    return `function ${name}(c) { ${quick}return ${use(module, 'exists')}(c, ${pathConstant(module, path)}); }`;
  });
}

export function jsonReader(module: Module, path: readonly PathStep[]): string {
  return hoisted(module, 'j', JSON.stringify(path), (name) => {
    return `function ${name}(c) { return ${use(module, 'readJson')}(c, ${pathConstant(module, path)}); }`;
  });
}

/** The finished text. `main` defines what is returned. */
export function moduleText(module: Module, main: readonly string[], returned: string): string {
  const imports = `const { ${[...module.used].sort().join(', ')} } = runtime;`;
  return ['"use strict";', imports, ...module.head, ...main, `return ${returned};`].join('\n');
}

/** Runs the text of a module; its only inputs are the runtime and the data. */
export function instantiate(module: Module, text: string): unknown {
  const make = new Function('runtime', 'data', text);
  return Reflect.apply(make, undefined, [runtime, module.data]);
}
