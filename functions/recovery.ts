import { app } from '@azure/functions';
import { recover } from '../shared/assessment/recover.ts';
import { theApp } from './app.ts';

/**
 * Completes what a dead process left: at the start of the app and twice a minute, so that an event is complete within a
 * minute of a restart. Cheap where nothing is left: one range read per event type and partition that was active lately.
 */
app.timer('recovery', {
  schedule: '*/30 * * * * *',
  runOnStartup: true,
  handler: async (_timer, context) => {
    const { completed, failed } = await recover(await theApp());
    if (completed > 0) context.log(`Completed ${completed} events that another process had left.`);
    if (failed > 0) context.warn(`${failed} events could not be completed; the next run tries again.`);
  },
});
