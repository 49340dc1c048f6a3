import { app } from '@azure/functions';
import { z } from 'zod';
import { longestWaitDays } from '../shared/assessment/later.ts';
import { enqueue, sweep, work } from '../shared/subjects/index.ts';
import { theApp } from './app.ts';

const messageSchema = z.object({ environment: z.string(), id: z.string() });

/** Works on one request of a data subject for a while, then hands itself the rest; what dies in between starts again. */
app.storageQueue('subjectRequests', {
  queueName: 'subject-requests',
  connection: 'HOLDFAST_STORAGE',
  handler: async (message) => {
    const request = messageSchema.parse(typeof message === 'string' ? JSON.parse(message) : message);
    const holdfast = await theApp();
    const again = await work(holdfast, request);
    if (again !== undefined) await enqueue(holdfast, request, again);
  },
});

/** What expired is deleted, and what was lost on the way goes on. */
app.timer('subjectRequestSweep', {
  schedule: '15 */10 * * * *',
  handler: async (_timer, context) => {
    const holdfast = await theApp();
    const { deleted, resumed } = await sweep(holdfast);
    if (deleted > 0) context.log(`Deleted ${deleted} requests of data subjects that had expired.`);
    if (resumed > 0) context.warn(`${resumed} requests of data subjects were sent on their way again.`);
    const given = await holdfast.later.giveUpBefore(holdfast.clock() - longestWaitDays * 86_400_000);
    if (given > 0)
      context.log(
        `${given} events wait no longer for an assessment that did not come in ${longestWaitDays} days.`,
      );
  },
});
