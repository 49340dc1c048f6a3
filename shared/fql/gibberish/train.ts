/**
 * Trains the bigram model of `gibberScore`: node shared/fql/gibberish/train.ts [--write]
 * Prints the error on words held out (every fifth) against random letters, and with --write rewrites model.ts.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { logOdds, type Model, scoreWith } from './score.ts';
import { words } from './words.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const unique = [...new Set(words)];
export const held = unique.filter((_, i) => i % 5 === 4);
const training = unique.filter((_, i) => i % 5 !== 4);

/** A small generator of random numbers (mulberry32), so that the figures can be had again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Keyboard noise as long as the words it stands against: letters at random, some runs of one row of keys. */
export function gibberish(lengths: readonly number[], seed: number): string[] {
  const next = random(seed);
  const rows = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'abcdefghijklmnopqrstuvwxyz'];
  return lengths.map((length) => {
    const row = next() < 0.4 ? rows[Math.floor(next() * 3)]! : rows[3]!;
    return Array.from({ length }, () => row[Math.floor(next() * row.length)]).join('');
  });
}

/** Log-likelihood ratio of each pair of characters: names against uniform noise, with add-one-half smoothing. */
export function train(): Model {
  const size = letters.length;
  const counts = new Float64Array(size * size).fill(0.5);
  const totals = new Float64Array(size).fill(0.5 * size);
  for (const word of training) {
    for (let i = 1; i < word.length; i++) {
      const a = letters.indexOf(word[i - 1]!);
      const b = letters.indexOf(word[i]!);
      if (a < 0 || b < 0) continue;
      counts[a * size + b]! += 1;
      totals[a]! += 1;
    }
  }
  const weights = Array.from(counts, (n, i) =>
    Math.round(100 * Math.log((n / totals[Math.floor(i / size)]!) * 26)),
  );
  const raw: Model = { weights, middle: 0, slope: 1 };
  const good = training.filter((w) => w.length >= 4).map((w) => logOdds(raw, w));
  const bad = gibberish(
    training.filter((w) => w.length >= 4).map((w) => w.length),
    7,
  ).map((w) => logOdds(raw, w));
  return { weights, ...logistic(good, bad) };
}

/** Fits score = 1 / (1 + exp(-slope (x - middle))) by gradient ascent of the likelihood. */
function logistic(good: readonly number[], bad: readonly number[]): { middle: number; slope: number } {
  let slope = 1;
  let offset = 0;
  const n = good.length + bad.length;
  for (let i = 0; i < 4000; i++) {
    let ds = 0;
    let d0 = 0;
    for (const [xs, y] of [
      [good, 1],
      [bad, 0],
    ] as const) {
      for (const x of xs) {
        const rest = y - 1 / (1 + Math.exp(-(slope * x + offset)));
        ds += rest * x;
        d0 += rest;
      }
    }
    slope += (2 * ds) / n;
    offset += (2 * d0) / n;
  }
  return { middle: Number((-offset / slope).toFixed(4)), slope: Number(slope.toFixed(4)) };
}

/** Shares of held-out words called gibberish and of noise called words, at a score of one half; words of four letters and more. */
export function heldOutError(model: Model): { falseAlarms: number; missed: number; words: number } {
  const kept = held.filter((w) => w.length >= 4);
  const noise = gibberish(
    kept.map((w) => w.length),
    99,
  );
  const share = (xs: readonly string[], wrong: (score: number) => boolean) =>
    xs.filter((x) => wrong(scoreWith(model, x))).length / xs.length;
  return {
    falseAlarms: share(kept, (s) => s < 0.5),
    missed: share(noise, (s) => s >= 0.5),
    words: kept.length,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const model = train();
  const error = heldOutError(model);
  console.log(
    `${unique.length} words, ${error.words} held out: ${(error.falseAlarms * 100).toFixed(1)} % of names called gibberish, ${(error.missed * 100).toFixed(1)} % of gibberish called a name`,
  );
  if (process.argv.includes('--write')) {
    const text = `import type { Model } from './score.ts';\n\n/** Written by train.ts; see there. */\nexport const model: Model = ${JSON.stringify(model)};\n`;
    writeFileSync(new URL('model.ts', import.meta.url), text);
  }
}
