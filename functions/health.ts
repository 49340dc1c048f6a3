import { app, type HttpMethod } from '@azure/functions';
import type { App } from '../shared/assessment/app.ts';
import { openReadiness, type Readiness } from '../shared/health/readiness.ts';
import { theApp } from './app.ts';

/** Front Door asks with HEAD unless it is told otherwise. */
const probed: HttpMethod[] = ['GET', 'HEAD'];

/** Is the process alive? Asks nothing of anything else, so that a broken storage account does not restart instances. */
app.http('health', {
  methods: probed,
  authLevel: 'anonymous',
  route: 'health/live',
  handler: async () => ({ jsonBody: { status: 'live' } }),
});

// the app itself cannot be opened while storage is out of reach
const readiness = openReadiness({
  async storage() {
    const { storage } = await theApp();
    await Promise.all([
      storage.table('activePartitions').read('events', 'ready'),
      storage.blobs('config').read('ready'),
    ]);
  },
  async snapshot() {
    const { config, scoring }: App = await theApp();
    const { root } = await config.snapshot();
    // so that no assessment waits for a model to be loaded
    await scoring.freshen(root);
  },
});

const retryAfter = { 'retry-after': '5' };

/** Can the app assess? Says what is missing in words; no credentials, no secrets. */
app.http('healthReady', {
  methods: probed,
  authLevel: 'anonymous',
  route: 'health/ready',
  async handler() {
    const { ready, missing }: Readiness = await readiness();
    if (ready) return { jsonBody: { status: 'ready' } };
    return { status: 503, headers: retryAfter, jsonBody: { status: 'not ready', missing } };
  },
});

/** DFP's own probe (WIRE.md 2, row 24): 200 and no body, without credentials. */
app.http('healthOfDfp', {
  methods: probed,
  authLevel: 'anonymous',
  route: 'api/v1/health',
  async handler() {
    const { ready } = await readiness();
    return ready ? { status: 200 } : { status: 503, headers: retryAfter };
  },
});
