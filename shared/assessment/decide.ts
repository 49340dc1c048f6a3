import type { EnvironmentSnapshot, Snapshot } from '../config/index.ts';
import { approval, type Decision, type DecisionDiagnostic } from '../events/decision.ts';
import type {
  Json,
  JsonObject,
  Decision as RuleDecision,
  RuleOutcome,
  RuleProgram,
  RunFault,
  RunInput,
} from '../fql/index.ts';
import type { BotScore, EventScore } from '../scoring/index.ts';
import { deviceService, type Enrichment } from './enrichment.ts';
import type { Evidence } from './evidence.ts';
import type { Reads } from './reads.ts';
import { speaking } from './scores.ts';

/** What is decided about: one event, as rules see it. */
export interface Subject {
  type: string;
  payload: JsonObject;
  enrichment: Enrichment & JsonObject;
  correlationId: string;
  /** the clock of the assessment, ms */
  now: number;
}

export interface Decided {
  decision: Omit<Decision, 'transactionReferenceId' | 'deviceAttributes'>;
  trail: Evidence['trail'];
  faults: Evidence['faults'];
  traces: Evidence['traces'];
  variables: Evidence['variables'];
}

/** The scores of an event, as far as it is scored. */
export interface Scores {
  risk?: EventScore;
  bot?: BotScore;
}

/** What rules read during the run of one assessment. */
export function inputOf(subject: Subject, reads: Reads, scores: Scores = {}): RunInput {
  return {
    payload: subject.payload,
    enrichment: subject.enrichment,
    scores: { risk: scores.risk?.score ?? 0, bot: scores.bot?.score ?? 0 },
    now: subject.now,
    correlationId: subject.correlationId,
    answer: reads.answer,
    geo: reads.geo,
    bin: reads.bin,
    device: deviceService(subject.payload, subject.enrichment),
  };
}

/** Runs a program, fetching what it asks for, until it is done. */
export async function runToEnd<Result>(
  run: () => ({ done: true } & Result) | { done: false; needs: Parameters<Reads['fetch']>[0] },
  reads: Reads,
): Promise<Result> {
  for (;;) {
    const result = run();
    if (result.done) return result;
    await reads.fetch(result.needs);
  }
}

/**
 * Steps 4 and 5 of an assessment's path: the decision rules of the chain from the root down, until one decides or the
 * behavior of an environment ends the chain; then all post-decision actions of the chain.
 */
export async function decide(
  snapshot: Snapshot,
  subject: Subject,
  reads: Reads,
  scores: Scores,
): Promise<Decided> {
  const input = inputOf(subject, reads, scores);
  const variables = new Map<string, Json>();
  const decided: Decided = {
    decision: {
      ...approval('NO_CLAUSE_HIT'),
      riskScore: scores.risk?.score ?? 0,
      botScore: scores.bot?.score ?? 0,
      botReason: scores.bot?.reason ?? '',
      reasonCodes: speaking(scores.risk),
    },
    trail: [],
    faults: [],
    traces: [],
    variables: {},
  };

  async function run(
    environment: EnvironmentSnapshot,
    program: RuleProgram,
    runInput: RunInput,
  ): Promise<RuleOutcome> {
    const { outcome } = await runToEnd(() => program.run({ ...runInput, variables }), reads);
    for (const [name, value] of Object.entries(outcome.variables))
      if (value !== undefined) variables.set(name, value);
    gather(decided, environment.id, outcome);
    return outcome;
  }

  for (const environment of snapshot.chain) {
    const { behavior, rules } = environment.assessment(subject.type);
    const outcome = await run(environment, rules, input);
    if (outcome.decision) {
      Object.assign(decided.decision, asDecided(outcome.decision, environment.id));
      break;
    }
    if (outcome.matched && behavior === 'RunFirstMatching') break;
  }
  for (const environment of snapshot.chain) {
    const { actions } = environment.assessment(subject.type);
    await run(environment, actions, { ...input, decision: decided.decision.decision });
  }
  decided.variables = Object.fromEntries(variables);
  decided.decision.diagnostics = decided.faults.map(asDiagnostic);
  return decided;
}

/** Adds what one program did to what the chain did before it. */
function gather(decided: Decided, environment: string, outcome: RuleOutcome): void {
  const { decision } = decided;
  for (const { rule, clauses } of outcome.evaluations)
    decision.evaluations.push({ rule, clauses, environmentId: environment });
  for (const [clause, pairs] of Object.entries(outcome.outputs))
    decision.outputs[clause] = { ...decision.outputs[clause], ...withoutUndefined(pairs) };
  decision.customProperties = { ...decision.customProperties, ...withoutUndefined(outcome.customProperties) };
  decided.trail.push({ environment, rules: outcome.trail });
  for (const fault of outcome.faults) decided.faults.push({ ...fault, environment });
  for (const trace of outcome.traces) decided.traces.push({ ...trace, environment });
}

function asDecided(decision: RuleDecision, environment: string) {
  return {
    decision: decision.decision,
    challengeType: decision.challengeType ?? null,
    reasons: decision.reason === undefined ? [] : [decision.reason],
    supportMessages: decision.supportMessage === undefined ? [] : [decision.supportMessage],
    rule: decision.rule,
    clause: decision.clause,
    ruleEnvironmentId: environment,
  };
}

const kinds: readonly DecisionDiagnostic['kind'][] = [
  'velocity',
  'externalCall',
  'externalAssessment',
  'model',
];

/** A fault as the answer tells it. Its kind is the first word of its code where that is a resource, else `rule`. */
function asDiagnostic(fault: RunFault & { environment: string }): DecisionDiagnostic {
  const source = fault.code.split('-')[0]?.toLowerCase();
  const kind =
    kinds.find((one) => one.toLowerCase() === source) ?? (source?.endsWith('list') ? 'list' : 'rule');
  return {
    kind,
    code: fault.code,
    message: fault.message,
    rule: fault.rule,
    clause: fault.clause,
    line: fault.line,
    column: fault.column,
    environment: fault.environment,
  };
}

function withoutUndefined(pairs: JsonObject): Record<string, Json> {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(pairs)) if (value !== undefined) kept[name] = value;
  return kept;
}
