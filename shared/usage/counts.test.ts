import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { undecidedEvidence } from '../assessment/evidence.ts';
import { openRecords, recordNames, type StoredEvent } from '../assessment/record.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { openCounts, usageTable } from './counts.ts';

let azurite: Azurite;
let storage: Storage;
beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({
    tables: [usageTable, ...recordNames.tables],
    containers: [...recordNames.containers],
  });
});
afterAll(() => azurite?.stop());

let sent = 0;
function event(environment: string, type: string, received: number, id = `e${sent++}`): StoredEvent {
  return {
    key: { environment, type, id, correlationId: 'c' },
    root: environment,
    received: new Date(received).toISOString(),
    event: {},
    answer: { transactionReferenceId: 't' },
    evidence: undecidedEvidence('1', {}),
    contributions: [],
  };
}

const start = Date.UTC(2026, 10, 30, 23, 50);

it('counts each stored assessment once, by month, whenever it is settled and however often', async () => {
  const records = openRecords(storage);
  let now = start;
  const counts = openCounts(storage, records, () => now);
  let expected = 0;
  for (let minute = 0; minute < 20; minute += 4) {
    now = start + minute * 60_000;
    for (const type of ['Purchase', 'AccountLogin', 'BankEvent']) await records.insert(event('a', type, now));
    expected++;
    // two processes at once, and one that comes late with what it stored before
    await Promise.all([counts.settle(), counts.settle()]);
    await records.insert(event('a', 'Purchase', now - 60_000));
    const total = Object.values((await counts.of('a')).purchase ?? {}).reduce((sum, value) => sum + value, 0);
    expect(total).toBe(expected * 2);
  }
  now += 3_600_000;
  expect(await counts.settle()).toEqual({ failed: 0 });
  expect(await counts.of('a')).toEqual({
    purchase: { '2026-11': 6, '2026-12': 4 },
    account: { '2026-11': 3, '2026-12': 2 },
  });
});

it('does not count an event that is sent again', async () => {
  const records = openRecords(storage);
  const counts = openCounts(storage, records, () => start);
  for (let i = 0; i < 3; i++) await records.insert(event('b', 'Purchase', start + i, 'same'));
  expect(await counts.of('b')).toEqual({ purchase: { '2026-11': 1 } });
});

it('does not lose or double anything where a process dies between any two of its calls', async () => {
  const records = openRecords(storage);
  const now = start + 600_000;
  for (let i = 0; i < 5; i++) await records.insert(event('c', 'Purchase', start + i));
  for (let calls = 0; calls < 36; calls += 4) {
    let left = calls;
    const dying = openCounts(
      storage,
      {
        active: () => records.active(),
        async *receipts(...args) {
          if (left-- <= 0) throw new Error('killed');
          yield* records.receipts(...args);
        },
      },
      () => now,
    );
    const { failed, problem } = await dying.settle();
    if (failed > 0) expect(problem).toMatch(/^[A-Z]\w+ of environment [a-z]: Error: killed$/);
    const counts = openCounts(storage, records, () => now);
    expect(await counts.of('c')).toEqual({ purchase: { '2026-11': 5 } });
  }
});

it('adds a batch once for its id', async () => {
  const counts = openCounts(storage, openRecords(storage), () => start);
  for (const id of ['run 1', 'run 1', 'run/2'])
    await counts.addBatch('d', 'lossPrevention', '2026-11', id, 100);
  expect(await counts.of('d')).toEqual({ lossPrevention: { '2026-11': 200 } });
});
