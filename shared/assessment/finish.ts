import { all } from '../all.ts';
import type { App } from './app.ts';
import { tellCalls, tellReads } from './callEvents.ts';
import { contribute } from './contribute.ts';
import { inputOf } from './decide.ts';
import { enrich } from './enrichment.ts';
import { isRemembered } from './featureEvents.ts';
import { labelIn, rememberEvent, takeLabel } from './labels.ts';
import { type Attachment, anyAssessment, type LaterEvent } from './later.ts';
import { isReached, pastSources } from './past.ts';
import { openReads } from './reads.ts';
import { type Awaited, type EventKey, mayBeAwaited, type StoredEvent } from './record.ts';
import { assessmentSeen, statusOf } from './seen.ts';
import { isAssessment } from './subjects.ts';

/** What completing an event needs. */
export type Finishing = Pick<
  App,
  | 'velocities'
  | 'records'
  | 'later'
  | 'subjects'
  | 'config'
  | 'calls'
  | 'sources'
  | 'geo'
  | 'bins'
  | 'processNumber'
  | 'storage'
  | 'scoring'
  | 'clock'
>;

/**
 * The last part of recording an event, which recovery repeats where a process died before it was through; every step may
 * be done again. Its velocities are applied, it is counted in the histories that models look at, and what it says of fraud is
 * taken in. An event that belongs to an assessment is listed with it. One that waits for
 * its assessment is parked where that will look, then looked for once more, so that of two that cross each other at least
 * one sees the other. And what waits for this event is attached to it, unless it is known that nothing does (`expected`).
 * Behind the answer, those who subscribed are told of its external calls; the event is complete when that is certain.
 */
export async function finish(app: Finishing, stored: StoredEvent, expected = true): Promise<void> {
  const { key, assessment, waitsFor } = stored;
  const custom = isAssessment(stored) && !builtIn.has(key.type);
  // of custom assessments labels may not say the name: it is noted before anyone who waits is looked for
  const expectedByAny = custom && ((await app.later.name(key)) || expected);
  await all([
    app.velocities.apply(stored.root, JSON.stringify(key), stored.contributions),
    ...(isRemembered(key.type) ? [rememberEvent(app, stored, expected)] : []),
    ...labelled(app, stored),
    ...(assessment ? [app.later.list(assessment, laterOf(stored))] : []),
    ...(waitsFor ? [park(app, stored, waitsFor)] : []),
    ...(expected && mayBeAwaited(stored) ? [attachWaiting(app, stored, key.type)] : []),
    ...(expectedByAny ? [attachWaiting(app, stored, anyAssessment)] : []),
  ]);
  const told = tellCalls(app, stored);
  if (!told) app.records.complete(key);
  // what is not told is told by recovery
  else
    told.then(
      () => app.records.complete(key),
      () => {},
    );
  app.subjects.note(stored);
}

/** What an event says of fraud, at work. */
function labelled(app: Finishing, stored: StoredEvent): Promise<void>[] {
  const label = labelIn(stored);
  const { root, key } = stored;
  return label ? [takeLabel(app, { root, environment: key.environment }, label)] : [];
}

const builtIn: ReadonlySet<string> = new Set([
  'Purchase',
  'SignUp',
  'SignIn',
  'AccountCreation',
  'AccountLogin',
]);

async function park(app: Finishing, stored: StoredEvent, waitsFor: readonly Awaited[]): Promise<void> {
  const received = stored.imported?.at ?? stored.received;
  await app.later.park({ key: stored.key, received }, waitsFor);
  const found = await latestOf(app, stored.key.environment, waitsFor);
  if (found) await attach(app, stored, found);
}

/** The latest event of the first of these that is there. */
export async function latestOf(
  app: Pick<App, 'records' | 'later'>,
  environment: string,
  awaited: readonly Awaited[],
): Promise<StoredEvent | undefined> {
  const found = await Promise.all(
    awaited.map(async ({ type, id }) => {
      const real = type === anyAssessment ? await app.later.typeOf(environment, id) : type;
      return real === undefined ? undefined : app.records.latest(environment, real, id);
    }),
  );
  return found.find((one) => one !== undefined);
}

/** Attaches the events that wait for one of this type, under the id of `stored`, which is the one. */
async function attachWaiting(app: Finishing, stored: StoredEvent, type: string): Promise<void> {
  const { environment, id } = stored.key;
  const waiting = await app.later.waiting(environment, { type, id });
  for (let start = 0; start < waiting.length; start += 8)
    await all(waiting.slice(start, start + 8).map((key) => attachKey(app, key, stored, { type, id })));
}

async function attachKey(
  app: Finishing,
  key: EventKey,
  assessment: StoredEvent,
  awaited: Awaited,
): Promise<void> {
  const later = await app.records.read(key);
  // deleted meanwhile: nobody waits any more
  if (!later) return app.later.unpark(key, [awaited]);
  await attach(app, later, assessment);
}

/** What was settled first counts, whoever comes to attach the two, and is applied under the later event's own marker. */
async function attach(app: Finishing, later: StoredEvent, assessment: StoredEvent): Promise<void> {
  const settled =
    (await app.later.attachment(later.key)) ??
    (await app.later.settle(later.key, await attachmentOf(app, later, assessment)));
  await all([
    app.velocities.apply(later.root, JSON.stringify(later.key), settled.contributions),
    app.later.list(settled.assessment, laterOf(later)),
    ...labelled(app, later),
  ]);
  await app.later.unpark(later.key, later.waitsFor ?? []);
}

/** A late event counts at the time when it was received; one that was imported counts as those do that need not wait. */
async function attachmentOf(
  app: Finishing,
  later: StoredEvent,
  assessment: StoredEvent,
): Promise<Attachment> {
  const snapshot = await app.config.snapshot(later.key.environment);
  const now = Date.parse(later.received);
  const { type, correlationId } = later.key;
  const isPast = later.imported !== undefined;
  if (isPast && !isReached(app, now)) return { assessment: assessment.key, contributions: [] };
  const reads = openReads(snapshot, isPast ? pastSources(app) : app.sources, { key: later.key, now });
  const enrichment = { ...(await enrich(app, later.event)), ...assessmentSeen(assessment) };
  const input = inputOf({ type, payload: later.event, enrichment, correlationId, now }, reads);
  const { contributions } = await contribute(app, snapshot, type, input, reads);
  // no evidence holds these calls
  if (!isPast) tellReads(app, later.key, crypto.randomUUID(), reads.made())?.catch(() => {});
  return { assessment: assessment.key, contributions };
}

/** An event as it is listed with what it belongs to. */
export function laterOf({
  key,
  received,
  event,
}: Pick<StoredEvent, 'key' | 'received' | 'event'>): LaterEvent {
  const status = statusOf(key.type, event);
  return { key, received, ...(status ? { status } : {}) };
}
