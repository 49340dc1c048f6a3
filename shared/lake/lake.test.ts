import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Blobs, openStorage, type Storage } from '../storage/index.ts';
import { type Lake, type LakeDay, type LakeEvent, lakeLine, lakeNames, openLake } from './index.ts';

let azurite: Azurite;
let storage: Storage;
let lake: Lake;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure(lakeNames);
  lake = openLake(storage);
});
afterAll(() => azurite?.stop());

const day = '2026-11-20';
const next = '2026-11-21';

function eventAt(environment: string, time: string, id: string, type = 'Purchase'): LakeEvent {
  return {
    received: time.includes('T') ? time : `${day}T${time}`,
    key: { environment, type, id, correlationId: 'c' },
    root: environment,
    event: { purchaseId: id, name: 'Zoë\u2028\n"x"', totalAmount: 1.5 },
    answer: { decision: 'Approve' },
    enrichment: { deviceAttributes: { trueIp: '192.0.2.1' } },
    evidence: { scores: { risk: 12 } },
  };
}

async function put(
  environment: string,
  name: string,
  events: readonly (readonly [string, string])[],
  type = 'Purchase',
) {
  const lines = events.map(([time, id]) => lakeLine(eventAt(environment, time, id, type)));
  await lake.write({ environment, type, day }, name, lines);
}

async function linesIn(environment: string, from = day, to = next, types?: string[], use = lake) {
  const range = { environments: [environment], from: `${from}T00:00:00.000Z`, to: `${to}T00:00:00.000Z` };
  return Array.fromAsync(use.read({ ...range, ...(types ? { types } : {}) }));
}

async function idsIn(...of: Parameters<typeof linesIn>): Promise<string[]> {
  return (await linesIn(...of)).map((line) => JSON.parse(line).key.id);
}

const files = async (environment: string) =>
  (await Array.fromAsync(storage.blobs('events').list(environment))).map(({ name }) => name);

/** Three minutes of purchases, an imported file beside them, and a bank event. */
async function sample(): Promise<string> {
  const environment = randomUUID();
  await put(environment, '0859', [
    ['08:59:01.000Z', 'a'],
    ['08:59:59.999Z', 'c'],
  ]);
  await put(environment, '0900', [['09:00:00.000Z', 'd']]);
  await put(environment, 'import-1', [
    ['23:00:00.000Z', 'g'],
    ['08:59:30.000Z', 'b'],
    ['09:30:00.000Z', 'f'],
  ]);
  await put(environment, '0901', [['09:01:00.000Z', 'bank']], 'BankEvent');
  return environment;
}
const sampleIds = ['a', 'b', 'c', 'd', 'bank', 'f', 'g'];

