import {
  app,
  type HttpMethod,
  type HttpRequest,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import type { Problem } from '../shared/problem.ts';
import { authenticate, type Credential, pathOf, takesKeys } from './access.ts';
import { theApp } from './app.ts';
import { problemResponse, readBytes, toProblem } from './http.ts';
import { dispatch, openRouter, type Reply } from './management/route.ts';
import { managementRoutes } from './management/routes.ts';

const prefix = '/management/v1/';
const router = openRouter(managementRoutes);

const methods: HttpMethod[] = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'];

async function handle(
  credential: Credential,
  request: HttpRequest,
  context: InvocationContext,
): Promise<HttpResponseInit> {
  try {
    const holdfast = await theApp();
    const caller = await authenticate(holdfast, credential, request, context);
    // the path as it was sent: the runtime's own parameter is decoded, and a name may hold a slash
    const { searchParams } = new URL(request.url);
    const reply = await dispatch(
      router,
      {
        method: request.method,
        path: pathOf(request, credential).slice(prefix.length),
        query: searchParams,
        headers: headersOf(request),
        body: (limit) => readBytes(request, limit),
      },
      holdfast,
      caller,
    );
    return responseOf(reply);
  } catch (error) {
    const problem = toProblem(error, context);
    const rendered = problem.extra?.rendered;
    if (typeof rendered === 'string' && request.headers.get('accept')?.startsWith('text/plain'))
      return {
        status: problem.status,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: rendered,
      };
    const response = problemResponse(problem);
    return { ...response, headers: { ...response.headers, ...allow(problem) } };
  }
}

app.http('management', {
  methods,
  authLevel: 'anonymous',
  route: 'management/v1/{*path}',
  handler: (request, context) => handle('token', request, context),
});

if (takesKeys)
  app.http('keyedManagement', {
    methods,
    authLevel: 'function',
    route: 'keys/management/v1/{*path}',
    handler: (request, context) => handle('functionKey', request, context),
  });

/** The library's headers have their own class; routes take the platform's. */
function headersOf(request: HttpRequest): Headers {
  const headers = new Headers();
  for (const name of ['content-type', 'if-match', 'if-none-match']) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** What a 405 and a 401 have to tell (RFC 9110). */
function allow({ status, extra }: Problem): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  return status === 405 && Array.isArray(extra?.allow) ? { allow: extra.allow.join(', ') } : {};
}

function responseOf({ status, body, file, etag, headers }: Reply): HttpResponseInit {
  const common: Record<string, string> = { ...headers };
  if (etag !== undefined) common.etag = etag;
  if (file) {
    if (file.name !== undefined) common['content-disposition'] = disposition(file.name);
    return { status, headers: { ...common, 'content-type': file.type }, body: file.content };
  }
  if (body === undefined) return { status, headers: common };
  return {
    status,
    headers: { ...common, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}

/** RFC 6266, with the name for any alphabet after RFC 8187. */
function disposition(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._ -]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
