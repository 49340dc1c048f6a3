import { expect, test } from 'vitest';
import { type BreakerState, counts, openBreakers } from './breaker.ts';
import { failed, type Outcome } from './outcome.ts';

const good: Outcome = { status: 'Success', httpStatusCode: 200, response: {}, detail: '' };
const bad = failed('Timeout', '');

async function fail(breakers: ReturnType<typeof openBreakers>, times: number, key = 'k') {
  for (let count = 0; count < times; count += 1) await breakers.run(key, 'v', async () => bad);
}

test('opens after that many failures in a row, and then nothing is called', async () => {
  const breakers = openBreakers({ failures: 3, openMs: 60_000 });
  await fail(breakers, 2);
  await breakers.run('k', 'v', async () => good);
  await fail(breakers, 2);
  expect(breakers.state('k')).toBe('closed');
  await fail(breakers, 1);
  expect(breakers.state('k')).toBe('open');
  const refused = await breakers.run('k', 'v', () => Promise.reject(new Error('must not be called')));
  expect(refused).toMatchObject({ status: 'CircuitBreaker', httpStatusCode: 0 });
});

test('lets one probe through at a time, refuses the others at once, and closes when it succeeds', async () => {
  const changes: BreakerState[] = [];
  const breakers = openBreakers({ failures: 1, openMs: 0, onChange: (_, state) => changes.push(state) });
  await fail(breakers, 1);
  let answer: (outcome: Outcome) => void = () => {};
  let probes = 0;
  const probe = () => {
    probes += 1;
    return new Promise<Outcome>((done) => {
      answer = done;
    });
  };
  const first = breakers.run('k', 'v', probe);
  const others = await Promise.all([1, 2, 3].map(() => breakers.run('k', 'v', probe)));
  expect(others.map(({ status }) => status)).toEqual(['CircuitBreaker', 'CircuitBreaker', 'CircuitBreaker']);
  answer(good);
  expect(await first).toBe(good);
  expect(probes).toBe(1);
  expect(changes).toEqual(['open', 'probing', 'closed']);
  expect(await breakers.run('k', 'v', async () => good)).toBe(good);
});

test('opens again when the probe fails', async () => {
  const breakers = openBreakers({ failures: 1, openMs: 0 });
  await fail(breakers, 2);
  expect(breakers.state('k')).toBe('open');
});

test('is one per call', async () => {
  const breakers = openBreakers({ failures: 1, openMs: 60_000 });
  await fail(breakers, 1, 'a');
  expect([breakers.state('a'), breakers.state('b')]).toEqual(['open', 'closed']);
});

test('starts anew with a changed definition', async () => {
  const breakers = openBreakers({ failures: 1, openMs: 60_000 });
  await fail(breakers, 1);
  expect(await breakers.run('k', 'other', async () => good)).toBe(good);
});

test.each<[boolean, Outcome]>([
  [false, good],
  [true, bad],
  [true, failed('CommunicationFailure', '')],
  [true, failed('AADFailure', '')],
  [true, { ...good, status: 'ResponseFailure' }],
  [true, { ...bad, status: 'ResponseFailure', httpStatusCode: 500 }],
  [true, { ...bad, status: 'ResponseFailure', httpStatusCode: 429 }],
  [false, { ...bad, status: 'ResponseFailure', httpStatusCode: 400 }],
  [false, { ...bad, status: 'ResponseFailure', httpStatusCode: 404 }],
])('counts (%s) %j', (expected, outcome) => expect(counts(outcome)).toBe(expected));
