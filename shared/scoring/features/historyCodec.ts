import { DAY_WIDTH, type History, QUARTER_WIDTH, SEEN_WIDTH } from './history.ts';

const VERSION = 1;

/** Bytes that are no history; the message says what is wrong. */
export class HistoryFormatError extends Error {}

interface Writer {
  bytes: number[];
}

const scratch = new DataView(new ArrayBuffer(8));

/** Unsigned whole numbers up to 2^53, seven bits a byte, least significant first. */
function writeNatural(writer: Writer, value: number): void {
  let rest = value;
  while (rest >= 128) {
    writer.bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  writer.bytes.push(rest);
}

function writeDouble(writer: Writer, value: number): void {
  scratch.setFloat64(0, value, true);
  for (let i = 0; i < 8; i++) writer.bytes.push(scratch.getUint8(i));
}

const zigzag = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number) => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

/**
 * A history as compact bytes: versioned, counts and days as variable-length whole numbers, sums of amounts exact. A user with
 * a purchase a week takes about 250 bytes, the busiest entity under 3 kB.
 */
export function encodeHistory(history: History): Uint8Array {
  const writer: Writer = { bytes: [VERSION] };
  writeDouble(writer, history.first);
  writeDouble(writer, history.last);
  writeNatural(writer, history.days.length / DAY_WIDTH);
  let previous = 0;
  for (let at = 0; at < history.days.length; at += DAY_WIDTH) {
    const [day = 0, count = 0, sum = 0, squares = 0, frauds = 0] = history.days.slice(at, at + DAY_WIDTH);
    writeNatural(writer, zigzag(day - previous));
    writeNatural(writer, count);
    writeNatural(writer, zigzag(frauds));
    writeDouble(writer, sum);
    writeDouble(writer, squares);
    previous = day;
  }
  writeNatural(writer, history.quarters.length / QUARTER_WIDTH);
  previous = 0;
  for (let at = 0; at < history.quarters.length; at += QUARTER_WIDTH) {
    const [quarter = 0, count = 0, sum = 0] = history.quarters.slice(at, at + QUARTER_WIDTH);
    writeNatural(writer, zigzag(quarter - previous));
    writeNatural(writer, count);
    writeDouble(writer, sum);
    previous = quarter;
  }
  writeNatural(writer, history.seen.length / SEEN_WIDTH);
  for (let at = 0; at < history.seen.length; at += SEEN_WIDTH) {
    writeNatural(writer, history.seen[at]!);
    writeNatural(writer, history.seen[at + 1]!);
    writeNatural(writer, zigzag(history.seen[at + 2]!));
  }
  return Uint8Array.from(writer.bytes);
}

/** Reads what `encodeHistory` wrote. Throws HistoryFormatError. */
export function decodeHistory(bytes: Uint8Array): History {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const need = (length: number) => {
    if (at + length > bytes.length) throw new HistoryFormatError('The history is cut off.');
  };
  const natural = (): number => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 53; factor *= 128) {
      need(1);
      const byte = bytes[at++]!;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    throw new HistoryFormatError('The history holds a number that is too large.');
  };
  const double = (): number => {
    need(8);
    const value = view.getFloat64(at, true);
    at += 8;
    return value;
  };
  const records = (read: () => readonly number[]): number[] => {
    const count = natural();
    if (count > bytes.length) throw new HistoryFormatError('The history is cut off.');
    const result: number[] = [];
    for (let i = 0; i < count; i++) result.push(...read());
    return result;
  };
  need(1);
  const version = bytes[at++];
  if (version !== VERSION)
    throw new HistoryFormatError(`The history has version ${version}, not ${VERSION}.`);
  const first = double();
  const last = double();
  let previous = 0;
  const days = records(() => {
    previous += unzigzag(natural());
    const count = natural();
    const frauds = unzigzag(natural());
    return [previous, count, double(), double(), frauds];
  });
  previous = 0;
  const quarters = records(() => {
    previous += unzigzag(natural());
    return [previous, natural(), double()];
  });
  const seen = records(() => [natural(), natural(), unzigzag(natural())]);
  if (at !== bytes.length) throw new HistoryFormatError('The history has bytes left over.');
  return { first, last, days, quarters, seen };
}
