import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openApp } from '../openApp.ts';
import { readSettings } from '../settings.ts';
import type { App } from './app.ts';
import { assess } from './assess.ts';
import { ownKey, partitionOf } from './eventKeys.ts';
import { observe } from './observe.ts';
import { recover } from './recover.ts';

let azurite: Azurite;
let app: App;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  const by = { by: 'test' };
  await app.config.putEnvironment('shop', { name: 'Shop' }, by);
  const velocities = ['SELECT Count() AS n FROM Purchase, BankEvent GROUPBY @"user.userId"'];
  await app.config.put('shop', 'velocitySets', 'Users', { velocities }, by);
});
afterAll(() => azurite?.stop());

/** A process that dies once the event is stored, before anything else of it is. */
function dying(): App {
  const apply = () => Promise.reject(new Error('killed'));
  return { ...app, running: new Map(), velocities: { ...app.velocities, apply } };
}

async function counted(userId: string): Promise<number | undefined> {
  const { root, chain } = await app.config.snapshot('shop');
  const ref = chain[0]?.velocity('n');
  if (!ref) throw new Error('there is no velocity');
  const window = { count: 1, unit: 'h' } as const;
  return (await app.velocities.read(root, [{ ref, key: userId, window }], app.clock()))[0];
}

const sent = (userId: string) => ({
  id: `of ${userId}`,
  payload: { user: { userId } },
  environment: 'shop',
  correlationId: 'c',
  subjects: [],
  links: [],
});

it.each([
  ['an assessment', 'Purchase', 'pat', assess],
  ['an observation event', 'BankEvent', 'kim', observe],
] as const)(
  'a repeat completes %s whose process died, before it is answered',
  async (_, type, user, take) => {
    const event = { type, ...sent(user) };
    await expect(take(dying(), event)).rejects.toThrow('killed');
    expect(await counted(user)).toBe(0);

    await take(app, event);
    expect(await counted(user)).toBe(1);
    await app.records.flush();
    const { id: environment } = await app.config.snapshot('shop');
    expect(await app.records.isComplete({ environment, type, id: event.id, correlationId: 'c' })).toBe(true);

    // nothing is left for another repeat to do
    await take(dying(), event);
    expect(await counted(user)).toBe(1);
  },
);

it('recovery completes the others where an event cannot be read', async () => {
  const users = ['ana', 'ben', 'cem', 'dov', 'eva'];
  for (const user of users)
    await expect(assess(dying(), { type: 'Purchase', ...sent(user) })).rejects.toThrow('killed');
  const { id: environment } = await app.config.snapshot('shop');
  const key = { environment, type: 'Purchase', id: 'of cem', correlationId: 'c' };
  const events = app.storage.table('events');
  const row = await events.read(partitionOf(key), `e|${ownKey(key)}`);
  if (!row) throw new Error('there is no event');
  // as if its evidence, a blob of its own when it is large, were lost
  await events.put({ ...row, evidence_n: undefined });

  expect(await recover(app, -1000)).toMatchObject({
    completed: 4,
    failed: 1,
    problem: expect.stringMatching(/^Purchase of environment .*is not whole/),
  });
  await events.put(row);
  expect(await recover(app, -1000)).toEqual({ completed: 1, failed: 0 });
  expect(await Promise.all(users.map(counted))).toEqual([1, 1, 1, 1, 1]);
});

it('recovery completes what a dead process left, and says what it cannot complete, and why', async () => {
  const event = { type: 'Purchase', ...sent('lee') };
  await expect(assess(dying(), event)).rejects.toThrow('killed');
  const { id: environment } = await app.config.snapshot('shop');
  const now = -1000;
  expect(await recover(dying(), now)).toEqual({
    completed: 0,
    failed: 1,
    problem: `Purchase of lee of environment ${environment}: Error: killed`,
  });
  expect(await recover(app, now)).toEqual({ completed: 1, failed: 0 });
  expect(await counted('lee')).toBe(1);
});
