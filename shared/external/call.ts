/** One HTTP exchange: pooled connections, a limit on the answer, JSON only, no redirects. */

import { getCACertificates } from 'node:tls';
import { TaskCancelledError, TimeoutStrategy, timeout } from 'cockatiel';
import type { Agent, Dispatcher } from 'undici';
import type { Json } from '../problem.ts';
import { type Fence, FencedError } from './fence.ts';
import { CallError, failed, failure, type Outcome } from './outcome.ts';
import type { OutgoingRequest } from './request.ts';

/** The most that an answer may have: 1 MiB. */
export const answerLimit = 1_048_576;

/** As deep as arrays and objects of an answer may be nested: what .NET's reader takes, and any recursion bears. */
export const depthLimit = 64;

/** Of the answer to a failed call, as many characters are kept: it goes with the evidence of every such event. */
export const answeredLimit = 8192;

/** As many bytes of it are read: a secret that the cut would part is whole in them, the longest one URL-encoded too. */
const answeredRead = 32_768;

export interface SenderOptions {
  fence: Fence;
  /** further certificate authorities, PEM, beside the ones that Node trusts */
  certificateAuthorities?: readonly string[];
  /** connections to one host at a time; what exceeds them waits, within its time-out. Default 128. */
  connections?: number;
}

export interface Sender {
  /** Sends and reads the answer to its last byte. Never throws; ends with `signal`. */
  send(request: OutgoingRequest, signal: AbortSignal): Promise<Outcome>;
  /** Whether a URL answers GET with a 2xx, whatever the answer says. Never throws. */
  ping(url: URL, signal: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

export function openSender(options: SenderOptions): Sender {
  const ca = options.certificateAuthorities?.length ? { ca: trusted(options.certificateAuthorities) } : {};
  let opened: Promise<Agent> | undefined;

  /** Loads the HTTP client with the first call: it is a megabyte, which a cold start should not read. */
  function agent(): Promise<Agent> {
    opened ??= openAgent();
    return opened;
  }

  async function openAgent(): Promise<Agent> {
    // a package of CommonJS: bundled, it has no other export than this one
    const { default: undici } = await import('undici');
    return new undici.Agent({
      connect: options.fence.connector(undici.buildConnector, ca),
      allowH2: false,
      connections: options.connections ?? 128,
      pipelining: 1,
      // kept while a load balancer on the way usually keeps them; a server's own hint goes before
      keepAliveTimeout: 60_000,
      keepAliveMaxTimeout: 240_000,
      maxHeaderSize: 16_384,
    });
  }

  async function exchange(request: OutgoingRequest, signal: AbortSignal, read: Read): Promise<Outcome> {
    try {
      const { url, method, headers, body } = request;
      const refused = options.fence.refuses(url);
      if (refused !== undefined) return failed('CommunicationFailure', refused);
      // the deadline is the caller's signal, for the whole exchange; undici's own are per step and coarser
      const answer = await (await agent()).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers,
        body: body ?? null,
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      return await read(answer);
    } catch (error) {
      return signal.aborted ? failed('Timeout', '') : transportFailure(error);
    }
  }

  return {
    send: (request, signal) => exchange(request, signal, readAnswer),
    ping: (url, signal) => exchange({ method: 'GET', url, headers: {} }, signal, readPing),
    async close() {
      await (await opened)?.destroy();
    },
  };
}

/**
 * Runs `work` and ends with `Timeout` when the time is over, whatever `work` then does; its signal tells it to stop.
 * @param ms 1 to 5000 milliseconds
 */
export async function within(ms: number, work: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
  const late = failed('Timeout', `no complete answer within ${ms} ms`);
  try {
    const outcome = await timeout(ms, TimeoutStrategy.Aggressive).execute(({ signal }) => work(signal));
    return outcome.status === 'Timeout' ? late : outcome;
  } catch (error) {
    return error instanceof TaskCancelledError ? late : failure(error);
  }
}

type Read = (answer: Dispatcher.ResponseData) => Promise<Outcome>;

const readAnswer: Read = async ({ statusCode, headers, body }) => {
  const fault = (detail: string, answered?: string): Outcome => ({
    status: 'ResponseFailure',
    httpStatusCode: statusCode,
    detail,
    ...(answered === undefined ? {} : { answered: answered.slice(0, answeredRead) }),
  });
  if (statusCode < 200 || statusCode > 299) {
    const { text } = await readText(body, answeredRead);
    const redirect = statusCode < 400 ? ', and redirects are not followed' : '';
    return fault(`the answer was HTTP ${statusCode}${redirect}`, text);
  }
  if (statusCode === 204) {
    await body.dump();
    return { status: 'Success', httpStatusCode: statusCode, response: null, detail: '' };
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    body.destroy();
    return fault(`the answer is encoded (${String(encoding)}), which was not asked for`);
  }
  const { text, whole } = await readText(body, answerLimit);
  if (!whole) return fault(`the answer has more than ${answerLimit} bytes`, text);
  const response = parse(text);
  if (response === undefined) return fault('the answer is not JSON', text);
  if (!nestedWithin(response, depthLimit))
    return fault(`the answer is nested deeper than ${depthLimit} levels`, text);
  return { status: 'Success', httpStatusCode: statusCode, response, detail: '' };
};

const readPing: Read = async ({ statusCode, body }) => {
  await body.dump({ limit: answerLimit });
  const good = statusCode >= 200 && statusCode <= 299;
  const detail = good ? '' : `the answer was HTTP ${statusCode}`;
  return { status: good ? 'Success' : 'ResponseFailure', httpStatusCode: statusCode, detail };
};

/** At most `limit` bytes as text; leaving early closes the connection, so that no more is sent. */
async function readText(
  body: Dispatcher.ResponseData['body'],
  limit: number,
): Promise<{ text: string; whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > limit) break;
  }
  const bytes = Buffer.concat(chunks);
  return { text: new TextDecoder().decode(bytes.subarray(0, limit)), whole: size <= limit };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value nests at most `limit` arrays and objects. */
function nestedWithin(value: Json | undefined, limit: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  return limit > 0 && Object.values(value).every((item: Json | undefined) => nestedWithin(item, limit - 1));
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the host refused the connection',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed before the answer was complete',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be resolved',
  ETIMEDOUT: 'no connection came about',
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate authority is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate authority is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate authority is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
};

/** Any failure of the network, of TLS, or of HTTP itself. Texts of libraries are not shown: they can quote the request. */
function transportFailure(error: unknown): Outcome {
  if (error instanceof CallError) return failure(error);
  if (error instanceof FencedError) return failed('CommunicationFailure', error.message);
  if (error instanceof Error && error.name === 'HTTPParserError')
    return failed('CommunicationFailure', 'the answer is not HTTP');
  const code = codeOf(error);
  return code === undefined ? failure(error) : failed('CommunicationFailure', reasons[code] ?? code);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError ? error.errors.map(codeOf).find(Boolean) : codeOf(error.cause);
}

/** Node's own authorities and these. */
function trusted(more: readonly string[]): string[] {
  return [...getCACertificates('default'), ...more];
}
