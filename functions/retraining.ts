import { app } from '@azure/functions';
import { doNight, executeTraining, treesOf } from '../shared/retraining/index.ts';
import { theApp } from './app.ts';

/** Asks for the trainings that are due, and reports on the drift of the week that is over; after the lake was compacted. */
app.timer('retraining', {
  schedule: '0 30 5 * * *',
  handler: async (_timer, context) => {
    const holdfast = await theApp();
    const { asked, problems } = await doNight(holdfast, treesOf(await holdfast.config.environmentTree()));
    for (const { root, kind } of asked) context.log(`The ${kind} model of ${root} is due for training.`);
    for (const problem of problems) context.error(`Of the night's work this could not be done: ${problem}`);
  },
});

const stop = new AbortController();
app.hook.appTerminate(() => stop.abort(new Error('The instance ends.')));

/** Trains a model. When the process dies the message comes back, and the training starts again. */
app.storageQueue('retrainingRun', {
  queueName: 'retraining',
  connection: 'HOLDFAST_STORAGE',
  handler: async (message, context) => {
    const holdfast = await theApp();
    const status = await executeTraining(
      holdfast,
      typeof message === 'string' ? JSON.parse(message) : message,
      {
        environmentsOf: async (root) =>
          treesOf(await holdfast.config.environmentTree()).find((tree) => tree.root === root)?.environments ??
          [],
        signal: stop.signal,
      },
    );
    if (!status) return;
    const { result, problem } = status;
    const event = { event: 'ModelTrainingFinished', ...result, problem };
    if (problem === undefined) context.log(JSON.stringify(event));
    else context.warn(JSON.stringify(event));
  },
});
