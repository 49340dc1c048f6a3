/** HTTP triggers: from a socket to a function and back, as the runtime does it. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { App, AppFunction, Cookie, HttpData, TypedData } from './core.ts';
import { type AuthLevel, type Keys, mayCall } from './keys.ts';
import { errorText, type Log } from './log.ts';
import { matchRoute, parseRoute, type Route, RouteError, routeCovers, routesOverlap } from './route.ts';

/** As the runtime: a longer body is a 413. */
const BODY_LIMIT = 100 * 1024 * 1024;

export interface Endpoint {
  readonly target: AppFunction;
  readonly route: Route;
  readonly methods: readonly string[];
  readonly level: AuthLevel;
}

/** The endpoints of an app's HTTP functions, in the order they are tried, and what is wrong with them. */
export function readEndpoints(
  functions: readonly AppFunction[],
  routePrefix: string,
): { endpoints: Endpoint[]; errors: string[]; warnings: string[] } {
  const errors: string[] = [];
  const warnings: string[] = [];
  const endpoints: Endpoint[] = [];
  for (const target of functions) {
    if (target.trigger.type.toLowerCase() !== 'httptrigger') continue;
    const { route, methods, authLevel } = target.trigger;
    const template = typeof route === 'string' && route.trim() !== '' ? route : target.name;
    const plain = template.replace(/^\/+|\/+$/g, '').toLowerCase();
    if (plain.startsWith('admin') || plain.startsWith('runtime'))
      errors.push(
        `function ${target.name}: the route '${template}' is within the runtime's own (admin, runtime)`,
      );
    const level = String(authLevel ?? 'function').toLowerCase();
    try {
      endpoints.push({
        target,
        route: parseRoute(routePrefix === '' ? template : `${routePrefix}/${template}`),
        methods: Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [],
        level: level === 'anonymous' || level === 'admin' ? level : 'function',
      });
    } catch (error) {
      if (!(error instanceof RouteError)) throw error;
      errors.push(`function ${target.name}: the route ${error.message}`);
    }
  }
  endpoints.forEach((first, index) => {
    for (const second of endpoints.slice(index + 1)) {
      if (!shareMethod(first, second) || !routesOverlap(first.route, second.route)) continue;
      const pair = `'${first.route.template}' (${first.target.name}) and '${second.route.template}' (${second.target.name})`;
      if (sameTemplate(first.route, second.route))
        errors.push(`the routes ${pair} conflict: they are the same`);
      else if (routeCovers(first.route, second.route))
        warnings.push(
          `the routes ${pair} overlap: ${second.target.name} is never reached, ${first.target.name} comes first by its name`,
        );
      else if (!routeCovers(second.route, first.route))
        warnings.push(
          `the routes ${pair} overlap: where both match, ${first.target.name} is called, which comes first by its name`,
        );
    }
  });
  return { endpoints, errors, warnings };
}

function shareMethod(a: Endpoint, b: Endpoint): boolean {
  return (
    a.methods.length === 0 || b.methods.length === 0 || a.methods.some((method) => b.methods.includes(method))
  );
}

function sameTemplate(a: Route, b: Route): boolean {
  const plain = ({ template }: Route) => template.replace(/^\/+|\/+$/g, '').toLowerCase();
  return plain(a) === plain(b);
}

export interface HttpSide {
  readonly server: Server;
  /** Answers 503 from now on, and resolves when the last request has been answered. */
  drain(): Promise<void>;
}

