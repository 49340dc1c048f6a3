import { setTimeout } from 'node:timers/promises';
import { app } from '@azure/functions';
import { runQueue } from '../shared/lossPrevention/index.ts';
import { Problem } from '../shared/problem.ts';
import { authOf } from './access.ts';
import { theApp } from './app.ts';
import { demandCapacity, lossPreventionOf } from './lossPreventionRoom.ts';

/** Queues the nightly runs: at two o'clock UTC, or as the app setting says (NCRONTAB). */
app.timer('lossPreventionNightly', {
  schedule: process.env.HOLDFAST_LOSS_PREVENTION_SCHEDULE || '0 0 2 * * *',
  handler: async (_timer, context) => {
    const holdfast = await theApp();
    const count = await lossPreventionOf(holdfast).requestNightly(async (environment) => {
      try {
        await demandCapacity(holdfast, environment);
        return true;
      } catch (error) {
        // the environment is gone, or has used up what it may
        if (!(error instanceof Problem) || error.status >= 500) throw error;
        context.warn(`Loss prevention: no nightly run of ${environment}: ${error.message}`);
        return false;
      }
    });
    if (count > 0) context.log(`Loss prevention: ${count} nightly runs are queued.`);
    await authOf(holdfast).sessions.sweep();
  },
});

const stop = new AbortController();
let running: Promise<unknown> = Promise.resolve();
/** ms that an ending process waits for its run to go back to the queue; else its message is out of sight for minutes */
const patience = 5000;

app.hook.appTerminate(async () => {
  stop.abort();
  await Promise.race([running.catch(() => undefined), setTimeout(patience, undefined, { ref: false })]);
});

/** What host.json says of queues: a message that has failed so often goes to the poison queue. */
const mostAttempts = 5;

/** Does a run. When the process dies the message comes back, and the run goes on where it was. */
app.storageQueue('lossPreventionRun', {
  queueName: runQueue,
  connection: 'HOLDFAST_STORAGE',
  handler: async (message, context) => {
    // the runtime hands JSON over as a value
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const run = lossPreventionOf(await theApp()).execute(text, {
      signal: stop.signal,
      last: Number(context.triggerMetadata?.dequeueCount ?? 1) >= mostAttempts,
    });
    running = Promise.allSettled([running, run]);
    const record = await run;
    if (!record) return;
    const { id, status, reason, summary } = record;
    const event = JSON.stringify({ event: 'LossPreventionRunFinished', id, status, reason, summary });
    if (status === 'succeeded') context.log(event);
    else context.warn(event);
  },
});
