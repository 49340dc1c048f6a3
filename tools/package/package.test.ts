/** What is deployed, unpacked elsewhere and served by the local host of this repository. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { call, credentials, theIssuer } from '../../test/holdfast.ts';
import purchase from '../seed/purchase.json' with { type: 'json' };
import { seed } from '../seed/seed.ts';
import { makePackage, type Package } from './package.ts';
import { startPackage } from './start.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
let folder: string;
let azurite: Azurite;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-package-'));
  azurite = await startAzurite();
});
afterAll(async () => {
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function unpack(made: Package, name: string): Promise<string> {
  const target = path.join(folder, name);
  await run('python3', ['-m', 'zipfile', '-e', made.zipFile, target]);
  return target;
}

/** A project like this one, whose app has one function. */
async function projectOf(name: string, handler: string): Promise<string> {
  const project = path.join(folder, name);
  await mkdir(path.join(project, 'functions'), { recursive: true });
  for (const file of ['host.json', 'LICENSE', 'package.json', 'package-lock.json'])
    await copyFile(path.join(root, file), path.join(project, file));
  await symlink(path.join(root, 'node_modules'), path.join(project, 'node_modules'));
  await writeFile(
    path.join(project, 'functions/main.ts'),
    `import { app } from '@azure/functions';
     app.http('live', { route: 'health/live', authLevel: 'anonymous', async handler() { ${handler} } });`,
  );
  return project;
}

describe('the package', () => {
  it('has what runs and nothing else, and assesses a purchase', async () => {
    const made = await makePackage(root, path.join(folder, 'made'));
    const own = made.files.filter((file) => !file.startsWith('node_modules/'));
    expect(own).toEqual(expect.arrayContaining(['LICENSE', 'dist/main.js', 'host.json', 'package.json']));
    for (const file of own) expect(file).toMatch(/^(LICENSE|host\.json|package\.json|dist\/[^/]+\.js)$/);
    // the machine that tests and benchmarks run on, and npm start's own parts, stay behind
    for (const file of made.files)
      expect(file).not.toMatch(/azurite|vitest|esbuild|tools\/|\/tests?\/|\.ts$|\.map$/);

    const started = await startPackage(
      await unpack(made, 'unpacked'),
      { HOLDFAST_STORAGE: azurite.connectionString, ...(await theIssuer()).settings },
      azurite.connectionString,
    );
    try {
      await seed({ baseUrl: started.baseUrl, headers: await credentials() });
      const answer = await call(
        started.baseUrl,
        'POST',
        '/v1.0/MerchantServices/events/Purchase',
        { ...purchase, purchaseId: randomUUID() },
        { 'x-ms-correlation-id': randomUUID() },
      );
      expect(answer.status).toBe(200);
      expect(answer.body.resultDetails.MerchantRuleDecision).toBe('Approve');
    } finally {
      await started.stop();
    }
  }, 120_000);

  it('brings native parts for Linux on x64', async () => {
    const project = await projectOf(
      'native-app',
      `const { DuckDBInstance } = await import('@duckdb/node-api');
       const connection = await (await DuckDBInstance.create()).connect();
       const answer = await connection.runAndReadAll('SELECT 6 * 7 AS answer');
       return { body: String(answer.getRows()[0]?.[0]), headers: { hint: 'import it from "echarts"' } };`,
    );
    const made = await makePackage(project, path.join(folder, 'native'));
    expect(Object.keys(made.externals)).toEqual(['@duckdb/node-api']);
    const bindings = made.files.filter((file) => /\.(node|so)$/.test(file));
    expect(bindings.length).toBeGreaterThan(0);
    for (const file of bindings) expect(file).toContain('/node-bindings-linux-x64/');
    if (process.platform === 'linux' && process.arch === 'x64') {
      const started = await startPackage(await unpack(made, 'with-native'), {}, azurite.connectionString);
      try {
        expect(await (await fetch(`${started.baseUrl}/health/live`)).text()).toBe('42');
      } finally {
        await started.stop();
      }
    }
  }, 120_000);

  it('of the same sources has the same bytes', async () => {
    const project = await projectOf('small-app', `return { body: 'live' };`);
    const [one, two] = [
      await makePackage(project, path.join(folder, 'one')),
      await makePackage(project, path.join(folder, 'two')),
    ];
    expect((await readFile(one.zipFile)).equals(await readFile(two.zipFile))).toBe(true);
    expect(one.externals).toEqual({});
  });
});
