import { Problem } from '../problem.ts';
import type { WriteOptions } from './types.ts';

/** Throws a Problem 412 where the conditions of a write do not hold. */
export function checkConditions(
  { ifMatch, ifAbsent }: WriteOptions,
  etag: string | undefined,
  what: string,
): void {
  if (ifAbsent && etag !== undefined) {
    throw Problem.preconditionFailed(`The ${what} exists already (If-None-Match: *).`, { code: 'Exists' });
  }
  if (ifMatch && !(etag !== undefined && (ifMatch.includes('*') || ifMatch.includes(etag)))) {
    throw Problem.preconditionFailed(`The ${what} has changed, or does not exist (If-Match).`, {
      code: 'Changed',
    });
  }
}
