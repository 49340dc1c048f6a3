import { app } from '@azure/functions';

/** Is the process alive? Asks nothing of anything else, so that a broken storage account does not restart instances. */
app.http('health', {
  methods: ['GET'],
  authLevel: 'anonymous',
  route: 'health/live',
  handler: async () => ({ jsonBody: { status: 'live' } }),
});
