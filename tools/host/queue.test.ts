import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Fixture, makeApp } from './fixture.ts';
import { readQueueOptions } from './queue.ts';

let azurite: Azurite;
let service: QueueServiceClient;
beforeAll(async () => {
  azurite = await startAzurite();
  service = QueueServiceClient.fromConnectionString(azurite.connectionString);
});
afterAll(() => azurite.stop());

const apps: Fixture[] = [];
const serve = async (source: string, queues: object = { messageEncoding: 'none' }) => {
  const app = await makeApp(source, { extensions: { queues } });
  apps.push(app);
  await app.start({ storage: azurite.connectionString });
  return app;
};
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.remove()));
});

const create = async (name: string) => {
  const queue = service.getQueueClient(name);
  await queue.createIfNotExists();
  return queue;
};
const count = async (name: string) =>
  (await service.getQueueClient(name).getProperties()).approximateMessagesCount;
const handler = (queueName: string, body: string) =>
  `app.storageQueue('reader', { queueName: '${queueName}', connection: 'AzureWebJobsStorage', handler: async (message, context) => { ${body} } });`;

describe('a queue function', () => {
  test('gets each message once, JSON parsed, with its metadata; the message is then deleted', async () => {
    const queue = await create('plain');
    await queue.sendMessage('{"a":1}');
    await queue.sendMessage('just text');
    const app = await serve(
      handler(
        'plain',
        'note([message, context.triggerMetadata.dequeueCount, typeof context.triggerMetadata.id]);',
      ),
    );
    await app.until((notes) => notes.length === 2);
    expect(app.notes).toEqual(
      expect.arrayContaining([
        [{ a: 1 }, 1, 'string'],
        ['just text', 1, 'string'],
      ]),
    );
    await expect.poll(() => count('plain'), { timeout: 20_000 }).toBe(0);
  });

  test('gets messages that are base64 where host.json does not say none', async () => {
    const queue = await create('encoded');
    await queue.sendMessage(Buffer.from('é').toString('base64'));
    const app = await serve(handler('encoded', 'note(message);'), {});
    expect(await app.until((notes) => notes.length === 1)).toEqual(['é']);
  });

  test('that fails gets a message again until maxDequeueCount; the poison queue gets it then', async () => {
    const queue = await create('failing');
    await queue.sendMessage('bad');
    const app = await serve(
      handler('failing', "note(context.triggerMetadata.dequeueCount); throw new Error('on purpose');"),
      {
        messageEncoding: 'none',
        maxDequeueCount: 3,
      },
    );
    await expect.poll(() => count('failing-poison').catch(() => 0), { timeout: 20_000 }).toBe(1);
    expect(app.notes).toEqual([1, 2, 3]);
    await expect.poll(() => count('failing'), { timeout: 20_000 }).toBe(0);
    const { peekedMessageItems } = await service.getQueueClient('failing-poison').peekMessages();
    expect(peekedMessageItems[0]?.messageText).toBe('bad');
  });

  test('does not see a message that failed before visibilityTimeout is over', async () => {
    const queue = await create('later');
    await queue.sendMessage('bad');
    const app = await serve(handler('later', "note('tried'); throw new Error('on purpose');"), {
      messageEncoding: 'none',
      visibilityTimeout: '00:10:00',
    });
    await app.until((notes) => notes.length === 1);
    await app.host.stop();
    const { receivedMessageItems } = await queue.receiveMessages();
    expect(receivedMessageItems).toEqual([]);
    expect(await count('later')).toBe(1);
  });

  test('a message that is not base64, where it should be, goes to the poison queue', async () => {
    const queue = await create('broken');
    await queue.sendMessage('not base64!');
    const app = await serve(handler('broken', 'note(message);'), { maxDequeueCount: 1 });
    await expect.poll(() => count('broken-poison').catch(() => 0), { timeout: 20_000 }).toBe(1);
    expect(app.notes).toEqual([]);
  });

  test('takes no more messages at once than batchSize and newBatchThreshold allow', async () => {
    const queue = await create('busy');
    for (const text of ['1', '2', '3', '4', '5']) await queue.sendMessage(text);
    const app = await serve(
      `let running = 0;
       ${handler('busy', 'running += 1; note(running); await new Promise((resolve) => setImmediate(resolve)); running -= 1;')}`,
      { messageEncoding: 'none', batchSize: 2, newBatchThreshold: 0 },
    );
    const notes = await app.until((all) => all.length === 5);
    expect(Math.max(...notes.map(Number))).toBe(2);
  });

  test('begins once its queue is there', async () => {
    const app = await serve(handler('made-later', 'note(message);'));
    await (await create('made-later')).sendMessage('here');
    expect(await app.until((notes) => notes.length === 1)).toEqual(['here']);
  });

  test('is waited for when the host stops, and its message deleted', async () => {
    const queue = await create('stopping');
    await queue.sendMessage('x');
    const app = await serve(
      handler(
        'stopping',
        "note('begun'); await new Promise((resolve) => setImmediate(resolve)); note('ended');",
      ),
    );
    await app.until((notes) => notes.includes('begun'));
    await app.host.stop();
    expect(app.notes).toEqual(['begun', 'ended']);
    expect(await count('stopping')).toBe(0);
  });
});

describe('queue options of host.json', () => {
  test('where absent are those of the runtime, but for the longest wait', () => {
    expect(readQueueOptions({})).toEqual({
      batchSize: 16,
      newBatchThreshold: 8,
      maxDequeueCount: 5,
      visibilityTimeout: 0,
      maxPollingInterval: 2000,
      base64: true,
    });
  });

  test.each([
    [{ batchSize: 0 }, 'batchSize'],
    [{ batchSize: 33 }, 'batchSize'],
    [{ maxDequeueCount: 0 }, 'maxDequeueCount'],
    [{ visibilityTimeout: 'soon' }, 'visibilityTimeout'],
    [{ messageEncoding: 'utf8' }, 'messageEncoding'],
  ])('%j is refused', (json, name) => {
    expect(() => readQueueOptions(json)).toThrow(`queues.${name}`);
  });
});
