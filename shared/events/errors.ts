import { Problem } from '../problem.ts';
import { type Fault, renderFaults } from './faults.ts';

/** A 400 that names every fault, in DFP's words and as a list. */
export function invalidBody(faults: readonly Fault[]): Problem {
  return Problem.badRequest(renderFaults(faults), {
    code: 'InvalidBody',
    errors: faults.map(({ path, message }) => ({ path, message })),
  });
}

export interface WireError {
  status: number;
  headers: Record<string, string>;
  body: { [member: string]: unknown };
}

/** The headers that DFP's gateway put on a 401 (WIRE.md 1.5); the reason is the problem's code, e.g. `TokenExpired`. */
function gatewayHeaders(problem: Problem): Record<string, string> {
  const printable = (text: string) => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 256);
  return {
    ErrorSource: 'validate-jwt',
    ErrorScope: 'global',
    ErrorSection: 'inbound',
    ErrorStatusCode: '401',
    ErrorReason: printable(problem.code),
    ErrorMessage: printable(problem.detail),
  };
}

/**
 * A Problem as DFP's own routes answer it (WIRE.md 1.5): 401 as its gateway wrote it, everything else with `ErrorType`,
 * `Message`, `Retryable` and `OtherErrors`. `OtherErrors` is null as DFP sent it, except where there is more than one
 * fault to tell: then it is the list of them.
 */
export function wireError(problem: Problem): WireError {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (problem.retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(problem.retryAfter));
  if (problem.status === 401) {
    headers['www-authenticate'] = 'Bearer';
    Object.assign(headers, gatewayHeaders(problem));
    return { status: 401, headers, body: { statusCode: 401, message: problem.detail } };
  }
  const client = problem.status < 500;
  const errors = problem.errors ?? [];
  return {
    status: problem.status,
    headers,
    body: {
      ErrorType: client ? 'ClientError' : 'ServerError',
      Message: problem.detail,
      Retryable: !client || problem.retryAfter !== undefined,
      OtherErrors:
        errors.length > 1 ? errors.map((error) => ({ Path: error.path, Message: error.message })) : null,
    },
  };
}
