import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Azurite, azuriteConnectionString, startAzurite } from '../../test/azurite.ts';
import { openApp } from '../openApp.ts';
import { readSettings } from '../settings.ts';
import { openStorage } from '../storage/index.ts';
import { openVelocities } from '../velocity/index.ts';
import type { App } from './app.ts';
import { assess } from './assess.ts';

let azurite: Azurite;
let app: App;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  const by = { by: 'test' };
  await app.config.putEnvironment('shop', { name: 'Shop' }, by);
  const velocities = ['SELECT Count() AS n FROM Purchase GROUPBY @"user.userId"'];
  await app.config.put('shop', 'velocitySets', 'Users', { velocities }, by);
  const code = 'RETURN Review("often") WHEN Velocity.n(@"user.userId", 1h) > 5';
  await app.config.put(
    'shop',
    'rules',
    'Often',
    { assessment: 'Purchase', clauses: [{ name: 'a', code }] },
    by,
  );
});
afterAll(() => azurite?.stop());

it('what could not be read is answered by its default and a diagnostic, which says nothing of where storage is', async () => {
  const ports = { blob: 1, queue: 1, table: 1 };
  const dead = openVelocities(openStorage({ connectionString: azuriteConnectionString(ports) }));
  const { decision } = await assess(
    { ...app, sources: { ...app.sources, velocities: dead } },
    {
      type: 'Purchase',
      id: '1',
      payload: { user: { userId: 'pat' } },
      environment: 'shop',
      correlationId: 'c',
    },
  );
  expect(decision.decision).toBe('Approve');
  expect(decision.diagnostics).toMatchObject([
    { kind: 'velocity', rule: 'Often', message: expect.stringContaining('out of reach') },
  ]);
  expect(JSON.stringify(decision)).not.toContain('127.0.0.1');
});