describe('the lake', () => {
  it('gives the events of all types in the order of receipt, before compaction and after', async () => {
    const environment = await sample();
    expect(await idsIn(environment)).toEqual(sampleIds);
    const before = await linesIn(environment);
    const compacted = await lake.compact(next);
    expect(compacted.problems).toEqual([]);
    expect(compacted.days).toBeGreaterThanOrEqual(2);
    expect(await files(environment)).toEqual([
      `${environment}/BankEvent/2026/11/20/day.parquet`,
      `${environment}/Purchase/2026/11/20/day.parquet`,
    ]);
    expect(await linesIn(environment)).toEqual(before);
    expect(await idsIn(environment, day, next, ['BankEvent'])).toEqual(['bank']);
  });

  it('reads a range of time, the end not included, and of the environments asked for only', async () => {
    const environment = await sample();
    await sample();
    const read = lake.read({
      environments: [environment],
      from: `${day}T08:59:30.000Z`,
      to: `${day}T09:01:00.000Z`,
    });
    expect((await Array.fromAsync(read)).map((line) => JSON.parse(line).key.id)).toEqual(['b', 'c', 'd']);
  });

  it('leaves answers and evidence out of what is read briefly from Parquet', async () => {
    const environment = await sample();
    await lake.compact(next);
    const range = { from: `${day}T00:00:00.000Z`, to: `${next}T00:00:00.000Z`, brief: true };
    const [line] = await Array.fromAsync(lake.read({ environments: [environment], ...range }));
    const { answer: _, evidence: __, ...rest } = eventAt(environment, '08:59:01.000Z', 'a');
    expect(JSON.parse(line!)).toEqual(rest);
  });

  it('writes the same bytes however often and in whatever order the events come', async () => {
    const environment = randomUUID();
    const contentOf = async () =>
      Buffer.from(
        (await storage.blobs('events').read(`${environment}/Purchase/2026/11/20/0800.ndjson`))!.content,
      ).toString();
    await put(environment, '0800', [
      ['08:00:00.000Z', 'a'],
      ['08:00:01.000Z', 'b'],
    ]);
    const before = await contentOf();
    await put(environment, '0800', [
      ['08:00:01.000Z', 'b'],
      ['08:00:00.000Z', 'a'],
    ]);
    expect(await contentOf()).toBe(before);
  });

  it('does not count a file twice that is written again after it was compacted', async () => {
    const environment = await sample();
    await lake.compact(next);
    await put(environment, '0900', [['09:00:00.000Z', 'd']]);
    await put(environment, 'import-2', [['22:00:00.000Z', 'late']]);
    expect(await idsIn(environment)).toEqual(['a', 'b', 'c', 'd', 'bank', 'f', 'late', 'g']);
    await lake.compact(next);
    expect(await idsIn(environment)).toEqual(['a', 'b', 'c', 'd', 'bank', 'f', 'late', 'g']);
    expect(await files(environment)).toHaveLength(2);
  });

  it('leaves the present day as it is', async () => {
    const environment = await sample();
    await lake.compact(day);
    expect(await files(environment)).toHaveLength(4);
  });

  it('refuses lines of another day and names that are no names', async () => {
    const environment = randomUUID();
    const line = lakeLine(eventAt(environment, '2026-11-21T00:00:00.000Z', 'x'));
    const place: LakeDay = { environment, type: 'Purchase', day };
    await expect(lake.write(place, '0000', [line])).rejects.toThrow('does not belong to 2026-11-20');
    await expect(lake.write(place, '../x', [])).rejects.toThrow('is no name');
    await expect(lake.write(place, '0000', ['{"a":1}'])).rejects.toThrow('is no line of the lake');
    expect(() => lakeLine({ ...eventAt(environment, '', 'x'), received: '2026-11-21' })).toThrow(RangeError);
  });

  it('shows every event once when compaction dies after any of its writes, and a later one cleans up', async () => {
    let steps = 0;
    for (let dies = 1; steps >= dies - 1; dies++) {
      const environment = await sample();
      await put(environment, 'import-0', [['07:00:00.000Z', '0']]);
      steps = await compactUntil(dies);
      expect(await idsIn(environment), `after write ${dies}`).toEqual(['0', ...sampleIds]);
      await lake.compact(next);
      expect(await idsIn(environment)).toEqual(['0', ...sampleIds]);
      expect(await files(environment)).toHaveLength(2);
    }
    expect(steps).toBeGreaterThan(5);
  });

  it('goes on reading, each event once, when the day is compacted in the middle of it', async () => {
    const environment = await sample();
    const seen: string[] = [];
    const range = {
      environments: [environment],
      from: `${day}T00:00:00.000Z`,
      to: `${next}T00:00:00.000Z`,
    };
    for await (const line of lake.read(range)) {
      seen.push(JSON.parse(line).key.id);
      if (seen.length === 2) await lake.compact(next);
    }
    expect(seen).toEqual(sampleIds);
  });

  it('removes what a process left on the machine that was killed hours ago', async () => {
    const [old, young] = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'holdfast-lake-'))));
    const before = new Date(Date.now() - 7 * 3_600_000);
    await utimes(old!, before, before);
    await idsIn(randomUUID());
    const names = await readdir(tmpdir());
    expect(names).not.toContain(basename(old!));
    expect(names).toContain(basename(young!));
    await rm(young!, { recursive: true });
  });

  it('two compactions at once lose and double nothing', async () => {
    const environment = await sample();
    await Promise.all([lake.compact(next), openLake(storage).compact(next)]);
    await lake.compact(next);
    expect(await idsIn(environment)).toEqual(sampleIds);
    expect(await files(environment)).toHaveLength(2);
  });
});

it('names the day of which something cannot be read', async () => {
  const environment = await sample();
  const folder = `${environment}/Purchase/2026/11/20/`;
  const said = { message: expect.stringContaining(`${folder}: `) };
  const event = {
    key: { environment, type: 'Purchase', id: 'p1', correlationId: 'c' },
    received: `${day}T08:00:00.000Z`,
  };
  for (const [file, content] of [
    ['half.ndjson', '{"received":"2026-11-20T08:0'],
    ['day.parquet', 'PAR1 and no more'],
  ] as const) {
    await storage.blobs('events').write(folder + file, content);
    await expect(linesIn(environment)).rejects.toMatchObject(said);
    await expect(lake.remove([event])).rejects.toMatchObject(said);
    expect((await lake.compact(next)).problems).toContainEqual(said.message);
    await storage.blobs('events').remove(folder + file);
  }
});

