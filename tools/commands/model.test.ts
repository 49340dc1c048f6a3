import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FeatureEvent } from '../../shared/scoring/features/event.ts';
import { featureNames } from '../../shared/scoring/features/schema.ts';
import { packModel, readModel } from '../../shared/scoring/model.ts';
import { madeRows } from '../../shared/scoring/testData.ts';
import { handbookSettings, purchaseOf, simulate } from '../scoring/simulator.ts';
import { run } from './model.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-model-'));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs the command and gives what it printed. */
async function command(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void out.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void err.push(text));
  const code = await run(args);
  vi.restoreAllMocks();
  return { code, out, err: err.join('\n') };
}

function csv(rows: number, seed: number): string {
  const { columns, labels } = madeRows(rows, seed);
  const lines = Array.from(labels, (label, i) =>
    [
      ...columns.map((column) => (Number.isNaN(column[i]!) ? '' : column[i])),
      label,
      `card ${i % 50}`,
      i % 2,
    ].join(','),
  );
  return `amount,hour,known,kind,noise,fraud,card,day\n${lines.join('\n')}\n`;
}

describe('model eval', () => {
  beforeAll(() => {
    writeFileSync(file('a.csv'), csv(3000, 1));
    writeFileSync(file('b.csv'), csv(2000, 2));
  });
  const files = () => ['--train', file('a.csv'), '--test', file('b.csv'), '--label', 'fraud'];

  it('prints the metrics as one line of JSON', async () => {
    const { code, out } = await command('eval', ...files(), '--group', 'card', '--k', '10', '--day', 'day');
    expect(code).toBe(0);
    expect(out.length).toBe(1);
    const result = JSON.parse(out[0]!);
    expect(result).toMatchObject({ trainRows: 3000, testRows: 2000, features: 5, k: 10 });
    // frauds are few: stopped before all 300
    expect(result.trees).toBeLessThan(300);
    expect(result.aucRoc).toBeGreaterThan(0.65);
    expect(result.averagePrecision).toBeGreaterThan(0.1);
    expect(result.precisionAtK).toBeGreaterThan(0.1);
    expect(result.trainSeconds).toBeGreaterThan(0);
    expect(result.peakMemoryMB).toBeGreaterThan(10);
  });

  it('says in one line what is wrong with its arguments or files', async () => {
    const wrong = async (exit: number, ...args: string[]) => {
      const { code, err, out } = await command('eval', ...args);
      expect([code, out]).toEqual([exit, []]);
      return err;
    };
    expect(await wrong(2)).toMatch(/--train is needed/);
    expect(await wrong(2, '--trian', 'x')).toMatch(/--trian/);
    expect(await wrong(1, ...files().with(1, file('none.csv')))).toMatch(/no such file/);
    expect(await wrong(1, ...files().with(5, 'frod'))).toMatch(/no column frod/);
    expect(await wrong(1, ...files().with(5, 'hour'))).toMatch(/must be 0 or 1/);
    expect(await wrong(1, ...files(), '--group', 'nobody')).toMatch(/no column nobody/);
    writeFileSync(file('one.csv'), 'amount,fraud\n1,0\n2,0\n');
    expect(await wrong(1, ...files().with(1, file('one.csv')))).toMatch(/all 2 rows are legitimate/);
    const paint = await command('paint');
    expect([paint.code, paint.err]).toEqual([2, expect.stringMatching(/holdfast model eval/)]);
  });
});