/** A server, not yet listening, for an app's endpoints. `keys` undefined: none are asked for. */
export function createHttpSide(
  app: App,
  endpoints: readonly Endpoint[],
  keys: Keys | undefined,
  log: Log,
): HttpSide {
  const running = new Map<ServerResponse, Promise<void>>();
  const warn = onceEach(log);
  let draining = false;
  const server = createServer((request, response) => {
    if (draining) return end(response, 503, { connection: 'close', 'retry-after': '1' });
    running.set(response, work(request, response));
  });
  // as Kestrel: a request may take as long as its body takes, functions bound themselves
  server.requestTimeout = 0;
  server.keepAliveTimeout = 130_000;

  async function work(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await answer(request, response);
    } catch (error) {
      log({ level: 'error', message: `${request.method} ${request.url} ${errorText(error)}` });
      fail(response, 500);
    }
    if (!response.writableFinished && !response.destroyed) await once(response, 'close');
    running.delete(response);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    // a proxy's client sends the whole address instead of a path
    const url = URL.parse(
      target.startsWith('/') ? `http://${request.headers.host ?? 'localhost'}${target}` : target,
    );
    const path = url === null ? undefined : decodePath(url.pathname);
    if (url === null || path === undefined) return end(response, 400);
    if (path.startsWith('//'))
      warn(
        `a path began with '//' (${path}): served here; the runtime's own router answers 404 unless something before it removes the second slash`,
      );
    const found = find(endpoints, request.method ?? 'GET', path.replace(/^\/{2,}/, '/'));
    if (found === undefined) return end(response, 404);
    const { endpoint, params } = found;

    const query = readQuery(url);
    if (keys !== undefined) {
      const header = request.headers['x-functions-key'];
      const given = {
        header: Array.isArray(header) ? header[0] : header,
        query: query.get('code')?.values[0],
      };
      if (!mayCall(keys, endpoint.level, endpoint.target.name, given)) return end(response, 401);
    }
    if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT)
      return end(response, 413, { connection: 'close' });
    if (app.streams) return stream(endpoint, params, url, request, response);

    const bytes = await readBody(request).catch(() => 'broken off' as const);
    if (bytes === 'broken off') {
      response.destroy();
      return;
    }
    if (bytes === undefined && request.headers['transfer-encoding'] !== undefined)
      warn(
        'a chunked request without Content-Length reached a function with an empty body, as on Azure; app.setup({ enableHttpStream: true }) changes that',
      );
    const http: HttpData = {
      method: request.method ?? 'GET',
      url: url.href,
      nullableHeaders: nullable(headersOf(request)),
      nullableQuery: nullable([...query.values()].map(({ name, values }) => [name, values.join(',')])),
      nullableParams: nullable(Object.entries(params)),
      ...(bytes === undefined ? {} : { body: { bytes } }),
    };
    try {
      const { returnValue } = await app.invoke(endpoint.target, { data: { http }, ...traceOf(request) });
      write(response, returnValue);
    } catch (error) {
      log({ level: 'error', function: endpoint.target.name, message: `failed: ${errorText(error)}` });
      end(response, 500);
    }
  }

  async function stream(
    { target }: Endpoint,
    params: Record<string, string>,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const headers = headersOf(request);
    // what the library expects of the forwarding runtime
    request.url = `${url.pathname}${url.search}`;
    Object.assign(request.headers, { 'x-forwarded-host': url.host, 'x-forwarded-proto': 'http' });
    const triggerMetadata: Record<string, TypedData> = {
      ...Object.fromEntries(Object.entries(params).map(([name, string]) => [name, { string }])),
      Headers: { json: JSON.stringify(Object.fromEntries(headers)) },
    };
    limitBody(request, () => end(response, 413, { connection: 'close' }));
    try {
      await app.invokeStream(
        target,
        { data: { http: {} }, triggerMetadata, ...traceOf(request) },
        request,
        response,
      );
      if (response.headersSent || response.writableEnded) return;
      log({
        level: 'error',
        function: target.name,
        message:
          'returned nothing. With enableHttpStream on, Azure would leave the request without an answer until it times out',
      });
      end(response, 500);
    } catch (error) {
      log({ level: 'error', function: target.name, message: `failed: ${errorText(error)}` });
      fail(response, 500);
    }
  }

  return {
    server,
    async drain() {
      draining = true;
      for (const response of running.keys()) response.shouldKeepAlive = false;
      await Promise.all(running.values());
    },
  };
}

function find(
  endpoints: readonly Endpoint[],
  method: string,
  path: string,
): { endpoint: Endpoint; params: Record<string, string> } | undefined {
  for (const endpoint of endpoints) {
    if (endpoint.methods.length > 0 && !endpoint.methods.includes(method)) continue;
    const params = matchRoute(endpoint.route, path);
    if (params !== undefined) return { endpoint, params };
  }
  return undefined;
}

