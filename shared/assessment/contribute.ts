import type { EnvironmentSnapshot, Snapshot } from '../config/index.ts';
import type { ContributionResult, RunInput } from '../fql/index.ts';
import type { Contribution } from '../velocity/index.ts';
import type { App } from './app.ts';
import { type Decided, inputOf, runToEnd, type Subject } from './decide.ts';
import type { Reads } from './reads.ts';

type Made = Extract<ContributionResult, { done: true }>['contributions'];

/** What the event adds to the velocities of its environment and of those above it, once it is decided. */
export async function contribute(
  app: Pick<App, 'processNumber'>,
  snapshot: Snapshot,
  subject: Subject,
  decided: Decided,
  reads: Reads,
): Promise<Contribution[]> {
  const input = decidedInput(subject, decided, reads);
  const contributions: Contribution[] = [];
  for (const environment of snapshot.chain) {
    for (const set of environment.velocitySets(subject.type)) {
      const made = await runToEnd(() => set.contributions(input, subject.type), reads);
      decided.faults.push(...made.faults.map((fault) => ({ ...fault, environment: environment.id })));
      contributions.push(...asStored(app, environment, made.contributions, subject.now));
    }
  }
  return contributions;
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
  const input = inputOf(subject, reads, undefined);
  return snapshot.chain.flatMap((environment) =>
    environment.velocitySets(subject.type).flatMap((set) => {
      const result = set.contributions(input, subject.type);
      return result.done ? asStored(app, environment, result.contributions, subject.now) : [];
    }),
  );
}

/** The event with what its assessment came to, as velocities see it. */
function decidedInput(subject: Subject, { decision, variables }: Decided, reads: Reads): RunInput {
  const ruleEvaluation = {
    decision: decision.decision,
    rule: decision.rule ?? '',
    clause: decision.clause ?? '',
    reasons: decision.reasons,
  };
  const enriched = { ...subject, enrichment: { ...subject.enrichment, ruleEvaluation } };
  return {
    ...inputOf(enriched, reads, undefined),
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
