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
          expect([...values]).toEqual(
            list.map(([, value]) => (value + 0 === 0 ? Number(String(value)) : value)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that are no CSV are refused with the line', async () => {
    await expect(read('')).rejects.toThrow(/is empty/);
    await expect(read('a,b\n1,2\n3\n')).rejects.toThrow(/:4: 1 cells where the header has 2/);
    await expect(read('a\n"open\n')).rejects.toThrow(/left open/);
    await expect(read('a\n1\n', ['b'])).rejects.toThrow(/no column b; it has a/);
  });
});
