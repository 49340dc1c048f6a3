import type { App } from '../assessment/app.ts';
import { Problem } from '../problem.ts';
import { keepLease } from '../storage/index.ts';
import { FilesError } from './read.ts';
import { end, type Session, step } from './steps.ts';
import { type Imports, names, openImports, type Place, timeOf } from './store.ts';
import { shownFaults } from './types.ts';

const leaseSeconds = 60;
/** After so many failures one after the other, at least a minute apart, an import is given up. */
const mostFailures = 8;
const quietMs = 90_000;
const dayMs = 86_400_000;
/** What nobody went on with: uploads, and what was only validated. */
const abandonedDays = 7;
/** Finished imports and their faults are kept so long. */
const keptDays = 28;

/** Another worker has the import. */
class Overtaken extends Error {}

/** Sends an import on its way. */
export async function enqueue(app: Pick<App, 'storage'>, { environment, id }: Place): Promise<void> {
  await app.storage.queue('imports').send(JSON.stringify({ environment, id }));
}

/**
 * Works on an import for a while, alone: where another does, it leaves it to that. May be killed at any point: the next one
 * goes on behind the last piece that was done. Says whether there is more to do.
 */
export async function work(
  app: App,
  place: Place,
  { sliceMs = 240_000 }: { sliceMs?: number } = {},
): Promise<boolean> {
  const imports = openImports(app.storage);
  const known = await imports.find(place);
  if (!known || (known.started === undefined && known.cancelled === undefined)) return false;
  const lease = await imports.blobs.lease(names.lock(place), leaseSeconds);
  if (!lease) return false;
  const kept = keepLease(lease);
  try {
    return await workAlone(app, imports, known, sliceMs, kept.signal);
  } catch (error) {
    if (error instanceof Overtaken) return false;
    throw error;
  } finally {
    await kept.release();
  }
}

async function workAlone(
  app: App,
  imports: Imports,
  place: Place,
  sliceMs: number,
  lost: AbortSignal,
): Promise<boolean> {
  const stored = await imports.progress(place);
  let etag = stored?.etag;
  const progress = stored?.progress ?? imports.fresh(app.clock());
  const session: Session = {
    app,
    imports,
    one: await imports.get(place),
    progress,
    async save() {
      progress.touched = new Date(app.clock()).toISOString();
      const saved = lost.aborted ? undefined : await imports.save(place, progress, etag);
      if (saved === undefined) throw new Overtaken();
      etag = saved;
    },
  };
  // what was validated goes on where it is
  if (progress.outcome === 'Validated' && (!session.one.dryRun || session.one.cancelled !== undefined)) {
    delete progress.outcome;
    delete progress.finished;
  }
  const started = performance.now();
  try {
    while (progress.outcome === undefined) {
      session.one = await imports.get(place);
      const underWay = progress.apply.begun > progress.apply.chunk;
      if (session.one.cancelled !== undefined && !underWay) end(progress, 'Cancelled');
      else await timed(session);
      if (progress.outcome !== undefined) progress.finished = new Date(app.clock()).toISOString();
      await session.save();
      if (performance.now() - started >= sliceMs) break;
    }
  } finally {
    await session.events?.return(undefined);
    await session.open?.records.return(undefined);
  }
  if (progress.outcome === undefined) return true;
  await tidy(app, imports, session);
  return false;
}

/** One step, with its time; faults of the files end the import, others are tried again for a while. */
async function timed(session: Session): Promise<void> {
  const { progress } = session;
  const { stage } = progress;
  const before = structuredClone(progress);
  const started = performance.now();
  try {
    await step(session);
    progress.failures = 0;
  } catch (error) {
    if (error instanceof FilesError) {
      progress.faults.push(...error.faults.slice(0, shownFaults));
      return end(
        progress,
        'Failed',
        `The files cannot be read: ${error.message.slice(0, 2000)}. Nothing was imported.`,
      );
    }
    if (error instanceof Problem && error.code === 'FileNotFound')
      return end(progress, 'Failed', error.detail);
    if (error instanceof Overtaken) throw error;
    // what was half done is as if it had not been
    const { begun } = progress.apply;
    Object.assign(progress, before);
    progress.apply.begun = begun;
    progress.failures++;
    const reason = error instanceof Error ? error.message : String(error);
    if (progress.failures < mostFailures || progress.givenUp !== undefined) {
      progress.reason = `It is tried again after a failure: ${reason}`;
      await session.save();
      throw error;
    }
    const givenUp = `Given up after ${mostFailures} failures one after the other: ${reason}`;
    if (begun <= progress.apply.chunk) return end(progress, 'Failed', givenUp);
    // the events of the chunk that are stored must not stay half done; that is tried until it is done
    progress.givenUp = givenUp;
    await session.events?.return(undefined);
    delete session.events;
    return;
  }
  if (progress.outcome === undefined) delete progress.reason;
  if (progress.stage === stage) progress.workedMs += performance.now() - started;
}

/** Removes what was on its way when the import is at its end. */
async function tidy(
  app: App,
  imports: Imports,
  { one, progress }: Pick<Session, 'one' | 'progress'>,
): Promise<void> {
  if (progress.outcome === 'Validated') return;
  await imports.removeBlobs(names.work(one));
  await imports.removeBlobs(names.files(one));
  await imports.close(one, app.clock() + keptDays * dayMs);
}

/**
 * Sends imports on their way again that nobody works on, cancels what was given up before it was begun, and forgets what
 * is over for long. Gives how many were sent.
 */
export async function sweep(app: App): Promise<number> {
  const imports = openImports(app.storage);
  let resumed = 0;
  for await (const place of imports.open()) {
    const one = await imports.find(place);
    const known = await imports.progress(place);
    const { touched, outcome } = known?.progress ?? {};
    const last = touched ?? one?.started ?? one?.cancelled ?? one?.created;
    const age = app.clock() - (last === undefined ? timeOf(place) : Date.parse(last));
    const isValidated = one?.dryRun === true && outcome === 'Validated';
    const waits = one && (one.started === undefined || isValidated) && one.cancelled === undefined;
    if (!one) {
      // its row is written right after the one that led here
      if (age > dayMs) await imports.close(place, app.clock());
    } else if (waits && age > abandonedDays * dayMs) {
      await imports.write({ ...one, cancelled: new Date(app.clock()).toISOString() });
      await enqueue(app, place);
    } else if (!waits && age > quietMs) {
      await enqueue(app, place);
      resumed++;
    }
  }
  await imports.expire(app.clock());
  return resumed;
}
