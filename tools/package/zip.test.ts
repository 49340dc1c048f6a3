import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zip } from './zip.ts';

const run = promisify(execFile);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-zip-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = (value: string) => new TextEncoder().encode(value);
const entries = [
  { name: 'folder/ß and space.txt', content: text('here') },
  { name: 'empty', content: new Uint8Array() },
  { name: 'bytes', content: Uint8Array.from({ length: 100_000 }, (_, index) => (index * index) % 251) },
];

describe('a zip', () => {
  it('is what another program unpacks, byte for byte', async () => {
    const file = path.join(folder, 'a.zip');
    await writeFile(file, zip(entries));
    await run('python3', ['-m', 'zipfile', '-t', file]);
    await run('python3', ['-m', 'zipfile', '-e', file, folder]);
    for (const { name, content } of entries)
      expect(Buffer.compare(await readFile(path.join(folder, name)), content), name).toBe(0);
  });

  it('is the same whatever the order of its files', () => {
    expect(zip(entries.toReversed()).equals(zip(entries))).toBe(true);
  });

  it('of too many files is refused', () => {
    const many = Array.from({ length: 65_535 }, (_, index) => ({
      name: String(index),
      content: new Uint8Array(),
    }));
    expect(() => zip(many)).toThrow('65535 files are too many for a zip');
  });
});
