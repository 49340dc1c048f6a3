import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { normalKey } from './key.ts';
import { type ListReader, type Lists, openLists } from './lists.ts';

let azurite: Azurite;
let storage: Storage;
let lists: Lists;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ tables: ['lists'], containers: ['config'] });
  lists = openLists(storage);
});
afterAll(() => azurite?.stop());

const encode = (text: string) => new TextEncoder().encode(text);

async function save(text: string, inMemory: boolean) {
  return lists.save(randomUUID(), await lists.parse(encode(text)), inMemory);
}

const file =
  'Email,Status\nKayla@contoso.com,Risky\ncamille@fabrikam.com,Safe\n kayla@CONTOSO.com ,Second\n,Nobody\n';

describe.each([
  ['held in memory', true],
  ['kept in the table', false],
])('a list %s', (_, inMemory) => {
  let reader: ListReader;
  beforeAll(async () => {
    reader = lists.open(await save(file, inMemory));
  });

  it('gives the first row of a key, whatever its case and outer spaces', async () => {
    expect(await reader.fetch('email', '  KAYLA@contoso.com')).toEqual({
      Email: 'Kayla@contoso.com',
      Status: 'Risky',
    });
    expect(await reader.fetch('EMAIL ', 'camille@fabrikam.com')).toEqual({
      Email: 'camille@fabrikam.com',
      Status: 'Safe',
    });
  });

  it('can be searched by any of its columns', async () => {
    expect(await reader.fetch('Status', 'second')).toEqual({
      Email: ' kayla@CONTOSO.com ',
      Status: 'Second',
    });
  });

  it('has no row for an unknown key, nor for an empty one', async () => {
    expect(await reader.fetch('Email', 'marie@atatum.com')).toBeNull();
    expect(await reader.fetch('Email', '  ')).toBeNull();
  });

  it('says so when asked for a column it does not have', async () => {
    await expect(reader.fetch('Phone', '1')).rejects.toThrow('no column "Phone"');
  });

  it('holds keys of any Unicode', async () => {
    const keys = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(keys, async (cells) => {
        const text = ['Key,Number', ...cells.map((key, row) => `"${key.replaceAll('"', '""')}",${row}`)].join(
          '\n',
        );
        const any = lists.open(await save(text, inMemory));
        for (const key of cells.filter((cell) => normalKey(cell) !== '')) {
          const first = cells.findIndex((cell) => normalKey(cell) === normalKey(key));
          expect((await any.fetch('Key', key))?.Number).toBe(String(first));
        }
      }),
      { numRuns: 5 },
    );
  });
});

describe('a list in memory', () => {
  it('answers without a call once it is prepared, and says so before', async () => {
    const reader = lists.open(await save(file, true));
    expect(reader.lookup('Email', 'kayla@contoso.com')).toBeUndefined();
    await reader.prepare(['Email']);
    expect(reader.lookup('Email', 'kayla@contoso.com')?.Status).toBe('Risky');
    expect(reader.lookup('Email', 'nobody@contoso.com')).toBeNull();
    expect(reader.lookup('Status', 'Safe')?.Email).toBe('camille@fabrikam.com');
  });

  it('is loaded at the first look-up where nothing prepared it', async () => {
    const reader = lists.open(await save(file, true));
    expect((await reader.fetch('Email', 'kayla@contoso.com'))?.Status).toBe('Risky');
    expect(reader.lookup('Email', 'kayla@contoso.com')?.Status).toBe('Risky');
  });
});

describe('a list in the table', () => {
  it('never answers without a call, and finds every row of many pages', async () => {
    const rows = Array.from({ length: 5000 }, (_, row) => `user${row}@example.com,${row}`);
    const content = await save(['Email,Number', ...rows].join('\n'), false);
    expect(content.pages).toBeGreaterThan(5);
    const reader = lists.open(content);
    await reader.prepare(['Email']);
    expect(reader.lookup('Email', 'user1@example.com')).toBeUndefined();
    const wanted = Array.from({ length: 100 }, (_, each) => each * 50);
    const found = await Promise.all(wanted.map((row) => reader.fetch('Email', `USER${row}@example.com`)));
    expect(found.map((row) => row?.Number)).toEqual(wanted.map(String));
  });
});

describe('the file of a list', () => {
  it('comes back byte by byte as it was uploaded', async () => {
    const uploaded = encode('\uFEFFEmail,Status\r\n"a ""b""",x\r\n\r\n');
    const content = await lists.save(randomUUID(), await lists.parse(uploaded), true);
    expect(new Uint8Array(await lists.download(content))).toEqual(uploaded);
    expect(content).toMatchObject({ columns: ['Email', 'Status'], rows: 1, bytes: uploaded.length });
  });

  it('is previewed by its first rows', async () => {
    const text = ['Number', ...Array.from({ length: 50 }, (_, row) => String(row))].join('\n');
    const content = await save(text, true);
    expect(await lists.preview(content, 20)).toEqual(Array.from({ length: 20 }, (_, row) => [String(row)]));
    expect(await lists.preview(await save('Number\n', true), 20)).toEqual([]);
  });

  it('may be uploaded again without harm', async () => {
    const prefix = randomUUID();
    const parsed = await lists.parse(encode(file));
    const first = await lists.save(prefix, parsed, true);
    expect(await lists.save(prefix, parsed, true)).toEqual(first);
  });
});
