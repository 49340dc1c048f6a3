import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { externalsOf, type Lock, lockOf } from './externals.ts';

const lock: Lock = {
  lockfileVersion: 3,
  packages: {
    'node_modules/outer': {
      version: '1.0.0',
      dependencies: { inner: '^2' },
      peerDependencies: { maybe: '*' },
      peerDependenciesMeta: { maybe: { optional: true } },
    },
    'node_modules/outer/node_modules/inner': { version: '2.1.0', dependencies: { leaf: '*' } },
    'node_modules/inner': { version: '1.0.0' },
    'node_modules/leaf': { version: '3.0.0', optionalDependencies: { 'leaf-win32': '3.0.0', gone: '1' } },
    'node_modules/leaf-win32': { version: '3.0.0' },
    'node_modules/@scope/late': { version: '0.1.0' },
    'node_modules/tester': { version: '1.0.0', dev: true },
  },
};
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-externals-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('packages beside the bundle', () => {
  it('are those that a script imports in any way', async () => {
    await writeFile(
      path.join(folder, 'main.js'),
      `import{a}from"outer";const b=await import("@scope/late/file.js");`,
    );
    await writeFile(
      path.join(folder, 'chunk.js'),
      `var c=require('leaf');import"./main.js";import d from'node:fs';import"nowhere"`,
    );
    expect(await externalsOf(folder, lock)).toEqual(['@scope/late', 'leaf', 'outer']);
  });

  it('may not be for development only', async () => {
    await writeFile(path.join(folder, 'main.js'), `import"tester"`);
    await expect(externalsOf(folder, lock)).rejects.toThrow(
      'main.js imports tester, which package.json has for development only',
    );
  });

  it('come with all that they need, as locked, and nothing else', () => {
    const part = lockOf(lock, { name: 'app', version: '1' }, ['outer']);
    expect(Object.keys(part.packages)).toEqual([
      '',
      'node_modules/leaf',
      'node_modules/leaf-win32',
      'node_modules/outer',
      'node_modules/outer/node_modules/inner',
    ]);
    expect(part.packages['']).toEqual({ name: 'app', version: '1', dependencies: { outer: '1.0.0' } });
  });

  it('must be locked', () => {
    const broken: Lock = {
      lockfileVersion: 3,
      packages: { 'node_modules/a': { version: '1', dependencies: { b: '1' } } },
    };
    expect(() => lockOf(broken, { name: 'app', version: '1' }, ['a'])).toThrow(
      'package-lock.json has no b, which node_modules/a needs',
    );
  });
});
