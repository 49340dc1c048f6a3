import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildApp, staleSources } from './build.ts';

const run = promisify(execFile);
const repository = path.resolve(import.meta.dirname, '..');

/** Loads a build as the worker does: with `Module.prototype.require` answering for the core module. Prints what was registered. */
const WORKER = `
  import { Module } from 'node:module';
  const registered = [];
  const core = { version: '4', hostVersion: '4', log() {}, setProgrammingModel() {}, getProgrammingModel() {},
    registerHook() {}, registerFunction: (metadata) => { registered.push(metadata.name); return { dispose() {} }; } };
  const before = Module.prototype.require;
  Module.prototype.require = function (name) { return name === '@azure/functions-core' ? core : before.call(this, name); };
  const app = await import(process.argv[1]);
  console.log(JSON.stringify({ registered, ...(await app.report?.()) }));
`;

const HTTP_APP = `
  import { app } from '@azure/functions';
  app.http('hello', { handler: async () => ({ body: 'hello' }) });
`;

let root: string;
const source = (name: string, text: string) => writeFile(path.join(root, name), text);
const build = () => buildApp(root, 'main.ts', path.join(root, 'dist'));
const load = async () => {
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '-e',
    WORKER,
    path.join(root, 'dist/main.js'),
  ]);
  return JSON.parse(stdout);
};

beforeEach(async () => {
  // inside the repository's node_modules, so that packages resolve as they do for the app
  const parent = path.join(repository, 'node_modules/.cache/holdfast-tests');
  await mkdir(parent, { recursive: true });
  root = await mkdtemp(path.join(parent, 'build-'));
  await symlink(path.join(repository, 'node_modules'), path.join(root, 'node_modules'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('a build', () => {
  test('registers its functions through the core module that the worker provides', async () => {
    await source('main.ts', HTTP_APP);
    await build();
    expect(await load()).toEqual({ registered: ['hello'] });
  });

  test('runs CommonJS packages that require what Node provides', async () => {
    await source('package.cjs', `module.exports = { separator: require('node:path').sep };`);
    await source(
      'main.ts',
      `import it from './package.cjs'; export const report = () => ({ separator: it.separator });`,
    );
    await build();
    expect(await load()).toEqual({ registered: [], separator: path.sep });
  });

  test('loads a heavy package from node_modules, and only when it is used', async () => {
    await source(
      'heavy.ts',
      `import duckdb from '@duckdb/node-api'; export const kind = typeof duckdb.DuckDBInstance;`,
    );
    await source(
      'main.ts',
      `import { Module } from 'node:module';
       const loaded = () => Object.keys(Module._cache).some((name) => name.includes('@duckdb'));
       export async function report() {
         const before = loaded();
         const { kind } = await import('./heavy.ts');
         return { before, after: loaded(), kind };
       }`,
    );
    const { bytes, startBytes } = await build();
    expect(startBytes).toBeLessThan(bytes);
    expect(await load()).toEqual({ registered: [], before: false, after: true, kind: 'function' });
  });

  test('is refused where the entry would load a heavy package at start', async () => {
    await source('heavy.ts', `export { DuckDBInstance } from '@duckdb/node-api';`);
    await source('main.ts', `export { DuckDBInstance } from './heavy.ts';`);
    await expect(build()).rejects.toThrow('@duckdb/node-api is loaded at start. Load it with import()');
  });

  test('is refused, and the build before it kept, where a source does not compile', async () => {
    await source('main.ts', HTTP_APP);
    await build();
    await source('main.ts', 'const = 1;');
    await expect(build()).rejects.toThrow('main.ts:1:6');
    expect(await load()).toEqual({ registered: ['hello'] });
  });

  test('leaves nothing of the build before it', async () => {
    await source('late.ts', `export const late = 'one';`);
    await source('main.ts', `export const report = () => import('./late.ts');`);
    await build();
    await source('main.ts', HTTP_APP);
    await build();
    expect((await readdir(path.join(root, 'dist'))).sort()).toEqual(['build.json', 'main.js', 'main.js.map']);
  });

  test('knows which sources have changed since', async () => {
    await source('other.ts', `export const other = 1;`);
    await source('main.ts', `export { other } from './other.ts';`);
    await build();
    const record = JSON.parse(await readFile(path.join(root, 'dist/build.json'), 'utf8'));
    expect(await staleSources(root, record)).toEqual([]);
    await source('other.ts', `export const other = 2;`);
    expect(await staleSources(root, record)).toEqual(['other.ts']);
    await rm(path.join(root, 'other.ts'));
    expect(await staleSources(root, record)).toEqual(['other.ts']);
  });
});
