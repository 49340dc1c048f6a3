import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { FeatureEvent } from './features/event.ts';
import { featureNames } from './features/schema.ts';
import { historyTable } from './historyRows.ts';
import { type Model, type ModelKind, packModel } from './model.ts';
import { modelNames } from './modelStore.ts';
import { openScoring } from './scoring.ts';
import { madeRows } from './testData.ts';
import { trainModel } from './trainer.ts';

let azurite: Azurite;
let storage: Storage;
beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ ...modelNames, ...historyTable });
});
afterAll(() => azurite.stop());

function make(
  kind: ModelKind,
  day: number,
  frauds?: number,
  features: readonly string[] = featureNames,
): Model {
  const { columns, labels } = madeRows(900, day);
  const all = features.map((_, i) => Float32Array.from(columns[i] ?? new Float32Array(labels.length)));
  const created = `2026-03-${String(day).padStart(2, '0')}T00:00:00.000Z`;
  const at = Float64Array.from(labels, (_, i) => i);
  const model = trainModel({ columns: all, labels, at }, { kind, created, features, trees: { trees: 5 } });
  const { trainedOn } = model.info;
  return {
    ...model,
    info: { ...model.info, trainedOn: { ...trainedOn, frauds: frauds ?? trainedOn.frauds } },
  };
}

/** An instance whose clock the test sets. */
async function instance() {
  const at = { ms: 0 };
  const warnings: string[] = [];
  const options = { warn: (message: string) => warnings.push(message), elapsed: () => at.ms };
  return { scoring: await openScoring(storage, options), at, warnings };
}
type Instance = Awaited<ReturnType<typeof instance>>;

/** A use some time later, which looks for models in the background. */
async function used({ scoring, at }: Instance, root: string): Promise<void> {
  at.ms += 6_000;
  await scoring.freshen(root);
}

const note = { at: '2026-03-10T00:00:00.000Z', by: 'test' };
const purchase: FeatureEvent = {
  type: 'Purchase',
  id: 'p',
  at: Date.UTC(2026, 2, 10),
  payload: { totalAmount: 120, user: { userId: 'u' } },
};
const versionOf = ({ scoring }: Instance, root: string, event = purchase) =>
  scoring.of(root).risk(event, { histories: {} }).version;

