/**
 * npm run bench:fql: rules in FQL beside the same rules written by hand in JavaScript and in five other rule engines.
 * 50 rules (and 5) of three conditions over a nested purchase of about 80 fields, 64 payloads; the first match wins and
 * the last rule matches. All engines must give the same answers before anything is timed. CPU time, medians of rounds
 * taken in turn.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ZenEngine } from '@gorules/zen-engine';
import { Environment } from '@marcbachmann/cel-js';
import { compileExpression } from 'filtrex';
import { LogicEngine } from 'json-logic-engine';
import { Engine } from 'json-rules-engine';
import { compileRules, type JsonObject, type RuleSource } from '../../shared/fql/index.ts';

interface Condition {
  path: string;
  op: '>' | '<=' | '==';
  value: number | string;
}

const numbers = [
  'totalAmount',
  'salesTax',
  'user.age',
  'device.score',
  'card.count',
  'user.logins',
  'shippingAddress.distance',
  'order.items',
  'order.discount',
  'order.weight',
];
const texts = [
  'user.countryRegion',
  'user.language',
  'user.userType',
  'shippingAddress.city',
  'currency',
  'shippingMethod',
  'device.provider',
  'card.network',
  'order.channel',
  'shippingAddress.countryRegion',
];

/** The rules: a number above, a text equal, a number below; in varied order, so that none ends at its first condition always. */
function makeRules(count: number): Condition[][] {
  return Array.from({ length: count }, (_, i) => {
    const above: Condition = { path: numbers[(i * 3) % 10]!, op: '>', value: i % 2 === 0 ? 100 + i : 5 };
    const equal: Condition = {
      path: texts[(i * 7) % 10]!,
      op: '==',
      value: i === count - 1 ? 'always' : i % 3 === 0 ? 'always' : `value ${i}`,
    };
    const below: Condition = {
      path: numbers[(i * 3 + 5) % 10]!,
      op: '<=',
      value: i === count - 1 ? 1e6 : i % 3 === 0 ? 1 : 900 - i,
    };
    if (i === count - 1) return [{ ...above, value: -1 }, equal, below];
    return i % 2 === 0 ? [equal, above, below] : [above, equal, below];
  });
}

function makePayload(n: number): JsonObject {
  const filler = (count: number, prefix: string) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`${prefix}${i}`, i % 2 === 0 ? `text ${n}` : n + i]),
    );
  const number = (i: number) => 20 + ((n * 7 + i * 13) % 400);
  return {
    purchaseId: `p${n}`,
    totalAmount: number(0),
    salesTax: number(1),
    currency: 'always',
    shippingMethod: 'always',
    ...filler(8, 'field'),
    user: {
      countryRegion: 'always',
      language: 'always',
      userType: 'always',
      age: number(2),
      logins: number(5),
      ...filler(12, 'user'),
    },
    device: { provider: 'always', score: number(3), ...filler(12, 'device') },
    card: { network: 'always', count: number(4), ...filler(8, 'card') },
    shippingAddress: {
      city: 'always',
      countryRegion: 'always',
      distance: number(6),
      ...filler(8, 'address'),
    },
    order: {
      channel: 'always',
      items: number(7),
      discount: number(8),
      weight: number(9),
      ...filler(8, 'order'),
    },
  };
}

type Decide = (payload: JsonObject) => number | Promise<number>;
interface Contestant {
  name: string;
  decide: Decide;
  /** Decisions a round. */
  size: number;
}

const optional = (path: string): string => `p.${path.replaceAll('.', '?.')}`;

/** What a programmer would write: the rules as one function of ifs. */
function byHand(rules: readonly Condition[][]): Decide {
  const test = (c: Condition) =>
    c.op === '=='
      ? `${optional(c.path)} === ${JSON.stringify(c.value)}`
      : `${optional(c.path)} ${c.op} ${c.value}`;
  const text = rules
    .map(
      (conditions, i) =>
        `if (${conditions.map(test).join(' && ')}) return { decision: "Reject", reason: "${i}" };`,
    )
    .join('\n');
  const made: unknown = new Function('p', `${text}\nreturn undefined;`);
  if (typeof made !== 'function') throw new Error('The function by hand is none.');
  return (p) => Number(made(p)?.reason ?? -1);
}

function inFql(rules: readonly Condition[][]): Decide {
  const sources: RuleSource[] = rules.map((conditions, i) => ({
    name: `rule ${i}`,
    clauses: [
      {
        name: 'c',
        code: `RETURN Reject("${i}") WHEN ${conditions.map((c) => `@"${c.path}" ${c.op} ${JSON.stringify(c.value)}`).join(' and ')}`,
      },
    ],
  }));
  const program = compileRules(sources, { environment: 'bench' }).program!;
  return (payload) => {
    const result = program.run({ payload, now: 0 });
    return result.done && result.outcome.decision !== undefined ? Number(result.outcome.decision.reason) : -1;
  };
}

