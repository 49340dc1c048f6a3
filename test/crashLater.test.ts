import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Answer, call, type RunningApp, startApp } from './holdfast.ts';
import { knownOf } from './knownOf.ts';
import { type StorageProxy, startStorageProxy } from './storageProxy.ts';

/*
 * As crash.test.ts, for an event that comes before its purchase: the app is killed after each of the storage requests that
 * the two make together, in turn; then both are sent again, as their client would.
 */

let azurite: Azurite;
let proxy: StorageProxy;
let app: RunningApp;
let root: string;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startStorageProxy(azurite.connectionString);
  app = await startApp({ storage: proxy.connectionString });
  root = (await manage('PUT', '', { name: 'Later' })).body.id;
  const velocities = [
    'SELECT Count() AS bankEvents FROM BankEvent GROUPBY @"purchase.user.userId"',
    'SELECT Sum(@"purchase.totalAmount") AS declined FROM BankEvent GROUPBY @"purchase.user.userId"',
  ];
  expect((await manage('PUT', '/velocitySets/Later', { velocities })).status).toBe(201);
  const code =
    'OBSERVE Output(n = Velocity.bankEvents(@"user.userId", 7d), s = Velocity.declined(@"user.userId", 7d))';
  const rule = { assessment: 'Purchase', clauses: [{ name: 'show', code }] };
  expect((await manage('PUT', '/rules/Show', rule)).status).toBe(201);
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await proxy?.stop();
  await azurite?.stop();
});

function manage(method: string, path: string, body?: unknown): Promise<Answer> {
  return call(app.baseUrl, method, `/management/v1/environments/later${path}`, body);
}

const post = (name: string, body: object, correlation: string): Promise<Answer> =>
  call(app.baseUrl, 'POST', `/v1.0/MerchantServices/events/${name}`, body, {
    'x-ms-correlation-id': correlation,
  });

const buy = (id: string, user: string) =>
  post(
    'Purchase',
    {
      purchaseId: id,
      merchantLocalDate: '2026-02-03T09:15:30Z',
      totalAmount: 10,
      currency: 'USD',
      user: { userId: user },
      paymentInstrumentList: [{ merchantPaymentInstrumentId: `card of ${user}`, type: 'CreditCard' }],
    },
    `c-${id}`,
  );

/** A card that was stolen, as the bank says: the purchase is known to be fraud. */
const decline = (id: string) =>
  post(
    'BankEvent',
    { bankEventId: `b-${id}`, type: 'Auth', status: 'Declined', bankResponseCode: '43', purchaseId: id },
    `c-${id}`,
  );

describe('an app that is killed between an early event and its purchase', () => {
  it('attaches the two, and counts the event and the fraud it tells of once', {
    timeout: 900_000,
  }, async () => {
    let killed = true;
    let kills = 0;
    for (let step = 1; killed; step++) {
      const [id, user] = [`p-${step}`, `u-${step}`];
      killed = false;
      proxy.arm(step, 'after', () => {
        killed = true;
        app.process.kill('SIGKILL');
      });
      const first = await decline(id).catch(() => undefined);
      const second = first && (await buy(id, user).catch(() => undefined));
      if (second) await quiet();
      if (!killed) break;
      kills++;
      if (app.process.exitCode === null && app.process.signalCode === null)
        await new Promise((resolve) => app.process.once('exit', resolve));
      proxy.arm(Number.MAX_SAFE_INTEGER, 'before', () => {});
      app = await startApp({ storage: proxy.connectionString });

      for (const sent of [await decline(id), await buy(id, user)])
        expect(sent.status, JSON.stringify(sent.body)).toBe(200);
      const { body } = await buy(`probe-${step}`, user);
      expect(body.resultDetails.MerchantRuleOutput.show, `after storage request ${step}`).toEqual({
        n: '1',
        s: '10',
      });
      const shown = await manage('GET', `/events/Purchase/${id}`);
      expect(shown.body.laterEvents).toMatchObject([{ type: 'BankEvent', id: `b-${id}` }]);
      // both purchases are in the history, and one of them as fraud
      const known = await knownOf(azurite.connectionString, root, user);
      expect(known, `after storage request ${step}`).toEqual({ purchases: 2, frauds: 1 });
    }
    expect(kills).toBeGreaterThan(10);
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
