import { describe, expect, test } from 'vitest';
import { Problem } from '../problem.ts';
import { openFence } from './fence.ts';
import { metricsAnswer, readArguments, readMetricsQuery } from './proxy.ts';
import { readDefinition } from './secrets.ts';
import { count, newTally } from './tally.ts';

const { definition } = readDefinition(
  {
    method: 'GET',
    url: 'https://risk.example/',
    timeoutMs: 1,
    parameters: [{ name: 'ip', sample: '1.2.3.4' }, { name: 'mail' }],
  },
  openFence(),
);
const now = Date.UTC(2026, 10, 21, 12);

const refused = (work: () => unknown): string => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return error instanceof Problem
      ? `${error.status} ${error.errors?.map(({ path }) => path).join(' ')}`
      : String(error);
  }
};

describe('arguments', () => {
  test.each([
    [undefined, 'sample', ['1.2.3.4', '']],
    [{ MAIL: 'a@b.c' }, 'sample', ['1.2.3.4', 'a@b.c']],
    [{ ip: 5, mail: true }, 'empty', ['5', 'true']],
    [['x'], 'empty', ['x', '']],
    [{}, 'empty', ['', '']],
  ] as const)('%j with %s is %j', (given, missing, expected) => {
    expect(readArguments(definition, Array.isArray(given) ? [...given] : given, missing)).toEqual(expected);
  });

  test('that the call does not have are named', () => {
    expect(refused(() => readArguments(definition, { a: 1, ip: 2 }, 'empty'))).toBe('400 arguments.a');
    expect(refused(() => readArguments(definition, ['1', '2', '3'], 'empty'))).toBe('400 arguments');
  });
});

describe('a query of metrics', () => {
  const read = (query: string) => readMetricsQuery(new URLSearchParams(query), now);
  const hour = 3_600_000;

  test('is for the last 24 hours, in the finest grain of at most 400 points', () => {
    expect(read('')).toEqual({ from: now - 24 * hour, to: now, grain: 'hour' });
    expect(read('from=2026-11-21T06:00:00Z').grain).toBe('minute');
    expect(read('from=2026-11-01T00:00:00Z&to=2026-11-21T00:00:00Z').grain).toBe('day');
    expect(read('grain=minute').grain).toBe('minute');
  });

  test('ends now, and begins 90 days ago at most', () => {
    expect(read('from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z')).toEqual({
      from: now - 90 * 24 * hour,
      to: now,
      grain: 'day',
    });
  });

  test.each([
    ['from=yesterday', '400 from'],
    ['to=2026-11-21', '400 to'],
    ['grain=week', '400 grain'],
    ['from=2026-09-01T00:00:00Z&grain=minute', '400 grain'],
    ['from=2026-11-21T11:00:00Z&to=2026-11-21T10:00:00Z', '400 from'],
  ])('%s is refused', (query, expected) => expect(refused(() => read(query))).toBe(expected));
});

test('the answer sums up, and shows each period', () => {
  const tally = newTally();
  const sample = {
    at: now,
    status: 'Success',
    httpStatusCode: 200,
    latencyMs: 100,
    sent: true,
    rule: 'R',
    clause: 'c',
  };
  for (let index = 0; index < 9; index += 1) count(tally, sample);
  count(tally, { ...sample, status: 'CircuitBreaker', httpStatusCode: 0, latencyMs: 0, sent: false });
  const answer = metricsAnswer({ from: now - 10_000, to: now, grain: 'minute' }, [{ start: now, tally }]);
  const errors = [{ kind: 'CircuitBreaker', code: 0, count: 1 }];
  expect(answer.total).toMatchObject({
    requests: 10,
    successes: 9,
    successRate: 0.9,
    requestsPerSecond: 1,
    errors,
  });
  expect(answer.total.latency).toMatchObject({ average: 100, max: 100 });
  expect(Math.abs((answer.total.latency?.p99 ?? 0) / 100 - 1)).toBeLessThan(0.045);
  expect(answer.rules).toEqual([{ rule: 'R', clause: 'c', requests: 10, errors }]);
  expect(answer.periods).toMatchObject([{ start: '2026-11-21T12:00:00.000Z', requests: 10 }]);
  expect(metricsAnswer({ from: 0, to: 1, grain: 'day' }, []).total).toMatchObject({
    successRate: null,
    latency: null,
  });
});
