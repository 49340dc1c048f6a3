import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { credentials, type RunningApp, startApp, theIssuer } from './holdfast.ts';

/*
 * Every command of the README that is marked `<!-- try -->` is run, in order, after the one that is marked `<!-- first -->`,
 * and gives the answer that stands below it.
 */

const root = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);
const readme = await readFile(path.join(root, 'README.md'), 'utf8');
const first = /<!-- first -->\n```sh\n(?<command>.*?)```/s.exec(readme)?.groups?.command ?? '';
const examples = [
  ...readme.matchAll(/<!-- try -->\n```sh\n(?<command>.*?)```\n\n```(?<kind>json|text)\n(?<answer>.*?)```/gs),
].map(({ groups }) => ({
  command: groups?.command ?? '',
  kind: groups?.kind ?? '',
  answer: groups?.answer ?? '',
}));

let azurite: Azurite;
let app: RunningApp;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  await seed({ baseUrl: app.baseUrl, headers: await credentials() });
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

it('has an answer below every command', () => {
  expect(examples.length).toBe(readme.split('<!-- try -->').length - 1);
  expect(examples.length).toBeGreaterThan(5);
});

it('gives the answers that the README shows', { timeout: 120_000 }, async () => {
  const { baseUrl: issuer } = await theIssuer();
  for (const { command, kind, answer } of examples) {
    const script = (first + command)
      .replaceAll('http://localhost:7071', app.baseUrl)
      .replaceAll('http://localhost:7072', issuer);
    const { stdout } = await run('bash', ['-euc', script], { cwd: root });
    if (kind === 'json') expectShown(JSON.parse(stdout), JSON.parse(answer), command);
    else expect(withoutTrailingSpace(stdout), command).toBe(withoutTrailingSpace(answer));
  }
});

/** An object with a member `…` may have others than those shown. Ids are new each time. */
function expectShown(actual: unknown, shown: unknown, command: string): void {
  if (typeof shown !== 'object' || shown === null || typeof actual !== 'object' || actual === null) {
    expect(settled(actual), command).toEqual(settled(shown));
    return;
  }
  if (!('…' in shown)) expect(Object.keys(actual), command).toEqual(Object.keys(shown));
  const given = new Map(Object.entries(actual));
  for (const [name, value] of Object.entries(shown))
    if (name !== '…') expectShown(given.get(name), value, command);
}

function settled(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/^[0-9a-f]{8}-[0-9a-f-]{27}$/, 'an id') : value;
}

function withoutTrailingSpace(text: string): string {
  return text.replaceAll(/[ \t]+$/gm, '').trim();
}
