import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { StorageUnavailable } from './errors.ts';
import { type KeptLease, keepLease } from './lease.ts';
import { openStorage } from './open.ts';
import type { Blobs, Lease } from './types.ts';

let azurite: Azurite;
let blobs: Blobs;
beforeAll(async () => {
  azurite = await startAzurite();
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: ['leases'] });
  blobs = storage.blobs('leases');
});
afterAll(() => azurite.stop());

let lease: Lease;
let kept: KeptLease;
let answers: boolean;
let renewals: Promise<boolean>[];
beforeEach(async ({ task }) => {
  const taken = await blobs.lease(task.id, 60);
  if (!taken) throw new Error('another has the lease');
  lease = taken;
  answers = true;
  renewals = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  kept = keepLease({
    ...lease,
    renew() {
      const renewed = answers
        ? lease.renew()
        : Promise.reject(new StorageUnavailable('Storage did not answer.', 1));
      renewals.push(renewed);
      return renewed;
    },
  });
  return async () => {
    await kept.release();
    vi.useRealTimers();
  };
});

/** So many seconds later, and what was asked of storage in them is answered. */
async function pass(seconds: number): Promise<void> {
  vi.advanceTimersByTime(seconds * 1000);
  await Promise.allSettled(renewals);
  await new Promise(setImmediate);
}

it('a lease is kept for as long as it is renewed', async () => {
  for (let i = 0; i < 20; i++) await pass(15);
  expect(renewals).toHaveLength(20);
  expect(kept.signal.aborted).toBe(false);
  await kept.release();
  await pass(600);
  expect(renewals).toHaveLength(20);
  expect(kept.signal.aborted).toBe(false);
});

it('is lost as soon as a renewal is refused', async ({ task }) => {
  await lease.release();
  const other = await blobs.lease(task.id, 15);
  await pass(15);
  expect(kept.signal.aborted).toBe(true);
  await pass(600);
  expect(renewals).toHaveLength(1);
  await kept.release();
  expect(await other?.renew()).toBe(true);
});

it('is not lost by a renewal that storage does not answer, but before it may have ended', async () => {
  await pass(15);
  answers = false;
  await pass(30);
  expect(kept.signal.aborted).toBe(false);
  answers = true;
  await pass(15);
  answers = false;
  await pass(45);
  expect(kept.signal.aborted).toBe(false);
  await pass(5);
  expect(kept.signal.aborted).toBe(true);
});
