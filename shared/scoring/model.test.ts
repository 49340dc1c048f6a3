import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { probabilityOf, scoreOf } from './calibration.ts';
import { type Model, ModelFormatError, packModel, readModel, requireSchema } from './model.ts';
import { madeRows, rowOf } from './testData.ts';
import { promotes, trainModel } from './trainer.ts';
import { compileScorer } from './trees/scorer.ts';
import { TrainingError } from './trees/train.ts';

const features = ['amount', 'hour', 'known', 'kind', 'noise'];
const created = '2026-03-01T00:00:00.000Z';
function rows(count: number, seed: number) {
  const { columns, labels } = madeRows(count, seed);
  return {
    columns: columns.map((column) => Float32Array.from(column)),
    labels,
    at: Float64Array.from(labels, (_, i) => i * 1000),
  };
}
const train = (data: ReturnType<typeof rows>, trees = {}) =>
  trainModel(data, { kind: 'risk', created, features, trees: { trees: 40, ...trees } });

let model: Model;
beforeAll(() => {
  model = train(rows(8000, 31));
});

describe('a trained model', () => {
  it('is the same bytes for the same rows and seed', () => {
    expect(packModel(train(rows(1500, 32)))).toEqual(packModel(train(rows(1500, 32))));
    expect(packModel(train(rows(1500, 32)))).not.toEqual(packModel(train(rows(1500, 32), { seed: 2 })));
  });

  it('comes back from its bytes and scores as before', () => {
    const again = readModel(packModel(model));
    expect(again.info).toEqual(model.info);
    const [before, after] = [compileScorer(model.forest), compileScorer(again.forest)];
    const fresh = rows(200, 33);
    for (let i = 0; i < 200; i++) expect(after(rowOf(fresh, i))).toBe(before(rowOf(fresh, i)));
  });

  it('gives the probabilities of all events where legitimate rows were left out', () => {
    const { calibration } = model.info;
    const sampled = trainModel(
      { ...rows(8000, 31), legitimateShare: 0.1 },
      { kind: 'risk', created, features, trees: { trees: 40 } },
    );
    const odds = (c: typeof calibration, logit: number) =>
      probabilityOf(c, logit) / (1 - probabilityOf(c, logit));
    for (const logit of [-3, 0, 2])
      expect(odds(sampled.info.calibration, logit)).toBeCloseTo(0.1 * odds(calibration, logit), 6);
  });

  it('scores good events as often as before also where fraud becomes more frequent while it learns', () => {
    const data = rows(12_000, 38);
    // Of the frauds before the last quarter only every third stays.
    let frauds = 0;
    const kept = [...data.labels.keys()].filter(
      (i) => i >= 9000 || data.labels[i] === 0 || frauds++ % 3 === 0,
    );
    const pick = (column: Float32Array) => Float32Array.from(kept, (i) => column[i]!);
    const thinned = {
      columns: data.columns.map(pick),
      labels: Uint8Array.from(kept, (i) => data.labels[i]!),
      at: Float64Array.from(kept, (i) => data.at[i]!),
    };
    const { info, forest } = train(thinned);
    const fresh = rows(30_000, 39);
    const score = compileScorer(forest);
    const good = [...fresh.labels.keys()].filter((i) => fresh.labels[i] === 0);
    const share = (least: number) =>
      good.filter((i) => scoreOf(info.calibration, score(rowOf(fresh, i))) >= least).length / good.length;
    expect(share(250)).toBeGreaterThan(0.08);
    expect(share(250)).toBeLessThan(0.12);
    expect(share(500)).toBeGreaterThan(0.006);
    expect(share(500)).toBeLessThan(0.015);
  });

  it('is measured on rows it has not seen: the later ones', () => {
    expect(model.info.holdOut.rows).toBe(2000);
    expect(model.info.trainedOn).toMatchObject({ rows: 8000, from: 0, to: 7_999_000 });
    expect(model.info.holdOut.areaUnderRoc).toBeGreaterThan(0.65);
  });

  it('is refused when any byte of it is changed', () => {
    const packed = packModel(model);
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = packed.slice();
        changed[at]! ^= flip;
        expect(() => readModel(changed)).toThrow(ModelFormatError);
      }),
      { numRuns: 100 },
    );
    expect(() => readModel(packed.subarray(0, packed.length - 5))).toThrow(/cut off/);
    expect(() => readModel(new Uint8Array())).toThrow(/cut off/);
  });

  it('is caught by its golden rows where its trees changed and the checksum was made anew', () => {
    const value = model.forest.value.map((one) => one * 1.01);
    expect(() => readModel(packModel({ ...model, forest: { ...model.forest, value } }))).toThrow(
      /golden row/,
    );
    const calibration = {
      ...model.info.calibration,
      falsePositiveRates: model.info.calibration.falsePositiveRates.map((r) => r / 2),
    };
    expect(() => readModel(packModel({ ...model, info: { ...model.info, calibration } }))).toThrow(
      /golden row/,
    );
  });

  it('is refused where the program computes other features', () => {
    expect(() => requireSchema(model, features)).not.toThrow();
    expect(() => requireSchema(model, [...features.slice(1), 'more'])).toThrow(
      /feature schema .* Train a new one/,
    );
    const renamed = { ...model.info, features: features.toReversed() };
    expect(() => readModel(packModel({ ...model, info: renamed }))).toThrow(/another version of the schema/);
  });
});

