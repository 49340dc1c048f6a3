import { BlobServiceClient } from '@azure/storage-blob';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Fixture, makeApp } from './fixture.ts';
import { parseSchedule } from './ncrontab.ts';
import { backoff, readRetry } from './retry.ts';
import { resolve, startStatus } from './timer.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.stop());

const apps: Fixture[] = [];
const make = async (source: string) => {
  const app = await makeApp(source);
  apps.push(app);
  return app;
};
const start = (app: Fixture, settings: Record<string, string> = {}) =>
  app.start({ storage: azurite.connectionString, settings });
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.remove()));
});

const container = () =>
  BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('azure-webjobs-hosts');

/** The one status blob of a timer by that name. */
async function statusBlob(name: string) {
  for await (const { name: blob } of container().listBlobsFlat({ prefix: 'timers/' }))
    if (blob.endsWith(`/Host.Functions.${name}/status`)) return container().getBlockBlobClient(blob);
  throw new Error(`there is no status of ${name}`);
}

describe('a timer', () => {
  test('runs when its schedule, here in a setting, says so, again and again', async () => {
    const app = await make(
      "app.timer('often', { schedule: '%OFTEN%', handler: async (timer) => { note(timer); } });",
    );
    await start(app, { OFTEN: '* * * * * *' });
    const [first] = await app.until((notes) => notes.length === 2);
    expect(first).toEqual({ isPastDue: false, schedule: { adjustForDST: true }, scheduleStatus: null });
  });

  test('runs on startup where it is told to, with the status that is stored for it', async () => {
    const app = await make(
      "app.timer('daily', { schedule: '0 0 3 * * *', runOnStartup: true, handler: async (timer) => { note(timer); } });",
    );
    await start(app);
    const [timer] = await app.until((notes) => notes.length === 1);
    expect(timer).toMatchObject({
      isPastDue: false,
      scheduleStatus: { last: '0001-01-01T00:00:00Z', next: expect.stringContaining('T03:00:00.000Z') },
    });
  });

  test('that missed its time while no host ran runs once, past due, at the next start', async () => {
    const app = await make(
      "app.timer('missed', { schedule: '0 0 3 * * *', handler: async (timer) => { note(timer); } });",
    );
    await start(app);
    await expect.poll(() => statusBlob('missed').catch(() => undefined), { timeout: 20_000 }).toBeDefined();
    await app.host.stop();
    expect(app.notes).toEqual([]);

    const stored = {
      Last: '2026-01-01T03:00:00Z',
      Next: '2026-01-02T03:00:00Z',
      LastUpdated: '2026-01-01T03:00:00Z',
    };
    const text = JSON.stringify(stored);
    await (await statusBlob('missed')).upload(text, text.length);
    await start(app);
    await app.until((notes) => notes.length === 1);
    expect(app.notes).toMatchObject([
      { isPastDue: true, scheduleStatus: { next: '2026-01-02T03:00:00.000Z' } },
    ]);

    await app.host.stop();
    const status = JSON.parse((await (await statusBlob('missed')).downloadToBuffer()).toString());
    expect(Date.parse(status.Next)).toBeGreaterThan(Date.now());
    await start(app);
    await app.host.stop();
    expect(app.notes).toHaveLength(1);
  });

  test('never runs while its last run goes on', async () => {
    const app = await make(`
      let running = 0;
      let ticks = 0;
      let twice;
      const ticked = new Promise((resolve) => { twice = resolve; });
      app.timer('tick', { schedule: '* * * * * *', handler: async () => { ticks += 1; if (ticks === 3) twice(); } });
      app.timer('long', { schedule: '* * * * * *', handler: async () => {
        running += 1;
        note(running);
        await ticked;
        running -= 1;
      } });`);
    await start(app);
    expect(await app.until((notes) => notes.length === 2)).toEqual([1, 1]);
  });

  test('runs in one host at a time; another takes over when that one stops', async () => {
    const app = await make(`
      const host = Math.random();
      app.timer('single', { schedule: '* * * * * *', runOnStartup: true, handler: async () => { note(host); } });`);
    const first = await start(app);
    await app.until((notes) => notes.length === 1);
    await start(app);
    await app.until((notes) => notes.length === 3);
    expect(new Set(app.notes).size).toBe(1);
    await first.stop();
    await app.until((notes) => new Set(notes).size === 2);
  });

  test('that fails is retried as its policy says, and told so', async () => {
    const app = await make(`
      app.timer('failing', { schedule: '0 0 3 * * *', runOnStartup: true,
        retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: 0 },
        handler: async (_timer, context) => { note(context.retryContext); throw new Error('on purpose'); } });
      app.timer('next', { schedule: '* * * * * *', handler: async () => { note('next'); } });`);
    await start(app);
    const notes = await app.until((all) => all.filter((note) => note !== 'next').length === 3);
    expect(notes.filter((note) => note !== 'next')).toMatchObject([
      { retryCount: 0, maxRetryCount: 2 },
      { retryCount: 1, maxRetryCount: 2, exception: { message: expect.stringContaining('on purpose') } },
      { retryCount: 2, maxRetryCount: 2 },
    ]);
    // and no fourth time: the policy is spent before the other timer comes twice more
    const seen = notes.length;
    await app.until((all) => all.filter((note, index) => index >= seen && note === 'next').length === 2);
    expect(app.notes.filter((note) => note !== 'next')).toHaveLength(3);
  });

  test('is waited for when the host stops', async () => {
    const app = await make(`
      app.timer('slow', { schedule: '0 0 3 * * *', runOnStartup: true, handler: async () => {
        note('begun');
        await new Promise((resolve) => setImmediate(resolve));
        note('ended');
      } });`);
    await start(app);
    await app.until((notes) => notes.includes('begun'));
    await app.host.stop();
    expect(app.notes).toEqual(['begun', 'ended']);
  });

  test('needs storage: without, it does not run and a warning says so', async () => {
    const app = await make("app.timer('t', { schedule: '* * * * * *', handler: async () => {} });");
    await app.start();
    expect(app.lines).toContainEqual({
      level: 'warning',
      message: 'without storage no timer and no queue function runs',
    });
  });
});

