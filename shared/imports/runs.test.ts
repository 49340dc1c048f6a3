import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Blobs, openStorage } from '../storage/index.ts';
import { lookAt, type OpenFile, readUnit } from './read.ts';
import { type Merged, mergeRuns, writeRun } from './runs.ts';
import type { Progress } from './types.ts';

let azurite: Azurite;
let blobs: Blobs;
beforeAll(async () => {
  azurite = await startAzurite();
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: ['imports'] });
  blobs = storage.blobs('imports');
});
afterAll(() => azurite?.stop());

async function all(names: readonly string[], from?: readonly number[]) {
  const found: { key: string; text: string; offsets: number[] }[] = [];
  for await (const item of mergeRuns(blobs, names, from) as AsyncGenerator<Merged>)
    found.push({ key: item.key, text: item.text, offsets: item.offsets() });
  return found;
}

describe('runs', () => {
  it('merge into the order of all their items, and go on from any of them', async () => {
    const items = fc.array(
      fc.tuple(
        fc.string({ maxLength: 3 }).map((s) => s.replaceAll(/[\t\n]/g, '_')),
        fc.nat(),
      ),
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(items, { minLength: 1, maxLength: 4 }), fc.nat(), async (runs, which) => {
        round++;
        const names = runs.map((_, index) => `runs/${round}-${index}`);
        for (const [index, run] of runs.entries())
          await writeRun(
            blobs,
            names[index] ?? '',
            run.map(([key, n]) => ({ key, text: JSON.stringify({ n }) })),
          );
        const merged = await all(names);
        expect(merged.map(({ key }) => key)).toEqual(
          runs
            .flat()
            .map(([key]) => key)
            .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
        );
        expect(merged.map(({ text }) => text).sort()).toEqual(
          runs
            .flat()
            .map(([, n]) => JSON.stringify({ n }))
            .sort(),
        );
        const at = merged[which % Math.max(1, merged.length)];
        if (at) expect(await all(names, at.offsets)).toEqual(merged.slice(merged.indexOf(at) + 1));
      }),
      { numRuns: 12 },
    );
  });

  it('take no more memory where there are many', async () => {
    await writeRun(blobs, 'runs/one', [{ key: 'a', text: 'x'.repeat(100) }]);
    let asked = 0;
    const counting: Blobs = {
      ...blobs,
      readRange: (name, offset, length) => {
        asked += length;
        return blobs.readRange(name, offset, length);
      },
    };
    for await (const _first of mergeRuns(counting, Array(600).fill('runs/one'))) break;
    expect(asked).toBeGreaterThan(100 * 1024 * 1024);
    expect(asked).toBeLessThanOrEqual(128 * 1024 * 1024);
  });

  it('larger than what is read at once are read to their end', async () => {
    const long = 'x'.repeat(3000);
    const items = Array.from({ length: 500 }, (_, index) => ({
      key: String(index).padStart(4, '0'),
      text: `${index}${long}`,
    }));
    await writeRun(blobs, 'runs/long', items);
    expect((await all(['runs/long'])).map(({ text }) => text)).toEqual(items.map(({ text }) => text));
  });
});

describe('files that are read piece by piece', () => {
  const now = Date.UTC(2026, 0, 1);
  const purchases = Array.from(
    { length: 40 },
    (_, index) => `p${index},2025-06-${String(1 + (index % 30)).padStart(2, '0')},"u\n${index}"`,
  );
  const files = {
    'Purchases.csv.gz': gzipSync(`PurchaseId,MerchantLocalDate,UserId\n${purchases.join('\n')}\n`),
    'labels.ndjson': Buffer.from(
      Array.from({ length: 40 }, (_, index) =>
        index === 17 ? 'no json' : `{"purchaseId":"p${index}","isFraud":true,"received":"2025-07-01"}`,
      ).join('\n'),
    ),
  };

  it('give the same events and faults as in one go, wherever each piece ends', async () => {
    const looked: Parameters<typeof readUnit>[1][number][] = [];
    for (const [name, content] of Object.entries(files)) {
      // in parts that cut lines
      const pieces = [];
      for (let from = 0; from < content.length; from += 101) {
        const bytes = content.subarray(from, from + 101);
        await blobs.write(`files/${name}/${from}`, bytes);
        pieces.push({ blob: `files/${name}/${from}`, bytes: bytes.length });
      }
      looked.push({ name, pieces, shape: await lookAt(blobs, pieces, name, undefined) });
    }
    let fetched = 0;
    const counting: Blobs = {
      ...blobs,
      readRange: (name, offset, length) => {
        fetched += length;
        return blobs.readRange(name, offset, length);
      },
    };
    const read = async (most?: number, keepOpen = false) => {
      const found = { events: [] as string[], faults: [] as unknown[], records: 0, units: 0 };
      let place: Progress['read'] = { file: 0, offset: 0, line: 1, packed: 0 };
      let open: OpenFile | undefined;
      fetched = 0;
      for (let done = false; !done; found.units++) {
        const unit = await readUnit(counting, looked, {
          read: place,
          mapping: undefined,
          now,
          open,
          ...(most === undefined ? {} : { most }),
        });
        found.events.push(...unit.events.map(({ text }) => text));
        found.faults.push(...unit.faults);
        found.records += unit.records;
        place = unit.read;
        done = unit.done;
        if (keepOpen) open = unit.open;
        else await unit.open?.records.return(undefined);
      }
      return found;
    };
    const whole = await read();
    expect(whole).toMatchObject({ records: 80, units: 1 });
    expect(whole.events.length).toBe(79);
    expect(whole.faults).toEqual([{ file: 'labels.ndjson', line: 18, path: '', message: 'is no JSON' }]);
    const once = fetched;
    for (const keepOpen of [false, true])
      for (const most of [1, 1000, 5000]) {
        const { units, ...pieces } = await read(most, keepOpen);
        expect(units).toBeGreaterThan(2);
        expect(pieces).toEqual({ events: whole.events, faults: whole.faults, records: 80 });
        // who keeps the file open reads no byte again
        if (keepOpen) expect(fetched).toBe(once);
        else expect(fetched).toBeGreaterThan(once);
      }
  });
});
