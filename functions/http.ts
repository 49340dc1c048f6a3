import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { Json } from '../shared/problem.ts';
import { Problem } from '../shared/problem.ts';

/** Bodies over this many bytes are refused (DESIGN.md: an event is stored whole). */
export const bodyLimit = 256 * 1024;

/** The body's bytes. Throws a Problem 413 over `limit` bytes, without reading on. */
export async function readBytes(request: HttpRequest, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body as text. Throws a Problem: 413 over `limit` bytes, 400 where it is not UTF-8. */
export async function readText(request: HttpRequest, limit = bodyLimit): Promise<string> {
  const bytes = await readBytes(request, limit);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw Problem.badRequest('The body is not UTF-8 text.', { code: 'InvalidEncoding' });
  }
}

/** The body as JSON. Throws a Problem: 413, or 400 that says where the text stops being JSON. */
export async function readJson(request: HttpRequest, limit = bodyLimit): Promise<Json> {
  return parseJson(await readText(request, limit));
}

/** Parses JSON text; a 400 Problem tells line and column of the fault. */
export function parseJson(text: string): Json {
  if (text.trim() === '')
    throw Problem.badRequest('The body is empty; JSON was expected.', { code: 'InvalidJson' });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw Problem.badRequest(`The body is not JSON: ${describe(text, cause)}.`, { code: 'InvalidJson' });
  }
}

/** V8 names a position in most messages; its excerpt of the text is left out, since that may be personal data. */
function describe(text: string, cause: unknown): string {
  const position = /at position (\d+)/.exec(cause instanceof Error ? cause.message : '')?.[1];
  if (position === undefined) return 'it ends too early or starts with something else';
  const before = text.slice(0, Number(position)).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

function tooLarge(limit: number): Problem {
  return Problem.tooLarge(`The body is larger than ${limit} bytes.`, { code: 'BodyTooLarge' });
}

/** Any error as a Problem. What is not one is logged and becomes a 500 that tells nothing of the inside. */
export function toProblem(error: unknown, context: InvocationContext): Problem {
  if (error instanceof Problem) {
    if (error.status >= 500) context.error(`${error.status} ${error.title}: ${error.message}`);
    return error;
  }
  context.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return new Problem(500, 'Internal Server Error', 'The request failed; the log of the app says why.', {
    code: 'ServerError',
  });
}

/** A problem document (RFC 9457). */
export function problemResponse(problem: Problem): HttpResponseInit {
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', ...retryAfter(problem) },
    body: JSON.stringify({
      type: 'about:blank',
      title: problem.title,
      status: problem.status,
      detail: problem.detail,
      code: problem.code,
      ...(problem.errors ? { errors: problem.errors } : {}),
      ...problem.extra,
    }),
  };
}

export function retryAfter(problem: Problem): Record<string, string> {
  return problem.retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(problem.retryAfter)) };
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}
