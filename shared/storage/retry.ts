import { setTimeout as sleep } from 'node:timers/promises';
import { StorageUnavailable } from './errors.ts';

export interface Patience {
  /** after which one try counts as lost, milliseconds */
  tryMs: number;
  /** after which no further try begins, milliseconds */
  totalMs: number;
}

/** Tables and queues answer in milliseconds. A write is over, one way or the other, well within the 60 s of DESIGN.md. */
export const quick: Patience = { tryMs: 8_000, totalMs: 20_000 };
/** Blobs may be large. */
export const patient: Patience = { tryMs: 40_000, totalMs: 50_000 };

const tries = 6;
const firstWaitMs = 60;
const longestWaitMs = 3_000;

/** What a failed call to the service looks like; the packages throw several classes that share these. */
export interface Failure {
  statusCode: number | undefined;
  code: string | undefined;
  message: string;
  retryAfterMs: number;
}

/** Reads an error that a storage package threw; undefined for anything else. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const statusCode = field(error, 'statusCode');
  const details = field(error, 'details');
  const code =
    field(error, 'code') ?? field(details, 'errorCode') ?? field(field(details, 'odataError'), 'code');
  if (typeof statusCode !== 'number' && !transportNames.has(error.name) && !isSystemCode(code))
    return undefined;
  return {
    statusCode: typeof statusCode === 'number' ? statusCode : undefined,
    code: typeof code === 'string' ? code : undefined,
    message: error.message,
    retryAfterMs: retryAfter(error),
  };
}

// no connection; aborted by a try's own time limit; no token from the identity endpoint
const transportNames: ReadonlySet<string> = new Set([
  'RestError',
  'AbortError',
  'AuthenticationError',
  'AggregateAuthenticationError',
  'CredentialUnavailableError',
]);
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Calls until there is an answer: 408, 429, 500, 502, 503, 504 and lost connections are tried again, at most 6 times in
 * all, after waits that double from 60 ms, each between a half and the whole of that at random, and at least what
 * `Retry-After` says. Then, or when another wait would pass the total, it throws `StorageUnavailable`. Other errors pass
 * through. `again` tells the call that an earlier try may have been applied though its answer was lost.
 */
export async function persist<T>(
  what: string,
  call: (signal: AbortSignal, again: boolean) => Promise<T>,
  patience: Patience = quick,
): Promise<T> {
  const started = performance.now();
  for (let done = 0; ; done += 1) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), patience.tryMs);
    try {
      return await call(limit.signal, done > 0);
    } catch (error) {
      const failure = failureOf(error);
      if (!failure || !isPassing(failure)) throw error;
      const wait = Math.max(backoff(done), failure.retryAfterMs);
      const spent = performance.now() - started;
      if (done + 1 >= tries || spent + wait > patience.totalMs)
        throw new StorageUnavailable(
          `Storage did not answer (${what}, ${done + 1} tries): ${failure.message}`,
          Math.max(1, Math.ceil(failure.retryAfterMs / 1000)),
          error,
        );
      await sleep(wait);
    } finally {
      clearTimeout(timer);
    }
  }
}

// ECONNRESET and its like, not ERR_INVALID_ARG_TYPE
function isSystemCode(code: unknown): boolean {
  return typeof code === 'string' && (/^E[A-Z]+$/.test(code) || code === 'ERR_STREAM_PREMATURE_CLOSE');
}

function isPassing({ statusCode }: Failure): boolean {
  return statusCode === undefined || passing.has(statusCode);
}

function backoff(done: number): number {
  const most = Math.min(longestWaitMs, firstWaitMs * 2 ** done);
  return most * (0.5 + Math.random() / 2);
}

function retryAfter(error: Error): number {
  const headers = field(field(error, 'response'), 'headers');
  const get = field(headers, 'get');
  if (typeof get !== 'function') return 0;
  const value: unknown = get.call(headers, 'retry-after');
  if (typeof value !== 'string' || value === '') return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && name in of ? Reflect.get(of, name) : undefined;
}
