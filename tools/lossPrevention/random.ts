/** A small seeded generator (sfc32): the same key gives the same numbers on every machine. */
export interface Random {
  /** uniform in [0, 1) */
  next(): number;
  /** uniform integer in [0, n) */
  below(n: number): number;
  /** true with probability p */
  chance(p: number): boolean;
  /** normal with mean 0 and deviation 1 */
  normal(): number;
  /** log-normal with median 1 and the given log deviation */
  spread(sigma: number): number;
  poisson(mean: number): number;
}

/** Starts a stream from a text key (FNV-1a of the key seeds sfc32), so that streams are independent of each other. */
export function random(key: string): Random {
  let a = hash(key, 0x811c9dc5);
  let b = hash(key, 0x9e3779b9);
  let c = hash(key, 0x85ebca6b);
  let d = 1;
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    below: (n) => Math.floor(next() * n),
    chance: (p) => next() < p,
    normal,
    spread: (sigma) => Math.exp(sigma * normal()),
    poisson: (mean) => poisson(mean, next, normal),
  };
}

function hash(text: string, start: number): number {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

function poisson(mean: number, next: () => number, normal: () => number): number {
  if (mean <= 0) return 0;
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  const limit = Math.exp(-mean);
  let product = next();
  let count = 0;
  while (product > limit) {
    product *= next();
    count++;
  }
  return count;
}
