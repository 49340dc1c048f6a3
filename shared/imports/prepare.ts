import type { App } from '../assessment/app.ts';
import { contribute, listening } from '../assessment/contribute.ts';
import { inputOf } from '../assessment/decide.ts';
import { enrich } from '../assessment/enrichment.ts';
import { undecidedEvidence } from '../assessment/evidence.ts';
import { latestOf } from '../assessment/finish.ts';
import { awaitedBy, mostLinks } from '../assessment/observe.ts';
import { isReached, pastSources } from '../assessment/past.ts';
import { openReads } from '../assessment/reads.ts';
import type { EventKey, StoredEvent } from '../assessment/record.ts';
import { assessmentSeen } from '../assessment/seen.ts';
import type { Snapshot } from '../config/index.ts';
import type { JsonObject } from '../fql/index.ts';
import { hashKey } from '../scoring/features/history.ts';
import { isStagedAssessment, type StagedEvent, undecided } from './staged.ts';
import type { Import } from './store.ts';

/**
 * An event as it is to be stored: found with what it belongs to, and with what it adds to velocities, as of its own time. No
 * rules are run.
 */
export async function prepare(
  app: App,
  snapshot: Snapshot,
  staged: StagedEvent,
  { id: importId, created }: Pick<Import, 'id' | 'created'>,
): Promise<StoredEvent> {
  const { key: known, received, event, links, subjects, file, line, decision } = staged;
  const key: EventKey = { environment: snapshot.id, ...known };
  const isAssessment = isStagedAssessment(staged);
  const awaited = isAssessment ? [] : awaitedBy({ links });
  const [enrichment, assessment] = await Promise.all([
    enrich(app, event),
    awaited.length > 0 ? latestOf(app, snapshot.id, awaited) : undefined,
  ]);
  const waitsFor = awaited.length > 0 && !assessment ? awaited : undefined;
  const now = Date.parse(received);
  const counts = !waitsFor && isReached(app, now) && listening(snapshot, key.type).length > 0;
  const { contributions, faults } = counts
    ? await contributionsOf(app, snapshot, { key, event, now, enrichment, assessment, decision })
    : { contributions: [], faults: [] };
  const reference = crypto.randomUUID();
  return {
    key,
    root: snapshot.root,
    received,
    event,
    answer: isAssessment
      ? { ...(decision ?? undecided(reference)), ...enrichment }
      : { transactionReferenceId: reference },
    evidence: {
      ...undecidedEvidence(snapshot.version, enrichment),
      scores: decision ? { risk: decision.riskScore, bot: decision.botScore } : {},
      faults: faults.slice(0, 20),
    },
    contributions,
    links: links.slice(0, mostLinks),
    subjects,
    ...(assessment ? { assessment: assessment.key } : {}),
    ...(waitsFor ? { waitsFor } : {}),
    imported: { import: importId, at: created, file, line },
  };
}

interface Counted {
  key: EventKey;
  event: JsonObject;
  now: number;
  enrichment: Awaited<ReturnType<typeof enrich>>;
  assessment: StoredEvent | undefined;
  decision: StagedEvent['decision'];
}

async function contributionsOf(
  app: App,
  snapshot: Snapshot,
  { key, event, now, enrichment, assessment, decision }: Counted,
) {
  const reads = openReads(snapshot, pastSources(app), { key, now });
  const seen = assessment ? assessmentSeen(assessment) : {};
  const ruleEvaluation = decision && {
    decision: decision.decision,
    rule: decision.rule ?? '',
    clause: decision.clause ?? '',
    reasons: decision.reasons,
  };
  const input = inputOf(
    {
      type: key.type,
      payload: event,
      enrichment: { ...enrichment, ...seen, ...(ruleEvaluation ? { ruleEvaluation } : {}) },
      correlationId: key.correlationId,
      now,
    },
    reads,
  );
  const scored = decision
    ? { ...input, scores: { risk: decision.riskScore, bot: decision.botScore }, decision: decision.decision }
    : input;
  // the same shard whoever does it again, so that its marker is found
  const processNumber = hashKey(JSON.stringify(key));
  return contribute({ processNumber }, snapshot, key.type, scored, reads);
}
