import type { App } from './app.ts';
import type { Sources } from './reads.ts';

/*
 * Events that are imported are past when they are counted, at once or when what they wait for comes: nobody outside is asked
 * about them, and velocities that no window reaches any more are left alone.
 */

/** No window of a velocity reaches further back than 90 days, and the day that is under way. */
const reachedMs = 91 * 86_400_000;

/** Does a window of a velocity reach back to this time (ms)? */
export function isReached(app: Pick<App, 'clock'>, at: number): boolean {
  return at > app.clock() - reachedMs;
}

const message = 'Past events that are imported make no calls.';
const failed = { failed: { code: 'import-call', message } };

/** Reads that velocity sets may make when past events are counted: nobody outside is asked, and nothing is scored. */
export function pastSources(app: Pick<App, 'sources'>): Sources {
  return {
    ...app.sources,
    externalCall: async (_environment, definition, _args, { name }) => ({
      response: definition?.defaultResponse ?? null,
      failed: { code: 'UnknownFailure', message },
      diagnostics: { request: '', endpoint: '', httpStatusCode: 0, errorMessage: message, latency: 0 },
      trace: { at: new Date(0).toISOString(), status: 'UnknownFailure', requestUri: name, posted: false },
    }),
    externalAssessment: async () => failed,
    model: async () => null,
  };
}
