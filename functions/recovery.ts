import { app } from '@azure/functions';
import { recover } from '../shared/assessment/recover.ts';
import { theApp } from './app.ts';

/*
 * Completes what a dead process left, so that an event is complete within a minute of a restart: at the start of each
 * process, since the timer of a process that died holds its lease for a while, and twice a minute. Cheap where nothing
 * is left: one range read per partition that was active lately.
 */
app.hook.appStart(() => {
  void theApp()
    .then((holdfast) => recover(holdfast, 0))
    // the timer tries again
    .catch((error: unknown) => console.warn(`Recovery at the start failed: ${String(error)}`));
});

app.timer('recovery', {
  schedule: '*/30 * * * * *',
  handler: async (_timer, context) => {
    const { completed, failed, problem } = await recover(await theApp());
    if (completed > 0) context.log(`Completed ${completed} events that another process had left.`);
    if (failed > 0)
      context.warn(
        `${failed} events could not be completed; the next run tries again. The first: ${problem}`,
      );
  },
});
