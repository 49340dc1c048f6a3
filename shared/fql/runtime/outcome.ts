import { type Problem, spanOf } from '../text.ts';
import type {
  Answer,
  Decision,
  Json,
  JsonObject,
  Request,
  RuleOutcome,
  RunFault,
  RunInput,
  TrailRule,
} from '../types.ts';
import { Fault } from './fault.ts';
import { field, isObject, put } from './json.ts';

/** Thrown to leave a run that needs values from outside first. */
export class Suspended {
  readonly needs: Request[];
  constructor(needs: Request[]) {
    this.needs = needs;
  }
}

/** A place in the source that faults and call sites refer to. */
export interface Site {
  rule: number;
  /** -1: the condition. */
  clause: number;
  start: number;
  end: number;
}

/** What a program knows about its rules without running them. */
export interface RuleFacts {
  name: string;
  hasCondition: boolean;
  condition: string;
  clauses: { name: string; section: number; code: string; observes: 'observed' | 'did' | 'returned' }[];
}

export interface ProgramFacts {
  rules: readonly RuleFacts[];
  sites: readonly Site[];
  lineStarts(text: string): number[];
}

const nothing: readonly never[] = Object.freeze([]);
const empty: JsonObject = Object.freeze({});
const noOutputs: Readonly<Record<string, JsonObject>> = Object.freeze({});

/** What happened, as pairs of a mark and an index in `marks`. */
export const mark = {
  conditionTrue: 0,
  conditionFault: 1,
  fired: 2,
  fault: 3,
  ruleReached: 4,
} as const;

/** What only some runs have; it belongs to one outcome, which adds to it in place. */
interface Extras {
  queue: RuleOutcome['queue'];
  traces: { rule: string; clause: string; attributes: JsonObject }[];
  faults: RunFault[];
  outputs: Record<string, JsonObject>;
  variables: Record<string, Json>;
  customProperties: Record<string, Json>;
  /** Ids of requests whose failure is recorded. */
  failed: Set<string>;
}

function newExtras(): Extras {
  return {
    queue: undefined,
    traces: [],
    faults: [],
    outputs: {},
    variables: {},
    customProperties: {},
    failed: new Set(),
  };
}

/** The state of one run and, once it is over, its outcome. Small, because every run makes one. */
export class Outcome implements RuleOutcome {
  readonly #facts: ProgramFacts;
  readonly input: RunInput;
  /** 0: the scores are known; 1: only the bot score; 2: none yet. */
  section = 0;
  matched = false;
  decision: Decision | undefined = undefined;
  /** Pairs: which mark, which rule or clause (clauses are numbered through all rules). */
  marks: number[] | undefined = undefined;
  /** The rule and clause after which nothing ran; -1: none. */
  stopRule = -1;
  stopClause = -1;
  #extras: Extras | undefined = undefined;

  constructor(facts: ProgramFacts, input: RunInput) {
    this.#facts = facts;
    this.input = input;
  }

  get queue(): RuleOutcome['queue'] {
    return this.#extras?.queue;
  }
  get traces(): RuleOutcome['traces'] {
    return this.#extras?.traces ?? nothing;
  }
  get faults(): readonly RunFault[] {
    return this.#extras?.faults ?? nothing;
  }
  get outputs(): Readonly<Record<string, JsonObject>> {
    return this.#extras?.outputs ?? noOutputs;
  }
  get variables(): JsonObject {
    return this.#extras?.variables ?? empty;
  }
  get customProperties(): JsonObject {
    return this.#extras?.customProperties ?? empty;
  }

