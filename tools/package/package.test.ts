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

describe('the package', () => {
  it('has what runs and nothing else, the same bytes each time, and assesses a purchase', async () => {
    const made = await makePackage(root, path.join(folder, 'made'));
    const own = made.files.filter((file) => !file.startsWith('node_modules/'));
    expect(own).toEqual(expect.arrayContaining(['LICENSE', 'dist/main.js', 'host.json', 'package.json']));
    for (const file of own) expect(file).toMatch(/^(LICENSE|host\.json|package\.json|dist\/[^/]+\.js)$/);
    // the machine that tests and benchmarks run on, and npm start's own parts, stay behind
    for (const file of made.files)
      expect(file).not.toMatch(/azurite|vitest|esbuild|tools\/|\/tests?\/|\.ts$|\.map$/);

    const again = await makePackage(root, path.join(folder, 'again'));
    expect((await readFile(again.zipFile)).equals(await readFile(made.zipFile))).toBe(true);

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
  }, 60_000);

  it('brings native parts for Linux on x64', async () => {
    const project = path.join(folder, 'project');
    await mkdir(path.join(project, 'functions'), { recursive: true });
    for (const name of ['host.json', 'LICENSE', 'package.json', 'package-lock.json'])
      await copyFile(path.join(root, name), path.join(project, name));
    await symlink(path.join(root, 'node_modules'), path.join(project, 'node_modules'));
    await writeFile(
      path.join(project, 'functions/main.ts'),
      `import { app } from '@azure/functions';
       app.http('live', { route: 'health/live', authLevel: 'anonymous', async handler() {
         const { DuckDBInstance } = await import('@duckdb/node-api');
         const connection = await (await DuckDBInstance.create()).connect();
         const answer = await connection.runAndReadAll('SELECT 6 * 7 AS answer');
         return { body: String(answer.getRows()[0]?.[0]) };
       } });`,
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
  }, 60_000);
});
