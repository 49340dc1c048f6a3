import { expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import { openReadiness } from './readiness.ts';

const fine = async () => {};
const never = () => new Promise<void>(() => {});

it('is ready where storage answers and the configuration is loaded', async () => {
  expect(await openReadiness({ storage: fine, snapshot: fine })()).toEqual({ ready: true, missing: [] });
});

it('says in words what is missing, and nothing of the error’s own text', async () => {
  const storage = async () => {
    throw new Error('connect ECONNREFUSED account=secret');
  };
  const snapshot = async () => {
    throw Problem.notFound('There is no environment "x".');
  };
  expect(await openReadiness({ storage, snapshot })()).toEqual({
    ready: false,
    missing: ['storage is out of reach', 'there is no environment yet'],
  });
  const broken = openReadiness({ storage: fine, snapshot: storage });
  expect((await broken()).missing).toEqual(['the configuration is not loaded']);
});

it('does not wait for what never answers', async () => {
  const readiness = openReadiness({ storage: never, snapshot: fine }, { patience: 5 });
  expect((await readiness()).missing).toEqual(['storage is out of reach']);
});

it('asks once for all who ask within a second, and again after it', async () => {
  let [asked, now] = [0, 0];
  const storage = async () => {
    asked++;
  };
  const readiness = openReadiness({ storage, snapshot: fine }, { now: () => now });
  await Promise.all([readiness(), readiness(), readiness()]);
  expect(asked).toBe(1);
  now = 999;
  await readiness();
  expect(asked).toBe(1);
  now = 1000;
  await readiness();
  expect(asked).toBe(2);
});
