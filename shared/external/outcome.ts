/** How a call ended. */
import type { Json } from '../problem.ts';

/** The documented kinds of errors, as events and metrics name them. HTTP errors are `ResponseFailure` with their code. */
export type ErrorKind =
  | 'InvalidApplicationId'
  | 'AADFailure'
  | 'DefinitionNotFound'
  | 'Timeout'
  | 'CommunicationFailure'
  | 'CircuitBreaker'
  | 'ResponseFailure'
  | 'UnknownFailure';

/** The same kinds as people read them. */
export const kindNames: Readonly<Record<ErrorKind, string>> = {
  InvalidApplicationId: 'Invalid application id',
  AADFailure: 'AAD failure',
  DefinitionNotFound: 'Definition not found',
  Timeout: 'Timeout',
  CommunicationFailure: 'Communication failure',
  CircuitBreaker: 'Circuit breaker',
  ResponseFailure: 'Response failure',
  UnknownFailure: 'Unknown failure',
};

export interface Outcome {
  status: 'Success' | ErrorKind;
  /** of the answer; 0 where there was none, or none that was complete */
  httpStatusCode: number;
  /** present exactly with `Success` */
  response?: Json;
  /** why it failed, in words; empty with `Success` */
  detail: string;
  /** what a failed call was answered, as far as it was read */
  answered?: string;
}

/** A failure before or instead of an answer, with the kind that it is reported as. */
export class CallError extends Error {
  readonly kind: ErrorKind;
  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The outcome that an error stands for; what nobody foresaw is an unknown failure, with its message. */
export function failure(error: unknown): Outcome {
  if (error instanceof CallError) return failed(error.kind, error.message);
  return failed('UnknownFailure', error instanceof Error ? error.message : String(error));
}

export function failed(status: ErrorKind, detail: string): Outcome {
  return { status, httpStatusCode: 0, detail };
}

/** `Timeout: no complete answer within 200 ms`; empty for a success. */
export function errorText({ status, detail }: Outcome): string {
  if (status === 'Success') return '';
  return detail === '' ? kindNames[status] : `${kindNames[status]}: ${detail}`;
}
