import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepInLines, type LokiClass, type Loki as Stored } from './azuriteStore.ts';

interface Rows {
  data: { name?: string }[];
  insert(row: object): void;
}
type Loki = Stored & {
  addCollection(name: string): Rows;
  getCollection(name: string): Rows;
  loadDatabase(options: object, callback: (error?: unknown) => void): void;
  close(callback: (error?: unknown) => void): void;
};

const azurite = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
const Loki: LokiClass & (new (file: string, options: object) => Loki) = createRequire(azurite)('lokijs');

let folder: string;
let inOwnFormat: string;

/** As Azurite opens one. */
const open = (file: string): Loki =>
  new Loki(file, { persistenceMethod: 'fs', autosave: true, autosaveInterval: 5000 });
const done = (work: (callback: (error?: unknown) => void) => void) =>
  new Promise<void>((resolve, reject) => work((error) => (error ? reject(error) : resolve())));

/** Opens what was saved. */
async function reopened(file: string): Promise<Loki> {
  const database = open(file);
  await done((callback) => database.loadDatabase({}, callback));
  return database;
}

const names = ['plain', 'line\nend', 'line\u2028separator', '😀 and \ud800', ''];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-store-'));
  inOwnFormat = path.join(folder, 'own.json');
  const own = open(inOwnFormat);
  for (const name of names) own.addCollection('rows').insert({ name });
  await done((callback) => own.close(callback));
  keepInLines(Loki);
});
afterAll(() => rm(folder, { recursive: true }));

it('what is saved comes back, whatever is in it', async () => {
  const file = path.join(folder, 'db.json');
  const database = open(file);
  const rows = database.addCollection('rows');
  database.addCollection('empty');
  for (const name of names) rows.insert({ name });
  // more than one piece of the file
  for (let n = 0; n < 3000; n++) rows.insert({ name: `${n}`.repeat(200) });
  await done((callback) => database.close(callback));
  const again = await reopened(file);
  expect(again.getCollection('rows').data).toEqual(rows.data);
  expect(again.getCollection('empty').data).toEqual([]);
  again.getCollection('rows').insert({ name: 'later' });
  await done((callback) => again.close(callback));
  const last = await reopened(file);
  expect(last.getCollection('rows').data.at(-1)?.name).toBe('later');
  await done((callback) => last.close(callback));
  expect((await readdir(folder)).filter((name) => name.endsWith('~'))).toEqual([]);
});

it('what changes while the file is written is not in it, and is saved the next time', async () => {
  const file = path.join(folder, 'changes.json');
  const database = open(file);
  const rows = database.addCollection('rows');
  rows.insert({ name: 'before' });
  const saved = done((callback) => database.saveDatabase(callback));
  rows.insert({ name: 'meanwhile' });
  await saved;
  expect(await readFile(file, 'utf8')).not.toContain('meanwhile');
  expect(database.autosaveDirty()).toBe(true);
  await done((callback) => database.close(callback));
  expect((await reopened(file)).getCollection('rows').data).toHaveLength(2);
});

it('a file that Loki wrote by itself is read', async () => {
  const lines = (await readFile(inOwnFormat, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(1);
  expect((await reopened(inOwnFormat)).getCollection('rows').data.map(({ name }) => name)).toEqual(names);
});

it('a file that was cut while it was written does not take the place of the last whole one', async () => {
  const file = path.join(folder, 'cut.json');
  const database = open(file);
  database.addCollection('rows').insert({ name: 'whole' });
  await done((callback) => database.close(callback));
  await writeFile(`${file}~`, '{"collections":[');
  expect((await reopened(file)).getCollection('rows').data).toHaveLength(1);
});

it('a file that is damaged is named, and not taken for an empty database', async () => {
  const file = path.join(folder, 'damaged.json');
  await writeFile(file, '{"collections":[{"name":"ro');
  await expect(reopened(file)).rejects.toThrow(`${file} is damaged: SyntaxError`);
});
