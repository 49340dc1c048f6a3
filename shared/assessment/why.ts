import { z } from 'zod';
import {
  type Explanation,
  explain,
  type Resources,
  type RuleSource,
  type RunInput,
  type TrailRule,
} from '../fql/index.ts';
import type { App } from './app.ts';
import type { StoredEvent } from './record.ts';

export interface ExplainedRule {
  environment: string;
  rule: string;
  /** the version that ran; absent where it is not known any more */
  version?: number;
  condition: TrailRule['condition'];
  /** why the condition held or not */
  why?: Explanation;
  clauses: (TrailRule['clauses'][number] & { why?: Explanation })[];
}

const versionsSchema = z.object({
  rules: z.record(z.string(), z.number()).default({}),
  actions: z.record(z.string(), z.number()).default({}),
});
const section = z.enum(['PriorToScoring', 'PostBotScoring', 'PostRiskScoring']);
const contentSchema = z.object({
  condition: z.string().optional(),
  clauses: z.array(z.object({ name: z.string(), section: section.optional(), code: z.string() })),
});

/**
 * For every rule and clause whether it fired, and why or why not: each WHEN with its operands and their values. Rests on
 * the versions of the rules that ran and on the answers that they got then; nothing is read anew.
 */
export async function explainEvent(app: Pick<App, 'config'>, stored: StoredEvent): Promise<ExplainedRule[]> {
  const { evidence } = stored;
  const snapshot = await app.config.snapshot(stored.key.environment);
  const resources = new Map(snapshot.chain.map((each) => [each.id, each.resources]));
  const ran = new Map(
    evidence.snapshot.environments.map(({ id, versions }) => [id, versionsSchema.safeParse(versions)]),
  );
  const input = inputOf(stored);
  return Promise.all(
    evidence.trail.flatMap(({ environment, rules }) =>
      rules.map(async (trail): Promise<ExplainedRule> => {
        const versions = ran.get(environment)?.data;
        const kind = versions?.rules[trail.rule] === undefined ? 'actions' : 'rules';
        const version = versions?.[kind][trail.rule];
        const own = resources.get(environment);
        if (version === undefined || !own) return { environment, ...trail };
        const source = await sourceOf(app, environment, kind, trail.rule, version);
        return { environment, version, ...explained(trail, source, own, input, kind) };
      }),
    ),
  );
}

async function sourceOf(
  app: Pick<App, 'config'>,
  environment: string,
  kind: 'rules' | 'actions',
  name: string,
  version: number,
): Promise<RuleSource | undefined> {
  // a rule that was deleted since has no versions to show
  const found = await app.config
    .versions(environment, kind, name, { limit: 1, before: version + 1 })
    .catch(() => []);
  const content = contentSchema.safeParse(found.find((document) => document.version === version)?.content);
  if (!content.success) return undefined;
  const { condition, clauses } = content.data;
  return { name, clauses, ...(condition === undefined ? {} : { condition }) };
}

function explained(
  trail: TrailRule,
  source: RuleSource | undefined,
  resources: Resources,
  input: RunInput,
  kind: 'rules' | 'actions',
): Omit<ExplainedRule, 'environment' | 'version'> {
  if (!source) return trail;
  const reasons = explain(source, resources, input, kind === 'rules' ? 'decision' : 'action');
  const of = (clause: string | undefined) => {
    const why = reasons.find((reason) => reason.clause === clause);
    return why ? { why } : {};
  };
  const asked = new Set(['returned', 'observed', 'did', 'when false', 'fault']);
  return {
    rule: trail.rule,
    condition: trail.condition,
    ...(trail.condition === 'none' || trail.condition === 'not reached' ? {} : of(undefined)),
    clauses: trail.clauses.map((each) => ({ ...each, ...(asked.has(each.result) ? of(each.clause) : {}) })),
  };
}

/** What the rules read, as it was recorded. */
function inputOf({ event, evidence, received, key, answer }: StoredEvent): RunInput {
  const answers = new Map(evidence.reads.map((read) => [read.request.id, read.answer]));
  const { enrichment } = evidence;
  const isObject = typeof enrichment === 'object' && enrichment !== null && !Array.isArray(enrichment);
  return {
    payload: event,
    ...(isObject ? { enrichment: Object.fromEntries(Object.entries(enrichment)) } : {}),
    scores: evidence.scores,
    now: Date.parse(received),
    correlationId: key.correlationId,
    variables: new Map(Object.entries(evidence.variables)),
    ...('decision' in answer ? { decision: answer.decision } : {}),
    answer: (request) => answers.get(request.id),
  };
}
