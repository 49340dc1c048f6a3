import { app } from '@azure/functions';
import { follow } from '../shared/assessment/followers.ts';
import { theApp } from './app.ts';

/** Completes the index of data subjects from the outbox, once a minute. */
app.timer('subjectIndex', {
  schedule: '20 * * * * *',
  handler: async (_timer, context) => {
    const holdfast = await theApp();
    const { failed, problem } = await follow(holdfast, { name: 'subjects', take: holdfast.subjects.write });
    if (failed > 0)
      context.warn(`The index of data subjects is behind in ${failed} partitions. The first: ${problem}`);
  },
});
