import type { CheckedCode, CheckedFinal, Typed } from '../checker/typed.ts';
import { emit } from './expressions.ts';
import { emitCondition, emitOne } from './many.ts';
import { constant, type Module, moduleText } from './module.ts';
import { emitPlan, valuesOf } from './plan.ts';
import type { Purity } from './purity.ts';
import { newUnit, runtimeCall, site, type Unit } from './unit.ts';

export type CheckedSelect = Extract<CheckedFinal, { kind: 'select' }>;

export interface CheckedVelocity {
  code: CheckedCode;
  select: CheckedSelect;
}

const json = JSON.stringify;

function fromSet(module: Module, select: CheckedSelect): string {
  const names = select.from.map((f) => f.toLowerCase());
  return constant(module, `from:${json(names)}`, () => new Set(names));
}

/** The text of a velocity set's program: `{ run(o, t, out), plan(o, q, t) }`, `t` the event's type in lower case. */
export function velocitiesText(
  module: Module,
  purity: Purity,
  name: string,
  condition: CheckedCode | undefined,
  velocities: readonly CheckedVelocity[],
): string {
  const unit = newUnit(module, name, 0, -1, true);
  const lines: string[] = [];
  if (condition !== undefined) {
    const locals = condition.statements.flatMap((s) => (s.kind === 'let' ? [`v${s.local.id}`] : []));
    if (locals.length > 0) lines.push(`let ${locals.join(', ')};`);
    const lets = condition.statements
      .map((s) => (s.kind === 'let' ? `v${s.local.id} = ${emit(unit, s.local.value)};` : ''))
      .join(' ');
    const when = condition.when === undefined ? 'true' : emitCondition(unit, condition.when);
    lines.push(`try { ${lets} if (!${when}) return; } catch (e) { o.caught(e, 0, -1, 0); return; }`);
  }
  for (const [i, velocity] of velocities.entries()) {
    unit.clause = i;
    unit.name = `${name}|${velocity.select.name}`;
    lines.push(writeVelocity(module, unit, velocity, i));
  }
  const matches = velocities.map((v) => `${fromSet(module, v.select)}.has(t)`).join(' || ') || 'false';
  const declared = unit.declared.length === 0 ? '' : `let ${unit.declared.join(', ')};`;
  const main = [
    `function run(o, t, out) { if (!(${matches})) return; const c = o.input; ${declared}\n${lines.join('\n')}\n}`,
  ];
  const plans = velocities.map((v, i) => {
    const pieces = [condition, v.code].flatMap((code) =>
      code === undefined
        ? []
        : [
            {
              statements: code.statements,
              values: [...(code.when === undefined ? [] : [code.when]), ...valuesOf(code.final)],
            },
          ],
    );
    const plan = emitPlan(module, purity, name, 0, pieces);
    if (plan === '') return '';
    main.push(`function plan${i}(o, q) { const c = o.input; ${plan} }`);
    return `if (${fromSet(module, v.select)}.has(t)) plan${i}(o, q);`;
  });
  main.push(`function plan(o, q, t) { ${plans.join(' ')} }`);
  return moduleText(module, main, '{ run, plan }');
}

function writeVelocity(module: Module, unit: Unit, velocity: CheckedVelocity, i: number): string {
  const { code, select } = velocity;
  const lets = code.statements
    .map((s) => (s.kind === 'let' ? `const v${s.local.id} = ${emit(unit, s.local.value)};` : ''))
    .join(' ');
  const when = code.when === undefined ? 'true' : emitCondition(unit, code.when);
  const key = emitOne(unit, select.groupBy);
  const value = select.argument === undefined ? '1' : emitAmount(unit, select.aggregate, select.argument);
  const counts = select.aggregate === 'distinct' ? 'key !== "" && value !== ""' : 'key !== ""';
  const push = `out.push({ velocity: ${json(select.name)}, aggregate: ${json(select.aggregate)}, key, value });`;
  return `if (${fromSet(module, select)}.has(t)) try { ${lets} if (${when}) { const key = ${key}; const value = ${value}; if (${counts}) ${push} } } catch (e) { o.caught(e, 0, ${i}, ${i}); }`;
}

/** JSON may say 1e400, which is read as infinite and adds up to nothing that could be stored. */
function emitAmount(unit: Unit, aggregate: CheckedSelect['aggregate'], argument: Typed): string {
  const value = emitOne(unit, argument);
  return aggregate === 'sum' ? runtimeCall(unit, 'finite', value, String(site(unit, argument))) : value;
}