describe('the scorers of a root environment', () => {
  it('are scorecards until a model is promoted, which every instance then uses', async () => {
    const instances = [await instance(), await instance()];
    for (const one of instances) await used(one, 'shop');
    const { scoring } = instances[0]!;
    expect(scoring.of('shop').hasModelFor('Purchase')).toBe(false);
    const plain = scoring.of('shop').risk(purchase, { histories: {} });
    expect(plain).toMatchObject({ share: 0 });
    expect(plain.model).toBeUndefined();

    const place = { environment: 'shop', kind: 'risk' as const };
    const version = await scoring.models.save(place, make('risk', 1, 200));
    await scoring.models.promote(place, version, note);
    for (const one of instances) {
      await expect.poll(() => used(one, 'shop').then(() => versionOf(one, 'shop'))).toBe(version);
      expect(versionOf(one, 'another shop')).toBeUndefined();
    }
    const scored = scoring.of('shop').risk(purchase, { histories: {} });
    expect(scored).toMatchObject({ version, share: 1 });
    expect(scored.score).toBe(scored.model?.score);
    // a process that starts now has it from its first event on
    const late = await instance();
    await late.scoring.freshen('shop');
    expect(versionOf(late, 'shop')).toBe(version);
  });

  it('ask a model for the events that it learnt from, and only with their histories', async () => {
    const one = await instance();
    await one.scoring.freshen('shop');
    const scorers = one.scoring.of('shop');
    expect(scorers.risk(purchase, { histories: {} }).model).toBeDefined();
    expect(scorers.risk(purchase, {}).model).toBeUndefined();
    for (const type of ['AccountLogin', 'Transfer', 'SignUp'])
      expect(scorers.risk({ ...purchase, type }, { histories: {} }).model).toBeUndefined();
    expect(scorers.hasModelFor('AccountLogin')).toBe(false);
  });

  it('keep the model before where one is damaged, made for other features, or gone, and say so once', async () => {
    const { scoring } = await instance();
    const place = { environment: 'careful', kind: 'risk' as const };
    const good = await scoring.models.save(place, make('risk', 2));
    await scoring.models.promote(place, good, note);
    const one = await instance();
    await one.scoring.freshen('careful');
    const blobs = storage.blobs('models');
    const damaged = packModel(make('risk', 3));
    damaged[damaged.length - 100]! ^= 1;
    const golden = make('risk', 4);
    golden.info.golden[0]!.score += 1;
    const others: [string, Uint8Array | undefined, RegExp][] = [
      ['damaged', damaged, /checksum is wrong/],
      ['golden', packModel(golden), /golden row 0/],
      ['features', packModel(make('risk', 5, undefined, ['a', 'b', 'c'])), /feature schema/],
      ['gone', undefined, /There is no risk model gone/],
    ];
    for (const [version, bytes, reason] of others) {
      if (bytes) await blobs.write(`careful/risk/${version}.model`, bytes);
      await blobs.write('careful/risk/current.json', JSON.stringify({ champion: version, log: [] }));
      await expect
        .poll(() => used(one, 'careful').then(() => one.scoring.problems('careful').risk))
        .toMatch(reason);
      expect(versionOf(one, 'careful')).toBe(good);
      expect(one.warnings.at(-1)).toMatch(reason);
    }
    expect(one.warnings).toHaveLength(others.length);
    const next = await scoring.models.save(place, make('risk', 6));
    await scoring.models.promote(place, next, note);
    await expect.poll(() => used(one, 'careful').then(() => versionOf(one, 'careful'))).toBe(next);
    expect(one.scoring.problems('careful')).toEqual({});
  });

  it('mix scorecard and model while few frauds are known', async () => {
    const { scoring } = await instance();
    const place = { environment: 'young', kind: 'risk' as const };
    await scoring.models.promote(place, await scoring.models.save(place, make('risk', 1, 60)), note);
    await scoring.freshen('young');
    const mixed = scoring.of('young').risk(purchase, { histories: {} });
    const plain = scoring.of('young').risk(purchase, {});
    expect(mixed.share).toBe(0.5);
    expect(mixed.score).toBe(Math.round((plain.score + (mixed.model?.score ?? 0)) / 2));
  });
});

describe('the bot score', () => {
  const login: FeatureEvent = {
    type: 'AccountLogin',
    id: 'l',
    at: Date.UTC(2026, 2, 10),
    payload: { user: { userId: 'u' }, device: { httpUserAgent: 'curl/8.0' } },
  };

  it('is the scorecard’s until there is a model of labelled bots, then the model’s with its reason codes', async () => {
    const { scoring } = await instance();
    await scoring.freshen('bots');
    const before = scoring.of('bots').bot(login, { histories: {} });
    expect(before).toMatchObject({ share: 0, reason: 'SCRIPTED_CLIENT' });
    expect(before.score).toBeGreaterThan(800);

    const place = { environment: 'bots', kind: 'bot' as const };
    const version = await scoring.models.save(place, make('bot', 1, 200));
    await scoring.models.promote(place, version, note);
    const { scoring: other } = await instance();
    await other.freshen('bots');
    expect(other.of('bots').hasModelFor('AccountLogin')).toBe(true);
    const after = other.of('bots').bot(login, { histories: {} });
    expect(after).toMatchObject({ version, share: 1 });
    expect(after.score).toBe(after.model?.score);
    expect(after.reason).toMatch(/^(NO_SIGNS|\d+-[A-Z_]+:[A-Z_]+(,\d+-[A-Z_]+:[A-Z_]+)*)$/);
    // no model of bots says anything of purchases, nor of the risk of a sign-in
    expect(other.of('bots').bot({ ...login, type: 'Purchase' }, { histories: {} }).model).toBeUndefined();
    expect(other.of('bots').risk(login, { histories: {} }).model).toBeUndefined();
  });
});