describe('deletion', () => {
  it('finds ids with any sign, also in Parquet', async () => {
    const environment = randomUUID();
    const odd = ['nul\0', '\uFEFFmark', "quo'te", '\u2028'];
    await put(
      environment,
      '0800',
      odd.map((id) => ['08:00:00.000Z', id] as const),
    );
    await lake.compact(next);
    expect((await idsIn(environment)).sort()).toEqual([...odd].sort());
    const keyOf = (id: string) => ({ environment, type: 'Purchase', id, correlationId: 'c' });
    await lake.remove(odd.map((id) => ({ key: keyOf(id), received: `${day}T08:00:00.000Z` })));
    expect(await idsIn(environment)).toEqual([]);
  });

  const gone = (environment: string) => {
    const { key, received } = eventAt(environment, '08:59:59.999Z', 'c');
    return [{ key, received }];
  };

  it('takes the lines out of NDJSON and out of Parquet', async () => {
    for (const compactFirst of [false, true]) {
      const environment = await sample();
      if (compactFirst) await lake.compact(next);
      await lake.remove(gone(environment));
      expect(await idsIn(environment)).toEqual(sampleIds.filter((id) => id !== 'c'));
      await lake.remove(gone(environment));
      for (const name of await files(environment))
        expect(Buffer.from((await storage.blobs('events').read(name))!.content).includes('09:59:59')).toBe(
          false,
        );
    }
  });

  it('keeps out what comes after it, from the writer as from a compaction under way', async () => {
    const environment = await sample();
    await lake.remove(gone(environment));
    await put(environment, '0859', [
      ['08:59:01.000Z', 'a'],
      ['08:59:59.999Z', 'c'],
    ]);
    expect(await idsIn(environment)).toEqual(sampleIds.filter((id) => id !== 'c'));

    const other = await sample();
    // deleted between the moment at which compaction has read and that at which it writes
    const slow = withHook(async (name) => {
      if (name.startsWith(other) && name.endsWith('Purchase/2026/11/20/day.parquet'))
        await lake.remove(gone(other));
    });
    await openLake(slow).compact(next);
    expect(await idsIn(other)).toEqual(sampleIds.filter((id) => id !== 'c'));
    expect(await files(other)).toHaveLength(2);
  });

  it('lets in what comes anew, before compaction and after', async () => {
    for (const compactFirst of [false, true]) {
      const environment = await sample();
      await lake.remove(gone(environment));
      if (compactFirst) await lake.compact(next);
      const again = [lakeLine(eventAt(environment, '08:59:59.999Z', 'c'))];
      await lake.write({ environment, type: 'Purchase', day }, 'import-3', again, { anew: true });
      expect(await idsIn(environment)).toEqual(sampleIds);
      await lake.compact(next);
      expect(await idsIn(environment)).toEqual(sampleIds);
    }
  });

  it('leaves a day that is empty then readable', async () => {
    const environment = randomUUID();
    await put(environment, '0859', [['08:59:59.999Z', 'c']]);
    await lake.compact(next);
    await lake.remove(gone(environment));
    expect(await idsIn(environment)).toEqual([]);
    await put(environment, '1000', [['10:00:00.000Z', 'z']]);
    await lake.compact(next);
    expect(await idsIn(environment)).toEqual(['z']);
  });
});

/** Compacts with a storage that fails for good at its write number `dies`; says how many it was asked for. */
async function compactUntil(dies: number): Promise<number> {
  let steps = 0;
  const step = () => {
    if (++steps >= dies) throw new Error('the process died');
  };
  const blobs = storage.blobs('events');
  const table = storage.table('lake');
  const dying: Storage = {
    ...storage,
    blobs: () => ({
      ...blobs,
      remove: async (...given) => {
        step();
        return blobs.remove(...given);
      },
      writeStream: async (...given) => {
        step();
        return blobs.writeStream(...given);
      },
    }),
    table: () => ({
      ...table,
      remove: async (...given) => {
        step();
        return table.remove(...given);
      },
    }),
  };
  await openLake(dying).compact(next);
  return steps;
}

/** The storage, with something that happens before a stream is written. */
function withHook(before: (name: string) => Promise<void>): Storage {
  const blobs: Blobs = storage.blobs('events');
  return {
    ...storage,
    blobs: () => ({
      ...blobs,
      writeStream: async (name, ...rest) => {
        await before(name);
        return blobs.writeStream(name, ...rest);
      },
    }),
  };
}
