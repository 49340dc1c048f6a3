import type { Span } from './types.ts';

/** A fault in a text before lines and columns are worked out: offsets in UTF-16 units. */
export interface Problem {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  start: number;
  end: number;
}

/** The offsets at which the lines of a text begin. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return starts;
}

/** Turns offsets into lines and columns (both from 1); takes time logarithmic in the number of lines. */
export function spanOf(starts: readonly number[], start: number, end: number): Span {
  const first = lineOf(starts, start);
  const last = lineOf(starts, Math.max(start, end));
  return {
    line: first + 1,
    column: start - (starts[first] ?? 0) + 1,
    endLine: last + 1,
    endColumn: Math.max(start, end) - (starts[last] ?? 0) + 1,
  };
}

function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

const longestCompared = 64;

/** Edits (insert, delete, replace, swap) from one text to another, ignoring case; more than `limit` reads as `limit + 1`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? limit + 1;
}

/** The candidate that a writer most likely meant, or undefined when none is close. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longestCompared || name.length === 0) return undefined;
  const wanted = name.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate.length > longestCompared) continue;
    const lower = candidate.toLowerCase();
    let d = distance(wanted, lower, limit);
    if (
      d > limit &&
      wanted.length >= 4 &&
      (lower.startsWith(wanted) || wanted.startsWith(lower)) &&
      lower.length >= 4
    )
      d = limit;
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** ` Did you mean "x"?` or nothing, to end a message with. */
export function offer(name: string, candidates: Iterable<string>, quote = (s: string) => s): string {
  const found = nearest(name, candidates);
  return found === undefined ? '' : ` Did you mean ${quote(found)}?`;
}

export const quoted = (text: string): string => JSON.stringify(text);

/** Lists words for a sentence: `a`, `a or b`, `a, b or c`. */
export function either(words: readonly string[], joint = 'or'): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} ${joint} ${words[words.length - 1]}`;
}
