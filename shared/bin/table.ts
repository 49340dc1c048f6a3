import { parse } from 'csv-parse/sync';

/** What a row of the operator's file says of the cards that begin with its BIN; what it leaves out is absent. */
export interface BinRow {
  cardNetwork?: string;
  cardType?: string;
  issuer?: string;
  countryCode?: string;
  cardCategory?: string;
}

/** Rows by their BIN: the longest prefix of the digits counts. */
export interface BinTable {
  find(digits: string): BinRow | undefined;
  rows: number;
}

const columns = ['cardNetwork', 'cardType', 'issuer', 'countryCode', 'cardCategory'] as const;
const fold = (name: string) => name.toLowerCase().replaceAll(/[\s_-]/g, '');

/**
 * Reads a CSV (UTF-8) with a header: `bin` and any of `cardNetwork`, `cardType`, `issuer`, `countryCode`, `cardCategory`, in any
 * order and letter case; other columns are left out. A BIN has 1 to 11 digits, the first row of one counts.
 * @throws Error with the row where the file is no CSV, has no column `bin`, or a BIN that is no number
 */
export function readBinTable(content: Buffer): BinTable {
  const lines: string[][] = parse(content, { bom: true, trim: true, skip_empty_lines: true });
  const names = (lines[0] ?? []).map(fold);
  const key = names.indexOf('bin');
  if (key < 0) throw new Error('it has no column "bin"');
  const places = columns.map((name) => ({ name, at: names.indexOf(fold(name)) })).filter(({ at }) => at >= 0);
  // a million rows have few different values
  const texts = new Map<string, string>();
  const shared = (text: string) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    return text;
  };
  const byBin = new Map<string, BinRow>();
  const lengths = new Set<number>();
  for (const [index, record] of lines.entries()) {
    if (index === 0) continue;
    const bin = record[key] ?? '';
    if (!/^\d{1,11}$/.test(bin)) throw new Error(`row ${index} has ${JSON.stringify(bin)} as its BIN`);
    if (byBin.has(bin)) continue;
    const row: BinRow = {};
    for (const { name, at } of places) {
      const text = record[at];
      if (text) row[name] = shared(name === 'countryCode' ? text.toUpperCase() : text);
    }
    byBin.set(bin, row);
    lengths.add(bin.length);
  }
  const longestFirst = [...lengths].sort((left, right) => right - left);
  return {
    rows: byBin.size,
    find(digits) {
      for (const length of longestFirst) {
        const row = length <= digits.length ? byBin.get(digits.slice(0, length)) : undefined;
        if (row) return row;
      }
      return undefined;
    },
  };
}
