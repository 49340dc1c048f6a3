/** Retry policies of functions (`retry` in their options): the runtime runs them for timers, in memory only. */
import type { RetryOptions } from './core.ts';
import { DefinitionError } from './ncrontab.ts';

export interface Retry {
  /** -1: without end */
  readonly limit: number;
  /** how long to wait before a retry, milliseconds; the first has the number 1 */
  delay(attempt: number): number;
}

/**
 * Reads a policy, undefined where there is none.
 * @throws DefinitionError where the runtime would refuse it
 */
export function readRetry(
  options: RetryOptions | undefined,
  random: () => number = Math.random,
): Retry | undefined {
  if (options === undefined) return undefined;
  const { maxRetryCount: limit, retryStrategy, delayInterval, minimumInterval, maximumInterval } = options;
  if (limit === undefined || !Number.isInteger(limit) || limit < -1)
    throw new DefinitionError('retry.maxRetryCount must be a whole number, -1 or more');
  if (retryStrategy === 'fixedDelay') {
    const delay = milliseconds(delayInterval);
    if (delay === undefined) throw new DefinitionError('retry.delayInterval is missing');
    return { limit, delay: () => delay };
  }
  if (retryStrategy !== 'exponentialBackoff')
    throw new DefinitionError(
      `retry.strategy '${retryStrategy}' is neither fixedDelay nor exponentialBackoff`,
    );
  const [minimum, maximum] = [milliseconds(minimumInterval), milliseconds(maximumInterval)];
  if (minimum === undefined || maximum === undefined)
    throw new DefinitionError('retry.minimumInterval and retry.maximumInterval are needed');
  if (minimum > maximum)
    throw new DefinitionError('retry.minimumInterval is more than retry.maximumInterval');
  return { limit, delay: backoff(minimum, maximum, random) };
}

/** The WebJobs SDK's randomized exponential backoff: min, then min + min·2ⁿ·(0.8 … 1.2), never more than max. */
export function backoff(
  minimum: number,
  maximum: number,
  random: () => number = Math.random,
): (attempt: number) => number {
  return (attempt) =>
    Math.min(
      maximum,
      attempt <= 1 ? minimum : minimum + minimum * 2 ** (attempt - 2) * (0.8 + 0.4 * random()),
    );
}

function milliseconds(duration: { seconds?: number } | undefined): number | undefined {
  return duration === undefined ? undefined : (duration.seconds ?? 0) * 1000;
}
