import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { call, credentials, type RunningApp, startApp, until } from './holdfast.ts';

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
  /** what later requests call its answer by (`# @name made`) */
  name: string | undefined;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** The requests below `###` lines, and what `@name = value` lines define `{{name}}` to stand for. */
function read(text: string): { blocks: string[]; variables: Map<string, string> } {
  const [head = '', ...blocks] = text.split(/^###/m);
  const defined = [...head.matchAll(/^@(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
  return { blocks, variables: new Map(defined.map(([name = '', value = '']) => [name, value])) };
}

function filled(text: string, meaning: (name: string) => string): string {
  return text.replaceAll(/\{\{([^}]+)\}\}/g, (_, name: string) => filled(meaning(name), meaning));
}

function requestOf(block: string): Sent {
  const [top = '', ...rest] = block.split('\n\n');
  const [, ...lines] = top.trim().split('\n');
  const [first = '', ...headers] = lines.filter((line) => !line.startsWith('#'));
  const [method = '', path = ''] = first.split(' ');
  const body = rest.join('\n\n').trim();
  return {
    name: /^# @name (\w+)$/m.exec(top)?.[1],
    method,
    path,
    headers: Object.fromEntries(
      headers.map((line) => line.split(': ')).map(([key = '', value = '']) => [key.toLowerCase(), value]),
    ),
    body: body === '' ? undefined : body,
  };
}

// the events first: the management file looks at one
it.each(['purchase-protection', 'account-protection', 'assessments', 'management', 'import'])(
  'the requests of %s.http succeed, one after the other',
  async (file) => {
    const { blocks, variables } = read(
      await readFile(new URL(`../docs/http/${file}.http`, import.meta.url), 'utf8'),
    );
    const { authorization } = await credentials('ProductAdmin');
    variables.set('host', '').set('token', authorization.replace('Bearer ', ''));
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) {
      const request = requestOf(filled(block, (name) => variables.get(name) ?? ''));
      const { name, method, path, headers, body } = request;
      // what is still at work on the request before says 409
      const answer = await until(block, async () => {
        const given = await call(app.baseUrl, method, path, body, headers);
        return given.status !== 409 && given;
      });
      expect(Math.floor(answer.status / 100), `${block}: ${JSON.stringify(answer.body)}`).toBe(2);
      if (name !== undefined) variables.set(`${name}.response.body.$.id`, answer.body.id);
    }
  },
);
