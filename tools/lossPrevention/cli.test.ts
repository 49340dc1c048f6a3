import { execFile } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generate, sampleDefaults } from './generate.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lp-cli-'));
  await generate(root, { ...sampleDefaults, stores: 1, staffPerStore: 4, months: 1, days: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

function holdfast(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const script = join(import.meta.dirname, '../holdfast.ts');
    const child = execFile(process.execPath, [script, ...args], (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

it('holdfast lp run leads from a folder to a dashboard, tells how far it is, and says where the dashboard lies', async () => {
  const out = join(root, 'out');
  const run = await holdfast('lp', 'run', '--lake', join(root, 'lake'), '--out', out);
  expect(run.code).toBe(0);
  expect(run.err).toContain('2/2 days');
  const page = /^dashboard: (.*)$/m.exec(run.out)?.[1] ?? '';
  await access(page);
  await access(page.replace('index.html', 'runs.html'));
}, 60_000);

it('holdfast lp says how it is used where the command is wrong', async () => {
  for (const args of [['walk'], ['run', '--lak', root]])
    expect(await holdfast('lp', ...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--lake <folder>'),
    });
});
