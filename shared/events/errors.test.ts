import { describe, expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import { invalidBody, wireError } from './errors.ts';

describe('errors of DFP’s own routes', () => {
  it('a missing member is told in DFP’s body', () => {
    const { status, body } = wireError(
      invalidBody([{ path: 'signUpId', message: 'is required', missing: true }]),
    );
    expect(status).toBe(400);
    expect(body).toEqual({
      ErrorType: 'ClientError',
      Message: 'Input validation failed - Required properties signUpId are not present at level (root)',
      Retryable: false,
      OtherErrors: null,
    });
  });

  it('several faults are in the message, and listed', () => {
    const { body } = wireError(
      invalidBody([
        { path: 'user.userId', message: 'is required', missing: true },
        { path: 'totalAmount', message: 'expected a number, got true' },
      ]),
    );
    expect(body.Message).toBe(
      'Input validation failed - Required properties user.userId are not present at level user; totalAmount: expected a number, got true',
    );
    expect(body.OtherErrors).toEqual([
      { Path: 'user.userId', Message: 'is required' },
      { Path: 'totalAmount', Message: 'expected a number, got true' },
    ]);
  });

  it('a 401 has the gateway’s body and headers', () => {
    const { status, headers, body } = wireError(
      Problem.unauthorized('The token has expired \u2013 get\r\nanother.', { code: 'TokenExpired' }),
    );
    expect(status).toBe(401);
    expect(body).toEqual({ statusCode: 401, message: 'The token has expired \u2013 get\r\nanother.' });
    expect(headers).toMatchObject({
      ErrorSource: 'validate-jwt',
      ErrorScope: 'global',
      ErrorSection: 'inbound',
      ErrorStatusCode: '401',
      ErrorReason: 'TokenExpired',
      ErrorMessage: 'The token has expired ? get??another.',
    });
  });

  it.each([
    [Problem.notFound('no such environment'), 404, 'ClientError', false],
    [Problem.conflict('another body was sent under this id'), 409, 'ClientError', false],
    [Problem.tooLarge('256 KiB at most'), 413, 'ClientError', false],
    [new Problem(429, 'Too Many Requests', 'slow down', { retryAfter: 3 }), 429, 'ClientError', true],
    [new Problem(500, 'Internal Server Error', 'Internal Server Error'), 500, 'ServerError', true],
    [Problem.unavailable('storage is away', 4.2), 503, 'ServerError', true],
  ])('%s says whether to try again', (problem, status, type, retryable) => {
    const answer = wireError(problem);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      ErrorType: type,
      Message: problem.message,
      Retryable: retryable,
      OtherErrors: null,
    });
    expect(answer.headers['retry-after']).toBe(
      problem.retryAfter === undefined ? undefined : String(Math.ceil(problem.retryAfter)),
    );
  });
});
