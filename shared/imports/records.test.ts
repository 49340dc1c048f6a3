import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FileRecord, longestRecord, recordsOf } from './records.ts';

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(bytes.length, cut);
    if (to > from) yield bytes.subarray(from, to);
    from = Math.max(from, to);
  }
  yield bytes.subarray(from);
}

async function read(
  content: string | Uint8Array,
  options: Parameters<typeof recordsOf>[1] = {},
  cuts: readonly number[] = [],
): Promise<FileRecord[]> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const from = options.start?.offset ?? 0;
  return Array.fromAsync(recordsOf(pieces(bytes.subarray(from), cuts), options));
}

describe('records of a file', () => {
  it('are its lines, with their numbers; blank ones are left out', async () => {
    const found = await read('\uFEFF{"a":1}\r\n\n  \n{"b":2}');
    expect(found.map(({ text, line }) => [text?.trim(), line])).toEqual([
      ['{"a":1}', 1],
      ['{"b":2}', 4],
    ]);
  });

  it('of CSV go over line ends within quotes, and over those only', async () => {
    const found = await read('id;note\n1;"two\nlines ""quoted"""\n2;5" pipe\n"3";x\n', { delimiter: ';' });
    expect(found.map(({ text, line }) => [text, line])).toEqual([
      ['id;note', 1],
      ['1;"two\nlines ""quoted"""', 2],
      ['2;5" pipe', 4],
      ['"3";x', 5],
    ]);
  });

  it('are faults where they are too long or no UTF-8, and the next is read', async () => {
    const long = Buffer.alloc(longestRecord + 1, 'x');
    const found = await read(
      Buffer.concat([long, Buffer.from('\n'), Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('ok\n')]),
    );
    expect(found.map(({ text, fault, line }) => text ?? `${line} ${fault}`)).toEqual([
      `1 is longer than ${longestRecord} bytes`,
      '2 is not UTF-8 text',
      'ok',
    ]);
  });

  it('of CSV are not read on behind a quote that is not closed, or too late', async () => {
    const rows = 'id;note\n1;x\n2;"open\n3;y\n';
    const open = { line: 3, message: 'a quote that begins in this record is not closed' };
    await expect(read(rows, { delimiter: ';' })).rejects.toMatchObject(open);
    const late = `${rows}${'4;z\n'.repeat(longestRecord / 4)}5;"a"\n`;
    await expect(read(late, { delimiter: ';' }, [9, 2_000_000])).rejects.toMatchObject(open);
  });

  it('are the same however the bytes come, and from the end of any of them on', async () => {
    const field = fc.oneof(
      fc.constantFrom('', 'é', 'x y', '"a;b"', '"line\nline"', '"with ""quotes"""', '5"'),
      fc.integer().map(String),
    );
    const text = fc
      .array(fc.array(field, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 })
      .map((rows) => rows.map((row) => row.join(';')).join('\n'));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(200)), fc.nat(10), async (content, cuts, which) => {
        const whole = await read(content, { delimiter: ';' });
        expect(await read(content, { delimiter: ';' }, cuts)).toEqual(whole);
        const from = whole[which % Math.max(1, whole.length)];
        if (!from) return;
        const lines = Buffer.from(content).subarray(0, from.end).toString().split('\n').length;
        const start = { offset: from.end, line: lines };
        const rest = await read(content, { delimiter: ';', start });
        expect(rest.map(({ text: one, end }) => [one, end])).toEqual(
          whole.filter(({ end }) => end > from.end).map(({ text: one, end }) => [one, end]),
        );
      }),
    );
  });
});