describe('the status a timer begins with', () => {
  const at = (text: string) => Date.parse(`${text}Z`);
  const daily = parseSchedule('0 0 3 * * *');
  const now = at('2026-11-21T12:00:00');

  test('is its next time, where nothing is stored', () => {
    const status = { last: 0, next: at('2026-11-22T03:00:00'), lastUpdated: now };
    expect(startStatus(daily, undefined, now)).toEqual({ status, pastDue: false, changed: true });
  });

  test('is what is stored, and past due where its next time has gone by', () => {
    const missed = {
      last: at('2026-11-19T03:00:00'),
      next: at('2026-11-20T03:00:00'),
      lastUpdated: at('2026-11-19T03:00:00'),
    };
    expect(startStatus(daily, missed, now)).toEqual({ status: missed, pastDue: true, changed: false });
    expect(startStatus(daily, missed, at('2026-11-20T02:00:00')).pastDue).toBe(false);
  });

  test('is past due also where it has never run', () => {
    const never = { last: 0, next: at('2026-11-20T03:00:00'), lastUpdated: at('2026-11-19T12:00:00') };
    expect(startStatus(daily, never, now).pastDue).toBe(true);
  });

  test('is begun anew where the schedule has changed: what the new one would have done does not count', () => {
    const other = {
      last: at('2026-11-19T05:00:00'),
      next: at('2026-11-20T05:00:00'),
      lastUpdated: at('2026-11-19T05:00:00'),
    };
    const status = { last: 0, next: at('2026-11-22T03:00:00'), lastUpdated: now };
    expect(startStatus(daily, other, now)).toEqual({ status, pastDue: false, changed: true });
  });

  test('is stable: begun again from what was stored, it is the same', () => {
    const instant = fc.integer({ min: at('2020-01-01T00:00:00'), max: at('2030-01-01T00:00:00') });
    fc.assert(
      fc.property(fc.constantFrom('0 0 3 * * *', '*/5 * * * *', '01:30:00'), instant, (expression, time) => {
        const schedule = parseSchedule(expression);
        const { status } = startStatus(schedule, undefined, time);
        expect(startStatus(schedule, status, time)).toEqual({ status, pastDue: false, changed: false });
      }),
    );
  });
});

describe('a retry policy', () => {
  test('of exponential backoff grows from its least to its most', () => {
    const policy = {
      retryStrategy: 'exponentialBackoff',
      maxRetryCount: 9,
      minimumInterval: { seconds: 1 },
      maximumInterval: { seconds: 10 },
    };
    const delays = [1, 2, 3, 4, 5, 6].map((attempt) => readRetry(policy, () => 0.5)?.delay(attempt));
    expect(delays).toEqual([1000, 2000, 3000, 5000, 9000, 10_000]);
  });

  test('never waits less than its least or more than its most', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(100_000),
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (least, more, attempt, random) => {
          const delay = backoff(least, least + more, () => random)(attempt);
          expect(delay).toBeGreaterThanOrEqual(least);
          expect(delay).toBeLessThanOrEqual(least + more);
        },
      ),
    );
  });

  test.each([
    [{ retryStrategy: 'fixedDelay', delayInterval: { seconds: 1 } }, 'maxRetryCount'],
    [{ retryStrategy: 'fixedDelay', maxRetryCount: -2, delayInterval: { seconds: 1 } }, 'maxRetryCount'],
    [{ retryStrategy: 'fixedDelay', maxRetryCount: 1 }, 'delayInterval is missing'],
    [{ retryStrategy: 'other', maxRetryCount: 1 }, 'neither fixedDelay nor exponentialBackoff'],
    [
      { retryStrategy: 'exponentialBackoff', maxRetryCount: 1, minimumInterval: { seconds: 1 } },
      'are needed',
    ],
    [
      {
        retryStrategy: 'exponentialBackoff',
        maxRetryCount: 1,
        minimumInterval: { seconds: 2 },
        maximumInterval: { seconds: 1 },
      },
      'is more than',
    ],
  ])('%j is refused: %s', (policy, why) => {
    expect(() => readRetry(policy)).toThrow(why);
  });
});

test('%NAME% is the setting of that name, in any case of letters; a missing one is refused', () => {
  expect(resolve('a-%one%-%TWO%', { ONE: '1', two: '2' })).toBe('a-1-2');
  expect(() => resolve('%three%', {})).toThrow("no setting 'three'");
});