/** Percent-decodes a path save `%2F`, as Kestrel does; undefined where it holds a NUL, which Kestrel refuses. */
function decodePath(pathname: string): string | undefined {
  if (!pathname.includes('%')) return pathname;
  if (pathname.includes('%00')) return undefined;
  return pathname.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    run
      .split(/(%2f)/i)
      .map((part) => (/^%2f$/i.test(part) ? part : decodeRun(part)))
      .join(''),
  );
}

function decodeRun(run: string): string {
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

/** Query parameters by lower-cased name; ASP.NET Core's names ignore case. */
function readQuery(url: URL): Map<string, { name: string; values: string[] }> {
  const query = new Map<string, { name: string; values: string[] }>();
  if (url.search === '') return query;
  for (const [name, value] of url.searchParams) {
    const known = query.get(name.toLowerCase());
    if (known === undefined) query.set(name.toLowerCase(), { name, values: [value] });
    else known.values.push(value);
  }
  return query;
}

function headersOf(request: IncomingMessage): [string, string][] {
  return Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(',') : value]],
  );
}

function nullable(entries: Iterable<readonly [string, string]>): Record<string, { value: string }> {
  const result: Record<string, { value: string }> = Object.create(null);
  for (const [name, value] of entries) result[name] = { value };
  return result;
}

function traceOf(request: IncomingMessage): { traceParent?: string } {
  const parent = request.headers.traceparent;
  return typeof parent === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(parent)
    ? { traceParent: parent }
    : {};
}

/** The whole body; undefined where it has no Content-Length, for then the runtime passes none on. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (!(length > 0)) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length);
}

/** Stops a body of unknown length at the limit: the reader gets an error, the client what `refuse` answers. */
function limitBody(request: IncomingMessage, refuse: () => void): void {
  if (request.headers['transfer-encoding'] === undefined) return;
  let length = 0;
  const push = request.push.bind(request);
  Object.assign(request, {
    push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
      length += chunk?.length ?? 0;
      if (length <= BODY_LIMIT) return push(chunk, encoding);
      refuse();
      request.destroy(new Error(`the body is longer than ${BODY_LIMIT} bytes`));
      return false;
    },
  });
}

function write(response: ServerResponse, value: TypedData | null | undefined): void {
  const http = value?.http;
  if (http === undefined) {
    end(response, 204);
    return;
  }
  for (const [name, text] of Object.entries(http.headers ?? {})) response.setHeader(name, text);
  if (http.cookies !== undefined && http.cookies.length > 0)
    response.setHeader('set-cookie', http.cookies.map(cookieText));
  const body = http.body?.bytes ?? http.body?.string ?? http.body?.json;
  const status = Number(http.statusCode ?? 200);
  response.statusCode = status;
  if (body === undefined || body.length === 0) {
    if (status !== 204 && status !== 304) response.setHeader('content-length', 0);
    response.end();
  } else response.end(body);
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.writableEnded) return;
  response.writeHead(status, status === 204 ? headers : { 'content-length': '0', ...headers });
  response.end();
}

/** A failure after the first byte cannot be told but by breaking the connection. */
function fail(response: ServerResponse, status: number): void {
  if (response.headersSent && !response.writableEnded) response.destroy();
  else end(response, status);
}

const SAME_SITE = { none: undefined, lax: 'lax', strict: 'strict', explicitNone: 'none' } as const;

function cookieText(cookie: Cookie): string {
  const sameSite = SAME_SITE[cookie.sameSite ?? 'none'];
  const parts = [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    cookie.expires && `expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`,
    cookie.maxAge && `max-age=${cookie.maxAge.value}`,
    cookie.domain && `domain=${cookie.domain.value}`,
    cookie.path && `path=${cookie.path.value}`,
    cookie.secure?.value && 'secure',
    sameSite && `samesite=${sameSite}`,
    cookie.httpOnly?.value && 'httponly',
  ];
  return parts.filter((part) => typeof part === 'string').join('; ');
}

/** Logs a warning the first time it is given, by the text before its first bracket. */
function onceEach(log: Log): (message: string) => void {
  const seen = new Set<string>();
  return (message) => {
    const key = message.split('(')[0] ?? message;
    if (seen.has(key)) return;
    seen.add(key);
    log({ level: 'warning', message });
  };
}
