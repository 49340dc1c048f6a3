import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Trained, type TrainingJob, train } from './train.ts';

/** MB of JavaScript objects that training may hold, beside its rows; a shop that needs more fails alone, not its instance. */
const mostObjects = 1200;

/**
 * Trains in a thread of its own, since trees are grown in one go and an instance must still answer meanwhile. Rejects where
 * the training fails, runs out of memory, or is called off.
 */
export function trainInThread(job: TrainingJob, signal: AbortSignal): Promise<Trained> {
  signal.throwIfAborted();
  // this very file, or the chunk of the bundle that it is in
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { training: job },
    resourceLimits: { maxOldGenerationSizeMb: mostObjects },
  });
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      void worker.terminate();
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.once('message', (trained: Trained) => resolve(trained));
    worker.once('error', reject);
    worker.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      reject(new Error(`The training ended early (${code}).`));
    });
  });
}

const given: { training?: TrainingJob } | null = workerData;
if (!isMainThread && given?.training) parentPort?.postMessage(await train(given.training));
