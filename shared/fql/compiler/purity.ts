import type { FunctionOutput } from '../checker/scope.ts';
import { children, type Local, type Typed } from '../checker/typed.ts';

/** Answers whether a value is known before anything from outside is: memory for one compilation. */
export interface Purity {
  functions: ReadonlyMap<string, FunctionOutput>;
  locals: Map<Local, boolean>;
  outputs: Map<string, boolean>;
}

export function newPurity(functions: ReadonlyMap<string, FunctionOutput>): Purity {
  return { functions, locals: new Map(), outputs: new Map() };
}

/** Whether a node needs no answer from outside and no global variable (which the run itself may set). */
export function isPure(purity: Purity, node: Typed): boolean {
  switch (node.kind) {
    case 'velocity':
    case 'supportList':
    case 'containsKey':
    case 'lookup':
    case 'externalCall':
    case 'assessment':
    case 'model':
    case 'variable':
      return false;
    case 'local': {
      let known = purity.locals.get(node.local);
      if (known === undefined) {
        known = isPure(purity, node.local.value);
        purity.locals.set(node.local, known);
      }
      return known;
    }
    case 'function':
      return node.args.every((a) => isPure(purity, a)) && isPureOutput(purity, node.use.key);
    default:
      return children(node).every((c) => isPure(purity, c));
  }
}

function isPureOutput(purity: Purity, key: string): boolean {
  let known = purity.outputs.get(key);
  if (known === undefined) {
    const code = purity.functions.get(key)?.code;
    known =
      code === undefined ||
      (code.statements.every((s) => s.kind !== 'let' || isPure(purity, s.local.value)) &&
        (code.final?.kind !== 'value' || isPure(purity, code.final.value)));
    purity.outputs.set(key, known);
  }
  return known;
}
