import { createHash } from 'node:crypto';
import type { App } from '../../shared/assessment/app.ts';
import type { Access, Caller, Permission } from '../../shared/auth/index.ts';
import type { WriteOptions } from '../../shared/config/index.ts';
import { type Json, Problem } from '../../shared/problem.ts';
import { authOf } from '../access.ts';
import { parseJson } from '../http.ts';
import type { About } from './about.ts';

/** A request of the management API, apart from any host. */
export interface ManagementRequest {
  method: string;
  /** what follows `/management/v1/`, still encoded */
  path: string;
  query: URLSearchParams;
  headers: Headers;
  /** may throw a Problem 413 where there are more than `limit` bytes */
  body(limit: number): Promise<Uint8Array>;
}

/** What a handler works with. */
export interface RouteContext {
  app: App;
  caller: Caller;
  access: Access;
  /** a parameter of the path, decoded; `env` may be the id of the environment that the path names otherwise */
  parameter(name: string): string;
  query: URLSearchParams;
  /** the JSON body; undefined for routes without one */
  body: Json | undefined;
  /** the body of routes that take a file */
  file: Uint8Array;
  /** the conditions of the request, and who makes it: what writes of shared/config take */
  write: WriteOptions;
}

/** An answer. Without an `etag` a GET's is made from its body. */
export interface Reply {
  status: number;
  /** as JSON */
  body?: unknown;
  /** instead of `body` */
  file?: { content: Uint8Array; type: string; name?: string };
  etag?: string;
  headers?: Record<string, string>;
}

/** What a route expects as its body. */
export type BodyKind = 'none' | 'json' | 'csv' | 'octets';

export interface Route {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** below `/management/v1/`, parameters in braces */
  path: string;
  /**
   * What the caller needs in the environment `{env}`; where the path has none, in every environment. Several: the handler
   * demands the one that the request comes to.
   */
  permission: Permission | readonly Permission[];
  /** without `{env}`: the permission in any environment is enough, and the answer holds only what it opens */
  anywhere?: true;
  /** `none` where absent */
  body?: BodyKind;
  /** for the OpenAPI document */
  about?: About;
  handler(context: RouteContext): Promise<Reply>;
}

/** bytes of a JSON body */
export const jsonLimit = 1024 * 1024;
/** levels of arrays and objects in a JSON body */
const deepest = 100;
/** bytes of a file: one more than a list may have, so that the list says what is wrong */
const fileLimit = 20 * 1000 * 1000;

interface Template {
  parts: string[];
  routes: Route[];
}

/** Finds the route of a request and its parameters. */
export type Router = (method: string, path: string) => { route: Route; parameters: Map<string, string> };

/**
 * A router over route tables. Literal parts are matched in any letter case, and win over parameters. It throws a
 * Problem: 404 for an unknown path, 405 with the methods that the path has, 400 for a broken percent-encoding.
 */
export function openRouter(routes: readonly Route[]): Router {
  const templates = new Map<string, Template>();
  for (const route of routes) {
    const template = templates.get(route.path) ?? { parts: route.path.split('/'), routes: [] };
    if (template.routes.some(({ method }) => method === route.method)) {
      throw new Error(`two routes for ${route.method} ${route.path}`);
    }
    template.routes.push(route);
    templates.set(route.path, template);
  }
  // a literal sorts before a parameter at the same place
  const ordered = [...templates.values()].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));

  return (method, path) => {
    const parts = path.replace(/\/+$/, '').split('/').map(decode);
    const template = ordered.find((each) => matches(each, parts));
    if (!template) throw Problem.notFound('There is nothing under this path.', { code: 'UnknownPath' });
    const route = template.routes.find((each) => each.method === method);
    if (!route) {
      const allowed = template.routes.map((each) => each.method);
      throw Problem.methodNotAllowed(`This path takes ${allowed.join(', ')}.`, { extra: { allow: allowed } });
    }
    const parameters = new Map(
      template.parts.flatMap((part, index): [string, string][] =>
        part.startsWith('{') ? [[part.slice(1, -1), parts[index] ?? '']] : [],
      ),
    );
    return { route, parameters };
  };
}

function rank({ parts }: Template): string {
  return parts.map((part) => (part.startsWith('{') ? '1' : '0')).join('');
}

function matches({ parts }: Template, path: readonly string[]): boolean {
  return (
    parts.length === path.length &&
    parts.every((part, index) => {
      const given = path[index] ?? '';
      return part.startsWith('{') ? given !== '' : part.toLowerCase() === given.toLowerCase();
    })
  );
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw Problem.badRequest('The path has a broken percent-encoding.', { code: 'InvalidPath' });
  }
}

