import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, azuriteConnectionString, startAzurite } from '../../test/azurite.ts';
import { type LossyProxy, startProxy } from '../../test/proxy.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { counterKeyOf, counterOf, partitionKeyOf, tableName } from './rows.ts';
import { type Contribution, openVelocities, type Velocities } from './velocities.ts';
import type { Window } from './window.ts';

let azurite: Azurite;
let proxy: LossyProxy;
let storage: Storage;
/** two processes on one account, and one behind a connection that fails on demand */
let velocities: Velocities;
let others: Velocities;
let shaky: Velocities;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startProxy(azurite.ports.table);
  const open = (ports: Azurite['ports']) => openStorage({ connectionString: azuriteConnectionString(ports) });
  storage = open(azurite.ports);
  await storage.ensure({ tables: [tableName] });
  velocities = openVelocities(storage);
  others = openVelocities(open(azurite.ports));
  shaky = openVelocities(open({ ...azurite.ports, table: proxy.port }));
});

afterAll(async () => {
  await proxy?.stop();
  await azurite?.stop();
});

const now = Date.UTC(2026, 10, 21, 12, 30, 15);
const day = 86_400_000;
const root = 'primary';
const week: Window = { count: 7, unit: 'd' };

const contribution = (key: string, more: Partial<Contribution> = {}): Contribution => ({
  velocity: 'n',
  version: 1,
  aggregate: 'count',
  key,
  value: 1,
  at: now,
  shard: 0,
  ...more,
});

