import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalKey } from './key.ts';
import {
  columnHashes,
  deserialize,
  hashKey,
  indexColumn,
  indexColumnInSteps,
  packer,
  readRecord,
  readRow,
  rowCount,
  serialize,
} from './packed.ts';

function pack(columns: string[], cells: string[][]) {
  const rows = packer(16);
  for (const row of cells) rows.add(row);
  return rows.finish(columns);
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('a', 'A', ' a ', 'ä', 'Ä', '\u212A', 'k', ''),
);

describe('packed rows', () => {
  it('find the first row whose key is the same but for case and outer spaces, for any keys', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), text, (cells, other) => {
        const rows = pack(['Key', 'Value'], cells);
        const index = indexColumn(rows, 0);
        for (const key of [other, ...cells.map(([key]) => key)]) {
          const expected =
            key.trim() === '' ? -1 : cells.findIndex(([cell]) => normalKey(cell) === normalKey(key));
          expect(index.find(key)).toBe(expected);
        }
      }),
    );
  });

  it('come back from their serialized form', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (cells) => {
        const again = deserialize(serialize(pack(['A', 'B'], cells)));
        expect(again.columns).toEqual(['A', 'B']);
        expect(Array.from({ length: rowCount(again) }, (_, row) => readRow(again, row))).toEqual(cells);
      }),
    );
  });

  it('give the whole rows of a serialized form that is cut off', () => {
    const whole = serialize(
      pack(
        ['A'],
        Array.from({ length: 100 }, (_, row) => [`row ${row}`]),
      ),
    );
    const part = deserialize(whole.subarray(0, 200));
    expect(rowCount(part)).toBeGreaterThan(10);
    expect(readRow(part, 10)).toEqual(['row 10']);
  });

  it('hash a cell as they hash a key', () => {
    fc.assert(
      fc.property(text, (key) => {
        const [hash] = columnHashes(pack(['A'], [[key]]), 0);
        expect(hash).toBe(normalKey(key) === '' ? undefined : hashKey(key));
      }),
    );
  });

  it('take any header as a name of the record', () => {
    expect(Object.entries(readRecord(pack(['__proto__', 'b'], [['x', 'y']]), 0))).toEqual([
      ['__proto__', 'x'],
      ['b', 'y'],
    ]);
  });

  it('hold cells of more than 127 bytes', () => {
    const long = 'ü'.repeat(20_000);
    expect(readRow(pack(['A', 'B'], [[long, 'x']]), 0)).toEqual([long, 'x']);
  });

  it('are indexed quickly also where a column has few values', () => {
    const rows = pack(
      ['A'],
      Array.from({ length: 100_000 }, (_, row) => [row % 2 ? 'Risky' : 'Safe']),
    );
    expect(indexColumn(rows, 0).find('risky')).toBe(1);
  });

  it('are indexed in steps as they are at once', async () => {
    const rows = pack(
      ['A'],
      Array.from({ length: 50_000 }, (_, row) => [`k${row % 40_000}`]),
    );
    const index = await indexColumnInSteps(rows, 0);
    expect(index.find('K39999')).toBe(39_999);
    expect(index.find('k0')).toBe(0);
    expect(index.find('k40000')).toBe(-1);
  });
});
