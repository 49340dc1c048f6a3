import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, azuriteConnectionString, startAzurite } from '../../test/azurite.ts';
import { type LossyProxy, startProxy } from '../../test/proxy.ts';
import { StorageLimitError, StorageUnavailable } from './errors.ts';
import { encodeKey } from './keys.ts';
import { openStorage } from './open.ts';
import type { Operation, Row, Storage, Table } from './types.ts';

let azurite: Azurite;
let proxy: LossyProxy;
let storage: Storage;
let table: Table;
/** the same table over a connection that fails on demand */
let shaky: Table;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startProxy(azurite.ports.table);
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ tables: ['things'] });
  table = storage.table('things');
  const through = azuriteConnectionString({ ...azurite.ports, table: proxy.port });
  shaky = openStorage({ connectionString: through }).table('things');
});

afterAll(async () => {
  await proxy?.stop();
  await azurite?.stop();
});

const at = (rowKey: string, more: Omit<Row, 'partitionKey' | 'rowKey'> = {}, partitionKey = 'p'): Row => ({
  partitionKey,
  rowKey,
  ...more,
});
const inserting = (row: Row): Operation => ({ kind: 'insert', row });

describe('rows', () => {
  it('come back as they were written', async () => {
    const values = {
      text: 'it\'s "x" <&> 日本 𝄞 \u0001',
      empty: '',
      int: -7,
      large: 3_000_000_000,
      double: 0.1,
      tiny: 5e-324,
      huge: 1.7e308,
      long: -(2n ** 63n),
      yes: true,
      date: new Date('2026-02-28T23:59:59.999Z'),
      bytes: Buffer.from([0, 255, 7]),
      absent: undefined,
    };
    expect(await table.insert(at('values', values))).toEqual({ ok: true, etag: expect.any(String) });
    const { absent: _, ...kept } = values;
    expect(await table.read('p', 'values')).toEqual({ ...at('values', kept), etag: expect.any(String) });
  });

  it('hold the bytes of a view, not of the memory behind it', async () => {
    await table.put(at('view', { bytes: new Uint8Array([1, 2, 3, 4]).subarray(1, 3) }));
    expect((await table.read('p', 'view'))?.bytes).toEqual(Buffer.from([2, 3]));
  });

  it('are inserted once', async () => {
    expect(await table.insert(at('once', { a: 1 }))).toMatchObject({ ok: true });
    expect(await table.insert(at('once', { a: 2 }))).toEqual({ ok: false, reason: 'exists' });
    expect(await table.read('p', 'once')).toMatchObject({ a: 1 });
  });

  it('are replaced by put and kept together by merge', async () => {
    await table.put(at('whole', { a: 1, b: 1 }));
    await table.merge(at('whole', { b: 2, c: 2 }));
    expect(await table.read('p', 'whole')).toMatchObject({ a: 1, b: 2, c: 2 });
    await table.put(at('whole', { d: 3 }));
    const { etag: _, ...row } = (await table.read('p', 'whole')) ?? { etag: '' };
    expect(row).toEqual(at('whole', { d: 3 }));
  });

  it('change under an etag only while it is theirs', async () => {
    const first = await table.put(at('etag', { a: 1 }));
    const etag = first.ok ? first.etag : '';
    const second = await table.put(at('etag', { a: 2 }), etag);
    expect(second).toMatchObject({ ok: true });
    expect(await table.put(at('etag', { a: 3 }), etag)).toEqual({ ok: false, reason: 'changed' });
    expect(await table.merge(at('etag', { a: 3 }), etag)).toEqual({ ok: false, reason: 'changed' });
    expect(await table.remove('p', 'etag', etag)).toEqual({ ok: false, reason: 'changed' });
    expect(await table.remove('p', 'etag', second.ok ? second.etag : '')).toEqual({ ok: true });
    expect(await table.put(at('etag', { a: 3 }), etag)).toEqual({ ok: false, reason: 'missing' });
  });

  it('that are not there are no error', async () => {
    expect(await table.read('p', 'nothing')).toBeUndefined();
    expect(await table.remove('p', 'nothing')).toEqual({ ok: false, reason: 'missing' });
  });

  it('keep apart under every kind of key', async () => {
    const texts = [
      '',
      '/',
      '\\',
      '#',
      '?',
      '%',
      '%2f',
      '~',
      '.',
      '..',
      "'",
      '|',
      'é',
      'e\u0301',
      '日本',
      '𝄞',
      '\ud834',
    ];
    texts.push(
      '\u0000',
      '\n',
      '\u007f',
      '\u0085',
      ' ',
      'a',
      'A',
      'x'.repeat(10_000),
      `${'x'.repeat(10_000)}y`,
    );
    for (const text of texts)
      await table.insert({ partitionKey: encodeKey(text), rowKey: encodeKey(text), text });
    const back = await Promise.all(texts.map((text) => table.read(encodeKey(text), encodeKey(text))));
    expect(back.map((row) => row?.text)).toEqual(texts);
  });

  it('over the limits are refused before the call', async () => {
    await expect(table.put(at('r', { 'a-b': 1 }))).rejects.toThrow(StorageLimitError);
    await expect(table.read('a/b', 'r')).rejects.toThrow(StorageLimitError);
  });
});

