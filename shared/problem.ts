/** A JSON value that nobody changes; members that are undefined are not written. The same type as the language's own. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** One fault of a request: where it is (a JSON path, a column, a header …) and what is wrong there. */
export interface ProblemError {
  path: string;
  message: string;
}

export interface ProblemOptions {
  /** a stable word for programs, e.g. `RuleNotFound` */
  code?: string;
  errors?: ProblemError[];
  /** members that the problem document carries beside the standard ones */
  extra?: { [name: string]: Json };
  /** seconds after which the caller may try again: becomes `Retry-After` */
  retryAfter?: number;
  cause?: unknown;
}

/**
 * The one error type that means "answer the caller with this": `functions/http.ts` turns it into a problem document
 * (RFC 9457) on management routes and into DFP's error body on DFP's own routes. Anything else that is thrown is a 500.
 */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly errors: ProblemError[] | undefined;
  readonly extra: { [name: string]: Json } | undefined;
  readonly retryAfter: number | undefined;

  constructor(status: number, title: string, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Problem';
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.code = options.code ?? title.replaceAll(/[^A-Za-z0-9]/g, '');
    this.errors = options.errors;
    this.extra = options.extra;
    this.retryAfter = options.retryAfter;
  }

  /** 400: the request itself is wrong; `options.errors` names the members at fault. */
  static badRequest(detail: string, options?: ProblemOptions): Problem {
    return new Problem(400, 'Bad Request', detail, options);
  }

  /** 401: no credentials, or none that are valid. */
  static unauthorized(detail: string, options?: ProblemOptions): Problem {
    return new Problem(401, 'Unauthorized', detail, options);
  }

  /** 403: valid credentials that do not allow this. */
  static forbidden(detail: string, options?: ProblemOptions): Problem {
    return new Problem(403, 'Forbidden', detail, options);
  }

  /** 404: the thing named does not exist. */
  static notFound(detail: string, options?: ProblemOptions): Problem {
    return new Problem(404, 'Not Found', detail, options);
  }

  /** 405: the route exists, the method does not. */
  static methodNotAllowed(detail: string, options?: ProblemOptions): Problem {
    return new Problem(405, 'Method Not Allowed', detail, options);
  }

  /** 409: the request contradicts what is stored. */
  static conflict(detail: string, options?: ProblemOptions): Problem {
    return new Problem(409, 'Conflict', detail, options);
  }

  /** 412: the ETag given is no longer the resource's. */
  static preconditionFailed(detail: string, options?: ProblemOptions): Problem {
    return new Problem(412, 'Precondition Failed', detail, options);
  }

  /** 413: the request is larger than is accepted. */
  static tooLarge(detail: string, options?: ProblemOptions): Problem {
    return new Problem(413, 'Content Too Large', detail, options);
  }

  /** 415: a body of another media type was expected. */
  static unsupportedMediaType(detail: string, options?: ProblemOptions): Problem {
    return new Problem(415, 'Unsupported Media Type', detail, options);
  }

  /** 422: well-formed, but its content cannot be accepted (code that does not compile …). */
  static unprocessable(detail: string, options?: ProblemOptions): Problem {
    return new Problem(422, 'Unprocessable Content', detail, options);
  }

  /** 503: try again after `retryAfter` seconds. */
  static unavailable(detail: string, retryAfter: number, options?: ProblemOptions): Problem {
    return new Problem(503, 'Service Unavailable', detail, { ...options, retryAfter });
  }
}

/** Why something failed, for whoever asked: of a Problem its detail, since its message may name accounts and addresses, for logs. */
export function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  return error instanceof Error ? error.message : String(error);
}
