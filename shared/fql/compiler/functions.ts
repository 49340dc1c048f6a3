import type { CheckedStatement } from '../checker/typed.ts';
import { emit } from './expressions.ts';
import { emitOne } from './many.ts';
import { hoisted, type Module } from './module.ts';
import { newUnit, type Unit } from './unit.ts';

/** The name of the JavaScript function for one output of a FQL function; writes it on first use. */
export function functionName(module: Module, key: string): string {
  return hoisted(module, 'f', key, (name) => functionText(module, name, key));
}

function functionText(module: Module, name: string, key: string): string {
  const output = module.functions.get(key);
  const code = output?.code;
  if (output === undefined || code === undefined || code.final?.kind !== 'value') {
    return `function ${name}() { return ${JSON.stringify(output?.default ?? null)}; }`;
  }
  const unit: Unit = newUnit(module, key, -1, -1, false);
  const lets = code.statements.flatMap((s: CheckedStatement) =>
    s.kind === 'let' ? [`const v${s.local.id} = ${emit(unit, s.local.value)};`] : [],
  );
  const value = emitOne(unit, code.final.value);
  const temps = unit.declared.length === 0 ? '' : `let ${unit.declared.join(', ')};`;
  const parameters = ['o', 's', ...output.parameters.map((_, i) => `p${i}`)].join(', ');
  const title = `${output.name}.${output.output}`;
  return `function ${name}(${parameters}) { const c = o.input; ${temps} try { ${lets.join(' ')} return ${value}; } catch (e) { return o.functionFault(e, s, ${JSON.stringify(title)}, ${JSON.stringify(output.default)}); } }`;
}
