import { z } from 'zod';
import type { Lake } from '../lake/index.ts';
import { LEAST_FRAUDS, type ModelKind, modelEvents, retrainingDue } from '../scoring/index.ts';
import type { Lease, Storage, StorageSettings } from '../storage/index.ts';
import { labelsOf } from './lakeSource.ts';
import { changeStatus, nameOf, type Place, readStatus, type TrainingStatus } from './status.ts';
import type { Trained, TrainingJob } from './train.ts';

/** Queue `retraining`: messages `{ root, kind, requested, by }`, a training that is to be done. */
export const retrainingNames = { queues: ['retraining'] } as const;

/** The parts of the app that retraining works with. */
export interface RetrainingParts {
  settings: { storage: StorageSettings };
  storage: Storage;
  lake: Lake;
  clock(): number;
}

const messageSchema = z.object({
  root: z.string(),
  kind: z.enum(['risk', 'bot']),
  requested: z.string(),
  by: z.string(),
});
type Message = z.infer<typeof messageSchema>;

/** Asks for a training; it runs as soon as an instance takes it from the queue. */
export async function requestTraining(
  app: RetrainingParts,
  place: Place,
  by: string,
): Promise<TrainingStatus> {
  const requested = new Date(app.clock()).toISOString();
  const status = await changeStatus(app.storage.blobs('models'), place, (before) => {
    const { last, result } = before;
    // one that runs already shows what it does until it ends
    if (before.state === 'running') return before;
    return { state: 'queued', requested, by, ...(result ? { result } : {}), ...(last ? { last } : {}) };
  });
  await send(app, { ...place, requested, by });
  return status;
}

async function send(app: RetrainingParts, message: Message, later = 0): Promise<void> {
  await app.storage.queue('retraining').send(JSON.stringify(message), { visibleAfterSeconds: later });
}

export interface TrainOptions {
  /** ids of all environments of the tree of a root */
  environmentsOf(root: string): Promise<readonly string[]>;
  /** does the training; a thread where absent */
  train?(job: TrainingJob, signal: AbortSignal): Promise<Trained>;
  signal?: AbortSignal;
}

const leaseSeconds = 60;

/**
 * Does what a message of the queue says. Only one training of a place runs at a time: where another instance is at it, the
 * message comes back in a minute. One that was asked for before the last one began is done by that. Gives the status
 * where a training ran.
 */
export async function executeTraining(
  app: RetrainingParts,
  message: unknown,
  options: TrainOptions,
): Promise<TrainingStatus | undefined> {
  const asked = messageSchema.parse(message);
  const place = { root: asked.root, kind: asked.kind };
  const blobs = app.storage.blobs('models');
  const lease = await blobs.lease(nameOf(place, 'training.lock'), leaseSeconds);
  if (!lease) {
    await send(app, asked, leaseSeconds);
    return undefined;
  }
  const held = keepLease(lease, options.signal);
  try {
    const before = await readStatus(blobs, place);
    const done = before.state === 'done' || before.state === 'failed';
    if (done && before.started !== undefined && before.started > asked.requested) return undefined;
    return await run(app, asked, options, held.signal);
  } finally {
    held.stop();
    await lease.release();
  }
}

async function run(
  app: RetrainingParts,
  { root, kind, requested, by }: Message,
  options: TrainOptions,
  signal: AbortSignal,
): Promise<TrainingStatus> {
  const place = { root, kind };
  const blobs = app.storage.blobs('models');
  const started = new Date(app.clock()).toISOString();
  await changeStatus(blobs, place, ({ problem: _, finished: __, ...before }) => ({
    ...before,
    state: 'running',
    requested,
    by,
    started,
  }));
  const job: TrainingJob = {
    storage: app.settings.storage,
    root,
    environments: await options.environmentsOf(root),
    kind,
    at: started,
    by,
  };
  const trainer = options.train ?? (await import('./thread.ts')).trainInThread;
  try {
    const result = await trainer(job, signal);
    const { frauds } = result;
    return await changeStatus(blobs, place, (before) => ({
      ...before,
      state: 'done',
      finished: new Date(app.clock()).toISOString(),
      result,
      ...(result.version === undefined || frauds === undefined ? {} : { last: { at: started, frauds } }),
    }));
  } catch (error) {
    // an instance that ends leaves the message to another
    if (signal.aborted) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    return changeStatus(blobs, place, (before) => ({
      ...before,
      state: 'failed',
      finished: new Date(app.clock()).toISOString(),
      problem,
    }));
  }
}

/** Keeps a lease while its holder works; the signal says when it is lost, or the holder is told to stop. */
function keepLease(lease: Lease, stop: AbortSignal | undefined): { signal: AbortSignal; stop(): void } {
  const lost = new AbortController();
  const timer = setInterval(() => {
    lease.renew().then(
      (held) => held || lost.abort(new Error('Another instance trains now.')),
      (error: unknown) => lost.abort(error),
    );
  }, leaseSeconds * 300);
  timer.unref();
  return {
    signal: stop ? AbortSignal.any([stop, lost.signal]) : lost.signal,
    stop: () => clearInterval(timer),
  };
}

const DAY = 86_400_000;

/** As far back as a training looks for labels. */
const labelDays = 125;

/**
 * Asks for the trainings that are due: those of a week ago, and those since which so many new frauds became known that it
 * is worth it; the first one as soon as there may be frauds enough. Gives what it asked for.
 */
export async function requestDue(
  app: RetrainingParts,
  roots: readonly { root: string; environments: readonly string[] }[],
): Promise<Place[]> {
  const now = app.clock();
  const asked: Place[] = [];
  for (const { root, environments } of roots)
    for (const kind of kinds) {
      const place = { root, kind };
      const { last } = await readStatus(app.storage.blobs('models'), place);
      const since = last ? Date.parse(last.at) : now - labelDays * DAY;
      const range = {
        environments,
        from: new Date(since).toISOString(),
        to: new Date(now).toISOString(),
      };
      const before = last && { at: Date.parse(last.at), frauds: last.frauds };
      const due = (frauds: number) => (before ? retrainingDue(before, now, frauds) : frauds >= LEAST_FRAUDS);
      // what no number of frauds changes needs no look at them
      const isDue =
        due(0) || (due(Number.POSITIVE_INFINITY) && (await areEnough(app.lake, kind, range, due)));
      if (!isDue) continue;
      await requestTraining(app, place, 'timer');
      asked.push(place);
    }
  return asked;
}

export const kinds: readonly ModelKind[] = ['risk', 'bot'];

/** Whether labels of a time say fraud of so many events that a kind of model learns from, or may, that it is enough. */
async function areEnough(
  lake: Lake,
  kind: ModelKind,
  range: { environments: readonly string[]; from: string; to: string },
  enough: (frauds: number) => boolean,
): Promise<boolean> {
  let count = 0;
  for await (const { fraud, target } of labelsOf(lake, range)) {
    if (fraud && (target.kind !== 'event' || modelEvents[kind].includes(target.type))) count++;
    if (enough(count)) return true;
  }
  return false;
}
