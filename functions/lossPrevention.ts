import { app } from '@azure/functions';
import { openLossPrevention, runQueue } from '../shared/lossPrevention/index.ts';
import { theApp } from './app.ts';

/** Queues the nightly runs: at two o'clock UTC, or as the app setting says (NCRONTAB). */
app.timer('lossPreventionNightly', {
  schedule: process.env.HOLDFAST_LOSS_PREVENTION_SCHEDULE ?? '0 0 2 * * *',
  handler: async (_timer, context) => {
    const count = await openLossPrevention((await theApp()).storage).requestNightly();
    if (count > 0) context.log(`Loss prevention: ${count} nightly runs are queued.`);
  },
});

/** Does a run. When the process dies the message comes back, and the run goes on where it was. */
app.storageQueue('lossPreventionRun', {
  queueName: runQueue,
  connection: 'HOLDFAST_STORAGE',
  handler: async (message, context) => {
    // the runtime hands JSON over as a value
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const record = await openLossPrevention((await theApp()).storage).execute(text);
    if (!record) return;
    const { id, status, reason, summary } = record;
    const event = { event: 'LossPreventionRunFinished', id, status, reason, summary };
    if (status === 'succeeded') context.log(JSON.stringify(event));
    else context.warn(JSON.stringify(event));
  },
});
