import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '../../shared/storage/index.ts';
import { type Azurite, startAzurite } from '../../test/azurite.ts';

const run = promisify(execFile);
let here: Azurite;
let there: Azurite;
let folder: string;

beforeAll(async () => {
  [here, there] = await Promise.all([startAzurite(), startAzurite()]);
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-backup-'));
});
afterAll(async () => {
  await here?.stop();
  await there?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function backup(verb: string, azurite: Azurite): Promise<string[]> {
  const main = path.resolve(import.meta.dirname, 'main.ts');
  const { stdout } = await run(process.execPath, [
    main,
    verb,
    '--folder',
    folder,
    '--storage',
    azurite.connectionString,
  ]);
  return stdout.trim().split('\n');
}

describe('a backup of the tables', () => {
  it('restores into another account every row as it was, each value with its type', async () => {
    const from = openStorage({ connectionString: here.connectionString });
    await from.ensure({ tables: ['things', 'many'] });
    const row = {
      partitionKey: 'a|ä~2f',
      rowKey: 'with ’quotes’ and "these"',
      text: 'Zoë\n\u2028',
      empty: '',
      whole: 42,
      real: 0.1,
      one: 2 ** 40,
      long: 9_007_199_254_740_993n,
      yes: true,
      when: new Date('2026-11-21T23:00:00.123Z'),
      bytes: Uint8Array.from([0, 1, 254, 255]),
    };
    await from.table('things').insert(row);
    for (let index = 0; index < 230; index += 1)
      await from.table('many').insert({
        partitionKey: index < 205 ? 'big' : `p${index}`,
        rowKey: String(index).padStart(4, '0'),
        text: 'x'.repeat(1000),
      });
    expect(await backup('save', here)).toEqual(['many: 230 rows', 'things: 1 rows']);

    expect(await backup('restore', there)).toEqual(['many: 230 rows', 'things: 1 rows']);
    const to = openStorage({ connectionString: there.connectionString });
    const { etag, ...restored } = (await to.table('things').read(row.partitionKey, row.rowKey)) ?? {
      etag: '',
    };
    expect(etag).not.toBe('');
    expect(restored).toEqual(
      (({ etag: _, ...original }) => original)(
        (await from.table('things').read(row.partitionKey, row.rowKey))!,
      ),
    );
    expect(restored).toMatchObject({ text: row.text, long: row.long, when: row.when });
    let count = 0;
    for await (const _ of to.table('many').range('big')) count++;
    expect(count).toBe(205);
  });

  it('restored again changes nothing, and replaces what has changed since', async () => {
    const to = openStorage({ connectionString: there.connectionString }).table('many');
    await to.put({ partitionKey: 'big', rowKey: '0000', text: 'changed', added: 1 });
    await backup('restore', there);
    const row = await to.read('big', '0000');
    expect(row?.text).toBe('x'.repeat(1000));
    expect(row?.added).toBeUndefined();
  });

  it('says how it is used', async () => {
    const main = path.resolve(import.meta.dirname, 'main.ts');
    await expect(run(process.execPath, [main, 'save'])).rejects.toThrow('save|restore --folder');
  });
});
