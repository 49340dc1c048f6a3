/** A mergeable histogram of latencies: logarithmic buckets, eight to each doubling, so that a quantile is right to 4.5 %. */

const perDoubling = 8;

/** The buckets from 0 on: counts by bucket number; absent buckets are empty. */
export type Histogram = Map<number, number>;

/** The bucket of a latency in milliseconds: 0 holds everything up to 1 ms, the last (112) everything over 15 s. */
export function bucketOf(ms: number): number {
  if (!(ms > 1)) return 0;
  return Math.min(Math.ceil(Math.log2(ms) * perDoubling), 112);
}

/** The upper bound of a bucket, in milliseconds; its lower one is that of the bucket before. */
export function upTo(bucket: number): number {
  return 2 ** (bucket / perDoubling);
}

export function add(histogram: Histogram, ms: number): void {
  const bucket = bucketOf(ms);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
}

/** Adds the counts of `other` to `histogram`. */
export function mergeInto(histogram: Histogram, other: Histogram): void {
  for (const [bucket, count] of other) histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}

/**
 * The latency that the share `q` (0 to 1) of all does not exceed, in milliseconds: the middle, by ratio, of its bucket.
 * 0 for an empty histogram.
 */
export function quantile(histogram: Histogram, q: number): number {
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  const rank = Math.max(Math.ceil(q * total), 1);
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= rank) return bucket === 0 ? 1 : upTo(bucket - 0.5);
  }
  return 0;
}

/** `0:12 57:3`: what a row keeps. */
export function write(histogram: Histogram): string {
  return [...histogram]
    .sort(([a], [b]) => a - b)
    .map(([bucket, count]) => `${bucket}:${count}`)
    .join(' ');
}

/** The reverse of `write`; what it does not understand it leaves out. */
export function read(text: string): Histogram {
  const pairs = text.split(' ').map((pair) => pair.split(':').map(Number));
  return new Map(
    pairs.flatMap(([bucket, count]): [number, number][] =>
      Number.isInteger(bucket) && Number.isInteger(count) ? [[bucket ?? 0, count ?? 0]] : [],
    ),
  );
}
