import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { encodeKey, openStorage, type Storage } from '../storage/index.ts';
import { featureNames } from './features/schema.ts';
import { packModel } from './model.ts';
import { type ModelStore, modelNames, openModelStore } from './modelStore.ts';
import { challenge, driftReport, retrain, retrainingDue, rowsBetween } from './retrain.ts';
import { madeRows } from './testData.ts';
import { trainModel } from './trainer.ts';
import type { TrainingRows } from './trainingRows.ts';
import { TrainingError } from './trees/train.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);

/** Rows of four weeks under the first of the program's features; `flipped`: fraud looks the other way round. */
function rows(seed: number, { flipped = false, begin = now } = {}): TrainingRows {
  const { columns, labels } = madeRows(4000, seed);
  const turned = columns.map((column) => (flipped ? column.map((value) => -value) : column));
  return {
    columns: featureNames.map((_, i) => Float32Array.from(turned[i] ?? new Float32Array(labels.length))),
    labels,
    at: Float64Array.from(labels, (_, i) => begin + (i / 4000) * 28 * day),
  };
}
/** What a champion has learnt from that does not know the last week. */
const before = now - 7 * day;
const settings = { kind: 'risk' as const, created: '2026-07-01T00:00:00.000Z', trees: { trees: 15 } };

describe('a challenge', () => {
  it('without a champion is won by training on all rows', () => {
    const { challenger, promoted, onLastWeek } = challenge(rows(1), undefined, settings);
    expect(promoted).toBe(true);
    expect(onLastWeek).toBeUndefined();
    expect(challenger.info.trainedOn.rows).toBe(4000);
  });

  it('is won against a champion that learnt another world, and judged on a week that was not learnt from', () => {
    const champion = trainModel(rows(2, { flipped: true, begin: now - 8 * day }), settings);
    const { challenger, promoted, onLastWeek } = challenge(rows(3), champion, settings);
    expect(promoted).toBe(true);
    // The last week, counted back from the last row.
    expect(challenger.info.trainedOn.rows).toBe(2999);
    expect(onLastWeek?.challenger.rows).toBe(1001);
    expect(onLastWeek!.challenger.averagePrecision).toBeGreaterThan(onLastWeek!.champion.averagePrecision);
  });

  it('is lost where the new labels are noise', () => {
    const champion = trainModel(rows(4, { begin: before }), settings);
    const data = rows(4);
    const noisy = {
      ...data,
      labels: data.labels.map((label, i) => (i < 3000 ? (i % 20 === 0 ? 1 : 0) : label)),
    };
    expect(challenge(noisy, champion, settings).promoted).toBe(false);
  });

  it('is judged on the part of the week that the champion does not know, and waits where that is too little', () => {
    const champion = trainModel(rows(5, { begin: before }), settings);
    const held = (later: number) => challenge(rows(6, { begin: now - later }), champion, settings).onLastWeek;
    // half a day of the week is known
    const most = held(day / 2);
    expect(most?.champion.rows).toBe(most?.challenger.rows);
    expect(most?.champion.rows).toBe(Math.round((6.5 * 4000) / 28));
    expect(() => held(2 * day)).toThrow(
      new TrainingError(
        'The model in force has learnt from events until 2026-06-21T23:49:55.200Z. Another is held against it on a week that it does not know: when events until 2026-06-28T23:49:55.200Z are mature.',
      ),
    );
  });

  it('is won without a comparison where the champion was made for other features', () => {
    const champion = trainModel(rows(5), settings);
    const other = { ...champion, info: { ...champion.info, schemaHash: 'another' } };
    expect(challenge(rows(6), other, settings)).toMatchObject({ promoted: true });
  });

  it('is not held with too few frauds', () => {
    const data = rows(7);
    expect(() =>
      challenge({ ...data, labels: data.labels.map((_, i) => (i < 10 ? 1 : 0)) }, undefined, settings),
    ).toThrow(TrainingError);
  });
});

