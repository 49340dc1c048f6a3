import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { call, credentials, type RunningApp, startApp } from './holdfast.ts';

/* The requests of docs/http, sent from top to bottom as an editor does, to what `npm start` has. */

let azurite: Azurite;
let app: RunningApp;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  await seed({ baseUrl: app.baseUrl, headers: await credentials('ProductAdmin') });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

interface Sent {
  title: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Requests stand below `###` lines; `@name = value` lines define what `{{name}}` stands for. */
function requestsOf(text: string, given: Record<string, string>): Sent[] {
  const [head = '', ...blocks] = text.split(/^###/m);
  const variables = new Map(Object.entries(given));
  const filled = (value: string): string =>
    value.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => filled(variables.get(name) ?? ''));
  for (const [, name = '', value = ''] of head.matchAll(/^@(\w+) = (.*)$/gm))
    if (!variables.has(name)) variables.set(name, value);
  return blocks.map((block) => {
    const [top = '', ...rest] = filled(block).split('\n\n');
    const [title = '', first = '', ...headers] = top.trim().split('\n');
    const [method = '', path = ''] = first.split(' ');
    const body = rest.join('\n\n').trim();
    return {
      title,
      method,
      path,
      headers: Object.fromEntries(
        headers.map((line) => line.split(': ')).map(([key = '', value = '']) => [key.toLowerCase(), value]),
      ),
      body: body === '' ? undefined : body,
    };
  });
}

// the events first: the management file looks at one
it.each(['purchase-protection', 'account-protection', 'assessments', 'management'])(
  'the requests of %s.http succeed, one after the other',
  async (name) => {
    const text = await readFile(new URL(`../docs/http/${name}.http`, import.meta.url), 'utf8');
    const { authorization } = await credentials('ProductAdmin');
    const token = authorization.replace('Bearer ', '');
    const requests = requestsOf(text, { host: '', token });
    expect(requests.length).toBeGreaterThan(2);
    for (const { title, method, path, headers, body } of requests) {
      const answer = await call(app.baseUrl, method, path, body, headers);
      expect(Math.floor(answer.status / 100), `${title}: ${JSON.stringify(answer.body)}`).toBe(2);
    }
  },
);