function inJsonLogic(rules: readonly Condition[][]): Decide {
  const engine = new LogicEngine();
  const test = (c: Condition) => ({ [c.op === '==' ? '===' : c.op]: [{ var: c.path }, c.value] });
  const run = engine.build({
    if: [...rules.flatMap((conditions, i) => [{ and: conditions.map(test) }, i]), -1],
  });
  return (p) => Number(run(p));
}

function inFiltrex(rules: readonly Condition[][]): Decide {
  const made = rules.map((conditions) =>
    compileExpression(
      conditions
        .map(
          (c) =>
            `${c.path.replaceAll('.', ' of ').split(' of ').reverse().join(' of ')} ${c.op} ${JSON.stringify(c.value)}`,
        )
        .join(' and '),
    ),
  );
  return (p) => made.findIndex((f) => Boolean(f(p)) && f(p) === true);
}

function inCel(rules: readonly Condition[][]): Decide {
  const environment = new Environment({ unlistedVariablesAreDyn: true });
  const made = rules.map((conditions) =>
    environment.parse(
      conditions
        .map(
          (c) =>
            `${c.path} ${c.op} ${typeof c.value === 'number' ? `${c.value}.0` : JSON.stringify(c.value)}`,
        )
        .join(' && '),
    ),
  );
  return (p) => made.findIndex((f) => f(p) === true);
}

function inZen(rules: readonly Condition[][]): Decide {
  const columns = [...new Set(rules.flat().map((c) => c.path))];
  const content = {
    contentType: 'application/vnd.gorules.decision',
    nodes: [
      { id: 'in', type: 'inputNode', name: 'in', position: { x: 0, y: 0 } },
      {
        id: 'table',
        type: 'decisionTableNode',
        name: 'table',
        position: { x: 0, y: 0 },
        content: {
          hitPolicy: 'first',
          inputs: columns.map((path, i) => ({ id: `i${i}`, name: path, field: path })),
          outputs: [{ id: 'o', name: 'rule', field: 'rule' }],
          rules: rules.map((conditions, r) => ({
            _id: `r${r}`,
            ...Object.fromEntries(columns.map((_, i) => [`i${i}`, ''])),
            ...Object.fromEntries(
              conditions.map((c) => [
                `i${columns.indexOf(c.path)}`,
                c.op === '==' ? JSON.stringify(c.value) : `${c.op} ${c.value}`,
              ]),
            ),
            o: String(r),
          })),
        },
      },
      { id: 'out', type: 'outputNode', name: 'out', position: { x: 0, y: 0 } },
    ],
    edges: [
      { id: 'e1', sourceId: 'in', targetId: 'table', type: 'edge' },
      { id: 'e2', sourceId: 'table', targetId: 'out', type: 'edge' },
    ],
  };
  const decision = new ZenEngine().createDecision(Buffer.from(JSON.stringify(content)));
  return async (p) => {
    const { result } = await decision.evaluate(p);
    return typeof result === 'object' && result !== null && 'rule' in result ? Number(result.rule) : -1;
  };
}

function inJsonRules(rules: readonly Condition[][]): Decide {
  const operators = { '>': 'greaterThan', '<=': 'lessThanInclusive', '==': 'equal' } as const;
  const engine = new Engine();
  for (const [i, conditions] of rules.entries()) {
    engine.addRule({
      priority: rules.length - i,
      conditions: {
        all: conditions.map((c) => {
          const [fact, ...rest] = c.path.split('.');
          return {
            fact: fact ?? '',
            operator: operators[c.op],
            value: c.value,
            ...(rest.length > 0 ? { path: `$.${rest.join('.')}` } : {}),
          };
        }),
      },
      event: { type: 'hit', params: { rule: i } },
      onSuccess: () => engine.stop(),
    });
  }
  return async (p) => {
    const { events } = await engine.run({ ...p });
    return Number(events[0]?.params?.rule ?? -1);
  };
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function round(c: Contestant, payloads: readonly JsonObject[]): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < c.size; i++) {
    const answer = c.decide(payloads[i % payloads.length]!);
    if (typeof answer !== 'number') await answer;
  }
  const used = process.cpuUsage(start);
  return ((used.user + used.system) * 1000) / c.size;
}

