import { compileRules } from './compile.ts';
import { type EvaluateRequest, evaluateRequest } from './evaluate-request.ts';
import { parseDate } from './runtime/dates.ts';
import { put } from './runtime/json.ts';
import { foldKey } from './runtime/requests.ts';
import type {
  Answer,
  Decision,
  Diagnostic,
  Json,
  JsonObject,
  Request,
  Resources,
  RuleOutcome,
  RuleProgram,
  RunFault,
  RunInput,
} from './types.ts';

/** The answer of `POST …/rules/evaluate`. */
export interface EvaluateAnswer {
  decision: Decision['decision'];
  challengeType: string | null;
  reasons: string[];
  supportMessages: string[];
  rule: string | null;
  clause: string | null;
  ruleEvaluations: { rule: string; clauseNames: string[] }[];
  outputs: Readonly<Record<string, JsonObject>>;
  traces: RuleOutcome['traces'];
  variables: JsonObject;
  customProperties: JsonObject;
  /** Faults and fallbacks. */
  diagnostics: RunFault[];
}

export type Evaluated =
  | { kind: 'answer'; answer: EvaluateAnswer }
  /** Code that does not compile: 422. */
  | { kind: 'diagnostics'; diagnostics: Diagnostic[] }
  /** A body that is no request: 400. */
  | { kind: 'invalid'; errors: { path: string; message: string }[] };

/** What the environment gives beside the request: names, a clock, and answers from memory. Nothing in it may send or store. */
export interface EvaluateEnvironment
  extends Pick<RunInput, 'answer' | 'geo' | 'bin' | 'device' | 'enrichment'> {
  resources?: Resources;
  /** The clock where the request has none, milliseconds since 1970. */
  now?: number;
}

/** Compiles and runs what is in a request (FQL.md, "Trying rules"). Pure: the clock comes from the request or the caller. */
export function evaluate(body: unknown, environment: EvaluateEnvironment = {}): Evaluated {
  const parsed = evaluateRequest.safeParse(body);
  if (!parsed.success) {
    const errors = parsed.error.issues.map((i) => ({
      path: i.path.map(String).join('.'),
      message: i.message,
    }));
    return { kind: 'invalid', errors };
  }
  const request = parsed.data;
  const resources = withGiven(environment.resources ?? { environment: '' }, request);
  const rules = compileRules(request.rules, resources, { behavior: request.behavior });
  const actions = compileRules(request.actions, resources, { kind: 'action' });
  if (rules.program === undefined || actions.program === undefined) {
    return { kind: 'diagnostics', diagnostics: [...rules.diagnostics, ...actions.diagnostics] };
  }
  const input: RunInput = {
    ...environment,
    payload: request.payload,
    scores: given({ risk: request.scores.riskScore, bot: request.scores.botScore }),
    now: request.now === undefined ? (environment.now ?? 0) : timeOf(request.now),
    correlationId: request.correlationId,
    answer: answerer(request, environment),
  };
  const decided = runToEnd(rules.program, input);
  const decision = decided.decision?.decision ?? 'Approve';
  const acted = runToEnd(actions.program, {
    ...input,
    decision,
    variables: new Map(entries(decided.variables)),
  });
  return { kind: 'answer', answer: answerOf(decided, acted) };
}

function given(scores: { risk: number | undefined; bot: number | undefined }): {
  risk?: number;
  bot?: number;
} {
  return {
    ...(scores.risk === undefined ? {} : { risk: scores.risk }),
    ...(scores.bot === undefined ? {} : { bot: scores.bot }),
  };
}

/** A time that the schema has let through, in milliseconds since 1970. */
function timeOf(text: string): number {
  return parseDate(text) ?? 0;
}

function entries(object: JsonObject): [string, Json][] {
  return Object.entries(object).map(([k, v]) => [k, v ?? null]);
}

/** The environment's names with the request's beside and over them. */
function withGiven(own: Resources, request: EvaluateRequest): Resources {
  const calls = Object.keys(request.externalCalls).filter(
    (name) => !hasName(Object.keys(own.externalCalls ?? {}), name),
  );
  return {
    ...own,
    lists: { ...without(own.lists, request.lists), ...request.lists },
    supportLists: [
      ...new Set([
        ...(own.supportLists ?? []).filter((n) => !hasName(Object.keys(request.supportLists), n)),
        ...Object.keys(request.supportLists),
      ]),
    ],
    velocities: [
      ...(own.velocities ?? []).filter((n) => !hasName(Object.keys(request.velocities), n)),
      ...Object.keys(request.velocities),
    ],
    externalCalls: { ...own.externalCalls, ...Object.fromEntries(calls.map((name) => [name, {}])) },
  };
}

