import { isDeepStrictEqual } from 'node:util';
import type { Snapshot } from '../config/index.ts';
import type { Decision } from '../events/decision.ts';
import type { JsonObject } from '../fql/index.ts';
import { Problem } from '../problem.ts';
import type { Contribution } from '../velocity/index.ts';
import type { App } from './app.ts';
import { contribute, likelyContributions } from './contribute.ts';
import { decide, inputOf, type Subject } from './decide.ts';
import { enrich } from './enrichment.ts';
import { openReads, type Reads } from './reads.ts';
import type { EventKey, StoredEvent } from './record.ts';
import { scoreReads, scoreVelocities } from './scoreReads.ts';

/** An event that wants a decision, read and validated. */
export interface AssessmentRequest {
  type: string;
  /** the event's own id */
  id: string;
  payload: JsonObject;
  /** as the request named it: id, API name or path */
  environment: string | undefined;
  correlationId: string;
}

export interface Assessed {
  key: EventKey;
  decision: Decision;
}

/**
 * Assesses one event, from its snapshot to its record (DESIGN.md, "The path of an assessment"). The same event sent again,
 * at the same time or later, gets the answer that is stored. Throws a Problem: 404 unknown environment, 409 another event
 * under the same key, 503 storage out of reach.
 */
export async function assess(app: App, request: AssessmentRequest): Promise<Assessed> {
  const snapshot = await app.config.snapshot(request.environment);
  const key: EventKey = {
    environment: snapshot.id,
    type: request.type,
    id: request.id,
    correlationId: request.correlationId,
  };
  const name = JSON.stringify(key);
  const running = app.running.get(name);
  if (running) {
    demandSame(running.payload, request.payload, key);
    return running.assessed;
  }
  const assessed = assessNew(app, snapshot, key, request.payload);
  app.running.set(name, { payload: request.payload, assessed });
  try {
    return await assessed;
  } finally {
    app.running.delete(name);
  }
}

async function assessNew(
  app: App,
  snapshot: Snapshot,
  key: EventKey,
  payload: JsonObject,
): Promise<Assessed> {
  const now = app.clock();
  const subject: Subject = {
    type: key.type,
    payload,
    enrichment: enrich(payload),
    correlationId: key.correlationId,
    now,
  };
  const reads = openReads(snapshot, app.sources, now);
  const forScore = scoreReads(snapshot, payload);
  await reads.fetch(
    [...plan(snapshot, subject, reads), ...forScore.map(({ request }) => request)],
    likelyContributions(app, snapshot, subject, reads),
  );

  const score = app.scorer.score(payload, {
    now,
    velocities: scoreVelocities(forScore, reads),
    deviceAttributes: subject.enrichment.deviceAttributes,
  });
  const decided = await decide(snapshot, subject, reads, score);
  const decision: Decision = {
    ...decided.decision,
    transactionReferenceId: crypto.randomUUID(),
    deviceAttributes: subject.enrichment.deviceAttributes,
  };
  const contributions = await contribute(app, snapshot, subject, decided, reads);

  const stored: StoredEvent = {
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
      attributions: score.reasons.map((reason) => ({ ...reason })),
      enrichment: subject.enrichment,
      reads: reads.made(),
      trail: decided.trail,
      faults: decided.faults,
      traces: decided.traces,
      variables: decided.variables,
    },
    contributions,
  };
  const insertion = await app.records.insert(stored);
  if (!insertion.inserted) return repeat(app, insertion.existing, payload);
  await finish(app, stored);
  return { key, decision };
}

/** Step 3: every read that the rules, actions and velocities of the chain may make and whose key is known now. */
function plan(snapshot: Snapshot, subject: Subject, reads: Reads) {
  const input = inputOf(subject, reads, undefined);
  return snapshot.chain.flatMap((environment) => {
    const { rules, actions } = environment.assessment(subject.type);
    const sets = environment.velocitySets(subject.type);
    return [
      ...rules.plan(input),
      ...actions.plan(input),
      ...sets.flatMap((set) => set.plan(input, subject.type)),
    ];
  });
}

/** The last part of step 6, which recovery repeats where a process died before it was through. */
export async function finish(app: Pick<App, 'velocities' | 'records'>, stored: StoredEvent): Promise<void> {
  await app.velocities.apply(stored.root, JSON.stringify(stored.key), stored.contributions);
  app.records.complete(stored.key);
}

/** The answer to an event that is stored already. */
async function repeat(app: App, existing: StoredEvent, payload: JsonObject): Promise<Assessed> {
  demandSame(existing.event, payload, existing.key);
  if (!(await app.records.isComplete(existing.key))) await finish(app, existing);
  return { key: existing.key, decision: existing.answer };
}

/** `_metadata` says when and how an event was sent, which differs between tries of the same event. */
function demandSame(known: JsonObject, sent: JsonObject, key: EventKey): void {
  const content = ({ _metadata, ...rest }: JsonObject) => rest;
  // through JSON, since that is what was stored
  if (!isDeepStrictEqual(content(known), content(JSON.parse(JSON.stringify(sent)))))
    throw Problem.conflict(
      `Another ${key.type} with the id ${key.id} was received under the correlation id ${key.correlationId}; a changed event needs a new correlation id.`,
      { code: 'EventConflict' },
    );
}
