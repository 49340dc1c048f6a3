import type { Blobs } from '../storage/index.ts';

/*
 * Sorting what does not fit memory: runs that are sorted, each a blob, then merged as they are read. A line of a run is its
 * key, a tab, and a text without line ends.
 */

export interface Keyed {
  key: string;
  text: string;
}

/** Bytes of a run, about; it is sorted in memory. */
export const runBytes = 24 * 1024 * 1024;

/** How much is read at once of each run: together at most so much, since all are merged at once. */
const mergedBytes = 128 * 1024 * 1024;
const [smallestWindow, largestWindow] = [16 * 1024, 512 * 1024];

const byKey = (a: Keyed, b: Keyed) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** Writes a run, over one that an earlier try left. Keys must not hold tabs or line ends. */
export async function writeRun(blobs: Blobs, name: string, items: Keyed[]): Promise<void> {
  items.sort(byKey);
  await blobs.write(name, items.map(({ key, text }) => `${key}\t${text}\n`).join(''));
}

/** How far the merged runs were read: bytes of each. */
export type Offsets = readonly number[];

export interface Merged extends Keyed {
  /** where to go on after this one */
  offsets(): number[];
}

interface Cursor {
  next(): Promise<(Keyed & { end: number }) | undefined>;
}

function openCursor(blobs: Blobs, name: string, offset: number, windowBytes: number): Cursor {
  let buffer = Buffer.alloc(0);
  // of the buffer's first byte
  let at = offset;
  let from = 0;
  let ended = false;
  return {
    async next() {
      for (;;) {
        const end = buffer.indexOf(0x0a, from);
        if (end >= 0) {
          const line = buffer.toString('utf8', from, end);
          from = end + 1;
          const tab = line.indexOf('\t');
          return { key: line.slice(0, tab), text: line.slice(tab + 1), end: at + from };
        }
        if (ended) return undefined;
        const rest = buffer.subarray(from);
        at += from;
        from = 0;
        const more = await blobs.readRange(name, at + rest.length, windowBytes);
        if (more === undefined) throw new Error(`the run ${name} is gone`);
        ended = more.length < windowBytes;
        buffer = Buffer.concat([rest, more]);
      }
    },
  };
}

/** The items of all runs in the order of their keys, from the offsets on. Items of the same key come in the order of the runs. */
export async function* mergeRuns(
  blobs: Blobs,
  names: readonly string[],
  from: Offsets = [],
): AsyncGenerator<Merged> {
  const offsets = names.map((_, index) => from[index] ?? 0);
  const window = Math.floor(mergedBytes / names.length);
  const windowBytes = Math.max(smallestWindow, Math.min(largestWindow, window));
  const cursors = names.map((name, index) => openCursor(blobs, name, offsets[index] ?? 0, windowBytes));
  // a heap of the runs' next items
  const heads: { item: Keyed & { end: number }; run: number }[] = [];
  const before = (a: number, b: number) => {
    const [left, right] = [heads[a]!, heads[b]!];
    const order = byKey(left.item, right.item);
    return order < 0 || (order === 0 && left.run < right.run);
  };
  const swap = (a: number, b: number) => {
    [heads[a], heads[b]] = [heads[b]!, heads[a]!];
  };
  const sink = (start: number) => {
    for (let at = start; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heads.length && before(child, least)) least = child;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  const first = await Promise.all(cursors.map((cursor) => cursor.next()));
  first.forEach((item, run) => {
    if (item) heads.push({ item, run });
  });
  for (let at = Math.floor(heads.length / 2) - 1; at >= 0; at--) sink(at);
  for (;;) {
    const head = heads[0];
    if (!head) return;
    const { item, run } = head;
    offsets[run] = item.end;
    yield { key: item.key, text: item.text, offsets: () => [...offsets] };
    const next = await cursors[run]?.next();
    if (next) head.item = next;
    else {
      const last = heads.pop();
      if (last && heads.length > 0) heads[0] = last;
    }
    sink(0);
  }
}
