import { app } from '@azure/functions';
import { theApp } from './app.ts';

/** Counts what was assessed, every five minutes; `GET …/usage` adds what came since. */
app.timer('usage', {
  schedule: '50 */5 * * * *',
  handler: async (_timer, context) => {
    const { failed, problem } = await (await theApp()).counts.settle();
    if (failed > 0)
      context.warn(
        `${failed} event types could not be counted; the next run tries again. The first: ${problem}`,
      );
  },
});
