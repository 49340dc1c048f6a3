import { app } from '@azure/functions';
import { writeLake } from '../shared/assessment/lakeWriter.ts';
import { theApp } from './app.ts';

/** Short of what the host allows, so that a run ends by itself and the next goes on (host.json, `functionTimeout`). */
const longest = 20 * 60_000;

/** Writes the minutes that are closed into the lake, once a minute. */
app.timer('lakeWriter', {
  schedule: '40 * * * * *',
  handler: async (_timer, context) => {
    const { failed, problem } = await writeLake(await theApp(), AbortSignal.timeout(longest));
    if (failed > 0)
      context.warn(
        `The lake is behind in ${failed} event types; the next run tries again. The first: ${problem}`,
      );
  },
});

/** Compacts the days that are over, from an hour after midnight UTC on; what is left or came late, an hour later. */
app.timer('lakeCompaction', {
  schedule: '0 10 1-5 * * *',
  handler: async (_timer, context) => {
    const { lake, clock } = await theApp();
    const today = new Date(clock()).toISOString().slice(0, 10);
    const { days, problems } = await lake.compact(today, AbortSignal.timeout(longest));
    if (days > 0) context.log(`Compacted ${days} days of the lake.`);
    for (const problem of problems) context.warn(`A day of the lake could not be compacted: ${problem}`);
  },
});
