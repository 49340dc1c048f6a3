import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  content,
  countedOf,
  type Given,
  history,
  makeEnvironment,
  ndjson,
  openImporting,
  prepareImport,
  runImport,
} from '../../test/importing.ts';
import type { App } from '../assessment/app.ts';
import {
  cancelImport,
  createImport,
  faultsFile,
  getImport,
  importSchema,
  partBytes,
  startImport,
  uploadPart,
  work,
} from './index.ts';
import { openImports } from './store.ts';

let app: App;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ app, stop } = await openImporting());
});
afterAll(() => stop?.());

const environment = (name: string) => makeEnvironment(app, name);
const run = (env: string, given: Given) => runImport(app, env, given);

describe('files with faults', () => {
  const bad = ndjson([history[0], { ...history[1], user: {} }, history[2]]).replace('}\n', '}\nno json\n');

  it('are not imported where more is wrong than may be; every fault has its line and path', async () => {
    const env = await environment('faulty');
    const { status, progress, one } = await run(env, { files: [{ name: 'bad.ndjson', content: bad }] });
    expect(status).toBe('Failed');
    expect(progress?.reason).toBe(
      '2 of 4 records cannot be read, which is more than the share of 0.05 that is allowed. Nothing was imported.',
    );
    const faults = [
      { file: 'bad.ndjson', line: 2, path: '', message: 'is no JSON' },
      { file: 'bad.ndjson', line: 3, path: 'user.userId', message: 'is required' },
    ];
    expect(progress?.faults).toEqual(faults);
    const file = new TextDecoder().decode(await faultsFile(app, one));
    expect(
      file
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(faults);
    expect(await app.records.latest(env, 'Purchase', 'p0')).toBeUndefined();
  });

  it('are imported without them where that is allowed; a dry run comes first and imports nothing', async () => {
    const env = await environment('tolerant');
    const dry = await run(env, {
      files: [{ name: 'bad.ndjson', content: bad }],
      rejectedShare: 0.5,
      dryRun: true,
    });
    expect(dry.status).toBe('Validated');
    expect(dry.progress?.types.Purchase?.events).toBe(2);
    expect(await app.records.latest(env, 'Purchase', 'p0')).toBeUndefined();
    await startImport(app, dry.one, false);
    await work(app, dry.one);
    const done = await getImport(app, dry.one);
    expect(done.status).toBe('Completed');
    expect(done.progress?.events.imported).toBe(2);
    expect(await countedOf(app, env, 'purchases', 'u0')).toBe(1);
  });

  it('have all their faults in the file of faults, also where none of many rows belongs to an event', async () => {
    const env = await environment('orphans');
    const rows = Array.from({ length: 50_001 }, (_, index) => `p${index},x\n`).join('');
    const { one, progress } = await run(env, {
      files: [{ name: 'products.csv', content: `PurchaseId,ProductId\n${rows}` }],
    });
    expect(progress?.records).toEqual({ read: 50_001, rejected: 50_001 });
    const lines = new TextDecoder()
      .decode(await faultsFile(app, one))
      .trim()
      .split('\n');
    expect(new Set(lines).size).toBe(50_001);
  });

  it('have so many of their faults in the file of faults as one answer can hold', async () => {
    const env = await environment('hopeless');
    // twenty faults of a record are noted
    const productList = Array.from({ length: 20 }, () => ({ productId: 'x', quantity: 'many' }));
    const lines = ndjson(Array.from({ length: 5_001 }, () => ({ ...history[0], productList })));
    const { one, progress } = await run(env, { files: [{ name: 'h.ndjson', content: lines }] });
    expect(progress?.records).toEqual({ read: 5_001, rejected: 5_001 });
    const file = await faultsFile(app, one);
    expect(Buffer.from(file).toString().trim().split('\n')).toHaveLength(100_000);
  });

  it('that are damaged or nothing that is known say so', async () => {
    const env = await environment('unknown');
    const reason = async (name: string, text: string | Uint8Array) =>
      (await run(env, { files: [{ name, content: text }] })).progress?.reason;
    expect(await reason('x.csv', 'a,b\n1,2\n')).toMatch(/neither NDJSON nor known as one of DFP's entities/);
    expect(await reason('x.json', '[{"purchaseId":"p"}]')).toMatch(/is a JSON list/);
    expect(await reason('x.gz', gzipSync(content).subarray(0, 300))).toMatch(/damaged or not whole/);
    const open =
      'PurchaseId,MerchantLocalDate,UserId\np1,2026-05-30,u1\np2,2026-05-30,"u2\np3,2026-05-30,u3\n';
    expect(await reason('Purchases.csv', open)).toMatch(/a quote that begins in this record is not closed/);
    expect(await reason('x.bin', new Uint8Array([0, 1, 2, 3, 10]))).toMatch(/is not text/);
  });
});

describe('the upload of files', () => {
  it('is checked part by part, and before it starts', async () => {
    const env = await environment('parts');
    const files = [{ name: 'a.ndjson', bytes: partBytes + 10 }];
    const { one } = await createImport(app, env, importSchema.parse({ files }), 'test');
    const part = (number: number, size: number) =>
      uploadPart(app, one, { file: 0, part: number, content: new Uint8Array(size) });
    await expect(part(0, 5)).rejects.toMatchObject({ status: 400, code: 'PartSize' });
    await expect(part(2, 5)).rejects.toMatchObject({ status: 404 });
    await part(1, 10);
    expect((await getImport(app, one)).uploaded).toEqual([[1]]);
    await expect(startImport(app, one, false)).rejects.toMatchObject({ status: 409, code: 'PartsMissing' });
    await cancelImport(app, one);
    expect(await work(app, one)).toBe(false);
    expect((await getImport(app, one)).status).toBe('Cancelled');
    await expect(part(0, partBytes)).rejects.toMatchObject({ status: 409 });
    expect(await Array.fromAsync(app.storage.blobs('imports').list(`${env}/${one.id}/files/`))).toEqual([]);
  });

  it('of more than an import takes is refused, before it begins or where that shows', async () => {
    const env = await environment('large');
    const files = ['a', 'b'].map((name) => ({ name, bytes: 15e9 }));
    await expect(createImport(app, env, importSchema.parse({ files }), 'test')).rejects.toMatchObject({
      status: 413,
      detail: 'The files have 30 GB together; an import takes 20. Make several.',
    });
    const { one } = await prepareImport(app, env, { files: [{ name: 'h.ndjson', content }] });
    await startImport(app, one, false);
    await work(app, one, { sliceMs: 0 });
    // as if much of it had been read
    const imports = openImports(app.storage);
    const known = await imports.progress(one);
    if (!known) throw new Error('nothing was done');
    await imports.save(one, { ...known.progress, runs: 4_000 }, known.etag);
    expect(await work(app, one)).toBe(false);
    const { status, progress } = await getImport(app, one);
    expect(status).toBe('Failed');
    expect(progress?.reason).toMatch(
      /more than the 100 GB of unpacked events that an import sorts; make several/,
    );
  });

  it('may be left out for files in the environment’s own inbox', async () => {
    const env = await environment('inbox');
    const ask = (blob: string) =>
      createImport(app, env, importSchema.parse({ files: [{ name: 'a', blob }], train: false }), 'test');
    await expect(ask('inbox/other/a.ndjson')).rejects.toMatchObject({ status: 400 });
    const blob = `inbox/${env}/a.ndjson`;
    const { one } = await ask(blob);
    await expect(startImport(app, one, false)).rejects.toMatchObject({ status: 404, code: 'FileNotFound' });
    await app.storage.blobs('imports').write(blob, content);
    await startImport(app, one, false);
    await work(app, one);
    expect((await getImport(app, one)).progress?.events.imported).toBe(62);
  });
});