describe('retraining', () => {
  let azurite: Azurite;
  let storage: Storage;
  let store: ModelStore;
  beforeAll(async () => {
    azurite = await startAzurite();
    storage = openStorage({ connectionString: azurite.connectionString });
    await storage.ensure(modelNames);
    store = openModelStore(storage);
  });
  afterAll(() => azurite.stop());

  it('puts the first model in force, and a worse one only beside it, with the figures', async () => {
    const place = { environment: 'shop', kind: 'risk' as const };
    const first = await retrain(store, place, rows(8, { begin: before }), {
      at: '2026-07-01T00:00:00.000Z',
      by: 'timer',
    });
    expect((await store.current(place)).champion).toBe(first.version);
    const data = rows(8);
    const noisy = {
      ...data,
      labels: data.labels.map((label, i) => (i < 3000 ? (i % 20 === 0 ? 1 : 0) : label)),
    };
    const second = await retrain(store, place, noisy, { at: '2026-07-08T00:00:00.000Z', by: 'timer' });
    const { champion, log } = await store.current(place);
    expect(champion).toBe(first.version);
    expect(log.at(-1)).toMatchObject({ action: 'kept as challenger', version: second.version, by: 'timer' });
    expect(log.at(-1)!.challenger!.averagePrecision).toBeLessThan(log.at(-1)!.champion!.averagePrecision);
    expect(await store.versions(place)).toEqual([first.version, second.version]);
  });

  it('leaves a roll-back alone that came while it put the better one in force', async () => {
    const place = { environment: 'rolled-back', kind: 'risk' as const };
    const note = { at: '2026-07-01T00:00:00.000Z', by: 'timer' };
    for (const seed of [12, 13])
      await store.promote(
        place,
        await store.save(place, trainModel(rows(seed, { flipped: true, begin: before }), settings)),
        note,
      );
    const late: ModelStore = {
      ...store,
      async promote(...given) {
        await store.rollBack(place, note);
        return store.promote(...given);
      },
    };
    expect(await retrain(late, place, rows(14), note)).toMatchObject({ promoted: false });
    const { champion, log } = await store.current(place);
    expect(champion).toBe(log[0]?.version);
    expect(log.map(({ action }) => action).slice(2)).toEqual(['rolled back', 'kept as challenger']);
  });

  it.each([
    ['damaged', () => Uint8Array.of(1, 2, 3)],
    [
      'of an earlier definition of the features',
      () => {
        const { info, forest } = trainModel(rows(9), settings);
        return packModel({ info: { ...info, schemaHash: 'earlier' }, forest });
      },
    ],
  ])('takes the place of a champion that is %s', async (environment, champion) => {
    const place = { environment, kind: 'risk' as const };
    const { version } = await retrain(store, place, rows(10), {
      at: '2026-07-01T00:00:00.000Z',
      by: 'timer',
    });
    await storage.blobs('models').write(`${encodeKey(environment)}/risk/${version}.model`, champion());
    await expect(store.load(place, version)).rejects.toThrow(/no usable model/);
    const next = await retrain(store, place, rows(11), { at: '2026-07-08T00:00:00.000Z', by: 'timer' });
    expect(next.promoted).toBe(true);
    expect((await store.current(place)).champion).toBe(next.version);
  });
});

describe('when to retrain', () => {
  it('is weekly, or a day after enough new frauds', () => {
    const last = { at: now, frauds: 400 };
    expect(retrainingDue(undefined, now, 0)).toBe(true);
    expect(retrainingDue(last, now + 6 * day, 0)).toBe(false);
    expect(retrainingDue(last, now + 7 * day, 0)).toBe(true);
    expect(retrainingDue(last, now + 2 * day, 99)).toBe(false);
    expect(retrainingDue(last, now + 2 * day, 100)).toBe(true);
    expect(retrainingDue(last, now + 0.5 * day, 1000)).toBe(false);
  });
});

describe('drift', () => {
  it('names the feature that moved and how far the score went', () => {
    const data = rows(9);
    const model = trainModel(data, settings);
    const calm = driftReport(model, rowsBetween(rows(10), now, now + 7 * day).columns);
    expect(calm.rows).toBe(1000);
    expect(calm.score).toBeLessThan(0.1);
    expect(calm.features[0]!.index).toBeLessThan(0.1);
    const moved = rows(11);
    moved.columns[1] = moved.columns[1]!.map((hour) => hour / 4);
    const report = driftReport(model, moved.columns);
    expect(report.features[0]).toMatchObject({ name: featureNames[1] });
    expect(report.features[0]!.index).toBeGreaterThan(0.25);
  });
});
