/** How the client reaches an app: tokens, time-outs, repeats, errors. The operations are in operations.ts, which is generated. */

export interface Token {
  value: string;
  /** ms since 1970, UTC */
  expires: number;
}

export interface ClientOptions {
  /** where the app is served, e.g. `https://fraud.example.com` */
  baseUrl: string;
  /** gets a new token; it is asked when there is none or the last one is about to expire. `clientCredentials` makes one */
  token?: (() => Promise<Token>) | undefined;
  /** instead of a token, where the operator turned function keys on */
  functionKey?: string | undefined;
  /** environment of assessments and events, where a call names none: id, API name or path */
  environment?: string | undefined;
  /** milliseconds for one try; default 10,000 */
  timeoutMs?: number | undefined;
  /** further tries after the first; default 3 */
  retries?: number | undefined;
  fetch?: typeof fetch;
  /** waits for so many ms */
  sleep?: (ms: number) => Promise<void>;
  /** ms since 1970, UTC */
  now?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

/** One request as an operation describes it. */
export interface Call {
  operation: string;
  method: string;
  /** encoded */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  headers?: Readonly<Record<string, string | undefined>>;
  body?: unknown;
  /** media type of a body that is text already */
  contentType?: string;
  /** may it be sent again when nobody knows whether it arrived? */
  repeatable: boolean;
  /** an assessment or event of DFP's API: it goes with a correlation id and an environment */
  event?: boolean;
}

export interface Reply {
  status: number;
  headers: Headers;
  /** JSON, or text where it is not JSON; undefined without a body */
  body: unknown;
}

/** The app refused a request, or there was no answer. */
export class HoldfastError extends Error {
  readonly operation: string;
  /** of the answer; 0 where there was none */
  readonly status: number;
  /** a word for programs: the problem's code, `Timeout`, `Network` … */
  readonly code: string;
  /** members at fault, by JSON path */
  readonly errors: readonly { path: string; message: string }[];
  /** the answer's body */
  readonly body: unknown;
  /** ms until a further try makes sense */
  readonly retryAfterMs: number | undefined;

