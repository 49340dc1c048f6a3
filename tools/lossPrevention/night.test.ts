import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../shared/duck.ts';
import { folderFiles } from '../../shared/lossPrevention/files.ts';
import { bringUpToDate, monthsFrom, type NightResult } from '../../shared/lossPrevention/night.ts';
import { runLossPrevention } from '../../shared/lossPrevention/run.ts';
import { at, customerSums, productSums, sumNames } from '../../shared/lossPrevention/sums.ts';
import { addDay, closeCards, newTotals, type Totals } from './aggregate.ts';
import { generate, type SampleSettings, sampleDefaults } from './generate.ts';
import { random } from './random.ts';

const small: SampleSettings = {
  ...sampleDefaults,
  days: 12,
  stores: 2,
  staffPerStore: 6,
  months: 1,
  start: '2026-02',
  transactionsPerMonth: 60,
};
let root: string;
let engine: Engine;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lp-test-'));
  engine = await openEngine({ directory: join(root, 'work'), memoryBytes: 256 * 1048576, threads: 1 });
});

afterAll(async () => {
  engine?.close();
  await rm(root, { recursive: true, force: true });
});

const night = (folder: string, lake = join(folder, 'lake')) =>
  bringUpToDate({
    lake: folderFiles(lake),
    out: folderFiles(join(folder, 'out')),
    engine,
    prefix: '',
    largestFileBytes: 1e9,
    signal: new AbortController().signal,
    progress: () => undefined,
  });

async function sample(
  name: string,
  settings: Partial<SampleSettings> = {},
): Promise<{ folder: string; totals: Totals }> {
  const folder = join(root, name);
  const totals = newTotals();
  await generate(folder, { ...small, ...settings }, (store, month, sales) =>
    addDay(totals, store, month, sales, true),
  );
  closeCards(totals);
  return { folder, totals };
}

async function expectSameSums(
  folder: string,
  result: NightResult,
  totals: Totals,
  roles: boolean,
): Promise<void> {
  const place = { out: folderFiles(join(folder, 'out')), engine };
  const addedUp = async (of: 'products' | 'customers', keys: string[], sums: readonly string[]) =>
    engine.rows(`SELECT ${keys.join(', ')}, ${sums.map((name) => `CAST(coalesce(sum(${name}), 0) AS BIGINT) AS ${name}`).join(', ')}
      FROM ${await monthsFrom(place, result.months, of)} GROUP BY ${keys.join(', ')}`);
  const tills = await engine.rows(`SELECT * FROM ${await monthsFrom(place, result.months, 'tills')}`);
  const withoutRole = (key: string) =>
    key
      .split('|')
      .filter((_, i) => roles || i !== 4)
      .join('|');
  const expected = new Map([...totals.tills].map(([key, sums]) => [withoutRole(key), [...sums]]));
  const found = new Map(
    tills.map((row) => [
      withoutRole(
        [
          result.months[Number(row.month)]!.month,
          row.staff,
          row.terminal,
          row.store,
          row.role,
          row.region,
        ].join('|'),
      ),
      sumNames.map((name) => row[name]),
    ]),
  );
  expect(found).toEqual(expected);
  const products = await addedUp('products', ['item', 'category', 'staff'], productSums);
  expect(products.length).toBeGreaterThan(100);
  for (const row of products) {
    const sums = totals.products.get([result.months[0]!.month, row.item, row.category, row.staff].join('|'));
    for (const name of productSums) if (name !== 'transactions') expect(row[name]).toBe(sums?.[at[name]]);
  }
  const customers = await addedUp('customers', ['customer', 'store', 'region', 'staff'], customerSums);
  expect(customers.length).toBeGreaterThan(20);
  for (const row of customers) {
    const sums = totals.customers.get(
      [result.months[0]!.month, row.customer, row.store, row.region, row.staff].join('|'),
    );
    for (const name of customerSums) if (name !== 'transactions') expect(row[name]).toBe(sums?.[at[name]]);
  }
}

describe('the sums of a lake', () => {
  it('are those of a hand-written aggregation, of CDM folders, Parquet, gzip and headerless files alike', async () => {
    const layouts: Partial<SampleSettings>[] = [
      { layout: 'cdm', abuse: 0.8 },
      { layout: 'headerless', delimiter: ';', gzip: true },
      { layout: 'parquet' },
    ];
    for (const [i, settings] of layouts.entries()) {
      const { folder, totals } = await sample(`layout-${i}`, { ...settings, stores: i === 0 ? 3 : 1 });
      const result = await night(folder);
      expect(result.problems).toEqual([]);
      const some = (name: 'sameCard' | 'cashVoids') =>
        [...totals.tills.values()].some((sums) => sums[at[name]]! > 0);
      if (i === 0) expect([some('sameCard'), some('cashVoids')]).toEqual([true, true]);
      await expectSameSums(folder, result, totals, settings.layout !== 'headerless');
    }
  });

  it('read only what is new: nothing the second time, one day when one day changed, and forget what is gone', async () => {
    const { folder, totals } = await sample('days', { delimiter: '\t' });
    const first = await night(folder);
    await expectSameSums(folder, first, totals, true);
    expect([first.unitsRead, first.monthsRolled]).toEqual([12, 1]);
    const again = await night(folder);
    expect([again.unitsRead, again.monthsRolled, again.rowsRead]).toEqual([0, 0, 0]);

    const day = join(folder, 'lake', 'Transactions', '2026-02-10.tsv');
    const rows = (await readFile(day, 'utf8')).trimEnd().split('\n');
    await appendFile(day, `${rows.at(-1)!.replace(/^[^\t]+/, 'S0001-late')}\n`);
    const changed = await night(folder);
    expect([changed.unitsRead, changed.monthsRolled]).toEqual([1, 1]);

    for (const entity of ['Transactions', 'Sales', 'Payments'])
      await rm(join(folder, 'lake', entity, '2026-02-11.tsv'));
    const fewer = await night(folder);
    expect([fewer.unitsRead, fewer.monthsRolled, fewer.units.length]).toEqual([0, 1, 11]);
    const kept = await readdir(join(folder, 'out', 'partials'));
    const folders = await Promise.all(kept.map((name) => readdir(join(folder, 'out', 'partials', name))));
    expect(folders.filter((names) => names.length > 0)).toHaveLength(11);
  });
});