/** Answers a request, if the caller may make it; throws Problems. */
export async function dispatch(
  router: Router,
  request: ManagementRequest,
  app: App,
  caller: Caller,
): Promise<Reply> {
  const { route, parameters } = router(request.method, request.path);
  const { access } = authOf(app);
  const allowed = await authorize(route, access, caller, parameters.get('env'));
  if (allowed !== undefined) parameters.set('env', allowed);
  const { body, file } = await readBody(request, route.body ?? 'none');
  const reply = await route.handler({
    app,
    caller,
    access,
    parameter: (name) => parameters.get(name) ?? missing(name),
    query: request.query,
    body,
    file,
    write: {
      by: caller.id,
      ifMatch: etags(request.headers.get('if-match')),
      ifAbsent: etags(request.headers.get('if-none-match'))?.includes('*'),
    },
  });
  return route.method === 'GET' ? conditional(reply, etags(request.headers.get('if-none-match'))) : reply;
}

/** Throws a Problem 403 or 404; else as `Access.demand`. */
async function authorize(
  { permission, anywhere }: Route,
  access: Access,
  caller: Caller,
  environment: string | undefined,
): Promise<string | undefined> {
  if (typeof permission !== 'string') return undefined;
  if (environment !== undefined) return access.demand(caller, permission, environment);
  if (anywhere) await access.demandSomewhere(caller, permission);
  else access.demandEverywhere(caller, permission);
  return undefined;
}

function missing(name: string): never {
  throw new Error(`the route has no parameter ${name}`);
}

const mediaTypes = { json: 'application/json', csv: 'text/csv', octets: 'application/octet-stream' };

async function readBody(
  request: ManagementRequest,
  kind: BodyKind,
): Promise<{ body: Json | undefined; file: Uint8Array }> {
  if (kind === 'none') return { body: undefined, file: new Uint8Array() };
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const wanted = mediaTypes[kind];
  if (type !== wanted && !(kind === 'json' && type.endsWith('+json'))) {
    throw Problem.unsupportedMediaType(
      `This route takes ${wanted}; the request has ${type === '' ? 'no Content-Type' : type}.`,
    );
  }
  const limit = kind === 'json' ? jsonLimit : fileLimit;
  const bytes = await request.body(limit);
  if (bytes.byteLength > limit) throw tooLarge(limit);
  if (kind !== 'json') return { body: undefined, file: bytes };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw Problem.badRequest('The body is not UTF-8 text.', { code: 'InvalidEncoding' });
  }
  const body = parseJson(text);
  if (deeperThan(body, deepest)) {
    throw Problem.badRequest(`The body is nested more than ${deepest} levels deep.`, { code: 'TooDeep' });
  }
  return { body, file: new Uint8Array() };
}

/** Is a value nested deeper than this? Without recursion, which is what deep values break. */
function deeperThan(value: Json, limit: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; depth <= limit; depth++) {
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null ? Object.values(each).flatMap((inner) => inner ?? []) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

function tooLarge(limit: number): Problem {
  return Problem.tooLarge(`The body is larger than ${limit} bytes.`, { code: 'BodyTooLarge' });
}

/** The entity tags of If-Match or If-None-Match (RFC 9110, 8.8.3); an etag may hold commas. */
export function etags(header: string | null): string[] | undefined {
  if (header === null) return undefined;
  if (header.trim() === '*') return ['*'];
  return [...header.matchAll(/(?:W\/)?"[^"]*"/g)].map(([tag]) => tag);
}

/** Gives a GET's answer its ETag, and 304 instead of a body that the caller has. */
function conditional(reply: Reply, known: readonly string[] | undefined): Reply {
  if (reply.status !== 200) return reply;
  const etag = reply.etag ?? `W/"${hash(reply)}"`;
  const same = known?.some((each) => each === '*' || weak(each) === weak(etag));
  return same ? { status: 304, etag } : { ...reply, etag };
}

function hash({ body, file }: Reply): string {
  const content = file?.content ?? JSON.stringify(body) ?? '';
  return createHash('sha256').update(content).digest('base64url').slice(0, 22);
}

function weak(etag: string): string {
  return etag.replace(/^W\//, '');
}

/** A whole number of the query; throws a Problem 400. */
export function queryNumber(
  query: URLSearchParams,
  name: string,
  options: { default: number; min: number; max: number },
): number {
  const text = query.get(name);
  if (text === null || text === '') return options.default;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= options.min && number <= options.max) return number;
  const message = `a whole number from ${options.min} to ${options.max}`;
  throw Problem.badRequest(`The query is not usable: ${name}: ${message}.`, {
    errors: [{ path: name, message }],
  });
}

/** A text of the query; undefined where it is absent or empty. */
export function queryText(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}
