import { expect, it } from 'vitest';
import { all } from './all.ts';

it('all wait for the last, then fail as the first in order did', async () => {
  const { promise: last, resolve } = Promise.withResolvers<string>();
  let over = false;
  const outcome = all([
    Promise.resolve('a'),
    Promise.reject(new Error('b')),
    last,
    Promise.reject(new Error('d')),
  ]);
  outcome
    .catch(() => {})
    .finally(() => {
      over = true;
    });
  await new Promise(setImmediate);
  expect(over).toBe(false);
  resolve('c');
  await expect(outcome).rejects.toThrow('b');
  expect(await all([last, Promise.resolve('e')])).toEqual(['c', 'e']);
});
