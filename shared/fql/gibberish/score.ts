/** A bigram model: for each pair of characters how much likelier it is in names than in noise. */
export interface Model {
  /** Natural logarithms times 100, row by row: first character, second character. */
  weights: readonly number[];
  /** Where the score is one half, and how steep it is there. */
  middle: number;
  slope: number;
}

const characters = 36;

/** 0 to 25 for a to z, 26 to 35 for digits, -1 for all else. */
function indexOf(code: number): number {
  if (code >= 97 && code <= 122) return code - 97;
  return code >= 48 && code <= 57 ? code - 48 + 26 : -1;
}

/** The mean log-likelihood ratio of a text's pairs; 0 where it has none. Accents are taken off letters first. */
export function logOdds(model: Model, text: string): number {
  const plain = text.normalize('NFD').toLowerCase();
  let sum = 0;
  let pairs = 0;
  let before = -1;
  for (let i = 0; i < plain.length; i++) {
    const code = plain.charCodeAt(i);
    if (code >= 0x300 && code <= 0x36f) continue;
    const at = indexOf(code);
    if (before >= 0 && at >= 0 && !(before >= 26 && at >= 26)) {
      sum += model.weights[before * characters + at] ?? 0;
      pairs++;
    }
    before = at;
  }
  return pairs === 0 ? 0 : sum / pairs / 100;
}

/** A text's score under a model, from 0 (gibberish) to 1; one half where there is no pair to judge by. */
export function scoreWith(model: Model, text: string): number {
  const odds = logOdds(model, text);
  if (odds === 0) return 0.5;
  return 1 / (1 + Math.exp(-model.slope * (odds - model.middle)));
}

/** The longest run of consonants (y is one) that no vowel, digit or other character interrupts. */
export function maxConsonants(text: string): number {
  let longest = 0;
  let run = 0;
  for (const c of text.toLowerCase()) {
    run = /[bcdfghjklmnpqrstvwxyz]/.test(c) ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}
