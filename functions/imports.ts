import { app } from '@azure/functions';
import { z } from 'zod';
import { sweep } from '../shared/imports/index.ts';
import { theApp } from './app.ts';
import { importInTurn } from './batch.ts';

const messageSchema = z.object({ environment: z.string(), id: z.string() });

/**
 * Works on one import for a few minutes, then hands itself the rest. What fails is written down with the import, and the sweep
 * sends it on its way again; so does it where a process died.
 */
app.storageQueue('imports', {
  queueName: 'imports',
  connection: 'HOLDFAST_STORAGE',
  handler: async (message, context) => {
    const place = messageSchema.parse(typeof message === 'string' ? JSON.parse(message) : message);
    const holdfast = await theApp();
    try {
      await importInTurn(holdfast, place);
    } catch (error) {
      context.error(`The import ${place.id} goes on later, after a failure: ${String(error)}`);
    }
  },
});

/** What nobody works on is sent on its way again, and what is over for long is forgotten. */
app.timer('importSweep', {
  schedule: '10 * * * * *',
  handler: async (_timer, context) => {
    const resumed = await sweep(await theApp());
    if (resumed > 0) context.warn(`${resumed} imports were sent on their way again.`);
  },
});
