import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp, until } from './holdfast.ts';
import { knownOf } from './knownOf.ts';
import { type StorageProxy, startStorageProxy } from './storageProxy.ts';

/*
 * The app is killed (SIGKILL) at each of its storage requests in turn: before the request reaches the storage, and after it
 * was carried out but before the app hears of it. Between any two steps of an assessment lies at least one such moment.
 */

let azurite: Azurite;
let proxy: StorageProxy;
let app: RunningApp;
let root: string;
const environment = { 'x-ms-dfpenvid': 'crash' };
const settings = { HOLDFAST_DEFAULT_ENVIRONMENT: 'crash' };

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startStorageProxy(azurite.connectionString);
  app = await startApp({ storage: proxy.connectionString, settings });
  root = (await manage('PUT', '', { name: 'Crash' })).body.id;
  await publish(1);
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await proxy?.stop();
  await azurite?.stop();
});

function manage(method: string, path: string, body?: unknown): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/crash${path}`, body);
}

/** The rules and the shard count of the velocity as the `round` has them; what an event said before must not change. */
async function publish(round: number): Promise<void> {
  const set = {
    velocities: [
      'SELECT Count() AS crashes FROM Purchase GROUPBY @"user.userId"',
      'SELECT Sum(@"totalAmount") AS amounts FROM Purchase GROUPBY @"user.userId"',
    ],
    shards: 1 + (round % 3),
  };
  expect((await manage('PUT', '/velocitySets/Crash', set)).status).toBeLessThan(300);
  const rule = {
    assessment: 'Purchase',
    clauses: [
      {
        name: 'show',
        code: `OBSERVE Output(round = "${round}", n = Velocity.crashes(@"user.userId", 7d), s = Velocity.amounts(@"user.userId", 7d))`,
      },
    ],
  };
  expect((await manage('PUT', '/rules/Show', rule)).status).toBeLessThan(300);
}

function send(id: string, user: string): Promise<Answer> {
  // few entities, so that there are few moments at which to be killed
  const body = {
    purchaseId: id,
    merchantLocalDate: '2026-02-03T09:15:30Z',
    totalAmount: 10,
    currency: 'USD',
    user: { userId: user },
    paymentInstrumentList: [{ merchantPaymentInstrumentId: `card of ${user}`, type: 'CreditCard' }],
  };
  return call(app.baseUrl, 'POST', '/v1.0/MerchantServices/events/Purchase', body, {
    ...environment,
    'x-ms-correlation-id': `correlation-${id}`,
  });
}

/** What the velocities of this user say, seen from an event that does not count itself. */
async function counted(user: string, probe: string): Promise<{ n: string; s: string }> {
  const answer = await send(`probe-${probe}`, user);
  expect(answer.status).toBe(200);
  const { n, s } = answer.body.resultDetails.MerchantRuleOutput.show;
  return { n, s };
}

async function restart(changes: { hoursAhead: number }): Promise<void> {
  app = await startApp({
    storage: proxy.connectionString,
    settings: {
      ...settings,
      NODE_OPTIONS: `--import ./test/shiftedClock.mjs`,
      HOURS_AHEAD: String(changes.hoursAhead),
    },
  });
}

describe('an app that is killed between any two steps of an assessment', () => {
  it('has stored the event whole or not at all, and loses and doubles no velocity and no history', {
    timeout: 1_800_000,
  }, async () => {
    let killed = true;
    let round = 1;
    for (let step = 1; killed; step++) {
      for (const when of ['before', 'after'] as const) {
        const [id, user] = [`p-${step}-${when}`, `u-${step}-${when}`];
        killed = false;
        proxy.arm(step, when, () => {
          killed = true;
          app.process.kill('SIGKILL');
        });
        const first = await send(id, user).catch(() => undefined);
        if (first) await quiet();
        // what the app does later, by its timers, is not meant
        proxy.arm(Number.MAX_SAFE_INTEGER, 'before', () => {});
        if (!killed) break;
        if (app.process.exitCode === null && app.process.signalCode === null)
          await new Promise((resolve) => app.process.once('exit', resolve));

        // another version of the rules, other shards, another hour: what was stored must count as it was
        round++;
        await restart({ hoursAhead: round % 5 });
        await publish(round);

        const shown = await manage('GET', `/events/Purchase/${id}`);
        const stored = shown.status === 200;
        if (stored) {
          expect(shown.body.event.purchaseId).toBe(id);
          expect(shown.body.evidence.trail.length).toBeGreaterThan(0);
        } else expect(shown.status).toBe(404);
        if (first?.status === 200) expect(stored).toBe(true);

        const again = await send(id, user);
        expect(again.status, JSON.stringify(again.body)).toBe(200);
        if (first?.status === 200)
          expect(again.body.transactionReferenceId).toBe(first.body.transactionReferenceId);
        expect(await counted(user, `${id}-1`), `${when} storage request ${step}`).toEqual({
          n: '1',
          s: '10',
        });
        // and recovery, which may be at work now, adds nothing
        expect(await counted(user, `${id}-2`)).toEqual({ n: '2', s: '20' });
        // the same of the history that models look at, with the two that asked
        const known = await knownOf(azurite.connectionString, root, user);
        expect(known, `${when} storage request ${step}`).toEqual({ purchases: 3, frauds: 0 });
      }
    }
    expect(round).toBeGreaterThan(10);
  });

  it('completes by itself what was stored, within 60 s of the restart', { timeout: 600_000 }, async () => {
    // the event's own transaction is the last request before its velocities: kill right after it was carried out
    let killed = false;
    for (let step = 1; !killed; step++) {
      const id = `alone-${step}`;
      // what the app does at its start is not counted among the event's requests
      await quiet();
      proxy.arm(step, 'after', () => {
        killed = true;
        app.process.kill('SIGKILL');
      });
      await send(id, `alone-${step}`).catch(() => undefined);
      await pause(0);
      if (!killed) break;
      proxy.arm(Number.MAX_SAFE_INTEGER, 'before', () => {});
      await restart({ hoursAhead: 0 });
      if ((await manage('GET', `/events/Purchase/${id}`)).status !== 200) {
        killed = false;
        continue;
      }
      await until('the velocity counts the event', async () => {
        const shown = await manage('GET', `/events/Purchase/${id}`);
        return shown.body.complete === true;
      });
      expect(await counted(`alone-${step}`, `alone-${step}`)).toEqual({ n: '1', s: '10' });
    }
    expect(killed).toBe(true);
  });
});

/** Waits until the app has had time for what it does behind the answer. */
async function quiet(): Promise<void> {
  let seen = -1;
  while (seen !== proxy.seen()) {
    seen = proxy.seen();
    await pause(400);
  }
}