describe('transactions', () => {
  it('do all', async () => {
    await table.put(at('old', {}, 'all'));
    const done = await table.transact([
      inserting(at('new', { a: 1 }, 'all')),
      { kind: 'put', row: at('put', { a: 1 }, 'all') },
      { kind: 'merge', row: at('merged', { a: 1 }, 'all') },
      { kind: 'remove', partitionKey: 'all', rowKey: 'old' },
    ]);
    expect(done).toEqual({ ok: true, etags: [...Array(3).fill(expect.stringMatching(/^W\//)), undefined] });
    const etag = done.ok ? done.etags[0] : '';
    expect(await table.put(at('new', { a: 2 }, 'all'), etag)).toMatchObject({ ok: true });
    expect(await table.read('all', 'old')).toBeUndefined();
  });

  it('do nothing where one operation is refused, and say which', async () => {
    await table.put(at('there', { a: 1 }, 'none'));
    const stale = (await table.read('none', 'there'))?.etag ?? '';
    await table.merge(at('there', { a: 2 }, 'none'));
    const refused = (operation: Operation) => table.transact([inserting(at('x', {}, 'none')), operation]);
    const there = { partitionKey: 'none', rowKey: 'there' };
    expect(await refused(inserting(there))).toEqual({ ok: false, reason: 'exists', index: 1 });
    expect(await refused({ kind: 'put', row: there, etag: stale })).toEqual({
      ok: false,
      reason: 'changed',
      index: 1,
    });
    expect(await refused({ kind: 'merge', row: { ...there, rowKey: 'y' }, etag: stale })).toEqual({
      ok: false,
      reason: 'missing',
      index: 1,
    });
    expect(await refused({ kind: 'remove', ...there, etag: stale })).toEqual({
      ok: false,
      reason: 'changed',
      index: 1,
    });
    expect(await refused({ kind: 'remove', partitionKey: 'none', rowKey: 'y' })).toMatchObject({
      reason: 'missing',
    });
    expect(await table.read('none', 'x')).toBeUndefined();
    expect(await table.read('none', 'there')).toMatchObject({ a: 2 });
  });

  it('remove under an etag, beside removals without one', async () => {
    await table.put(at('a', {}, 'conditional'));
    await table.put(at('b', { text: '\nif-match: *\n' }, 'conditional'));
    const etag = (await table.read('conditional', 'b'))?.etag ?? '';
    const done = await table.transact([
      { kind: 'put', row: at('c', { text: '\r\nif-match: *\r\nDELETE x' }, 'conditional') },
      { kind: 'remove', partitionKey: 'conditional', rowKey: 'a' },
      { kind: 'remove', partitionKey: 'conditional', rowKey: 'b', etag },
    ]);
    expect(done).toMatchObject({ ok: true });
    expect(await table.read('conditional', 'c')).toMatchObject({ text: '\r\nif-match: *\r\nDELETE x' });
  });

  it('take 100 operations', async () => {
    const rows = Array.from({ length: 100 }, (_, index) =>
      inserting(at(String(index), { index }, 'hundred')),
    );
    expect(await table.transact(rows)).toMatchObject({ ok: true });
    expect(await table.transact([inserting(at('x', {}, 'hundred')), ...rows.slice(1)])).toMatchObject({
      index: 1,
    });
    await expect(table.transact([...rows, inserting(at('x', {}, 'hundred'))])).rejects.toThrow(
      StorageLimitError,
    );
  });
});

describe('ranges', () => {
  const keysIn = async (options?: Parameters<Table['range']>[1], partition = 'range') => {
    const keys: string[] = [];
    for await (const row of table.range(partition, options)) keys.push(row.rowKey);
    return keys;
  };

  it('give the rows of one partition in order, within their bounds', async () => {
    for (const key of ['b', 'a', "c'", 'B', 'd']) await table.insert(at(key, {}, 'range'));
    await table.insert(at('other', {}, 'range2'));
    expect(await keysIn()).toEqual(['B', 'a', 'b', "c'", 'd']);
    expect(await keysIn({ from: 'a', before: "c'" })).toEqual(['a', 'b']);
    expect(await keysIn({ from: "c'" })).toEqual(["c'", 'd']);
    expect(await keysIn({ from: 'a', limit: 2 })).toEqual(['a', 'b']);
    expect(await keysIn({}, 'empty')).toEqual([]);
  });

  it('go on over the service’s pages of 1,000', async () => {
    const keys = Array.from({ length: 1050 }, (_, index) => String(index).padStart(5, '0'));
    for (let start = 0; start < keys.length; start += 100)
      await table.transact(keys.slice(start, start + 100).map((key) => inserting(at(key, {}, 'pages'))));
    expect(await keysIn({}, 'pages')).toEqual(keys);
    expect(await keysIn({ limit: 1020 }, 'pages')).toEqual(keys.slice(0, 1020));
  });
});

describe('an answer that was lost', () => {
  it('of an insert that was applied is found again', async () => {
    proxy.loseAnswers(1);
    const written = await shaky.insert(at('lost insert', { a: 1 }));
    expect(written).toEqual({ ok: true, etag: (await table.read('p', 'lost insert'))?.etag });
    expect(await shaky.insert(at('lost insert', { a: 1 }))).toEqual({ ok: false, reason: 'exists' });
  });

  it('of a refused insert does not make it another’s success, be the content the same', async () => {
    await table.insert(at('taken', { a: 1 }));
    proxy.loseAnswers(1);
    expect(await shaky.insert(at('taken', { a: 1 }))).toEqual({ ok: false, reason: 'exists' });
  });

  it('of a conditional write is told from another’s write of the same content', async () => {
    const first = await table.put(at('race', { n: 1 }));
    const etag = first.ok ? first.etag : '';
    proxy.loseAnswers(1);
    expect(await shaky.put(at('race', { n: 2 }), etag)).toMatchObject({ ok: true });
    proxy.loseAnswers(1);
    expect(await shaky.put(at('race', { n: 2 }), etag)).toEqual({ ok: false, reason: 'changed' });
  });

  it('of a removal is no failure', async () => {
    await table.put(at('lost removal'));
    proxy.loseAnswers(1);
    expect(await shaky.remove('p', 'lost removal')).toEqual({ ok: true });
  });

  it('of a transaction is found again, several times over', async () => {
    proxy.loseAnswers(3);
    const operations = [inserting(at('lost 1')), inserting(at('lost 2'))];
    expect(await shaky.transact(operations)).toEqual({ ok: true, etags: [undefined, undefined] });
    expect(await shaky.transact(operations)).toEqual({ ok: false, reason: 'exists', index: 0 });
  });

  it('of a read is asked for again', async () => {
    await table.put(at('read', { a: 1 }));
    proxy.loseAnswers(2);
    expect(await shaky.read('p', 'read')).toMatchObject({ a: 1 });
  });
});

describe('storage that is busy or gone', () => {
  const busy = (headers: string) => `HTTP/1.1 503 Server Busy\r\n${headers}Content-Length: 0\r\n\r\n`;

  it('is tried again', async () => {
    await table.put(at('busy', { a: 1 }));
    const before = proxy.spoiled();
    proxy.answerInstead(2, busy(''));
    expect(await shaky.read('p', 'busy')).toMatchObject({ a: 1 });
    expect(proxy.spoiled() - before).toBe(2);
  });

  it('is not waited for longer than is sensible, and the caller hears when to come back', async () => {
    proxy.answerInstead(1, busy('Retry-After: 3600\r\n'));
    const error = await shaky.read('p', 'busy').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageUnavailable);
    expect(error).toMatchObject({ status: 503, retryAfter: 3600 });
  });

  it('is a 503 where nothing listens', async () => {
    const dead = openStorage({ connectionString: azuriteConnectionString({ blob: 1, queue: 1, table: 1 }) });
    const calls = [
      dead.table('things').read('p', 'r'),
      dead.table('things').transact([inserting(at('r'))]),
      dead.blobs('things').read('b'),
      dead.blobs('things').write('b', 'x'),
      dead.queue('things').send('x'),
      dead.ensure({ tables: ['things'] }),
    ];
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { name: 'StorageUnavailable', status: 503 },
      });
  });
});

describe('text', () => {
  it('of any kind is written and read as it is, in a transaction too', async () => {
    const odd = '\u2028 \u2029 \\u2028 \u0085 \ufeff é𝕚鍵 \'"\\ \r\n--batch \t{}';
    const table = storage.table('things');
    await table.transact([inserting({ ...at('odd1'), text: odd })]);
    await table.insert({ ...at('odd2'), text: odd });
    for (const key of ['odd1', 'odd2']) {
      const { partitionKey, rowKey } = at(key);
      expect((await table.read(partitionKey, rowKey))?.text).toBe(odd);
    }
  });
});

describe('ensure', () => {
  it('is content with what is there, also when two ask at once', async () => {
    const other = openStorage({ connectionString: azurite.connectionString });
    const names = { tables: ['fresh'], containers: ['fresh'], queues: ['fresh'] };
    await Promise.all([storage.ensure(names), other.ensure(names), storage.ensure(names)]);
    expect(await other.table('fresh').insert(at('r'))).toMatchObject({ ok: true });
  });

  it('is asked for where a table is missing', async () => {
    const missing = storage.table('missing');
    await expect(missing.read('p', 'r')).rejects.toThrow('table missing does not exist');
    await expect(missing.insert(at('r'))).rejects.toThrow('table missing does not exist');
    await expect(missing.transact([inserting(at('r'))])).rejects.toThrow('table missing does not exist');
  });
});