async function compare(count: number): Promise<void> {
  const rules = makeRules(count);
  const payloads = Array.from({ length: 64 }, (_, n) => makePayload(n));
  const contestants: Contestant[] = [
    { name: 'by hand', decide: byHand(rules), size: 400_000 },
    { name: 'FQL', decide: inFql(rules), size: 400_000 },
    { name: 'json-logic-engine, compiled', decide: inJsonLogic(rules), size: 40_000 },
    { name: 'filtrex', decide: inFiltrex(rules), size: 10_000 },
    { name: '@marcbachmann/cel-js', decide: inCel(rules), size: 5_000 },
    { name: '@gorules/zen-engine', decide: inZen(rules), size: 500 },
    { name: 'json-rules-engine', decide: inJsonRules(rules), size: 100 },
  ];
  for (const payload of payloads) {
    for (const c of contestants) {
      const answer = await c.decide(payload);
      if (answer !== count - 1)
        throw new Error(
          `${c.name} answers ${answer} for ${String(payload.purchaseId)}; the last rule, ${count - 1}, should match.`,
        );
    }
  }
  const times = new Map(contestants.map((c) => [c, [] as number[]]));
  for (const c of contestants) await round(c, payloads);
  for (let i = 0; i < 7; i++) for (const c of contestants) times.get(c)?.push(await round(c, payloads));
  const ns = contestants.map((c) => median(times.get(c) ?? []));
  const hand = ns[0] ?? 1;
  const others = ns.slice(2);
  console.log(`\n${count} rules × 3 conditions, 64 payloads, the last rule matches`);
  for (const [i, c] of contestants.entries())
    console.log(
      `  ${c.name.padEnd(30)} ${(ns[i]! / 1000).toFixed(3).padStart(10)} µs  ${(ns[i]! / hand).toFixed(2).padStart(9)} × by hand`,
    );
  console.log(`  FQL against the next best: ${(Math.min(...others) / (ns[1] ?? 1)).toFixed(1)} × as fast`);
}

function compileThousand(): void {
  const sources: RuleSource[] = makeRules(1000).map((conditions, i) => ({
    name: `rule ${i}`,
    clauses: [
      {
        name: 'c',
        code: `RETURN Reject("${i}") WHEN ${conditions.map((c) => `@"${c.path}" ${c.op} ${JSON.stringify(c.value)}`).join(' and ')}`,
      },
    ],
  }));
  const start = performance.now();
  const program = compileRules(sources, { environment: 'bench' }).program!;
  const compiled = performance.now() - start;
  program.run({ payload: makePayload(1), now: 0 });
  const first = performance.now() - start - compiled;
  console.log(`\n1,000 rules: compiled in ${compiled.toFixed(0)} ms, first run ${first.toFixed(1)} ms`);
}

function memory(): void {
  const sources: RuleSource[] = makeRules(50).map((conditions, i) => ({
    name: `rule ${i}`,
    clauses: [
      {
        name: 'c',
        code: `RETURN Reject("${i}") WHEN ${conditions.map((c) => `@"${c.path}" ${c.op} ${JSON.stringify(c.value)}`).join(' and ')}`,
      },
    ],
  }));
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') return;
  compileRules(sources, { environment: 'bench' });
  collect();
  const before = process.memoryUsage().heapUsed;
  const programs = Array.from({ length: 50 }, () => compileRules(sources, { environment: 'bench' }).program!);
  for (const p of programs) p.run({ payload: makePayload(1), now: 0 });
  collect();
  console.log(
    `a rule set of 50 rules keeps ${((process.memoryUsage().heapUsed - before) / programs.length / 1024).toFixed(0)} kB`,
  );
}

function large(): void {
  const clauses = Array.from({ length: 2000 }, (_, i) => ({
    name: `c${i}`,
    code: `RETURN Reject("${i}") WHEN @"order.items" == ${i + 100_000}`,
  }));
  const start = performance.now();
  const program = compileRules([{ name: 'R', clauses }], { environment: 'bench' }).program!;
  const compiled = performance.now() - start;
  const payload = makePayload(1);
  for (let i = 0; i < 2000; i++) program.run({ payload, now: 0 });
  const t = performance.now();
  for (let i = 0; i < 2000; i++) program.run({ payload, now: 0 });
  const each = ((performance.now() - t) / 2000) * 1000;
  const deep = `${'('.repeat(200)}@"order.items" > 1${')'.repeat(200)}`;
  const nested = performance.now();
  compileRules([{ name: 'R', clauses: [{ name: 'c', code: `RETURN Reject() WHEN ${deep}` }] }], {
    environment: 'bench',
  });
  console.log(
    `2,000 clauses: compiled in ${compiled.toFixed(0)} ms, ${each.toFixed(1)} µs a run; a clause nested 200 deep: ${(performance.now() - nested).toFixed(1)} ms`,
  );
}

memory();
compileThousand();
large();
await compare(50);
await compare(5);
