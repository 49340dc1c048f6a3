import { constants, gunzipSync } from 'node:zlib';

export interface Shape {
  delimiter: string;
  header: boolean;
  /** the header's names, or "1", "2" … */
  columns: string[];
}

export type Sniffed = { ok: true; shape: Shape } | { ok: false; reason: string };

/** How many bytes of a file are enough to see its shape. */
export const headBytes = 65_536;
const delimiters = [',', ';', '\t'];

/** What is known of a file: whether it has a header, or what tells one by the values of the first row; and its delimiter. */
export interface Known {
  header: boolean | ((first: readonly string[]) => boolean);
  delimiter?: string | undefined;
}

/** Finds delimiter, header and columns of a CSV by its first bytes (gzip or plain). */
export function sniff(head: Uint8Array, gzip: boolean, known: Known): Sniffed {
  const bytes = gzip ? unzipHead(head) : head;
  if (bytes === undefined) return { ok: false, reason: 'the file is not gzip' };
  if (bytes.length === 0) return { ok: false, reason: 'the file is empty' };
  if (bytes.includes(0)) return { ok: false, reason: 'the file is not text: it has NUL bytes' };
  const text = new TextDecoder().decode(bytes).replace(/^\uFEFF/, '');
  const complete = bytes.length < headBytes && !gzip;
  let best: { delimiter: string; records: string[][]; score: number } | undefined;
  for (const delimiter of known.delimiter ? [known.delimiter] : delimiters) {
    const records = split(text, delimiter, complete);
    const width = records[0]?.length ?? 0;
    const same = records.filter((record) => record.length === width).length / Math.max(1, records.length);
    const score = width * same;
    if (!best || score > best.score) best = { delimiter, records, score };
  }
  const first = best?.records[0];
  if (!best || !first) return { ok: false, reason: 'the first line does not end within 64 KiB' };
  const names = first.map((name) => name.trim());
  const header = typeof known.header === 'boolean' ? known.header : known.header(names);
  const columns = header ? names : first.map((_, i) => String(i + 1));
  return { ok: true, shape: { delimiter: best.delimiter, header, columns } };
}

/** What the first bytes of a gzip unpack to, as far as they go: 64 KiB cannot unpack to more than 64 MiB. */
function unzipHead(head: Uint8Array): Uint8Array | undefined {
  if (head[0] !== 0x1f || head[1] !== 0x8b) return undefined;
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, headBytes);
  } catch {
    return undefined;
  }
}

/** The first complete records of a CSV text, at most 20. */
function split(text: string, delimiter: string, complete: boolean): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let value = '';
  let quoted = false;
  for (let i = 0; i < text.length && records.length < 20; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') value += c;
      else if (text[i + 1] === '"') {
        value += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && value === '') quoted = true;
    else if (c === delimiter) {
      record.push(value);
      value = '';
    } else if (c === '\n' || c === '\r') {
      if (c === '\r' && text[i + 1] === '\n') i++;
      record.push(value);
      records.push(record);
      record = [];
      value = '';
    } else value += c;
  }
  if (complete && records.length < 20 && (record.length > 0 || value !== ''))
    records.push([...record, value]);
  return records;
}
