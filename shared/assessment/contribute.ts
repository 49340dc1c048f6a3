import { definitionOf, type EnvironmentSnapshot, type Snapshot } from '../config/index.ts';
import type { ContributionResult, RunInput } from '../fql/index.ts';
import type { Contribution } from '../velocity/index.ts';
import type { App } from './app.ts';
import { type Decided, inputOf, runToEnd, type Subject } from './decide.ts';
import type { Evidence } from './evidence.ts';
import type { Reads } from './reads.ts';

type Made = Extract<ContributionResult, { done: true }>['contributions'];

/** What an event adds to the velocities of its environment and of those above it, and what went wrong at that. */
export async function contribute(
  app: Pick<App, 'processNumber'>,
  snapshot: Snapshot,
  type: string,
  input: RunInput,
  reads: Reads,
): Promise<{ contributions: Contribution[]; faults: Evidence['faults'] }> {
  const contributions: Contribution[] = [];
  const faults: Evidence['faults'] = [];
  for (const { environment, set, name } of listening(snapshot, type)) {
    const made = await runToEnd(() => set.contributions(input, name), reads);
    faults.push(...made.faults.map((fault) => ({ ...fault, environment: environment.id })));
    contributions.push(...asStored(app, environment, made.contributions, input.now));
  }
  return { contributions: distinct(contributions), faults };
}

/**
 * What it would add as far as that can be said before the rules ran. Keys rarely hang on the decision, so that this tells
 * which counters the update will have to know.
 */
export function likelyContributions(
  app: Pick<App, 'processNumber'>,
  snapshot: Snapshot,
  subject: Subject,
  reads: Reads,
): Contribution[] {
  const input = inputOf(subject, reads);
  return distinct(
    listening(snapshot, subject.type).flatMap(({ environment, set, name }) => {
      const result = set.contributions(input, name);
      return result.done ? asStored(app, environment, result.contributions, subject.now) : [];
    }),
  );
}

/** The velocity sets of the chain that listen to an event type, under each of the names it has in a FROM. */
export function listening(snapshot: Snapshot, type: string) {
  const names = namesOf(snapshot, type);
  return snapshot.chain.flatMap((environment) =>
    names.flatMap((name) => environment.velocitySets(name).map((set) => ({ environment, set, name }))),
  );
}

/**
 * The names of an event type after FROM: its own; an assessment's also by its API name, and both with the `Assessment_` that
 * DFP's documentation writes before them. `A1:status` is the observation event `status` of the assessment `A1`.
 */
function namesOf(snapshot: Snapshot, type: string): string[] {
  const [assessment = '', ...event] = type.split(':');
  const definition = definitionOf(snapshot, assessment);
  if (!definition) return [type];
  const names = [...new Set([definition.name, definition.apiName])];
  return [...names, ...names.map((name) => `Assessment_${name}`)].map((name) => [name, ...event].join(':'));
}

/** An event adds to a velocity once, also where the velocity names it twice. */
function distinct(contributions: readonly Contribution[]): Contribution[] {
  return [...new Map(contributions.map((one) => [one.velocity, one])).values()];
}

/** The event with what its assessment came to, as velocities see it. */
export function decidedInput(subject: Subject, { decision, variables }: Decided, reads: Reads): RunInput {
  const ruleEvaluation = {
    decision: decision.decision,
    rule: decision.rule ?? '',
    clause: decision.clause ?? '',
    reasons: decision.reasons,
  };
  const enriched = { ...subject, enrichment: { ...subject.enrichment, ruleEvaluation } };
  return {
    ...inputOf(enriched, reads),
    scores: { risk: decision.riskScore, bot: decision.botScore },
    decision: decision.decision,
    variables: new Map(Object.entries(variables)),
  };
}

function asStored(
  app: Pick<App, 'processNumber'>,
  environment: EnvironmentSnapshot,
  made: Made,
  at: number,
): Contribution[] {
  return made.flatMap(({ velocity, key, value }) => {
    const ref = environment.velocity(velocity);
    if (!ref) return [];
    const { id, version, aggregate, writeShards } = ref;
    return [{ velocity: id, version, aggregate, key, value, at, shard: app.processNumber % writeShards }];
  });
}
