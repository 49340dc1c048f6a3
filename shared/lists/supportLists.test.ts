import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { Problem } from '../problem.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { findSupportList, openSupportLists, type SupportChange, type SupportLists } from './supportLists.ts';

const list = 'Email Support List';
const noon = Date.parse('2026-11-21T12:00:00Z');

let azurite: Azurite;
let storage: Storage;
let clock: number;
let logged: SupportChange[];
let supportLists: SupportLists;
let environment: string;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ tables: ['supportLists'] });
});
afterAll(() => azurite?.stop());
beforeEach(() => {
  clock = noon;
  logged = [];
  environment = randomUUID();
  supportLists = openSupportLists(storage, {
    now: () => clock,
    log: async (change) => {
      logged.push(change);
    },
  });
});

const put = (key: string, expires?: number) =>
  supportLists.write(
    environment,
    list,
    [key],
    { status: 'Block', ...(expires ? { expires } : {}) },
    { by: 'ann' },
  );

describe('an entry of a support list', () => {
  it('is found whatever the case and outer spaces of its key', async () => {
    await put(' Kayla@Contoso.com');
    expect(await supportLists.read(environment, list, 'KAYLA@contoso.com ', noon)).toMatchObject({
      key: 'Kayla@Contoso.com',
      status: 'Block',
    });
  });

  it('is not found on another list, in another environment, or under another key', async () => {
    await put('kayla@contoso.com');
    expect(await supportLists.read(environment, 'IP Support List', 'kayla@contoso.com', noon)).toBeNull();
    expect(await supportLists.read(randomUUID(), list, 'kayla@contoso.com', noon)).toBeNull();
    expect(await supportLists.read(environment, list, 'marie@contoso.com', noon)).toBeNull();
    expect(await supportLists.read(environment, list, '', noon)).toBeNull();
  });

  it('counts until it expires, and is still stored then', async () => {
    await put('kayla@contoso.com', noon + 1000);
    expect(await supportLists.read(environment, list, 'kayla@contoso.com', noon + 999)).not.toBeNull();
    expect(await supportLists.read(environment, list, 'kayla@contoso.com', noon + 1000)).toBeNull();
    expect((await supportLists.get(environment, list, 'kayla@contoso.com'))?.expires).toBe(noon + 1000);
  });

  it.each(['a/b\\c#d?e', '%2F', 'ключ', '👍', '\u0000\u0001', "'|'", 'x'.repeat(3000)])(
    'may have any key: %j',
    async (key) => {
      await put(key);
      expect((await supportLists.read(environment, list, key, noon))?.key).toBe(key.trim());
      expect(await supportLists.read(environment, list, `${key}x`, noon)).toBeNull();
    },
  );

  it('is gone after its removal', async () => {
    await put('kayla@contoso.com');
    const options = { by: 'ann' };
    expect(
      await supportLists.write(environment, list, ['KAYLA@contoso.com'], undefined, options),
    ).toMatchObject([{ outcome: 'removed' }]);
    expect(await supportLists.read(environment, list, 'kayla@contoso.com', noon)).toBeNull();
    expect(
      await supportLists.write(environment, list, ['kayla@contoso.com'], undefined, options),
    ).toMatchObject([{ outcome: 'missing' }]);
  });

  it('is written only under the conditions given', async () => {
    await put('kayla@contoso.com');
    const stored = await supportLists.get(environment, list, 'kayla@contoso.com');
    const write = (options: { ifMatch?: string[]; ifAbsent?: boolean }) =>
      supportLists.write(
        environment,
        list,
        ['kayla@contoso.com'],
        { status: 'Safe' },
        { by: 'ann', ...options },
      );
    expect((await write({ ifAbsent: true }))[0]?.outcome).toBe('refused');
    expect((await write({ ifMatch: ['"other"'] }))[0]?.outcome).toBe('refused');
    const [written] = await write({ ifMatch: [stored?.etag ?? ''] });
    expect(written?.outcome).toBe('updated');
    expect(written?.entry?.etag).toBe((await supportLists.get(environment, list, 'kayla@contoso.com'))?.etag);
    expect((await write({ ifMatch: [stored?.etag ?? ''] }))[0]?.outcome).toBe('refused');
  });
});

describe('entries of a support list', () => {
  it('are listed in pages, each once', async () => {
    const keys = Array.from({ length: 45 }, (_, index) => `user${index}@example.com`);
    await supportLists.write(environment, list, keys, { status: 'Watch' }, { by: 'ann' });
    const seen: string[] = [];
    let from: string | undefined;
    do {
      const page = await supportLists.list(environment, list, { limit: 10, ...(from ? { from } : {}) });
      seen.push(...page.entries.map(({ key }) => key));
      from = page.next;
    } while (from !== undefined);
    expect(seen).toHaveLength(45);
    expect([...seen].sort()).toEqual([...keys].sort());
  });

  it('of an unknown list are not found', async () => {
    const refusal = await supportLists
      .read(environment, 'Phone Support List', '1', noon)
      .catch((error) => error);
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal.status).toBe(404);
  });
});

describe('the log of a support list', () => {
  it('gets each change once, with what was before', async () => {
    await put('kayla@contoso.com');
    await put('kayla@contoso.com');
    await supportLists.write(environment, list, ['kayla@contoso.com'], undefined, { by: 'bob' });
    expect(logged).toMatchObject([
      { by: 'ann', key: 'kayla@contoso.com', after: { status: 'Block' } },
      { by: 'bob', before: { status: 'Block' } },
    ]);
    expect(logged[1]?.after).toBeUndefined();
  });

  it('gets the changes of all writers at once', async () => {
    const writers = Array.from({ length: 8 }, (_, index) =>
      supportLists.write(
        environment,
        list,
        ['kayla@contoso.com'],
        { status: 'Block', reason: `${index}` },
        { by: 'x' },
      ),
    );
    await Promise.all(writers);
    expect(logged).toHaveLength(8);
    expect(logged.filter(({ before }) => before === undefined)).toHaveLength(1);
  });

  it('gets a change whose writer died after the commit, once', async () => {
    const dying = openSupportLists(storage, {
      now: () => clock,
      log: async () => {
        throw new Error('the process dies');
      },
    });
    await expect(
      dying.write(environment, list, ['kayla@contoso.com'], { status: 'Block' }, { by: 'ann' }),
    ).rejects.toThrow();
    expect(await supportLists.read(environment, list, 'kayla@contoso.com', noon)).not.toBeNull();
    await supportLists.recover(environment);
    expect(logged).toHaveLength(0); // its writer may still be at work
    clock += 61_000;
    await supportLists.recover(environment);
    await supportLists.recover(environment);
    expect(logged).toMatchObject([{ by: 'ann', key: 'kayla@contoso.com' }]);
  });
});

describe('the names of support lists', () => {
  it.each([
    ['email support LIST', 'email'],
    ['Payment Support List', 'payment'],
    ['Payment Instrument Support List', 'payment'],
    ['Device Support List', 'device'],
    ['IP Address Support List', 'ip'],
    ['User Support List', 'user'],
  ])('%s is the list %s', (name, id) => expect(findSupportList(name)?.id).toBe(id));
});
