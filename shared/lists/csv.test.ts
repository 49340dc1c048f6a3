import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import { maxListBytes, parseCsv } from './csv.ts';
import { readRow, rowCount } from './packed.ts';

const encode = (text: string) => new TextEncoder().encode(text);

async function read(text: string | Uint8Array) {
  const rows = await parseCsv(typeof text === 'string' ? encode(text) : text);
  return {
    columns: rows.columns,
    rows: Array.from({ length: rowCount(rows) }, (_, row) => readRow(rows, row)),
  };
}

async function refusal(text: string | Uint8Array): Promise<Problem> {
  const outcome = await read(text).catch((error: unknown) => error);
  if (!(outcome instanceof Problem)) throw new Error(`accepted: ${JSON.stringify(outcome)}`);
  return outcome;
}

describe('a list file', () => {
  it('is read with its headers and rows, whatever ends its lines', async () => {
    const expected = {
      columns: ['Email', 'Status'],
      rows: [
        ['kayla@contoso.com', 'Risky'],
        ['a "b", c', 'line 1\nline 2'],
      ],
    };
    expect(await read('Email,Status\nkayla@contoso.com,Risky\n"a ""b"", c","line 1\nline 2"\n')).toEqual(
      expected,
    );
    expect(await read('Email,Status\r\nkayla@contoso.com,Risky\r\n"a ""b"", c","line 1\nline 2"')).toEqual(
      expected,
    );
  });

  it('may start with a byte order mark, which is no part of the first header', async () => {
    expect((await read('\uFEFFEmail\nx')).columns).toEqual(['Email']);
  });

  it('may have headers and no rows', async () => {
    expect(await read('Email,Status\n')).toEqual({ columns: ['Email', 'Status'], rows: [] });
  });

  it('has its empty lines skipped and its headers trimmed', async () => {
    expect(await read(' Email , Status\n\na,b\n\n')).toEqual({
      columns: ['Email', 'Status'],
      rows: [['a', 'b']],
    });
  });

  it('gives back every text that a CSV writer can quote', async () => {
    const cell = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 20 }), async (rows) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = [['A', 'B'], ...rows].map((cells) => cells.map(quote).join(',')).join('\n');
        expect((await read(text)).rows).toEqual(rows.map((cells) => [...cells]));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a bad list file is refused with the place of its fault', () => {
  it.each([
    ['a row with a cell too few', 'A,B\n1,2\n3\n', 'row 3, column 2'],
    ['a row with a cell too many', 'A,B\n1,2\n3,4,5\n', 'row 3, column 3'],
    ['the ragged row after a cell of two lines', 'A,B\n"x\ny",2\n3\n', 'row 3, column 2'],
    ['a quotation mark that is not closed', 'A,B\n1,2\n3,"4\n', 'row 3, column 2'],
    ['text after a closing quotation mark', 'A,B\n1,"2"x\n', 'row 2, column 2'],
    ['a quotation mark inside a cell', 'A,B\n1,2"3\n', 'row 2, column 2'],
    ['the same header twice in other case', 'Email,Status,EMAIL\n', 'row 1, column 3'],
    ['an empty header', 'Email,,Status\n', 'row 1, column 2'],
    ['an empty file', '', 'row 1'],
  ])('%s', async (_, text, path) => {
    const problem = await refusal(text);
    expect(problem.status).toBe(400);
    expect(problem.errors?.map((error) => error.path)).toEqual([path]);
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['a character cut short', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
  ])('text that is not UTF-8: %s', async (_, bytes) => {
    const before = encode('A,B\nü,"1\n2"\n\n3,x');
    const problem = await refusal(new Uint8Array([...before, ...bytes, ...encode('\n4,5\n')]));
    expect(problem.status).toBe(400);
    expect(problem.errors?.[0]?.path).toBe('row 3, column 2');
  });

  it('does not repeat the data of the file', async () => {
    const problem = await refusal('A,B\nsecret@example.com\n');
    expect(JSON.stringify({ ...problem, detail: problem.detail })).not.toContain('secret');
  });

  it('of 20 MB and more is too large', async () => {
    expect((await refusal(new Uint8Array(maxListBytes).fill(65))).status).toBe(413);
  });

  it('with a row of more than 64 KiB names it', async () => {
    const problem = await refusal(`A,B\n1,2\n3,${'x'.repeat(64 * 1024)}\n`);
    expect(problem.errors?.[0]?.path).toBe('row 3, column 2');
  });
});
