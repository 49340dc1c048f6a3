import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, azuriteConnectionString, startAzurite } from '../../test/azurite.ts';
import { type LossyProxy, startProxy } from '../../test/proxy.ts';
import { openStorage } from './open.ts';
import type { BlobItem, Blobs, Queue } from './types.ts';

let azurite: Azurite;
let proxy: LossyProxy;
let blobs: Blobs;
let shaky: Blobs;
let queue: Queue;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startProxy(azurite.ports.blob);
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: ['files'], queues: ['work'] });
  blobs = storage.blobs('files');
  queue = storage.queue('work');
  const through = azuriteConnectionString({ ...azurite.ports, blob: proxy.port });
  shaky = openStorage({ connectionString: through }).blobs('files');
});

afterAll(async () => {
  await proxy?.stop();
  await azurite?.stop();
});

const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString();

describe('blobs', () => {
  it('come back as they were written, under any name', async () => {
    for (const name of ['a/b c.json', 'ä ?#%&+=', 'x'.repeat(200), '日本/𝄞']) {
      const written = await blobs.write(name, `content of ${name}`, { contentType: 'text/plain' });
      const found = await blobs.read(name);
      expect(text(found?.content)).toBe(`content of ${name}`);
      expect(written).toEqual({ ok: true, etag: found?.etag });
    }
  });

  it('that are not there are no error', async () => {
    expect(await blobs.read('nothing')).toBeUndefined();
    expect(await blobs.readRange('nothing', 0, 1)).toBeUndefined();
    expect(await blobs.stream('nothing')).toBeUndefined();
    expect(await blobs.remove('nothing')).toEqual({ ok: false, reason: 'missing' });
    expect(await blobs.readIfChanged('nothing', '"0x1"')).toBe('missing');
  });

  it('are written under conditions', async () => {
    const first = await blobs.write('conditions', '1', { create: true });
    const etag = first.ok ? first.etag : '';
    expect(await blobs.write('conditions', '2', { create: true })).toEqual({ ok: false, reason: 'exists' });
    expect(await blobs.write('conditions', '2', { etag })).toMatchObject({ ok: true });
    expect(await blobs.write('conditions', '3', { etag })).toEqual({ ok: false, reason: 'changed' });
    expect(await blobs.write('never was', '3', { etag })).toEqual({ ok: false, reason: 'missing' });
    expect(await blobs.remove('conditions', { etag })).toEqual({ ok: false, reason: 'changed' });
    expect(text((await blobs.read('conditions'))?.content)).toBe('2');
  });

  it('are read again only if they changed', async () => {
    const first = await blobs.write('watched', '1');
    const etag = first.ok ? first.etag : '';
    expect(await blobs.readIfChanged('watched', etag)).toBe('same');
    await blobs.write('watched', '2');
    const changed = await blobs.readIfChanged('watched', etag);
    expect(typeof changed === 'object' && text(changed.content)).toBe('2');
  });

  it('are read in ranges', async () => {
    await blobs.write('digits', '0123456789');
    const range = async (offset: number, length: number) =>
      text(await blobs.readRange('digits', offset, length));
    expect([await range(2, 3), await range(8, 5), await range(10, 1)]).toEqual(['234', '89', '']);
  });

  it('are listed by prefix, in order', async () => {
    for (const name of ['list/b', 'list/a/1', 'lost', 'list/a/2']) await blobs.write(name, name);
    const found: BlobItem[] = [];
    for await (const item of blobs.list('list/')) found.push(item);
    expect(found.map((item) => [item.name, item.size])).toEqual([
      ['list/a/1', 8],
      ['list/a/2', 8],
      ['list/b', 6],
    ]);
    expect(found[0]?.etag).toBe((await blobs.read('list/a/1'))?.etag);
    expect(found[0]?.modified).toBeInstanceOf(Date);
  });

  it('stream both ways, whole or not at all', async () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    const source = () => Readable.from(Array.from({ length: 18 }, () => chunk));
    expect(await blobs.writeStream('stream', source(), { create: true })).toMatchObject({ ok: true });
    expect(await blobs.writeStream('stream', source(), { create: true })).toEqual({
      ok: false,
      reason: 'exists',
    });
    const back = await blobs.stream('stream');
    expect(back && (await buffer(back)).equals(Buffer.alloc(18_000_000, 'x'))).toBe(true);
    const broken = Readable.from(
      (function* () {
        yield chunk;
        throw new Error('the source broke');
      })(),
    );
    await expect(blobs.writeStream('broken', broken)).rejects.toThrow('the source broke');
    expect(await blobs.read('broken')).toBeUndefined();
    expect(await blobs.writeStream('no bytes', Readable.from([]))).toMatchObject({ ok: true });
    expect((await blobs.read('no bytes'))?.content).toHaveLength(0);
  });

  it('whose write’s answer was lost are told from another’s', async () => {
    proxy.loseAnswers(1);
    expect(await shaky.write('lost answer', '1', { create: true })).toMatchObject({ ok: true });
    proxy.loseAnswers(1);
    expect(await shaky.write('lost answer', '1', { create: true })).toEqual({ ok: false, reason: 'exists' });
  });
});

describe('leases', () => {
  it('are held by one, and keep others from writing', async () => {
    const lease = await blobs.lease('lock', 15);
    expect(await blobs.lease('lock', 15)).toBeUndefined();
    expect(await blobs.write('lock', 'x')).toEqual({ ok: false, reason: 'changed' });
    expect(await blobs.write('lock', 'x', { lease: lease?.id ?? '' })).toMatchObject({ ok: true });
    expect(await blobs.remove('lock')).toEqual({ ok: false, reason: 'changed' });
    expect(await lease?.renew()).toBe(true);
    await lease?.release();
    expect(await blobs.lease('lock', 15)).toBeDefined();
    expect(await lease?.renew()).toBe(false);
  });

  it('go to one of many who ask at once', async () => {
    const leases = await Promise.all(Array.from({ length: 8 }, () => blobs.lease('contended', 15)));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });
});

describe('queues', () => {
  it('give every message, until it is removed', async () => {
    const texts = ['{"a":"é日𝄞 <&>\\u0000"}', ' leading, "quoted"\nand\ttrailing '];
    for (const message of texts) await queue.send(message);
    const received = await queue.receive({ max: 5, visibilitySeconds: 60 });
    expect(received.map((message) => message.text)).toEqual(texts);
    expect(received.map((message) => message.dequeueCount)).toEqual([1, 1]);
    expect(await queue.receive()).toEqual([]);
    expect(await queue.length()).toBe(2);
    const [first, second] = received;
    if (!first || !second) throw new Error('two messages were received');
    expect(await queue.remove(first)).toBe(true);
    expect(await queue.remove(first)).toBe(false);
    const receipt = await queue.update(second, { visibilitySeconds: 0, text: 'changed' });
    expect(await queue.update(second, { visibilitySeconds: 0 })).toBeUndefined();
    expect(await queue.remove(second)).toBe(false);
    expect(await queue.receive()).toMatchObject([{ text: 'changed', dequeueCount: 2 }]);
    expect(receipt).toBeTypeOf('string');
  });

  it('hide a message that is to be seen later', async () => {
    await queue.send('later', { visibleAfterSeconds: 600 });
    expect((await queue.receive({ max: 32 })).map((message) => message.text)).not.toContain('later');
  });
});
