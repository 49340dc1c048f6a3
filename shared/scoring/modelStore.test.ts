import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { featureNames } from './features/schema.ts';
import type { Model } from './model.ts';
import { modelNames, openModelStore } from './modelStore.ts';
import { madeRows } from './testData.ts';
import { trainModel } from './trainer.ts';

let azurite: Azurite;
let storage: Storage;
beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure(modelNames);
});
afterAll(() => azurite.stop());

/** A model of the program's own features, most of which never vary. */
function make(day: number, features: readonly string[] = featureNames): Model {
  const { columns, labels } = madeRows(900, day);
  const all = features.map((_, i) => Float32Array.from(columns[i] ?? new Float32Array(labels.length)));
  const created = `2026-03-${String(day).padStart(2, '0')}T00:00:00.000Z`;
  const at = Float64Array.from(labels, (_, i) => i);
  return trainModel({ columns: all, labels, at }, { kind: 'risk', created, features, trees: { trees: 5 } });
}
const note = { at: '2026-03-10T00:00:00.000Z', by: 'test' };

describe('the models of an environment', () => {
  it('start without any: the scorecard decides', async () => {
    const follower = openModelStore(storage).follow({ environment: 'none', kind: 'risk' });
    expect(await follower.refresh()).toEqual({ changed: false });
    expect(follower.current()).toBeUndefined();
  });

  it('are swapped on every instance by one promotion, and back by one roll-back', async () => {
    const place = { environment: 'a/b #?', kind: 'risk' as const };
    const store = openModelStore(storage);
    const instances = [1, 2].map(() => openModelStore(storage).follow(place));
    const first = await store.save(place, make(1));
    const second = await store.save(place, make(2));
    expect(await store.save(place, make(2))).toBe(second);
    expect(await store.versions(place)).toEqual([first, second]);

    const inForce = () =>
      Promise.all(
        instances.map(async (one) => {
          await one.refresh();
          return one.current()?.version;
        }),
      );
    await store.promote(place, first, note);
    expect(await inForce()).toEqual([first, first]);
    expect(await instances[0]!.refresh()).toEqual({ changed: false });
    await store.promote(place, second, note);
    expect(await inForce()).toEqual([second, second]);
    expect(await store.rollBack(place, note)).toBe(first);
    expect(await inForce()).toEqual([first, first]);
    await expect(store.rollBack(place, note)).rejects.toThrow(/no earlier model/);
    expect(await store.describe(place)).toMatchObject([
      { version: second, inForce: false },
      { version: first, inForce: true, trainedOn: { rows: 900 } },
    ]);
    expect((await store.current(place)).log.map(({ action, version }) => [action, version])).toEqual([
      ['promoted', first],
      ['promoted', second],
      ['rolled back', first],
    ]);
  });

  it('keep a challenger that was not better without putting it in force', async () => {
    const place = { environment: 'keeper', kind: 'risk' as const };
    const store = openModelStore(storage);
    await store.promote(place, await store.save(place, make(3)), note);
    const challenger = await store.save(place, make(4));
    await store.keep(place, challenger, note);
    const { champion, log } = await store.current(place);
    expect(champion).not.toBe(challenger);
    expect(log.at(-1)).toMatchObject({ action: 'kept as challenger', version: challenger });
  });

  it('lose no change where many are made at once', async () => {
    const place = { environment: 'busy', kind: 'risk' as const };
    const store = openModelStore(storage);
    const versions = await Promise.all([5, 6, 7, 8].map((day) => store.save(place, make(day))));
    await Promise.all(versions.map((version) => store.promote(place, version, note)));
    const { champion, log } = await store.current(place);
    expect(log.map(({ version }) => version).sort()).toEqual([...versions].sort());
    expect(log.at(-1)?.version).toBe(champion);
  });

  it('go back one step where two roll back at once', async () => {
    const place = { environment: 'twice', kind: 'risk' as const };
    const store = openModelStore(storage);
    const versions: string[] = [];
    for (const day of [11, 12, 13]) {
      versions.push(await store.save(place, make(day)));
      await store.promote(place, versions.at(-1)!, note);
    }
    // Both look before either writes, or one after the other: then the second is a step of its own.
    const ended = await Promise.allSettled([store.rollBack(place, note), store.rollBack(place, note)]);
    const steps = ended.filter(({ status }) => status === 'fulfilled').length;
    expect((await store.current(place)).champion).toBe(versions[2 - steps]);
    for (const one of ended)
      if (one.status === 'rejected') expect(String(one.reason)).toMatch(/changed meanwhile/);
  });

  it('refuse to promote what is missing, damaged or made for other features', async () => {
    const place = { environment: 'strict', kind: 'risk' as const };
    const store = openModelStore(storage);
    await expect(store.promote(place, '2026-x', note)).rejects.toThrow(/no risk model 2026-x/);
    const other = await store.save(place, make(9, [...featureNames.slice(1), 'another']));
    await expect(store.promote(place, other, note)).rejects.toThrow(/feature schema/);
    await storage.blobs('models').write('strict/risk/bad.model', Uint8Array.of(1, 2, 3));
    await expect(store.promote(place, 'bad', note)).rejects.toThrow(/no usable model/);
    expect((await store.current(place)).champion).toBeUndefined();
  });

  it('leave the model in force where a swapped one turns out damaged', async () => {
    const place = { environment: 'damaged', kind: 'risk' as const };
    const store = openModelStore(storage);
    const good = await store.save(place, make(10));
    await store.promote(place, good, note);
    const instance = store.follow(place);
    await instance.refresh();
    await storage.blobs('models').write('damaged/risk/bad.model', Uint8Array.of(1, 2, 3));
    await storage
      .blobs('models')
      .write('damaged/risk/current.json', JSON.stringify({ champion: 'bad', log: [] }));
    expect((await instance.refresh()).problem).toMatch(/no usable model/);
    expect(instance.current()?.version).toBe(good);
  });
});
