import { app } from '@azure/functions';
import { theApp } from './app.ts';
import { warmCalls } from './warmCalls.ts';

/** Keeps services behind external calls warm where nobody calls them; each once per interval, over all instances. */
app.timer('externalCallWarmUp', {
  schedule: '0 * * * * *',
  handler: async (_timer, context) => {
    const holdfast = await theApp();
    const results = await holdfast.calls.external.warmUp.run(await warmCalls(holdfast));
    const failed = results.filter((result) => result === 'failed').length;
    if (failed > 0) context.warn(`${failed} of ${results.length} warm-up calls failed.`);
  },
});

/** Metrics of external calls are kept for 90 days. */
app.timer('externalCallMetricsSweep', {
  schedule: '0 23 3 * * *',
  handler: async (_timer, context) => {
    const swept = await (await theApp()).calls.external.metrics.sweep();
    if (swept > 0) context.log(`Deleted ${swept} rows of metrics older than 90 days.`);
  },
});
