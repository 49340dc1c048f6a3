import { z } from 'zod';
import type { Lake } from '../lake/index.ts';
import { keepLease, type Storage, type StorageSettings } from '../storage/index.ts';
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
  await send(app, { ...place, requested, by }, 0);
  return status;
}

/** Puts a message back into the queue for a minute, as if it had not been received. */
export async function postponeTraining(
  app: Pick<RetrainingParts, 'storage'>,
  message: unknown,
): Promise<void> {
  await send(app, messageSchema.parse(message), 60);
}

async function send(
  { storage }: Pick<RetrainingParts, 'storage'>,
  message: Message,
  visibleAfterSeconds: number,
): Promise<void> {
  await storage.queue('retraining').send(JSON.stringify(message), { visibleAfterSeconds });
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
    await postponeTraining(app, asked);
    return undefined;
  }
  const kept = keepLease(lease);
  const signal = options.signal ? AbortSignal.any([options.signal, kept.signal]) : kept.signal;
  try {
    const before = await readStatus(blobs, place);
    const done = before.state === 'done' || before.state === 'failed';
    if (done && before.started !== undefined && before.started > asked.requested) return undefined;
    return await run(app, asked, options, signal);
  } finally {
    await kept.release();
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
