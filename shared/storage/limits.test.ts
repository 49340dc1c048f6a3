import { describe, expect, it } from 'vitest';
import { StorageLimitError } from './errors.ts';
import { checkBlobName, checkKeys, checkMessage, checkRow, checkTransaction } from './limits.ts';
import type { Operation, Row, Value } from './types.ts';

const row = (properties: Record<string, Value>): Row => ({ partitionKey: 'p', rowKey: 'r', ...properties });
const check = (properties: Record<string, Value>) => () => checkRow('t', row(properties));
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 1]));
const blocks = (count: number, bytes: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`b${index}`, new Uint8Array(bytes)]));

describe('rows', () => {
  it('are counted as the service counts them', () => {
    const own = checkRow('t', row({}));
    expect(own).toBe(4 + 2 * 2 + (8 + 2 * 3 + 4 + 40));
    const cost = (value: Value) => checkRow('t', row({ ab: value })) - own - (8 + 4);
    expect([
      cost('xyz'),
      cost(1),
      cost(1.5),
      cost(2 ** 31),
      cost(1n),
      cost(true),
      cost(new Date()),
      cost(new Uint8Array(5)),
    ]).toEqual([10, 4, 8, 8, 8, 1, 8, 9]);
  });

  it('hold 251 properties, of 64 KiB each, 1 MiB in all', () => {
    expect(check(many(251))).not.toThrow();
    expect(check(many(252))).toThrow('a row of 253 properties; at most 252 fit');
    expect(check({ text: 'x'.repeat(32_768) })).not.toThrow();
    expect(check({ text: 'x'.repeat(32_769) })).toThrow('property text has 65538 bytes; at most 65536 fit');
    expect(check(blocks(15, 65_536))).not.toThrow();
    expect(check(blocks(16, 65_536))).toThrow(/a row of \d+ bytes; at most 1048576 fit/);
  });

  it.each(['a-b', '1a', '', 'a b', 'é', 'PartitionKey', 'RowKey', 'Timestamp', 'timestamp', 'w__'])(
    'have no property named %j',
    (name) => expect(check({ [name]: 1 })).toThrow(StorageLimitError),
  );

  it('take an etag along without storing it, so that a row that was read can be written', () => {
    expect(checkRow('t', row({ etag: 'W/"x"' }))).toBe(checkRow('t', row({})));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 2n ** 63n, new Date(Number.NaN), new Date(-2e13)])(
    'have no value %s',
    (value) => expect(check({ value })).toThrow('property value is'),
  );

  it('are refused with a status that says whose fault it is', () => {
    const statusOf = (properties: Record<string, Value>) => {
      try {
        checkRow('t', row(properties));
      } catch (error) {
        return error instanceof StorageLimitError ? error.status : error;
      }
    };
    expect([statusOf({ 'a-b': 1 }), statusOf({ a: 'x'.repeat(40_000) })]).toEqual([400, 413]);
  });
});

describe('keys', () => {
  it.each(['a/b', 'a\\b', 'a#b', 'a?b', 'a%b', 'a\u0000', 'a\u007f', 'a\u009f', 'a\ud800'])(
    'may not be %j',
    (key) => {
      expect(() => checkKeys('t', key, 'r')).toThrow('a PartitionKey with a character');
      expect(() => checkKeys('t', 'p', key)).toThrow('a RowKey with a character');
    },
  );

  it('have at most 512 characters', () => {
    expect(() => checkKeys('t', 'p', '𝄞'.repeat(256))).not.toThrow();
    expect(() => checkKeys('t', 'p', 'x'.repeat(513))).toThrow('a RowKey of 513 characters; at most 512 fit');
  });
});

describe('transactions', () => {
  const insert = (rowKey: string, properties: Record<string, Value> = {}, partitionKey = 'p'): Operation => ({
    kind: 'insert',
    row: { partitionKey, rowKey, ...properties },
  });
  const inserts = (count: number, properties: Record<string, Value> = {}) =>
    Array.from({ length: count }, (_, index) => insert(`r${index}`, properties));

  it('have 1 to 100 operations on different rows of one partition', () => {
    expect(() => checkTransaction('t', inserts(100))).not.toThrow();
    expect(() => checkTransaction('t', inserts(101))).toThrow(
      'a transaction of 101 operations; at most 100 fit',
    );
    expect(() => checkTransaction('t', [])).toThrow('needs an operation');
    expect(() => checkTransaction('t', [insert('a'), insert('a')])).toThrow('names the row a twice');
    expect(() => checkTransaction('t', [insert('a'), insert('b', {}, 'q')])).toThrow('over two partitions');
  });

  it('have at most 4 MiB as they are sent, so that what JSON and base64 add counts', () => {
    const bytes = (count: number) => () => checkTransaction('t', inserts(count, blocks(14, 65_000)));
    expect(bytes(3)).not.toThrow();
    expect(bytes(4)).toThrow(/a transaction of \d+ bytes; at most 4194304 fit/);
    const escaped = { a: '\u0001'.repeat(32_000), b: '\u0001'.repeat(32_000) };
    expect(() => checkTransaction('t', inserts(10, escaped))).not.toThrow();
    expect(() => checkTransaction('t', inserts(11, escaped))).toThrow('at most 4194304 fit');
  });
});

describe('blob names', () => {
  it.each(['', 'a//b', '/a', 'a/', '.', 'a/../b', 'a.', 'a./b', '\ud800', 'a\\b', 'x'.repeat(1025)])(
    'may not be %j',
    (name) => expect(() => checkBlobName('c', name)).toThrow(StorageLimitError),
  );

  it.each(['a', 'events/primary/Purchase/2026/01/01/x.jsonl', 'ä ?#%&+', 'x'.repeat(1024)])(
    'may be %j',
    (name) => expect(() => checkBlobName('c', name)).not.toThrow(),
  );
});

describe('queue messages', () => {
  it('have at most 64 KiB of UTF-8', () => {
    expect(() => checkMessage('q', 'é'.repeat(32_768))).not.toThrow();
    expect(() => checkMessage('q', 'é'.repeat(32_769))).toThrow(
      'a message of 65538 bytes; at most 65536 fit',
    );
  });

  it.each(['\u0000', 'a\r\nb', '\ufffe', '\ud800'])(
    'may not hold %j, which would arrive changed or not at all',
    (text) => expect(() => checkMessage('q', text)).toThrow('control character'),
  );
});
