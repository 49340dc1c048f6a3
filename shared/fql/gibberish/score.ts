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

/** From 0 (most likely gibberish) to 1 (least likely). */
export function gibberScore(text: string): number {
  return text === '' ? 0 : Math.max(0, 1 - maxConsonants(text) / 8);
}
