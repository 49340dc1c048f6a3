import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generate, sampleDefaults } from '../../tools/lossPrevention/generate.ts';
import { folderFiles } from './files.ts';
import { executeRun, listRuns, type RunRecord, requestRun, shownAt } from './runs.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lp-runs-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const now = () => new Date();

it('a run whose time is up while it reads is gone on with, until all is read; all of it counts as its own, once', async () => {
  await generate(root, { ...sampleDefaults, stores: 1, staffPerStore: 4, months: 2, days: 36 });
  const places = {
    lake: folderFiles(join(root, 'lake')),
    out: folderFiles(join(root, 'out')),
    temporary: root,
  };
  const requested = await requestRun(places.out, 'test', now());
  const ends: (readonly [string, number])[][] = [];
  const seen: RunRecord[] = [];
  const attempt = () =>
    executeRun(places, requested, now, {
      until: new Date(0),
      shown: (record) => seen.push(record),
      ended: async (_, readBy) => void ends.push([...readBy]),
    });
  let executed = await attempt();
  expect(executed).toBe('unfinished');
  expect((await listRuns(places.out, 1))[0]).toMatchObject({ id: requested.id, status: 'running' });
  for (let more = 0; executed === 'unfinished' && more < 36; more++) executed = await attempt();
  if (typeof executed === 'string') throw new Error(executed);
  const { record } = executed;
  expect(record).toMatchObject({ status: 'succeeded', progress: { daysDone: 36, daysAll: 36 } });
  expect(record.summary?.unitsRead).toBeLessThan(36);
  expect(record.summary?.transactionsRead).toBe(record.summary?.transactions);
  expect(ends).toEqual([[[requested.id, record.summary?.transactions]]]);
  // the time that is left is told from what this attempt did itself
  expect(seen.find(({ progress }) => progress?.daysDone === 0)?.progress?.secondsLeft).toBeUndefined();
});

it('a run that has not been heard of for half an hour is shown as failed; one that waits is not', () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 10, 21, 2, minutes));
  const running: RunRecord = {
    id: '1',
    status: 'running',
    by: 'test',
    requested: at(0).toISOString(),
    updated: at(5).toISOString(),
  };
  expect(shownAt(running, at(34))).toBe(running);
  expect(shownAt(running, at(35))).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('02:05'),
  });
  const queued: RunRecord = { ...running, status: 'queued' };
  expect(shownAt(queued, at(59))).toBe(queued);
});
