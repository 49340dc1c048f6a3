import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { quantile } from './histogram.ts';
import { grainMs, openMetrics } from './metrics.ts';
import { count, fromRow, merge, newTally, type Sample, toRow } from './tally.ts';

let azurite: Azurite;
let storage: Storage;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(() => azurite?.stop());

const noon = Date.UTC(2026, 5, 10, 12);
const ok: Sample = {
  at: noon,
  status: 'Success',
  httpStatusCode: 200,
  latencyMs: 20,
  sent: true,
  rule: 'R',
  clause: 'c',
};
const late: Sample = { ...ok, status: 'Timeout', httpStatusCode: 0, latencyMs: 500, clause: 'd' };
const broken: Sample = { ...late, status: 'CircuitBreaker', latencyMs: 0, sent: false };

const sample = fc.record({
  at: fc.constant(noon),
  status: fc.constantFrom('Success', 'Timeout', 'ResponseFailure'),
  httpStatusCode: fc.constantFrom(0, 200, 404, 500),
  latencyMs: fc.integer({ min: 0, max: 5000 }),
  sent: fc.boolean(),
  rule: fc.string({ maxLength: 5 }),
  clause: fc.string({ maxLength: 5 }),
});

test('a tally goes through a row unchanged, and parts merge to the whole', () => {
  const of = (samples: readonly Sample[]) => {
    const tally = newTally();
    for (const one of samples) count(tally, one);
    return tally;
  };
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 40 }), fc.array(sample, { maxLength: 40 }), (a, b) => {
      const merged = of(a);
      merge(merged, fromRow({ partitionKey: 'p', rowKey: 'r', ...toRow(of(b)) }));
      expect(merged).toEqual(of([...a, ...b]));
    }),
  );
});

test('a row stays small with any number of rules: those beyond 200 are added up', () => {
  const tally = newTally();
  for (let index = 0; index < 1000; index += 1) count(tally, { ...late, rule: `rule ${index}` });
  expect(tally.rules.size).toBe(201);
  expect([...tally.rules.values()].reduce((sum, { requests }) => sum + requests, 0)).toBe(1000);
});

test('instances are merged; an instance writes three rows for a minute however many requests it had', async () => {
  const time = { now: noon };
  const [one, two] = ['one', 'two'].map((instance) =>
    openMetrics(storage, { instance, now: () => time.now }),
  );
  if (!one || !two) throw new Error('unreachable');
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 100; index += 1) one.record('env', 'myCall', ok);
    await one.flush();
  }
  two.record('env', 'MYCALL', late);
  two.record('env', 'myCall', broken);
  await two.flush();
  await two.flush();

  const rows = [];
  for await (const row of storage.table('externalmetrics').range('env|mycall')) rows.push(row.rowKey);
  expect(rows).toHaveLength(6);

  for (const grain of ['minute', 'hour', 'day'] as const) {
    const start = Math.floor(noon / grainMs[grain]) * grainMs[grain];
    const [period, ...rest] = await one.query('env', 'myCall', start, start + grainMs[grain], grain);
    expect(rest).toEqual([]);
    expect(period?.start).toBe(start);
    expect(period?.tally).toMatchObject({ requests: 302, successes: 300, latencySum: 6500, latencyMax: 500 });
    expect(Object.fromEntries(period?.tally.errors ?? [])).toEqual({ 'Timeout|0': 1, 'CircuitBreaker|0': 1 });
    expect(period?.tally.rules.get('["R","d"]')).toMatchObject({ requests: 2 });
    expect(quantile(period?.tally.latencies ?? new Map(), 0.5)).toBeGreaterThan(19);
  }
  expect(await one.query('env', 'myCall', noon + 60_000, noon + 120_000, 'minute')).toEqual([]);
  expect(await one.query('env', 'other', 0, noon * 2, 'day')).toEqual([]);
});

test('periods come in order and apart', async () => {
  const metrics = openMetrics(storage, { now: () => noon + 5 * 60_000 });
  for (const minute of [3, 0, 1])
    metrics.record('env', 'ordered', { ...ok, at: noon + minute * 60_000 + 59_999 });
  await metrics.flush();
  const periods = await metrics.query('env', 'ordered', noon, noon + 600_000, 'minute');
  expect(periods.map(({ start }) => (start - noon) / 60_000)).toEqual([0, 1, 3]);
});

test('traffic counts what this instance has not written yet, and what others wrote', async () => {
  const now = () => noon + 10 * 60_000;
  const [one, two] = ['one', 'two'].map((instance) => openMetrics(storage, { instance, now }));
  one?.record('env', 'busy', { ...ok, at: now() });
  one?.record('env', 'busy', ok);
  two?.record('env', 'busy', { ...ok, at: now() - 60_000 });
  await one?.flush();
  expect(await two?.traffic('env', 'busy', now() - 3 * 60_000)).toBe(2);
  expect(await two?.traffic('env', 'busy', noon)).toBe(3);
  expect(await two?.traffic('env', 'quiet', noon)).toBe(0);
});

test('what could not be written is written with the next flush', async () => {
  let gone = true;
  const unsteady: Storage = {
    ...storage,
    ensure: (names) => (gone ? Promise.reject(new Error('storage is gone')) : storage.ensure(names)),
  };
  const metrics = openMetrics(unsteady, { now: () => noon });
  metrics.record('env', 'kept', ok);
  await expect(metrics.flush()).rejects.toThrow('storage is gone');
  gone = false;
  metrics.record('env', 'kept', ok);
  await metrics.flush();
  const [period] = await metrics.query('env', 'kept', noon, noon + 1, 'minute');
  expect(period?.tally.requests).toBe(2);
});

test('after 90 days nothing is left, and newer rows stay', async () => {
  const time = { now: noon };
  const metrics = openMetrics(storage, { now: () => time.now });
  for (let minute = 0; minute < 120; minute += 1)
    metrics.record('env', 'old', { ...ok, at: noon + minute * 60_000 });
  await metrics.flush();
  time.now = noon + 90 * grainMs.day;
  expect(await metrics.sweep()).toBe(0);
  metrics.record('env', 'old', { ...ok, at: time.now });
  await metrics.flush();
  time.now = noon + 91 * grainMs.day;
  expect(await metrics.sweep()).toBeGreaterThanOrEqual(120 + 2 + 1);
  expect(await metrics.query('env', 'old', 0, noon + 80 * grainMs.day, 'minute')).toEqual([]);
  expect(await metrics.query('env', 'old', 0, noon + 100 * grainMs.day, 'day')).toHaveLength(1);
});
