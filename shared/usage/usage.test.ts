import { expect, it } from 'vitest';
import commerce from '../../docs/examples/commerce-capacities.json' with { type: 'json' };
import type { EventKey } from '../assessment/eventKeys.ts';
import { type Capacity, capacityName, capacitySchema } from '../config/capacity.ts';
import { apiOf, type EnvironmentNode } from '../config/index.ts';
import { Problem } from '../problem.ts';
import { openUsage } from './usage.ts';

it('counts assessments by API, and nothing else', () => {
  expect(['Purchase', 'AccountLogin', 'SignUp', 'Money transfer'].map(apiOf)).toEqual([
    'purchase',
    'account',
    'account',
    'assessment',
  ]);
  expect(['BankEvent', 'Label', 'AccountUpdate', 'Money transfer:status'].map(apiOf)).toEqual(
    Array(4).fill(undefined),
  );
});

it('ships the capacities of the Commerce licence as an example that can be put', () => {
  const limits = Object.entries(commerce).map(([name, body]) => [
    capacityName.parse(name),
    capacitySchema.parse(body).softLimit,
  ]);
  expect(Object.fromEntries(limits)).toEqual({ purchase: 2000, account: 20_000, lossPrevention: 8000 });
});

const node = (id: string, children: EnvironmentNode[] = []): EnvironmentNode => ({
  id,
  apiName: id,
  name: id,
  path: `/${id}`,
  parent: null,
  default: false,
  children,
});
const tree = [node('root', [node('left'), node('right')])];

/** A tree whose storage counts `stored`, with the limits given. */
function world(limits: Record<string, Partial<Capacity>>) {
  let now = Date.UTC(2026, 10, 30, 23, 0);
  const stored: { environment: string; receipt: string }[] = [];
  const counts = {
    async of(environment: string, tail?: (receipt: string) => void) {
      const own = stored.filter((one) => one.environment === environment);
      for (const { receipt } of own) tail?.(receipt);
      const months: Record<string, number> = {};
      for (const { receipt } of own) {
        const month = receipt.split('|')[3]?.slice(0, 7) ?? '';
        months[month] = (months[month] ?? 0) + 1;
      }
      return { purchase: months };
    },
  };
  const usage = openUsage(
    counts,
    async () => tree,
    () => now,
    1000,
  );
  const snapshot = (id: string) => {
    const chain = id === 'root' ? ['root'] : ['root', id];
    const of = (each: string) => ({
      id: each,
      capacity: () => (limits[each] ? capacitySchema.parse(limits[each]) : undefined),
    });
    return { id, root: 'root', chain: chain.map(of) };
  };
  let sent = 0;
  return {
    usage,
    snapshot,
    wait: (ms: number) => {
      now += ms;
    },
    /** One purchase of this process, or of another. */
    async purchase(environment: string, by: 'us' | 'others' = 'us') {
      const key: EventKey = { environment, type: 'Purchase', id: `p${sent++}`, correlationId: 'c' };
      const admission = by === 'us' ? await usage.admit(snapshot(environment), key) : undefined;
      const received = new Date(now).toISOString();
      stored.push({ environment, receipt: `${environment}|Purchase|o|${received}|${key.id}` });
      if (by === 'us') usage.stored({ key, root: 'root', received });
      admission?.release();
      return usage.warning(snapshot(environment), 'Purchase');
    },
  };
}

it('refuses at the hard limit, until the month or the limit ends', async () => {
  const { purchase, wait } = world({ root: { hardLimit: 3 } });
  for (let i = 0; i < 3; i++) await purchase('root');
  const refusal = await purchase('root').catch((error) => error);
  expect(refusal).toBeInstanceOf(Problem);
  expect(refusal).toMatchObject({ status: 429, code: 'CapacityUsedUp', retryAfter: 3600 });
  wait(3_600_000);
  await purchase('root');
});

it('admits exactly as many as there is room for, also at the same time', async () => {
  const { usage, snapshot } = world({ root: { hardLimit: 5 } });
  const tries = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      usage.admit(snapshot('root'), {
        environment: 'root',
        type: 'Purchase',
        id: `${i}`,
        correlationId: 'c',
      }),
    ),
  );
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
});

it('gives back the room of what was not stored', async () => {
  const { usage, snapshot } = world({ root: { hardLimit: 1 } });
  const key = { environment: 'root', type: 'Purchase', id: '1', correlationId: 'c' };
  const { release } = await usage.admit(snapshot('root'), key);
  await expect(usage.admit(snapshot('root'), { ...key, id: '2' })).rejects.toThrow(/used up/);
  release();
  await usage.admit(snapshot('root'), { ...key, id: '2' });
});

it('warns beyond the soft limit, and says how much was used', async () => {
  const { purchase } = world({ root: { softLimit: 2 } });
  expect([await purchase('root'), await purchase('root')]).toEqual([undefined, undefined]);
  expect(await purchase('root')).toBe('purchase: 3 of 2 assessments of 2026-11 used');
});

it('counts the environments below, and limits each on the way up', async () => {
  const { purchase } = world({ root: { hardLimit: 4 }, left: { hardLimit: 1 } });
  await purchase('left');
  await expect(purchase('left')).rejects.toThrow(/used up/);
  for (let i = 0; i < 3; i++) await purchase('right');
  await expect(purchase('right')).rejects.toThrow(/used up/);
});

it('learns what other processes admitted, and counts its own only once', async () => {
  const { purchase, wait, usage, snapshot } = world({ root: { softLimit: 0, hardLimit: 6 } });
  await purchase('root');
  await purchase('root', 'others');
  wait(1000);
  await purchase('root');
  await new Promise(setImmediate);
  expect(usage.warning(snapshot('root'), 'Purchase')).toContain('3 of 0');
  for (let i = 0; i < 3; i++) await purchase('root');
  await expect(purchase('root')).rejects.toThrow(/used up/);
});

it('admits nobody by counts of long ago, when an instance wakes up', async () => {
  const { purchase, wait } = world({ root: { hardLimit: 3 } });
  await purchase('root');
  for (let i = 0; i < 2; i++) await purchase('root', 'others');
  wait(60_000);
  await expect(purchase('root')).rejects.toThrow(/used up/);
});

it('keeps no events of a tree whose limits nobody asks about, and has all of them when somebody does', async () => {
  const { purchase, wait, usage, snapshot } = world({ left: { softLimit: 0 } });
  expect(await purchase('left')).toContain('1 of 0');
  wait(60_000);
  await purchase('right');
  expect(usage.warning(snapshot('left'), 'Purchase')).toBe(undefined);
  expect(await purchase('left')).toContain('2 of 0');
});

it('costs nothing where there is no capacity', async () => {
  const usage = openUsage(
    {
      of: async () => {
        throw new Error('read');
      },
    },
    async () => tree,
    Date.now,
  );
  const { snapshot } = world({});
  await usage.admit(snapshot('left'), { environment: 'left', type: 'Purchase', id: '1', correlationId: 'c' });
});