function hasName(names: readonly string[], name: string): boolean {
  return names.some((n) => n.toLowerCase() === name.toLowerCase());
}

function without<T>(
  own: Readonly<Record<string, T>> | undefined,
  over: Readonly<Record<string, unknown>>,
): Record<string, T> {
  return Object.fromEntries(Object.entries(own ?? {}).filter(([name]) => !hasName(Object.keys(over), name)));
}

function find<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  const key = Object.keys(record).find((k) => k.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : record[key];
}

/** Answers from the request, then from the environment; what neither knows gets its documented default, with a diagnostic. */
function answerer(request: EvaluateRequest, environment: EvaluateEnvironment): (r: Request) => Answer {
  return (r) => fromRequest(request, r, environment) ?? environment.answer?.(r) ?? notAvailable(r);
}

function notAvailable(r: Request): Answer {
  const what = {
    velocity: 'velocity',
    supportList: 'support list',
    list: 'list',
    externalCall: 'external call',
    externalAssessment: 'external assessment',
    model: 'model',
  }[r.kind];
  const name = 'name' in r ? r.name : 'list' in r ? r.list : r.model;
  return {
    failed: {
      code: 'not-available',
      message: `The ${what} ${JSON.stringify(name)} has no value in this trial; its default is used.`,
    },
  };
}

function fromRequest(
  request: EvaluateRequest,
  r: Request,
  environment: EvaluateEnvironment,
): Answer | undefined {
  switch (r.kind) {
    case 'velocity': {
      const value = find(request.velocities, r.name);
      return value === undefined ? undefined : { value };
    }
    case 'list': {
      const list = find(request.lists, r.list);
      return list === undefined ? undefined : { value: rowOf(list, r.column, r.key) };
    }
    case 'supportList': {
      const list = find(request.supportLists, r.list);
      if (list === undefined) return undefined;
      const now = request.now === undefined ? (environment.now ?? 0) : timeOf(request.now);
      const entry = list.find(
        (e) =>
          foldKey(e.key) === foldKey(r.key) &&
          (e.expires === undefined || e.expires === null || timeOf(e.expires) > now),
      );
      return { value: entry === undefined ? null : { status: entry.status } };
    }
    case 'externalCall': {
      const response = find(request.externalCalls, r.name);
      return response === undefined
        ? undefined
        : { value: response, diagnostics: { request: r.arguments, httpStatusCode: 200, latency: 0 } };
    }
    case 'model': {
      const score = r.model === 'risk' ? request.scores.riskScore : request.scores.botScore;
      return score === undefined ? undefined : { value: { score, reason: '' } };
    }
    default:
      return undefined;
  }
}

function rowOf(list: EvaluateRequest['lists'][string], column: string, key: string): Json {
  const at = list.columns.findIndex((c) => c.toLowerCase() === column.toLowerCase());
  const row = list.rows.find((r) => foldKey(String(r[at] ?? '')) === foldKey(key));
  if (row === undefined || at < 0) return null;
  const record: Record<string, Json> = {};
  for (const [i, name] of list.columns.entries()) put(record, name, String(row[i] ?? ''));
  return record;
}

function runToEnd(program: RuleProgram, input: RunInput): RuleOutcome {
  const result = program.run(input);
  if (result.done) return result.outcome;
  throw new Error('A run whose requests are all answered did not end.');
}

function answerOf(decided: RuleOutcome, acted: RuleOutcome): EvaluateAnswer {
  const decision = decided.decision;
  const some = (text: string | undefined) => (text === undefined ? [] : [text]);
  const outcomes = [decided, acted];
  return {
    decision: decision?.decision ?? 'Approve',
    challengeType: decision?.challengeType ?? null,
    reasons: decision === undefined ? ['NO_CLAUSE_HIT'] : some(decision.reason),
    supportMessages: some(decision?.supportMessage),
    rule: decision?.rule ?? null,
    clause: decision?.clause ?? null,
    ruleEvaluations: outcomes.flatMap((o) =>
      o.evaluations.map((e) => ({ rule: e.rule, clauseNames: e.clauses })),
    ),
    outputs: { ...decided.outputs, ...acted.outputs },
    traces: outcomes.flatMap((o) => o.traces),
    variables: { ...decided.variables, ...acted.variables },
    customProperties: acted.customProperties,
    diagnostics: outcomes.flatMap((o) => o.faults),
  };
}
