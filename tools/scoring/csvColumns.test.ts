import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsvColumns } from './csvColumns.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'a.csv');
function read(text: string, named: string[] = []) {
  writeFileSync(file, text);
  return readCsvColumns(file, named);
}

describe('CSV columns', () => {
  it('are the numeric ones, empty cells missing, with texts where asked for', async () => {
    const { rows, numeric, named } = await read('\uFEFFa,who,b\r\n1,x,\r\n-2.5e1,"y, ""z""",NaN\r\n,x,7', [
      'who',
    ]);
    expect(rows).toBe(3);
    expect(numeric.map(({ name, values }) => [name, ...values])).toEqual([
      ['a', 1, -25, Number.NaN],
      ['b', Number.NaN, Number.NaN, 7],
    ]);
    expect([...named.get('who')!]).toEqual([0, 1, 0]);
  });

  it('come back as they were written, whatever the texts', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' ') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, fc.double({ noNaN: true, noDefaultInfinity: true }))),
        async (list) => {
          const lines = list.map(([text, value]) => `${value},"${text.replaceAll('"', '""')}"`);
          const { rows, numeric, named } = await read(`value,text\n${lines.map((l) => `${l}\n`).join('')}`, [
            'text',
          ]);
          expect(rows).toBe(list.length);
          const codes = named.get('text')!;
          for (const [i, [a]] of list.entries())
            for (const [j, [b]] of list.entries()) expect(codes[i] === codes[j]).toBe(a === b);
          const values = numeric.find(({ name }) => name === 'value')?.values ?? new Float64Array();
          const expected = list.map(
            ([, value]) => (values instanceof Float32Array ? Math.fround(value) : value) + 0,
          );
          expect([...values].map((value) => value + 0)).toEqual(expected);
          const large = list.some(([, value]) => Math.abs(value) > 2 ** 24);
          expect(values instanceof Float64Array).toBe(
            large || values.length === 0 || list.some(([, value]) => value !== 0 && Math.abs(value) < 1e-37),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keep large whole numbers exactly', async () => {
    const { numeric } = await read('time,amount\n1700000001,12.5\n1700000002,13\n');
    expect(numeric.map(({ values }) => [...values])).toEqual([
      [1_700_000_001, 1_700_000_002],
      [12.5, 13],
    ]);
  });

  it('that are no CSV are refused with the line', async () => {
    await expect(read('')).rejects.toThrow(/is empty/);
    await expect(read('a,b\n1,2\n3\n')).rejects.toThrow(/:4: 1 cells where the header has 2/);
    await expect(read('a\n"open\n')).rejects.toThrow(/left open/);
    await expect(read('a\n1\n', ['b'])).rejects.toThrow(/no column b; it has a/);
  });
});
