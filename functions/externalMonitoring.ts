import { app } from '@azure/functions';
import { monitoringQueue } from '../shared/external/index.ts';
import { theApp } from './app.ts';

/** Hands events about external calls to their subscribers; what none of a day's tries delivers is kept in the poison queue. */
app.storageQueue('externalCallMonitoring', {
  queueName: monitoringQueue,
  connection: 'HOLDFAST_STORAGE',
  handler: async (message) => {
    // the runtime hands JSON over as a value
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    await (await theApp()).calls.external.deliver(text);
  },
});
