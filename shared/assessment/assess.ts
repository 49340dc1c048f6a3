import { definitionOf, type Snapshot } from '../config/index.ts';
import type { Decision } from '../events/decision.ts';
import type { Subject as DataSubject, Link } from '../events/eventTypes.ts';
import type { JsonObject } from '../fql/index.ts';
import { historyShards } from '../scoring/index.ts';
import type { App } from './app.ts';
import { contribute, decidedInput, likelyContributions, listening } from './contribute.ts';
import { decide, inputOf, type Scores, type Subject } from './decide.ts';
import { enrich } from './enrichment.ts';
import { featureEventOf } from './featureEvents.ts';
import { mostLinks } from './observe.ts';
import { once, record } from './once.ts';
import { openReads, type Reads } from './reads.ts';
import type { EventKey, StoredEvent } from './record.ts';
import { scoreReads, scoreVelocities } from './scoreReads.ts';
import { binCountryOf, modelScore, modelsAsked, pick, scoresOf, speaking } from './scores.ts';
import { readForScores, scoringEvidence } from './scoring.ts';

/** An event that wants a decision, read and validated. */
export interface AssessmentRequest {
  type: string;
  /** the event's own id */
  id: string;
  payload: JsonObject;
  links?: Link[];
  subjects?: DataSubject[];
  /** as the request named it: id, API name or path */
  environment: string | undefined;
  correlationId: string;
  /** how many assessments called each other to come to this one; absent: a client did */
  depth?: number;
}

export interface Assessed {
  key: EventKey;
  /** when it was received, ISO 8601: the clock of the assessment, unless that took long (once.ts) */
  received: string;
  decision: Decision;
}

/**
 * Assesses one event, from its snapshot to its record (DESIGN.md, "The path of an assessment"). The same event sent again,
 * at the same time or later, gets the answer that is stored. Throws a Problem: 404 unknown environment, 409 another event
 * under the same key, 429 capacity used up, 503 storage out of reach.
 */
export async function assess(app: App, request: AssessmentRequest): Promise<Assessed> {
  const snapshot = await app.config.snapshot(request.environment);
  const { type, id, correlationId, payload } = request;
  const key: EventKey = { environment: snapshot.id, type, id, correlationId };
  const { received, answer } = await once(app, key, payload, async () => {
    const { release } = await app.usage.admit(snapshot, key).catch((error) => repeated(app, key, error));
    try {
      return await assessNew(app, snapshot, key, request);
    } finally {
      release();
    }
  });
  if (!('decision' in answer)) throw new Error(`the event ${JSON.stringify(key)} has no decision`);
  return { key, received, decision: answer };
}

/** Where a capacity is used up, an event that is stored already still gets its answer. */
async function repeated(app: App, key: EventKey, error: unknown): Promise<{ release(): void }> {
  if (await app.records.read(key)) return { release: () => {} };
  throw error;
}

async function assessNew(
  app: App,
  snapshot: Snapshot,
  key: EventKey,
  { payload, links, subjects, depth = 0 }: AssessmentRequest,
): Promise<StoredEvent> {
  const now = app.clock();
  const subject: Subject = {
    type: key.type,
    payload,
    enrichment: await enrich(app, payload),
    correlationId: key.correlationId,
    now,
  };
  const event = featureEventOf(key.id, subject, binCountryOf(app.bins, payload));
  const history = readForScores(app, snapshot.root, event);
  const forScore = scoreReads(snapshot, payload);
  const scored = async () => {
    const { histories } = await history;
    const velocities = scoreVelocities(forScore, reads);
    return scoresOf(app.scoring.of(snapshot.root), event, { velocities, histories });
  };
  const definition = definitionOf(snapshot, key.type);
  const reads = openReads(
    snapshot,
    { ...app.sources, model: async (model) => modelScore(model, await scored(), definition) },
    { key, now, depth },
  );
  await Promise.all([
    reads.fetch(
      [...plan(snapshot, subject, reads), ...forScore.map(({ request }) => request)],
      likelyContributions(app, snapshot, subject, reads),
    ),
    history,
  ]);

  // the built-in assessments always have their scores, others those that their rules ask for
  const scores = definition ? {} : await scored();
  const decided = await decide(snapshot, subject, reads, scores);
  const asked = modelsAsked(reads);
  const known: Scores = definition ? await pick(asked, scored) : scores;
  const decision: Decision = {
    ...decided.decision,
    ...(definition
      ? {
          riskScore: known.risk?.score ?? 0,
          reasonCodes: speaking(known.risk),
          botScore: known.bot?.score ?? 0,
          botReason: known.bot?.reason ?? '',
          scored: asked,
        }
      : {}),
    transactionReferenceId: crypto.randomUUID(),
    deviceAttributes: subject.enrichment.deviceAttributes,
  };
  const made = await contribute(
    app,
    snapshot,
    key.type,
    decidedInput(subject, { ...decided, decision }, reads),
    reads,
  );

  return record(app, {
    key,
    root: snapshot.root,
    received: new Date(now).toISOString(),
    event: payload,
    answer: decision,
    evidence: {
      snapshot: {
        version: snapshot.version,
        environments: snapshot.chain.map(({ id, assessment }) => ({
          id,
          versions: assessment(key.type).versions,
        })),
      },
      scores: { risk: decision.riskScore, bot: decision.botScore },
      attributions: (known.risk?.reasons ?? []).map((reason) => ({ ...reason })),
      scoring: scoringEvidence(known, event, (await history).failed),
      enrichment: subject.enrichment,
      reads: reads.made(),
      trail: decided.trail,
      faults: [...decided.faults, ...made.faults],
      traces: decided.traces,
      variables: decided.variables,
    },
    contributions: made.contributions,
    spread: app.processNumber % historyShards,
    ...(links ? { links: links.slice(0, mostLinks) } : {}),
    ...(subjects ? { subjects } : {}),
  });
}

/** Step 3: every read that the rules, actions and velocities of the chain may make and whose key is known now. */
function plan(snapshot: Snapshot, subject: Subject, reads: Reads) {
  const input = inputOf(subject, reads);
  return [
    ...snapshot.chain.flatMap((environment) => {
      const { rules, actions } = environment.assessment(subject.type);
      return [...rules.plan(input), ...actions.plan(input)];
    }),
    ...listening(snapshot, subject.type).flatMap(({ set, name }) => set.plan(input, name)),
  ];
}