describe('training data that does not suffice', () => {
  it('is refused with the reason', () => {
    const few = rows(2000, 34);
    let left = 19;
    few.labels = few.labels.map((label) => (label === 1 && left-- > 0 ? 1 : 0));
    expect(() => train(few)).toThrow(/19 of the 2000 rows are known frauds; a model needs 20/);
    const all = rows(2000, 35);
    all.labels.fill(1);
    expect(() => train(all)).toThrow(TrainingError);
    const { columns, labels, at } = rows(60, 36);
    labels.fill(1, 0, 40);
    expect(() => train({ columns, labels, at })).toThrow(/hold-out has/);
    expect(() => train({ columns: columns.slice(1), labels, at })).toThrow(/4 columns for 5 features/);
  });

  it('gives a sound model with twenty frauds, duplicates and columns without a value', () => {
    const data = rows(3000, 37);
    let left = 20;
    data.labels = data.labels.map((label) => (label === 1 && left-- > 0 ? 1 : 0));
    data.columns[4] = new Float32Array(3000).fill(Number.NaN);
    data.columns[3] = data.columns[0]!;
    const { info } = readModel(packModel(train(data)));
    expect(info.holdOut.frauds).toBeGreaterThanOrEqual(4);
    expect(info.holdOut.frauds).toBeLessThanOrEqual(12);
  });
});

describe('champion and challenger', () => {
  const metrics = { rows: 1000, frauds: 20, areaUnderRoc: 0.9, averagePrecision: 0.5, recallAt1Percent: 0.6 };
  it('promotes only what falls in neither average precision nor recall', () => {
    expect(promotes(undefined, metrics)).toBe(true);
    expect(promotes(metrics, metrics)).toBe(true);
    expect(promotes(metrics, { ...metrics, averagePrecision: 0.51 })).toBe(true);
    expect(promotes(metrics, { ...metrics, averagePrecision: 0.6, recallAt1Percent: 0.59 })).toBe(false);
    expect(promotes(metrics, { ...metrics, averagePrecision: 0.49, recallAt1Percent: 0.9 })).toBe(false);
    expect(promotes(metrics, { ...metrics, averagePrecision: Number.NaN })).toBe(false);
    expect(promotes({ ...metrics, frauds: 0 }, { ...metrics, frauds: 0, averagePrecision: Number.NaN })).toBe(
      true,
    );
  });
});
