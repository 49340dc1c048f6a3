import type { Json, JsonObject } from '../../fql/index.ts';
import type { Path } from './entities.ts';
import type { Binding } from './mapping.ts';

/** Attributes that are objects or lists, as JSON in one column. */
const structured = new Set([
  'customData',
  'addressList',
  'paymentInstrumentList',
  'productList',
  'deviceContext',
  'threeDS',
  'cloudBusiness',
  'travelOverview',
  'storeAddress',
]);

type Node = { [name: string]: Json } | Json[];

/** The body that a row makes; empty values are not there. */
export function bodyOf(bindings: readonly Binding[], row: readonly string[]): JsonObject {
  const body: { [name: string]: Json } = {};
  for (const { path, column, value, values } of bindings) {
    const given = column === undefined ? value : row[column];
    if (given === undefined || given.trim() === '') continue;
    const text = values && Object.hasOwn(values, given) ? (values[given] ?? given) : given;
    put(body, path, jsonOf(path, text));
  }
  return body;
}

function jsonOf(path: Path, text: string): Json {
  const name = path.at(-1);
  if (path.length !== 1 || !structured.has(String(name)) || !/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // the schema says what is wrong with it
    return text;
  }
}

function put(body: { [name: string]: Json }, path: Path, value: Json): void {
  let node: Node = body;
  for (const [index, part] of path.entries()) {
    const last = index === path.length - 1;
    const next: Json = last ? value : typeof path[index + 1] === 'number' ? [] : {};
    const known = read(node, part);
    if (!last && isNode(known)) {
      node = known;
      continue;
    }
    write(node, part, next);
    if (isNode(next)) node = next;
  }
}

function read(node: Node, part: string | number): Json | undefined {
  if (Array.isArray(node)) return typeof part === 'number' ? node[part] : undefined;
  return Object.getOwnPropertyDescriptor(node, String(part))?.value;
}

function write(node: Node, part: string | number, value: Json): void {
  if (Array.isArray(node)) node[typeof part === 'number' ? part : node.length] = value;
  else
    Object.defineProperty(node, String(part), {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function isNode(value: Json | undefined): value is Node {
  return typeof value === 'object' && value !== null;
}
