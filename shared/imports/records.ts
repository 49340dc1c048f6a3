/** One record of a file: a line, or a CSV record, which may go over several lines. */
export interface FileRecord {
  /** undefined: `fault` says why it cannot be read */
  text?: string;
  fault?: string;
  /** of its first line, from 1 */
  line: number;
  /** bytes of the file up to its end: where reading may go on */
  end: number;
}

/** A quote that goes on over all that follows: to read on behind it would leave that out without a word. */
export class OpenQuoteError extends Error {
  /** of the record's first line, from 1 */
  readonly line: number;
  constructor(line: number) {
    super('a quote that begins in this record is not closed');
    this.line = line;
  }
}

/** Longest record, in bytes: an event of 256 KiB with all that an export may say beside it. */
export const longestRecord = 1024 * 1024;

const [newline, quote] = [0x0a, 0x22];
const byteOrderMark = new Set([0xef, 0xbb, 0xbf]);

/**
 * Splits a file into records as its bytes come. With a `delimiter` (one ASCII character) line ends within quotes belong to
 * the value, as in CSV (RFC 4180). Blank lines are left out. `start` says where the bytes begin: at a record's end. Throws
 * OpenQuoteError where a quote is closed nowhere, or so late that the record is too long.
 */
export async function* recordsOf(
  chunks: AsyncIterable<Uint8Array>,
  {
    delimiter,
    start = { offset: 0, line: 1 },
  }: { delimiter?: string; start?: { offset: number; line: number } },
): AsyncGenerator<FileRecord> {
  const separator = delimiter?.charCodeAt(0);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let { offset, line } = start;
  let parts: Uint8Array[] = [];
  let size = 0;
  let lines = 0;
  let quoted = false;
  let fieldStart = true;
  let closed = false;

  function record(): FileRecord | undefined {
    const first = { line, end: offset };
    line += lines;
    const tooLong = size > longestRecord;
    if (quoted || (tooLong && lines > 1)) throw new OpenQuoteError(first.line);
    const bytes = Buffer.concat(parts);
    parts = [];
    size = 0;
    lines = 0;
    fieldStart = true;
    closed = false;
    if (tooLong) return { ...first, fault: `is longer than ${longestRecord} bytes` };
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      return { ...first, fault: 'is not UTF-8 text' };
    }
    return text.trim() === '' ? undefined : { ...first, text };
  }

  function take(bytes: Uint8Array): void {
    size += bytes.length;
    // what is too long is not kept
    if (size <= longestRecord) parts.push(bytes);
    else parts = [];
  }

  for await (const chunk of chunks) {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === newline) {
        lines++;
        if (quoted) continue;
        take(chunk.subarray(from, at));
        offset += at + 1 - from;
        from = at + 1;
        const found = record();
        if (found) yield found;
      } else if (separator === undefined) continue;
      else if (quoted) {
        // a doubled quote closes and opens again
        if (byte === quote) [quoted, closed] = [false, true];
      } else if (byte === quote && (fieldStart || closed))
        [quoted, closed, fieldStart] = [true, false, false];
      else {
        closed = false;
        fieldStart = byte === separator || (fieldStart && byteOrderMark.has(byte));
      }
    }
    take(chunk.subarray(from));
    offset += chunk.length - from;
  }
  lines++;
  const last = record();
  if (last) yield last;
}
