import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { Caller } from './caller.ts';
import { codeMinutes, openSessions, sessionHours, sessionsTable } from './sessions.ts';

let azurite: Azurite;
let storage: Storage;
let now = Date.UTC(2026, 10, 21);
const caller: Caller = { id: 'ann@example.com', kind: 'user', principal: 'p', roles: ['AllAreasViewer'] };

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(() => azurite?.stop());

const sessions = () => openSessions(storage, () => now);

it('a code opens one session, in its place alone, also where two use it at once', async () => {
  const { code } = await sessions().admit('here', caller);
  const opened = await Promise.all([1, 2, 3].map(() => sessions().open(code)));
  const [session, ...more] = opened.filter((one) => one !== undefined);
  expect(more).toEqual([]);
  const secret = session?.secret ?? '';
  expect(session?.place).toBe('here');
  expect(await sessions().caller('here', secret)).toEqual(caller);
  expect(await sessions().caller('elsewhere', secret)).toBeUndefined();
  expect(await sessions().caller('here', code)).toBeUndefined();
  expect(await sessions().open(secret)).toBeUndefined();
  expect(await sessions().open(code)).toBeUndefined();
});

it('codes and sessions end by themselves, and are swept then', async () => {
  await sessions().sweep();
  const [first, second] = [await sessions().admit('here', caller), await sessions().admit('here', caller)];
  const session = await sessions().open(first.code);
  now += codeMinutes * 60_000;
  expect(await sessions().open(second.code)).toBeUndefined();
  expect(await sessions().caller('here', session?.secret ?? '')).toEqual(caller);
  now += sessionHours * 3_600_000;
  expect(await sessions().caller('here', session?.secret ?? '')).toBeUndefined();
  expect(await sessions().sweep()).toBeGreaterThanOrEqual(2);
  expect(await sessions().sweep()).toBe(0);
});

it('nothing that is stored opens anything', async () => {
  const { code } = await sessions().admit('here', caller);
  const session = await sessions().open(code);
  const { code: unused } = await sessions().admit('here', caller);
  const stored: string[] = [];
  for (const kind of ['code', 'session'])
    for await (const row of storage.table(sessionsTable).range(kind)) stored.push(JSON.stringify(row));
  expect(stored.length).toBeGreaterThan(1);
  for (const secret of [code, unused, session?.secret]) expect(stored.join()).not.toContain(secret);
});
