import { Problem } from '../problem.ts';

/** A write that the service would refuse for its size or form: 413 where it is too large, 400 where a name or value is not allowed. */
export class StorageLimitError extends Problem {
  constructor(status: 400 | 413, detail: string) {
    super(status, status === 413 ? 'Content Too Large' : 'Bad Request', detail, { code: 'StorageLimit' });
    this.name = 'StorageLimitError';
  }
}

/**
 * Storage did not answer, after all retries. Nothing is known of the write that met it: it may have been applied. The
 * message, for logs, says what was tried and what came of it; the detail, for callers, names no account and no address.
 */
export class StorageUnavailable extends Problem {
  constructor(message: string, retryAfter: number, cause?: unknown) {
    super(503, 'Service Unavailable', 'The storage is out of reach. Try again.', {
      code: 'StorageUnavailable',
      retryAfter,
      cause,
    });
    this.name = 'StorageUnavailable';
    this.message = message;
  }
}