  constructor(
    operation: string,
    status: number,
    code: string,
    message: string,
    details: {
      errors?: readonly { path: string; message: string }[] | undefined;
      body?: unknown;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(`${operation}: ${message}`, { cause: details.cause });
    this.name = 'HoldfastError';
    this.operation = operation;
    this.status = status;
    this.code = code;
    this.errors = details.errors ?? [];
    this.body = details.body;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** A token is renewed so many ms before it expires. */
const renewBefore = 5 * 60_000;
/** The longest wait between two tries, ms; a `Retry-After` beyond it is an error at once. */
const longestWait = 30_000;

/** Sends a call, and again where that is safe and may help. Throws HoldfastError. */
export type Transport = (call: Call, options?: CallOptions) => Promise<Reply>;

export function openTransport(options: ClientOptions): Transport {
  const {
    retries = 3,
    now = Date.now,
    sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
  } = options;
  const send = options.fetch ?? fetch;
  let token: Promise<Token> | undefined;

  async function authorization(): Promise<Record<string, string>> {
    if (options.functionKey !== undefined) return { 'x-functions-key': options.functionKey };
    if (!options.token) return {};
    const last = await token?.catch(() => undefined);
    if (!last || last.expires - renewBefore <= now()) token = renewed(last, token);
    return { authorization: `Bearer ${(await token)?.value ?? ''}` };
  }

  /** One renewal for all that wait for it. */
  let renewing: Promise<Token> | undefined;
  function renewed(last: Token | undefined, before: Promise<Token> | undefined): Promise<Token> | undefined {
    if (!options.token) return before;
    renewing ??= options.token().finally(() => {
      renewing = undefined;
    });
    // a token that is still good outlives a renewal that failed
    return renewing.catch((error) => {
      if (last && last.expires > now()) return last;
      throw error;
    });
  }

  async function once(
    call: Call,
    url: URL,
    correlation: Record<string, string>,
    settings: CallOptions,
  ): Promise<Reply> {
    const limit = AbortSignal.timeout(settings.timeoutMs ?? options.timeoutMs ?? 10_000);
    const headers = new Headers({ accept: 'application/json', ...correlation, ...(await authorization()) });
    for (const [name, value] of Object.entries(call.headers ?? {}))
      if (value !== undefined) headers.set(name, value);
    if (call.body !== undefined) headers.set('content-type', call.contentType ?? 'application/json');
    const content = contentOf(call);
    const response = await send(url, {
      method: call.method,
      headers,
      signal: settings.signal ? AbortSignal.any([limit, settings.signal]) : limit,
      ...(call.body === undefined ? {} : { body: content }),
    });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(answer, response.headers) };
  }

  return async (call, settings = {}) => {
    const url = new URL(options.baseUrl.replace(/\/+$/, '') + call.path);
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    // the same for every try, so that a repeat is known as one
    const envelope: Record<string, string> = call.event
      ? {
          'x-ms-correlation-id': crypto.randomUUID(),
          ...(options.environment === undefined ? {} : { 'x-ms-dfpenvid': options.environment }),
        }
      : {};
    for (let attempt = 0; ; attempt++) {
      const outcome = await once(call, url, envelope, settings).catch((cause: unknown) =>
        unanswered(call, cause),
      );
      if (!(outcome instanceof HoldfastError) && outcome.status < 400) return outcome;
      const error = outcome instanceof HoldfastError ? outcome : refused(call, outcome, now());
      // a token may have been taken back before its time
      if (error.status === 401 && options.token && attempt === 0) {
        token = undefined;
        continue;
      }
      const wait = error.retryAfterMs ?? Math.random() * Math.min(200 * 2 ** attempt, longestWait);
      const again = isPassing(error, call) && attempt < retries && wait <= longestWait;
      if (!again || settings.signal?.aborted) throw error;
      await sleep(wait);
    }
  };
}

function contentOf({ body, contentType }: Call): string | Uint8Array<ArrayBuffer> {
  if (contentType === undefined) return JSON.stringify(body);
  return body instanceof Uint8Array ? new Uint8Array(body) : String(body);
}

/** May the same request succeed a little later, and is it safe to send it again? */
function isPassing({ status }: HoldfastError, { repeatable }: Call): boolean {
  if (status === 429 || status === 503) return true;
  return repeatable && (status === 0 || status === 408 || status === 500 || status === 502 || status === 504);
}

function unanswered({ operation }: Call, cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  const name = cause instanceof Error ? cause.name : '';
  if (name === 'TimeoutError')
    return new HoldfastError(operation, 0, 'Timeout', 'no answer in time', { cause });
  if (name === 'AbortError')
    return new HoldfastError(operation, 0, 'Aborted', 'given up by the caller', { cause });
  return new HoldfastError(operation, 0, 'Network', 'the app cannot be reached', { cause });
}

/** What an answer says is wrong, in any of the three shapes of errors. */
function refused({ operation }: Call, { status, headers, body }: Reply, now: number): HoldfastError {
  const read = (name: string) => {
    const value: unknown = isObject(body) ? body[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const listed: unknown = isObject(body) ? (body.errors ?? body.OtherErrors) : undefined;
  const errors = (Array.isArray(listed) ? listed : []).filter(isObject).map((one) => ({
    path: String(one.path ?? one.Path ?? ''),
    message: String(one.message ?? one.Message ?? ''),
  }));
  const message = read('detail') ?? read('Message') ?? read('message') ?? `status ${status}`;
  const code = read('code') ?? read('ErrorType') ?? headers.get('errorreason') ?? String(status);
  return new HoldfastError(operation, status, code, message, {
    errors,
    body,
    retryAfterMs: retryAfter(headers, now),
  });
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parsed(text: string, headers: Headers): unknown {
  if (text === '') return undefined;
  return headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export interface ClientCredentials {
  /** e.g. `https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token` */
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  /** `<application id URI>/.default` */
  scope: string;
  fetch?: typeof fetch;
  now?: () => number;
}

/** Tokens by OAuth 2's client-credentials grant (RFC 6749, 4.4). */
export function clientCredentials(options: ClientCredentials): () => Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scope, now = Date.now } = options;
  const send = options.fetch ?? fetch;
  return async () => {
    const response = await send(tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope,
      }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    const answer: unknown = response.headers.get('content-type')?.includes('json')
      ? JSON.parse(text)
      : undefined;
    const value = isObject(answer) ? answer.access_token : undefined;
    // as a number or, as Entra ID's older endpoint sends it, a text
    const seconds = isObject(answer) ? Number(answer.expires_in) : Number.NaN;
    if (!response.ok || typeof value !== 'string')
      throw new HoldfastError('token', response.status, 'Token', 'the token endpoint gave no token');
    return { value, expires: now() + (Number.isFinite(seconds) ? seconds : 3600) * 1000 };
  };
}