async function counted(
  key: string,
  more: { id?: string; shards?: number; window?: Window; of?: Velocities } = {},
) {
  const { id = 'n', shards = 1, window = week, of = velocities } = more;
  return (await of.read(root, [{ ref: { id, aggregate: 'count', shards }, key, window }], now))[0];
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('reading', () => {
  it('gives 0 where nothing was counted', async () => {
    expect(await counted('nobody')).toBe(0);
    expect(await counted('nobody', { shards: 4 })).toBe(0);
  });

  it('gives 0 for an empty key without asking', async () => {
    const ports = { blob: 1, queue: 1, table: 1 };
    const dead = openVelocities(openStorage({ connectionString: azuriteConnectionString(ports) }));
    expect(await counted('', { of: dead })).toBe(0);
    await expect(counted('a', { of: dead })).rejects.toMatchObject({ status: 503 });
    await expect(dead.apply(root, 'e', [contribution('a')])).rejects.toMatchObject({ status: 503 });
  });

  it('fails, and leaves no failure behind, where a counter is broken while those of writes to come are read', async () => {
    const partitionKey = partitionKeyOf(root, 'broken', 0);
    await storage.table(tableName).put({ partitionKey, rowKey: counterKeyOf('n'), aggregate: 'none' });
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const wanted = { ref: { id: 'n', aggregate: 'count', shards: 1 }, key: 'broken', window: week } as const;
    const upcoming = numbers(100).map((index) => ({ velocity: 'n', key: `next ${index}`, shard: 0 }));
    await expect(velocities.read(root, [wanted], now, upcoming)).rejects.toThrow('is no counter');
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('keeps of a counter its own bytes, not the memory that the answer was read into', async () => {
    await velocities.apply(root, 'e of slim', [contribution('slim')]);
    const row = await storage.table(tableName).read(partitionKeyOf(root, 'slim', 0), counterKeyOf('n'));
    const { bytes } = counterOf(row ?? { partitionKey: '', rowKey: '', etag: '' });
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  it('answers many windows and velocities at once, in the order asked', async () => {
    const event = (name: string, ago: number, amount: number, item: string) => {
      const at = now - ago;
      return velocities.apply(root, name, [
        contribution('reader', { at }),
        contribution('reader', { at, velocity: 's', aggregate: 'sum', value: amount }),
        contribution('reader', { at, velocity: 'd', aggregate: 'distinct', value: item }),
      ]);
    };
    await event('now', 0, 0.7, 'a');
    await event('a minute ago', 60_000, 0.1, 'b');
    await event('yesterday', day, 100, 'a');
    const ask = (
      id: string,
      aggregate: 'count' | 'sum' | 'distinct',
      count: number,
      unit: Window['unit'],
    ) => ({
      ref: { id, aggregate, shards: 1 },
      key: 'reader',
      window: { count, unit },
    });
    const wanted = [
      ask('s', 'sum', 5, 'm'),
      ask('n', 'count', 1, 's'),
      ask('n', 'count', 1, 'd'),
      ask('d', 'distinct', 1, 'd'),
      ask('d', 'distinct', 1, 's'),
      ask('s', 'sum', 90, 'd'),
      ask('none', 'sum', 90, 'd'),
    ];
    expect(await velocities.read(root, wanted, now)).toEqual([0.8, 1, 3, 2, 1, 100.8, 0]);
    expect(await velocities.read('another root', wanted, now)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('keeps keys, velocities and events apart, whatever their characters', async () => {
    const texts = [
      '/',
      '\\',
      '#',
      '?',
      '%',
      '|',
      "'",
      'A',
      'a',
      ' a',
      'é',
      'e\u0301',
      '\ud800',
      '\u0000',
      'x'.repeat(9_000),
    ];
    await Promise.all(
      texts.flatMap((text, index) =>
        numbers(index + 1).map((n) =>
          velocities.apply(root, `${text}${n}`, [contribution(text, { velocity: text })]),
        ),
      ),
    );
    expect(await Promise.all(texts.map((text) => counted(text, { id: text })))).toEqual(
      texts.map((_, index) => index + 1),
    );
  });
});

describe('applying', () => {
  it('counts an event once, however often and wherever it is applied', async () => {
    const event = [contribution('once'), contribution('once', { velocity: 'm' }), contribution('once too')];
    await velocities.apply(root, 'e', event);
    await velocities.apply(root, 'e', event);
    await others.apply(root, 'e', [...event].reverse());
    await Promise.all([velocities, others, velocities, others].map((store) => store.apply(root, 'f', event)));
    expect([await counted('once'), await counted('once', { id: 'm' }), await counted('once too')]).toEqual([
      2, 2, 2,
    ]);
  });

  it('completes what was begun', async () => {
    await velocities.apply(root, 'begun', [contribution('first half')]);
    await others.apply(root, 'begun', [contribution('first half'), contribution('second half')]);
    expect([await counted('first half'), await counted('second half')]).toEqual([1, 1]);
  });

  it('adds nothing for an empty key or value', async () => {
    await velocities.apply(root, 'empty', [
      contribution(''),
      contribution('k', { aggregate: 'distinct', value: '' }),
    ]);
    await velocities.apply(root, 'none', []);
    expect(await counted('k')).toBe(0);
  });

  it('is idempotent under any interleaving of replays, over two processes and lost answers', async () => {
    const call = fc.record({ event: fc.nat(12), store: fc.nat(2), lose: fc.nat(9), together: fc.nat(4) });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), async (calls) => {
        run += 1;
        const key = `interleaved ${run}`;
        const contributionsOf = (event: number) => [
          contribution(key, { shard: event % 2 }),
          contribution(key, { shard: event % 2, velocity: 's', aggregate: 'sum', value: event / 10 }),
          contribution(`${key} too`, { velocity: 'd', aggregate: 'distinct', value: event % 5 }),
        ];
        let pending: Promise<void>[] = [];
        for (const { event, store, lose, together } of calls) {
          if (lose === 0) proxy.loseAnswers(1);
          pending.push(
            ([velocities, others, shaky][store] ?? shaky).apply(root, `e${event}`, contributionsOf(event)),
          );
          if (together > 0) continue;
          await Promise.all(pending);
          pending = [];
        }
        await Promise.all(pending);
        const events = [...new Set(calls.map(({ event }) => event))];
        const ask = (id: string, aggregate: 'count' | 'sum' | 'distinct', of: string) => ({
          ref: { id, aggregate, shards: 2 },
          key: of,
          window: week,
        });
        const wanted = [ask('n', 'count', key), ask('s', 'sum', key), ask('d', 'distinct', `${key} too`)];
        expect(await velocities.read(root, wanted, now)).toEqual([
          events.length,
          events.reduce((sum, event) => sum + event, 0) / 10,
          new Set(events.map((event) => event % 5)).size,
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it.each([1, 4])('counts 200 at once as 200, over %i shards', async (shards) => {
    const key = `hot ${shards}`;
    const apply = (index: number) =>
      velocities.apply(root, `e${index}`, [contribution(key, { shard: index % shards })]);
    await Promise.all(numbers(200).map(apply));
    expect(await counted(key, { shards })).toBe(200);
  });

  it.each([1, 4])('counts 200 at once from two processes as 200, over %i shards', async (shards) => {
    const key = `contended ${shards}`;
    const apply = (index: number) =>
      (index % 2 === 0 ? velocities : others).apply(root, `e${index}`, [
        contribution(key, { shard: Math.floor(index / 2) % shards }),
      ]);
    await Promise.all(numbers(200).map(apply));
    expect(await counted(key, { shards })).toBe(200);
    expect(await counted(key, { shards, of: others })).toBe(200);
  });

  it('takes an event with more velocities of one key than a transaction holds, once', async () => {
    const many = numbers(130).map((index) => contribution('many', { velocity: `v${index}` }));
    await Promise.all([velocities.apply(root, 'e', many), others.apply(root, 'e', [...many].reverse())]);
    const wanted = many.map(({ velocity }) => ({
      ref: { id: velocity, aggregate: 'count' as const, shards: 1 },
      key: 'many',
      window: week,
    }));
    expect(await velocities.read(root, wanted, now)).toEqual(many.map(() => 1));
  });

  it('keeps counting where a distinct counter is large', async () => {
    const distinct = (value: number, more: Partial<Contribution> = {}) =>
      contribution('large', { aggregate: 'distinct', value, velocity: 'd0', ...more });
    // one event may bring many values of one velocity
    await velocities.apply(
      root,
      'bulk',
      numbers(40_000).map((value) => distinct(value)),
    );
    await Promise.all(
      numbers(60).map((index) =>
        velocities.apply(
          root,
          `e${index}`,
          numbers(20).map((n) => distinct(index, { velocity: `d${n}` })),
        ),
      ),
    );
    const ask = (id: string) => ({
      ref: { id, aggregate: 'distinct' as const, shards: 1 },
      key: 'large',
      window: week,
    });
    const [large = 0, small] = await velocities.read(root, [ask('d0'), ask('d19')], now);
    expect(Math.abs(large / 40_000 - 1)).toBeLessThan(0.06);
    expect(small).toBe(60);
  });

  it('gives up with a 503 when its time is over', async () => {
    const hurried = openVelocities(storage, { patienceMs: 0 });
    await expect(hurried.apply(root, 'e', [contribution('late')])).rejects.toMatchObject({ status: 503 });
    expect(await counted('late')).toBe(0);
  });

  it('lets no contribution that cannot be counted hinder the others', async () => {
    const faulty = velocities.apply(root, 'faulty', [
      contribution('mixed', { aggregate: 'sum', velocity: 's', value: 'x' }),
    ]);
    const good = numbers(5).map((index) => velocities.apply(root, `e${index}`, [contribution('mixed')]));
    await expect(faulty).rejects.toThrow(RangeError);
    await Promise.all(good);
    expect(await counted('mixed')).toBe(5);
  });

  it('begins anew where a velocity’s aggregate has changed, and drops what the old definition still brings', async () => {
    const sum = { aggregate: 'sum', version: 2, value: 2.5 } as const;
    await velocities.apply(root, 'old', [contribution('changed')]);
    await velocities.apply(root, 'new', [contribution('changed', sum)]);
    await velocities.apply(root, 'late', [contribution('changed')]);
    await Promise.all([
      velocities.apply(root, 'new 2', [contribution('changed', sum)]),
      velocities.apply(root, 'late 2', [contribution('changed')]),
    ]);
    expect(await counted('changed')).toBe(0);
    const ref = { id: 'n', aggregate: 'sum' as const, shards: 1 };
    expect(await velocities.read(root, [{ ref, key: 'changed', window: week }], now)).toEqual([5]);
  });
});

describe('markers', () => {
  const markersOf = async (key: string) => {
    const found: string[] = [];
    const partition = partitionKeyOf(root, key, 0);
    for await (const row of storage.table(tableName).range(partition, { from: 'm|', before: 'm}' }))
      found.push(row.rowKey);
    return found;
  };

  it('are removed when no window reaches their event any more, and then a replay changes no answer', async () => {
    // without sweeps of its own, which would be faster now and then
    const quiet = openVelocities(storage, { sweepShare: 0 });
    const old = contribution('swept', { at: now - 94 * day });
    await quiet.apply(root, 'old', [old]);
    await quiet.apply(root, 'in reach', [contribution('swept', { at: now - 89 * day })]);
    await quiet.apply(root, 'new', [contribution('swept')]);
    expect(await quiet.sweep(root, 'swept', 0, now)).toBe(1);
    expect(await quiet.sweep(root, 'swept', 0, now)).toBe(0);
    expect(await markersOf('swept')).toHaveLength(2);
    const ninety: Window = { count: 90, unit: 'd' };
    expect(await counted('swept', { window: ninety })).toBe(2);
    await quiet.apply(root, 'old', [old]);
    await quiet.apply(root, 'in reach', [contribution('swept', { at: now - 89 * day })]);
    expect(await counted('swept', { window: ninety })).toBe(2);
  });
});
