import { createHash } from 'node:crypto';
import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import packageJson from '../package.json' with { type: 'json' };

interface Served {
  json: string;
  page: string;
  /** of the script in the page, for its content security policy */
  scriptHash: string;
  etag: string;
}

let made: Promise<Served> | undefined;

/** The document and its page, made with the first request: nothing on the path of an assessment needs them. */
async function make(): Promise<Served> {
  const [{ openApiDocument }, { openApiPage }, { script }] = await Promise.all([
    import('./openapi/document.ts'),
    import('./openapi/page.ts'),
    import('./openapi/pageAssets.ts'),
  ]);
  const document = openApiDocument(packageJson.version);
  const json = JSON.stringify(document);
  const hash = (text: string) => createHash('sha256').update(text).digest('base64');
  return {
    json,
    page: openApiPage(document),
    scriptHash: hash(script),
    etag: `"${hash(json).slice(0, 22)}"`,
  };
}

function served(): Promise<Served> {
  made ??= make();
  return made;
}

function answer(request: HttpRequest, etag: string, response: HttpResponseInit): HttpResponseInit {
  const headers = {
    ...response.headers,
    etag,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  };
  if (request.headers.get('if-none-match') === etag) return { status: 304, headers };
  return { ...response, headers };
}

/** What the app serves, for tools. The same for everybody, and nothing of anybody: no credentials. */
app.http('openapi', {
  methods: ['GET'],
  authLevel: 'anonymous',
  route: 'openapi.json',
  async handler(request) {
    const { json, etag } = await served();
    return answer(request, etag, {
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: json,
    });
  },
});

/** The same, for people. */
app.http('docs', {
  methods: ['GET'],
  authLevel: 'anonymous',
  route: 'docs',
  async handler(request) {
    const { page, scriptHash, etag } = await served();
    return answer(request, etag, {
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      },
      body: page,
    });
  },
});
