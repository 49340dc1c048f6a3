import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import { dashboardType, html, notice, openPage, openPolicy } from '../shared/lossPrevention/index.ts';
import { authOf, pathOf } from './access.ts';
import { theApp } from './app.ts';
import { cookieName, dashboardHeaders, dashboardPath, openPath, sessionCookie } from './dashboardPages.ts';
import { readText, toProblem } from './http.ts';
import { lossPreventionOf } from './lossPreventionRoom.ts';

/*
 * Dashboards for browsers, which send no token when a link is followed. A code (`POST …/lossPrevention/dashboard/session`)
 * opens a session, whose cookie counts below the environment's own path here and nowhere else: the APIs never look at
 * cookies, and nothing here but the opening of a session changes anything.
 */

const welcome = 'Paste the code that you were given.';

async function handle(request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> {
  try {
    const path = pathOf(request, 'token');
    if (path === openPath) return request.method === 'POST' ? await open(request) : openAnswer(200, welcome);
    const [, environment = '', name = ''] = /^\/dashboards\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    if (request.method !== 'GET' || environment === '') return said(404, 'There is nothing here.');
    return await show(request, environment, name);
  } catch (error) {
    const { status, detail } = toProblem(error, context);
    return said(status, detail);
  }
}

/** Opens a session with a code, once. */
async function open(request: HttpRequest): Promise<HttpResponseInit> {
  const from = request.headers.get('sec-fetch-site');
  if (from !== null && from !== 'same-origin')
    return said(403, 'Another site may not open a dashboard here.');
  const holdfast = await theApp();
  const code = new URLSearchParams(await readText(request, 1024)).get('code') ?? '';
  const opened = await authOf(holdfast).sessions.open(code.trim().replace(/^.*#/, ''));
  if (!opened) return openAnswer(401, 'This code is not good, or no longer: ask for another link.');
  const { development } = holdfast.settings.external;
  return {
    status: 303,
    headers: { ...dashboardHeaders, location: `${dashboardPath(opened.place)}index.html` },
    cookies: [sessionCookie(opened.place, opened.secret, development)],
  };
}

async function show(request: HttpRequest, environment: string, name: string): Promise<HttpResponseInit> {
  const holdfast = await theApp();
  const { access, sessions } = authOf(holdfast);
  const secret = cookieOf(request, cookieName(holdfast.settings.external.development));
  const caller = secret === undefined ? undefined : await sessions.caller(environment, secret);
  if (!caller)
    return openAnswer(401, 'You have no session here, or it has ended. Ask for a link, or paste its code.');
  // as on every other request: roles may have been taken away since
  await access.demand(caller, 'lossPrevention.read', environment);
  if (name === '') return { status: 302, headers: { location: `${dashboardPath(environment)}index.html` } };
  const content = await lossPreventionOf(holdfast).dashboardFile(environment, name);
  if (content)
    return {
      status: 200,
      headers: { ...dashboardHeaders, 'content-type': dashboardType(name) },
      body: content,
    };
  return name === 'index.html'
    ? said(404, 'No run has finished yet.', 'runs.html')
    : said(404, 'The newest dashboard has no such page.', `${dashboardPath(environment)}index.html`);
}

function openAnswer(status: number, says: string): HttpResponseInit {
  return page(status, openPage(openPath, says), openPolicy);
}

function said(status: number, says: string, link?: string): HttpResponseInit {
  const words = link === 'runs.html' ? 'The runs' : 'The overview';
  const text = notice(
    'Not here',
    html`<p>${says}</p>${link !== undefined && html`<p><a href="${link}">${words}</a></p>`}`,
  );
  return page(status, text, openPolicy);
}

function page(status: number, body: string, policy: string): HttpResponseInit {
  const headers = {
    ...dashboardHeaders,
    'content-type': dashboardType('.html'),
    'content-security-policy': policy,
  };
  return { status, headers, body };
}

/** The value of a cookie (RFC 6265); of several of the name the first, which is that of the longest path. */
function cookieOf(request: HttpRequest, name: string): string | undefined {
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((each) => each.trim().split('='));
  return cookies.find(([each]) => each === name)?.[1];
}

app.http('dashboards', {
  methods: ['GET', 'POST'],
  authLevel: 'anonymous',
  route: 'dashboards/{*path}',
  handler: handle,
});
