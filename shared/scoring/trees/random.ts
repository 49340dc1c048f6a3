/**
 * A seeded source of uniform numbers in [0, 1): the small fast counter generator "sfc32" (Doty-Humphrey, PractRand,
 * public domain). The same seed gives the same sequence on every machine.
 */
export function randomSource(seed: number): () => number {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4294967296;
  };
  // The first outputs still show the seed's bits.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** Standard normal numbers from a uniform source (Box and Muller 1958; one of the pair is used). */
export function normal(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** A Poisson number with the given mean, by multiplication (Knuth, TAOCP 3.4.1); for means up to about 500. */
export function poisson(random: () => number, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count++;
  return count;
}

/** Chooses `count` of the numbers 0 … `from` − 1 without repetition, in ascending order. */
export function choose(random: () => number, from: number, count: number): Int32Array {
  const all = Int32Array.from({ length: from }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (from - i));
    const swapped = all[i]!;
    all[i] = all[j]!;
    all[j] = swapped;
  }
  return all.slice(0, count).sort();
}