describe('model train and model score', () => {
  const made = simulate({
    ...handbookSettings,
    customers: 50,
    terminals: 30,
    radius: 30,
    days: 30,
    terminalsPerDay: 0,
    customersPerDay: 1,
  });
  const event = (row: number): FeatureEvent => ({
    type: 'Purchase',
    id: `purchase-${row}`,
    at: made.at[row]!,
    payload: purchaseOf(made, row),
  });
  const eventLines = Array.from({ length: made.count }, (_, row) => {
    const { type, at, payload } = event(row);
    return JSON.stringify({ type, received: new Date(at).toISOString(), event: payload });
  });
  const labelLines = [...made.fraud.keys()]
    .filter((row) => made.fraud[row] === 1)
    .map((row) =>
      JSON.stringify({
        purchaseId: `purchase-${row}`,
        isFraud: true,
        received: made.at[row]! + 3 * 86_400_000,
      }),
    );
  beforeAll(async () => {
    writeFileSync(file('events.ndjson'), `${eventLines.join('\n')}\n`);
    writeFileSync(file('labels.ndjson'), labelLines.join('\n'));
    const { code, err, out } = await command(
      'train',
      '--events',
      file('events.ndjson'),
      '--labels',
      file('labels.ndjson'),
      '--out',
      file('m1'),
    );
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out[0]!)).toMatchObject({ maturityDays: 3, events: made.count });
  });

  it('gives the same bytes for the same files', async () => {
    const again = await command(
      'train',
      '--events',
      file('events.ndjson'),
      '--labels',
      file('labels.ndjson'),
      '--out',
      file('m2'),
    );
    expect(again.code).toBe(0);
    expect(readFileSync(file('m2'))).toEqual(readFileSync(file('m1')));
  });

  it('gives a line an event, in order, with a score and reasons; frauds score higher', async () => {
    const { code, out } = await command(
      'score',
      '--model',
      file('m1'),
      '--events',
      file('events.ndjson'),
      '--labels',
      file('labels.ndjson'),
    );
    expect(code).toBe(0);
    const scored = out.map((line): { id: string; score: number; reasons: { code: string; text: string }[] } =>
      JSON.parse(line),
    );
    expect(scored.map(({ id }) => id)).toEqual(
      Array.from({ length: made.count }, (_, row) => `purchase-${row}`),
    );
    for (const { score, reasons } of scored) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(999);
      expect(reasons[0]?.text).toMatch(/: /);
    }
    const mean = (fraud: number) => {
      const some = scored.filter((_, row) => made.fraud[row] === fraud).map(({ score }) => score);
      return some.reduce((a, b) => a + b, 0) / some.length;
    };
    expect(mean(1)).toBeGreaterThan(2 * mean(0));
  });

  it('refuses broken lines by number, damaged models, and models of other features', async () => {
    writeFileSync(
      file('bad.ndjson'),
      `${eventLines[0]}\n{"type":"Purchase","received":"2026-01-01","event":{}}\n`,
    );
    const bad = await command('score', '--model', file('m1'), '--events', file('bad.ndjson'));
    expect([bad.code, bad.out]).toEqual([1, []]);
    expect(bad.err).toMatch(/bad\.ndjson:2: purchaseId is required; merchantLocalDate is required/);
    const bytes = readFileSync(file('m1'));
    writeFileSync(file('damaged'), bytes.with(bytes.length - 100, bytes.at(-100)! ^ 1));
    const damaged = await command('score', '--model', file('damaged'), '--events', file('events.ndjson'));
    expect([damaged.code, damaged.err]).toEqual([1, expect.stringMatching(/checksum/)]);
    const model = readModel(bytes);
    const other = [...featureNames.slice(1), 'another'];
    const { schemaHash } = await import('../../shared/scoring/features/schema.ts');
    const info = { ...model.info, features: other, schemaHash: schemaHash(other) };
    writeFileSync(file('other'), packModel({ ...model, info }));
    const refused = await command('score', '--model', file('other'), '--events', file('events.ndjson'));
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/feature schema/)]);
  });

  it('says so where there are too few frauds to learn from', async () => {
    writeFileSync(file('few.ndjson'), labelLines.slice(0, 5).join('\n'));
    const { code, err } = await command(
      'train',
      '--events',
      file('events.ndjson'),
      '--labels',
      file('few.ndjson'),
      '--out',
      file('m3'),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/5 of the \d+ rows are known frauds; a model needs 20/);
  });
});
