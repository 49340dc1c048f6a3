import { expect, test } from 'vitest';
import { model } from './model.ts';
import { maxConsonants, scoreWith } from './score.ts';
import { heldOutError, train } from './train.ts';

test('the model in the repository is the one that the script trains', () => {
  expect(train()).toEqual(model);
});

test('on words it has not seen it is wrong about as often as the documentation says', () => {
  const { falseAlarms, missed, words } = heldOutError(model);
  expect(words).toBeGreaterThan(150);
  expect(falseAlarms).toBeLessThan(0.12);
  expect(missed).toBeLessThan(0.12);
});

test.each(['Maria Garcia', 'Kayla Goderich', '12 Oak Street', 'Seattle', 'José Núñez'])(
  '%s is likelier a name',
  (text) => {
    expect(scoreWith(model, text)).toBeGreaterThan(0.5);
  },
);

test.each(['xkqjz', 'asdfghjkl', 'qwrtplk', 'zzxcvbn'])('%s is likelier gibberish', (text) => {
  expect(scoreWith(model, text)).toBeLessThan(0.5);
});

test('scores are from 0 to 1, one half where there is nothing to judge', () => {
  for (const text of ['', '7', '東京', 'a'.repeat(10_000)]) {
    expect(scoreWith(model, text)).toBeGreaterThanOrEqual(0);
    expect(scoreWith(model, text)).toBeLessThanOrEqual(1);
  }
  expect(scoreWith(model, '')).toBe(0.5);
});

test('runs of consonants end at vowels and digits', () => {
  expect(['01gggyturah', 'rhythm', 'aeiou', 'a1b2c', 'strengths'].map(maxConsonants)).toEqual([
    5, 6, 0, 1, 5,
  ]);
});
