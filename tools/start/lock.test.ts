import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkFolder, takeLock } from './lock.ts';
import { folderProblem } from './problem.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const holder = async () => JSON.parse(await readFile(path.join(folder, 'lock'), 'utf8'));

test('a lock is held by one at a time, and free again when released', async () => {
  const lock = await takeLock(folder);
  await expect(takeLock(folder)).rejects.toThrow(
    `another npm start (process ${process.pid}) uses the data folder`,
  );
  await lock.release();
  await (await takeLock(folder)).release();
});

test('the folder is made, with those above it', async () => {
  const lock = await takeLock(path.join(folder, 'a/b/c'));
  await lock.release();
});

test.each([
  ['whose process is gone', { pid: 2 ** 22 + 1, started: '1' }],
  ['whose process id another process has now', { pid: process.pid, started: '1' }],
  [
    'whose storage has ended as well',
    { pid: 2 ** 22 + 1, started: '1', storage: { pid: 2 ** 22 + 2, started: '1' } },
  ],
  ['that was never written to its end', '{"pid":'],
  ['that is empty', ''],
])('a lock %s does not count', async (_why, text) => {
  await writeFile(path.join(folder, 'lock'), typeof text === 'string' ? text : JSON.stringify(text));
  await takeLock(folder);
  expect(await holder()).toMatchObject({ pid: process.pid });
});

test('the lock names the storage process, for the next start to wait for', async () => {
  const lock = await takeLock(folder);
  await lock.noteStorage(process.pid);
  const { started, storage } = await holder();
  expect(storage).toEqual({ pid: process.pid, started });
});

test('a disk with less room than is needed counts as full', async () => {
  await checkFolder(folder, 1);
  await expect(checkFolder(folder, Number.MAX_SAFE_INTEGER)).rejects.toThrow(
    'is full: make room, or give another with --data',
  );
});

test('a folder that goes away is told', async () => {
  await rm(folder, { recursive: true });
  await expect(checkFolder(folder, 1)).rejects.toThrow(`the data folder ${folder} cannot be used (ENOENT)`);
});

test.each([
  ['ENOSPC', 'is full'],
  ['EDQUOT', 'quota'],
  ['EACCES', 'change its permissions'],
  ['EROFS', 'read-only file system'],
  ['EIO', '(EIO)'],
])('%s is told in one line: %s', (code, text) => {
  const { message } = folderProblem('/data', code);
  expect(message).toContain(text);
  expect(message).toContain('--data');
  expect(message).not.toContain('\n');
});
