import type { Typed } from '../checker/typed.ts';
import { isScalar } from '../type.ts';
import { attributeReader, firstRead, pathConstant, plainType, slowReader } from './module.ts';
import { kept, runtimeCall, site, type Unit } from './unit.ts';

const json = JSON.stringify;

export function emitAttribute(unit: Unit, node: Extract<Typed, { kind: 'attribute' }>): string {
  const type = isScalar(node.type) ? node.type : 'String';
  const only = node.path.length === 1 && typeof node.path[0] === 'string' ? node.path[0].toLowerCase() : '';
  const place = site(unit, node);
  if (only === 'riskscore' || only === 'botscore') {
    const which = only === 'riskscore' ? 'risk' : 'bot';
    const read = runtimeCall(
      unit,
      'scoreAs',
      'o',
      json(which),
      json(type),
      pathConstant(unit.module, node.path),
      String(place),
    );
    return kept(unit, `score:${which}:${type}:${unit.section}`, read);
  }
  return kept(
    unit,
    `${type}:${json(node.path)}`,
    `${attributeReader(unit.module, node.path, type)}(c, ${place})`,
  );
}

/** `@@riskScore`: the score as JSON. */
export function emitScore(unit: Unit, path: readonly (string | number)[]): string {
  const which = String(path[0]).toLowerCase() === 'riskscore' ? 'risk' : 'bot';
  const read = runtimeCall(unit, 'scoreJson', 'o', json(which), pathConstant(unit.module, path));
  return kept(unit, `score:${which}:Json:${unit.section}`, read);
}

export interface Slot {
  name: string;
  plain: 'string' | 'number' | 'boolean';
  /** Reads the attribute in full and keeps the result. */
  refill: string;
}

/**
 * The variable of a function that holds an attribute: read cheaply where the function starts, in full only where that
 * gave no plain value of the type. Undefined where there is none.
 */
export function slotOf(unit: Unit, node: Typed): Slot | undefined {
  if (node.kind !== 'attribute' || unit.slots === undefined || isScore(node.path)) return undefined;
  const type = isScalar(node.type) ? node.type : 'String';
  const plain = plainType(type);
  if (plain === undefined) return undefined;
  const key = `first:${type}:${json(node.path)}`;
  let name = unit.slots.get(key);
  if (name === undefined) {
    name = `a${unit.slots.size}`;
    unit.slots.set(key, name);
    unit.declared.push(`${name} = ${firstRead(node.path)}`);
  }
  return {
    name,
    plain,
    refill: `(${name} = ${slowReader(unit.module, node.path, type)}(c, ${name}, ${site(unit, node)}))`,
  };
}

export function isScore(path: readonly (string | number)[]): boolean {
  const only = path.length === 1 && typeof path[0] === 'string' ? path[0].toLowerCase() : '';
  return only === 'riskscore' || only === 'botscore';
}
