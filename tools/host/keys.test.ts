import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuthLevel, mayCall, openKeys } from './keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-keys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the key file', () => {
  test('is made once, for its owner only, and kept', async () => {
    const file = path.join(folder, 'new', 'keys.json');
    const first = await openKeys(file, ['Health']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await openKeys(file, ['Health'])).toEqual(first);
    expect(new Set([first.master, first.host, first.functions.health]).size).toBe(3);
  });

  test('gains a key for a new function and keeps the others', async () => {
    const file = path.join(folder, 'keys.json');
    const first = await openKeys(file, ['one']);
    const second = await openKeys(file, ['one', 'two']);
    expect(second.functions).toMatchObject(first.functions);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(second);
  });
});

test.each<[AuthLevel, string | undefined, string | undefined, boolean]>([
  // level, key in the header, key in the query, may call
  ['anonymous', undefined, undefined, true],
  ['anonymous', 'wrong', undefined, true],
  ['function', undefined, undefined, false],
  ['function', 'f', undefined, true],
  ['function', undefined, 'f', true],
  ['function', 'h', undefined, true],
  ['function', 'm', undefined, true],
  ['function', 'other', undefined, false],
  ['function', 'wrong', 'f', false],
  ['function', '', 'f', false],
  ['function', 'f', 'wrong', true],
  ['admin', 'f', undefined, false],
  ['admin', 'h', undefined, false],
  ['admin', 'm', undefined, true],
])('level %s with header %s and code %s: %s', (level, header, query, expected) => {
  const keys = { master: 'm', host: 'h', functions: { one: 'f', two: 'other' } };
  expect(mayCall(keys, level, 'One', { header, query })).toBe(expected);
});