describe('what a run leaves', () => {
  it('is two dashboards while somebody may be on the pages of the first, then the newest alone', async () => {
    const { folder } = await sample('pages', { stores: 1, staffPerStore: 4, days: 3 });
    const left = async () => {
      const settings = { lake: folderFiles(join(folder, 'lake')), out: folderFiles(join(folder, 'out')) };
      const outcome = await runLossPrevention({ ...settings, temporary: folder });
      const pages = Object.keys(await fingerprint(join(folder, 'out', 'dashboards')));
      return [outcome.ok, new Set(pages.map((path) => path.split('/')[1])).size];
    };
    expect(await left()).toEqual([true, 1]);
    await rm(join(folder, 'lake', 'Transactions', '2026-02-02.csv'));
    expect(await left()).toEqual([true, 2]);
    expect(await left()).toEqual([true, 1]);
  });

  it('is no work folder, of its own or of a run that was killed', async () => {
    const folder = join(root, 'work-folders');
    const dead = join(folder, 'holdfast-lp-dead', 'in');
    await mkdir(dead, { recursive: true });
    await utimes(join(dead, '..'), 0, 0);
    const empty = folderFiles(join(root, 'empty'));
    await runLossPrevention({ lake: empty, out: empty, temporary: folder });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a run that is killed', () => {
  it('at ten moments one after another still ends in the same dashboard, byte for byte', async () => {
    const { folder } = await sample('killed', { stores: 1, staffPerStore: 8 });
    const lake = join(folder, 'lake');
    const whole = await runLossPrevention({
      lake: folderFiles(lake),
      out: folderFiles(join(folder, 'whole')),
      temporary: root,
      threads: 1,
    });
    expect(whole.ok).toBe(true);
    const r = random('moments');
    const out = join(folder, 'killed');
    for (let i = 0; i < 10; i++)
      expect(await mortal(lake, out, 1 + r.below(i < 8 ? 20 : 90))).toBe('SIGKILL');
    const last = await runLossPrevention({
      lake: folderFiles(lake),
      out: folderFiles(out),
      temporary: root,
      threads: 1,
    });
    expect(last).toMatchObject({ ok: true, summary: { dashboard: whole.ok && whole.summary.dashboard } });
    expect(last.ok && last.summary.unitsRead).toBeLessThan(12);
    expect(await fingerprint(join(out, 'dashboards'))).toEqual(
      await fingerprint(join(folder, 'whole', 'dashboards')),
    );
  }, 120_000);

  it('keeps out a second run while it lives', async () => {
    const { folder } = await sample('busy', { stores: 1, staffPerStore: 4 });
    const settings = {
      lake: folderFiles(join(folder, 'lake')),
      out: folderFiles(join(folder, 'out')),
      temporary: root,
    };
    const outcomes = await Promise.all([runLossPrevention(settings), runLossPrevention(settings)]);
    expect(outcomes.map((outcome) => (outcome.ok ? 'done' : outcome.reason)).sort()).toEqual([
      'busy',
      'done',
    ]);
  });
});

/** Runs `mortal.ts`; answers the signal that ended it. */
function mortal(lake: string, out: string, moment: number): Promise<string | null> {
  const script = join(import.meta.dirname, 'mortal.ts');
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [script, lake, out, join(root, 'mortal'), String(moment)],
      (_error, _stdout, stderr) => {
        if (child.signalCode === null) reject(new Error(`it lived: ${stderr}`));
        else resolve(child.signalCode);
      },
    );
  });
}

async function fingerprint(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = await Promise.all(
    files.sort().map(
      async (path): Promise<[string, string]> => [
        path.slice(folder.length),
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ],
    ),
  );
  return Object.fromEntries(pairs);
}

describe('the sample', () => {
  it('is the same for the same seed, and --abuse 0 plants nothing', async () => {
    const one = await sample('seed-1', { stores: 1, staffPerStore: 4 });
    const two = await sample('seed-2', { stores: 1, staffPerStore: 4 });
    expect(await fingerprint(one.folder)).toEqual(await fingerprint(two.folder));
    const clean = await sample('seed-3', { stores: 1, staffPerStore: 4, abuse: 0 });
    const truth = JSON.parse(await readFile(join(clean.folder, 'truth.json'), 'utf8'));
    expect(truth).toEqual({ staff: [], terminals: [], products: [], customers: [] });
  });
});
