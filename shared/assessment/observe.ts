import type { Link, Subject } from '../events/eventTypes.ts';
import type { JsonObject } from '../fql/index.ts';
import type { App } from './app.ts';
import { contribute, listening } from './contribute.ts';
import { inputOf } from './decide.ts';
import { enrich } from './enrichment.ts';
import { undecidedEvidence } from './evidence.ts';
import { latestOf } from './finish.ts';
import { anyAssessment } from './later.ts';
import { once, record } from './once.ts';
import { openReads } from './reads.ts';
import type { Awaited, EventKey, StoredEvent } from './record.ts';
import { assessmentSeen } from './seen.ts';

/** An event that informs, read and validated. */
export interface Observation {
  type: string;
  id: string;
  payload: JsonObject;
  links: Link[];
  subjects: Subject[];
  /** as the request named it: id, API name or path */
  environment: string | undefined;
  correlationId: string;
  /** the custom assessment that it is of, where its path says so */
  of?: string;
  /** how many assessments called each other to come to this one; absent: a client did */
  depth?: number;
}

/**
 * Records an observation event or a label: it finds the assessment it belongs to, is stored once under its key, feeds
 * velocities exactly once, and is listed with its assessment. One that names an assessment that is not there is stored, and
 * does the rest when the assessment comes. The same event again changes nothing. Throws a Problem: 404 unknown
 * environment, 409 another event under the same key, 503 storage out of reach.
 */
export async function observe(app: App, observation: Observation): Promise<StoredEvent> {
  const snapshot = await app.config.snapshot(observation.environment);
  const { type, id, payload, links, subjects, correlationId, depth = 0 } = observation;
  const key: EventKey = { environment: snapshot.id, type, id, correlationId };
  return once(app, key, payload, async () => {
    const now = app.clock();
    const { assessment, waitsFor } = await belongsTo(app, key, observation);
    const enriched = await enrich(app, payload);
    const enrichment = { ...enriched, ...(assessment ? assessmentSeen(assessment) : {}) };
    const reads = openReads(snapshot, app.sources, { key, now, depth });
    const input = inputOf({ type, payload, enrichment, correlationId, now }, reads);
    if (!waitsFor)
      await reads.fetch(listening(snapshot, type).flatMap(({ set, name }) => set.plan(input, name)));
    const { contributions, faults } = waitsFor
      ? { contributions: [], faults: [] }
      : await contribute(app, snapshot, type, input, reads);
    return record(app, {
      key,
      root: snapshot.root,
      received: new Date(now).toISOString(),
      event: payload,
      answer: { transactionReferenceId: crypto.randomUUID() },
      evidence: { ...undecidedEvidence(snapshot.version, enriched), reads: reads.made(), faults },
      contributions,
      links: links.slice(0, mostLinks),
      subjects,
      ...(assessment ? { assessment: assessment.key } : {}),
      ...(waitsFor ? { waitsFor } : {}),
    });
  });
}

/** Links come the most certain first; an account update may list any number of payment instruments. */
export const mostLinks = 20;

/** Links that name an event by its own id. */
const named: ReadonlySet<string> = new Set([
  'Purchase',
  'SignUp',
  'SignIn',
  'AccountCreation',
  'AccountLogin',
  'AccountUpdate',
  'Assessment',
]);

/** Events that belong to one kind of assessment, also where they know only a customer. */
const onlyOf: Readonly<Record<string, readonly string[]>> = {
  AccountLoginStatus: ['AccountLogin'],
  AccountCreationStatus: ['AccountCreation'],
  SignUpStatus: ['SignUp'],
};

/** The assessments that an event names; `of` is the custom one that it is of, where that is known. */
export function awaitedBy({ links, of }: Pick<Observation, 'links' | 'of'>): Awaited[] {
  return links
    .filter(({ to }) => named.has(to))
    .map(({ to, id }) => ({ type: to === 'Assessment' ? (of ?? anyAssessment) : to, id }));
}

/**
 * The assessment that an event belongs to: the latest with the id it names, or what it waits for. An event that names
 * no assessment belongs to the latest one of its customer, payment instrument or mail address, if there is one, and
 * waits for nothing.
 */
async function belongsTo(
  app: App,
  key: EventKey,
  { links, of }: Observation,
): Promise<{ assessment?: StoredEvent; waitsFor?: Awaited[] }> {
  const awaited = awaitedBy({ links, of });
  if (awaited.length > 0) {
    const assessment = await latestOf(app, key.environment, awaited);
    return assessment ? { assessment } : { waitsFor: awaited };
  }
  await app.subjects.settled();
  for (const { to, id } of links.slice(0, mostLinks)) {
    const latest = await app.subjects.latest(key.environment, { kind: to, value: id }, onlyOf[key.type]);
    const assessment = latest && (await app.records.read(latest));
    if (assessment) return { assessment };
  }
  return {};
}
