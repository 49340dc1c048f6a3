import type { App } from '../assessment/app.ts';
import { contribute, listening } from '../assessment/contribute.ts';
import { inputOf, type Subject } from '../assessment/decide.ts';
import { enrich } from '../assessment/enrichment.ts';
import { undecidedEvidence } from '../assessment/evidence.ts';
import { featureEventOf } from '../assessment/featureEvents.ts';
import { latestOf } from '../assessment/finish.ts';
import { awaitedBy, mostLinks } from '../assessment/observe.ts';
import { isReached, pastSources } from '../assessment/past.ts';
import { openReads } from '../assessment/reads.ts';
import type { EventKey, StoredEvent } from '../assessment/record.ts';
import { binCountryOf } from '../assessment/scores.ts';
import { scoringEvidence } from '../assessment/scoring.ts';
import { assessmentSeen } from '../assessment/seen.ts';
import type { Snapshot } from '../config/index.ts';
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
  const subject: Subject = {
    type: key.type,
    payload: event,
    enrichment,
    correlationId: key.correlationId,
    now,
  };
  const counts = !waitsFor && isReached(app, now) && listening(snapshot, key.type).length > 0;
  const { contributions, faults } = counts
    ? await contributionsOf(app, snapshot, { key, subject, assessment, decision })
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
      // models learn from past events with what they know of live ones
      ...(isAssessment ? { scoring: scoringOf(app, key.id, subject) } : {}),
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

const scoringOf = (app: Pick<App, 'bins'>, id: string, subject: Subject) =>
  scoringEvidence({}, featureEventOf(id, subject, binCountryOf(app.bins, subject.payload)), undefined);

interface Counted {
  key: EventKey;
  subject: Subject;
  assessment: StoredEvent | undefined;
  decision: StagedEvent['decision'];
}

async function contributionsOf(
  app: App,
  snapshot: Snapshot,
  { key, subject, assessment, decision }: Counted,
) {
  const reads = openReads(snapshot, pastSources(app), { key, now: subject.now });
  const seen = assessment ? assessmentSeen(assessment) : {};
  const ruleEvaluation = decision && {
    decision: decision.decision,
    rule: decision.rule ?? '',
    clause: decision.clause ?? '',
    reasons: decision.reasons,
  };
  const input = inputOf(
    {
      ...subject,
      enrichment: { ...subject.enrichment, ...seen, ...(ruleEvaluation ? { ruleEvaluation } : {}) },
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
