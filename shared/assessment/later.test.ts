import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type EventKey, partitionOf } from './eventKeys.ts';
import { undecidedEvidence } from './evidence.ts';
import { type LaterEvents, openLaterEvents } from './later.ts';
import { openRecords, recordNames } from './record.ts';

let azurite: Azurite;
let storage: Storage;
let later: LaterEvents;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure(recordNames);
  later = openLaterEvents(storage);
});
afterAll(() => azurite?.stop());

const keyOf = (id: string, type = 'BankEvent'): EventKey => ({
  environment: 'e',
  type,
  id,
  correlationId: 'c',
});
const waited = (id: string, received: string) => ({ key: keyOf(id), received });
const purchase = (id: string) => ({ type: 'Purchase', id });
const idsWaitingFor = async (id: string) =>
  (await later.waiting('e', purchase(id))).map((key) => key.id).sort();

/** Is the id known where a purchase of it would lie, so that one that comes looks who waits? */
const isMarked = async (id: string) =>
  (await storage.table('events').read(partitionOf({ environment: 'e', ...purchase(id) }), `l|${id}`)) !==
  undefined;

it('gives up what waited too long, and keeps what did not, or waits for something else', async () => {
  await later.park(waited('old', '2026-01-01T23:59:59.000Z'), [purchase('both'), purchase('alone')]);
  await later.park(waited('young', '2026-01-20T00:00:00.000Z'), [purchase('both')]);
  expect(await later.giveUpBefore(Date.parse('2026-01-01T12:00:00Z'))).toBe(0);
  expect(await idsWaitingFor('both')).toEqual(['old', 'young']);
  expect(await later.giveUpBefore(Date.parse('2026-01-02T00:00:00Z'))).toBe(2);
  expect(await idsWaitingFor('both')).toEqual(['young']);
  expect(await idsWaitingFor('alone')).toEqual([]);
  expect([await isMarked('both'), await isMarked('alone')]).toEqual([true, false]);
  expect(await later.giveUpBefore(Date.parse('2026-01-02T00:00:00Z'))).toBe(0);
  expect(await later.giveUpBefore(Date.parse('2026-02-20T00:00:00Z'))).toBe(1);
  expect(await isMarked('both')).toBe(false);
});

it('leaves the mark of what came meanwhile', async () => {
  await later.park(waited('early', '2026-01-01T00:00:00.000Z'), [purchase('came')]);
  const evidence = undecidedEvidence('1', {});
  const inserted = await openRecords(storage).insert({
    key: keyOf('came', 'Purchase'),
    root: 'e',
    received: '2026-01-03T00:00:00.000Z',
    event: {},
    answer: { transactionReferenceId: 't' },
    evidence,
    contributions: [],
  });
  expect(inserted).toEqual({ inserted: true, expected: true });
  await later.giveUp(keyOf('early'), [purchase('came')]);
  expect(await isMarked('came')).toBe(true);
  expect(await openRecords(storage).latest('e', 'Purchase', 'came')).toBeDefined();
});

it('forgets a custom assessment once no event of it has the id', async () => {
  const key = keyOf('event', 'Transfer');
  expect(await later.name(key)).toBe(false);
  expect(await later.name(key)).toBe(true);
  await later.unname(keyOf('event', 'Other'));
  expect(await later.typeOf('e', 'event')).toBe('Transfer');
  await later.unname(key);
  expect(await later.typeOf('e', 'event')).toBeUndefined();
});
