/** Events for subscribers: about calls, in the documented shape, and about runs of loss prevention. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Outcome } from './outcome.ts';

export const namespaces = [
  'FraudProtection.Monitoring.ExternalCalls',
  'FraudProtection.Errors.ExternalCalls',
  'FraudProtection.LossPrevention.RunFinished',
] as const;
export type Namespace = (typeof namespaces)[number];

const common = {
  /** the same wherever and however often an event arrives */
  uniqueId: z.string(),
  version: z.literal('1.0'),
  metadata: z.object({ tenantId: z.string(), timestamp: z.string() }),
};

const callEvent = z.object({
  name: z.enum(['FraudProtection.Monitoring.ExternalCalls', 'FraudProtection.Errors.ExternalCalls']),
  ...common,
  externalCallName: z.string(),
  requestStatus: z.string(),
  httpStatusCode: z.number(),
  correlationId: z.string(),
  latencyMs: z.number(),
  assessment: z.string(),
  rule: z.string(),
  clause: z.string(),
  // of FraudProtection.Errors.ExternalCalls only
  response: z.string().optional(),
  requestUri: z.string().optional(),
  requestBody: z.string().optional(),
});

const figure = z.int().min(0);
const finishedRun = z.object({
  environmentId: z.string(),
  runId: z.string(),
  requestedBy: z.string(),
  status: z.enum(['succeeded', 'failed']),
  /** why it failed */
  reason: z.string().optional(),
  startedAt: z.string().optional(),
  /** first and last month that were looked at, e.g. `2026-11` */
  firstMonth: z.string().optional(),
  lastMonth: z.string().optional(),
  transactions: figure.optional(),
  transactionsRead: figure.optional(),
  rowsRejected: figure.optional(),
  /** files that are not part of the result */
  filesLeftOut: figure.optional(),
  /** how many of each kind; who they are is on the dashboard */
  flagged: z.record(z.string(), figure).optional(),
  /** path of the dashboard at the app, for those who may see it */
  dashboard: z.string().optional(),
});

/** What is told of a run of loss prevention. */
export type FinishedRun = z.output<typeof finishedRun>;

const runEvent = z.object({
  name: z.literal('FraudProtection.LossPrevention.RunFinished'),
  ...common,
  ...finishedRun.shape,
});

export const eventSchema = z.discriminatedUnion('name', [callEvent, runEvent]);

/** Calls as DFP's page on event tracing shows them, and with the `uniqueId` that its transactional events have. */
export type MonitoringEvent = z.output<typeof eventSchema>;

export type CallEvent = z.output<typeof callEvent>;

/** A run that ended. */
export interface TracedRun {
  id: string;
  environments: readonly string[];
  /** when it ended, ISO 8601 */
  at: string;
  run: FinishedRun;
}

/** What one call was, for its events; texts are redacted already. */
export interface Traced {
  /** stands for this call alone, wherever it is told of again */
  id: string;
  /** the environment of the assessment and its parents, whose subscriptions include their children's events */
  environments: readonly string[];
  call: string;
  correlationId: string;
  assessment: string;
  rule: string;
  clause: string;
  /** when it ended, ISO 8601 */
  at: string;
  latencyMs: number;
  status: Outcome['status'];
  httpStatusCode: number;
  /** what a failed call was answered */
  answered: string;
  requestUri: string;
  requestBody: string;
}

/** What the events of a call hold beside its diagnostics; free of secrets, as those are. */
export interface CallTrace {
  /** when it ended, ISO 8601 */
  at: string;
  status: Outcome['status'];
  requestUri: string;
  /** whether the request of the diagnostics is a body */
  posted: boolean;
  /** what a failed call was answered */
  answered?: string;
}

/** A call as its events tell of it. */
export function tracedOf(
  about: Pick<Traced, 'id' | 'environments' | 'correlationId' | 'assessment' | 'rule' | 'clause' | 'call'>,
  diagnostics: { request?: unknown; httpStatusCode?: number; latency?: number },
  { at, status, requestUri, posted, answered = '' }: CallTrace,
): Traced {
  const { httpStatusCode = 0, latency = 0, request } = diagnostics;
  const requestBody = posted && typeof request === 'string' ? request : '';
  return { ...about, at, status, httpStatusCode, latencyMs: latency, requestUri, requestBody, answered };
}

/** The most characters of a request's body, or of an answer, that an event shows. */
export const shownLimit = 32_768;

const noTenant = '00000000-0000-0000-0000-000000000000';

/** The event of a run; of a call and, where it failed, the one with its request and answer. */
export function eventsOf(traced: Traced | TracedRun, tenantId = noTenant): MonitoringEvent[] {
  if ('run' in traced) {
    const name = 'FraudProtection.LossPrevention.RunFinished';
    const metadata = { tenantId, timestamp: traced.at };
    return [{ uniqueId: idOf(traced.id, name), name, version: '1.0', metadata, ...traced.run }];
  }
  const event = <N extends CallEvent['name']>(name: N) => ({
    uniqueId: idOf(traced.id, name),
    name,
    version: '1.0' as const,
    metadata: { tenantId, timestamp: traced.at },
    externalCallName: traced.call,
    requestStatus: traced.status,
    httpStatusCode: traced.httpStatusCode,
    correlationId: traced.correlationId,
    latencyMs: traced.latencyMs,
    assessment: traced.assessment.toUpperCase(),
    rule: traced.rule,
    clause: traced.clause,
  });
  const monitoring = event('FraudProtection.Monitoring.ExternalCalls');
  if (traced.status === 'Success') return [monitoring];
  const details = {
    response: traced.answered.slice(0, shownLimit),
    requestUri: traced.requestUri,
    requestBody: traced.requestBody.slice(0, shownLimit),
  };
  return [monitoring, { ...event('FraudProtection.Errors.ExternalCalls'), ...details }];
}

/** A UUID made of a text (RFC 9562, version 8: bits of a hash). */
function idOf(...texts: string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(texts)).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}