  /** The extras, made when first needed. */
  #own(): Extras {
    this.#extras ??= newExtras();
    return this.#extras;
  }

  note(kind: number, index: number): void {
    this.marks ??= [];
    this.marks.push(kind, index);
  }

  /** A clause returned: nothing after it runs. */
  returned(rule: number, clause: number, decision: Decision): void {
    this.decision = decision;
    this.stopRule = rule;
    this.stopClause = clause;
  }

  routed(rule: number, clause: number, number: number, queue: string): void {
    const facts = this.#facts.rules[rule];
    this.#own().queue = { queue, rule: facts?.name ?? '', clause: facts?.clauses[clause]?.name ?? '' };
    this.stopRule = rule;
    this.stopClause = clause;
    this.note(mark.fired, number);
  }

  output(clause: string, values: Record<string, Json>): void {
    const { outputs } = this.#own();
    put(outputs, clause, Object.hasOwn(outputs, clause) ? merged(outputs[clause], values) : values);
  }

  trace(rule: number, clause: number, attributes: JsonObject): void {
    const facts = this.#facts.rules[rule];
    this.#own().traces.push({
      rule: facts?.name ?? '',
      clause: facts?.clauses[clause]?.name ?? '',
      attributes,
    });
  }

  setVariables(values: Record<string, Json>): void {
    addTo(this.#own().variables, values);
  }

  respond(section: string | undefined, values: Record<string, Json>): void {
    const { customProperties } = this.#own();
    if (section === undefined) {
      addTo(customProperties, values);
      return;
    }
    const before = Object.hasOwn(customProperties, section) ? customProperties[section] : undefined;
    put(customProperties, section, merged(isObject(before) ? before : empty, values));
  }

  /** A global variable: set in this run, or before it. */
  variable(key: string): Json {
    const here = field(this.variables, key, key.toLowerCase());
    if (here !== null) return here;
    const before = this.input.variables;
    if (before === undefined) return null;
    const exact = before.get(key);
    if (exact !== undefined) return exact;
    const lower = key.toLowerCase();
    for (const [name, value] of before) if (name.toLowerCase() === lower) return value;
    return null;
  }

  /** Lets a fault pass: what it belongs to runs again and reports it. */
  onlyFault(e: unknown): void {
    if (!(e instanceof Fault) && !(e instanceof RangeError)) throw e;
  }

  /** Records a fault; what is none is thrown on. */
  caught(e: unknown, rule: number, clause: number, number: number): void {
    this.record(e, rule, clause);
    if (clause < 0) this.note(mark.conditionFault, rule);
    else this.note(mark.fault, number);
  }

  record(e: unknown, rule: number, clause: number): void {
    if (e instanceof Fault) this.addFault(rule, clause, this.#facts.sites[e.site], e.code, e.message);
    else if (e instanceof RangeError)
      this.addFault(rule, clause, undefined, 'too-large', 'A value became too large or too deeply nested.');
    else throw e;
  }

  addFault(rule: number, clause: number, site: Site | undefined, code: string, message: string): void {
    const facts = this.#facts.rules[rule];
    const source = clause < 0 ? (facts?.condition ?? '') : (facts?.clauses[clause]?.code ?? '');
    const at: Pick<Problem, 'start' | 'end'> = site ?? { start: 0, end: 0 };
    const span = spanOf(this.#facts.lineStarts(source), at.start, at.end);
    const name = clause < 0 ? {} : { clause: facts?.clauses[clause]?.name ?? '' };
    this.#own().faults.push({ rule: facts?.name ?? '', ...name, code, message, ...span });
  }

  /** A fault inside a function's output: recorded where the function is used; the output's default goes on. */
  functionFault(e: unknown, site: number, title: string, fallback: unknown): unknown {
    const at = this.#facts.sites[site];
    const inner = e instanceof Fault ? new Fault(site, e.code, `In the function ${title}: ${e.message}`) : e;
    this.record(inner, at?.rule ?? 0, at?.clause ?? -1);
    return fallback;
  }

  /** The answer to a request; suspends the run while there is none. A failed one is recorded once. */
  ask(request: Request, site: number): Answer {
    const answer = this.input.answer?.(request);
    if (answer === undefined) throw new Suspended([request]);
    if (answer.failed !== undefined && !this.#extras?.failed.has(request.id)) {
      this.#own().failed.add(request.id);
      const at = this.#facts.sites[site];
      this.addFault(at?.rule ?? 0, at?.clause ?? -1, at, answer.failed.code, answer.failed.message);
    }
    return answer;
  }

  /** The names of the rule and clause a site stands in. */
  placeOf(site: number): { rule: string; clause: string } {
    const at = this.#facts.sites[site];
    const facts = this.#facts.rules[at?.rule ?? -1];
    return { rule: facts?.name ?? '', clause: facts?.clauses[at?.clause ?? -1]?.name ?? '' };
  }

  /** All of it as plain data; the outcome itself is an object with getters. */
  toJSON(): RuleOutcome {
    const {
      matched,
      decision,
      queue,
      evaluations,
      outputs,
      traces,
      variables,
      customProperties,
      faults,
      trail,
    } = this;
    return {
      matched,
      decision,
      queue,
      evaluations,
      outputs,
      traces,
      variables,
      customProperties,
      faults,
      trail,
    };
  }

  get evaluations(): { rule: string; clauses: string[] }[] {
    return this.trail
      .filter((r) => r.condition === 'none' || r.condition === 'true')
      .map((r) => ({
        rule: r.rule,
        clauses: r.clauses
          .filter((c) => c.result === 'returned' || c.result === 'observed' || c.result === 'did')
          .map((c) => c.clause),
      }));
  }

  get trail(): TrailRule[] {
    const seen = new Map<string, true>();
    const marks = this.marks ?? [];
    for (let i = 0; i < marks.length; i += 2) seen.set(`${marks[i]}:${marks[i + 1]}`, true);
    const has = (kind: number, index: number) => seen.has(`${kind}:${index}`);
    let number = 0;
    return this.#facts.rules.map((rule, r) => {
      const reached = this.stopRule < 0 || r <= this.stopRule;
      const held = !rule.hasCondition || has(mark.conditionTrue, r);
      const condition = !reached
        ? ('not reached' as const)
        : !rule.hasCondition
          ? ('none' as const)
          : has(mark.conditionTrue, r)
            ? ('true' as const)
            : has(mark.conditionFault, r)
              ? ('fault' as const)
              : ('false' as const);
      const stop = r === this.stopRule && this.stopClause >= 0 ? this.stopClause : Number.POSITIVE_INFINITY;
      const stopSection = rule.clauses[stop]?.section;
      const clauses = rule.clauses.map((c, i) => {
        const n = number++;
        const unreached =
          stopSection !== undefined && c.section !== stopSection
            ? ('section not reached' as const)
            : ('not reached' as const);
        const result =
          !reached || !held || i > stop
            ? unreached
            : i === stop
              ? c.observes === 'returned'
                ? ('returned' as const)
                : ('did' as const)
              : has(mark.fault, n)
                ? ('fault' as const)
                : has(mark.fired, n)
                  ? c.observes
                  : ('when false' as const);
        return { clause: c.name, result };
      });
      return { rule: rule.name, condition, clauses };
    });
  }
}

function addTo(target: Record<string, Json>, values: Record<string, Json>): void {
  for (const key of Object.keys(values)) put(target, key, values[key] ?? null);
}

function merged(a: JsonObject | undefined, b: Record<string, Json>): Record<string, Json> {
  const result: Record<string, Json> = {};
  for (const part of [a ?? empty, b])
    for (const key of Object.keys(part)) put(result, key, part[key] ?? null);
  return result;
}
