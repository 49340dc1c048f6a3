import type { HttpRequest, InvocationContext } from '@azure/functions';
import type { App } from '../shared/assessment/app.ts';
import {
  type Access,
  type AssignmentChange,
  type Assignments,
  type Caller,
  keyHolder,
  openAccess,
  openAssignments,
  openSessions,
  openTokens,
  refused,
  type Sessions,
  type Tokens,
} from '../shared/auth/index.ts';
import { Problem } from '../shared/problem.ts';

export interface Auth {
  access: Access;
  assignments: Assignments;
  /** of browsers that read pages */
  sessions: Sessions;
  /** undefined: the app has no tenant, and takes no token */
  tokens: Tokens | undefined;
}

const opened = new WeakMap<App, Auth>();

/** Who may do what in an app, opened with the first use. */
export function authOf(app: App): Auth {
  const known = opened.get(app);
  if (known) return known;
  const { storage, config, settings } = app;
  const assignments = openAssignments(storage, { log: (change) => config.logActivity(activityOf(change)) });
  const access = openAccess(assignments, {
    chain: config.environmentChain,
    roots: async () => (await config.environmentTree()).map(({ id }) => id),
  });
  const tokens = settings.tokens && openTokens(settings.tokens);
  tokens?.prepare();
  const made = { access, assignments, sessions: openSessions(storage, app.clock), tokens };
  opened.set(app, made);
  return made;
}

/** How a request of a function proves who sends it: by an access token, or by a function key, which the runtime has checked. */
export type Credential = 'token' | 'functionKey';

/** Whether keys open anything. The functions below /keys are there only then, so it has to be known as the app is loaded. */
export const takesKeys = (process.env.HOLDFAST_FUNCTION_KEYS ?? '').trim() !== '';

/** The path of a request, still encoded, as it is without keys; a doubled slash at its start is one. */
export function pathOf(request: HttpRequest, credential: Credential): string {
  const path = new URL(request.url).pathname.replace(/^\/{2,}/, '/');
  return credential === 'functionKey' ? path.replace(/^\/keys\/+/i, '/') : path;
}

/** Who sends a request. Throws a Problem 401, whose reason goes to the log, or 503. */
export async function authenticate(
  app: App,
  credential: Credential,
  request: HttpRequest,
  context: InvocationContext,
): Promise<Caller> {
  if (credential === 'functionKey') return keyHolder(app.settings.keyRoles);
  try {
    const { tokens } = authOf(app);
    if (!tokens) throw refused('TokenNotPresent', 'HOLDFAST_TENANT_ID is not set: no token is accepted');
    return await tokens.verify(request.headers.get('authorization'));
  } catch (error) {
    if (error instanceof Problem && error.cause instanceof Error)
      context.info(`${error.status} ${error.code}: ${error.cause.message}`);
    throw error;
  }
}

function activityOf({ id, at, by, environment, principal, before, after }: AssignmentChange) {
  return {
    id,
    at,
    by,
    environment,
    operation: after ? (before ? 'Update' : 'Create') : 'Delete',
    kind: 'roleAssignments',
    name: `${principal.type}s/${principal.id}`,
    ...(before ? { before: { ...before } } : {}),
    ...(after ? { after: { ...after } } : {}),
  } as const;
}
