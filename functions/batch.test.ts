import { afterAll, beforeAll, expect, it } from 'vitest';
import type { App } from '../shared/assessment/app.ts';
import { createImport, getImport, importSchema, startImport } from '../shared/imports/index.ts';
import { openApp } from '../shared/openApp.ts';
import { readStatus, requestTraining } from '../shared/retraining/index.ts';
import { readSettings } from '../shared/settings.ts';
import { type Azurite, startAzurite } from '../test/azurite.ts';
import { importInTurn, trainInTurn } from './batch.ts';

let azurite: Azurite;
let app: App;
let root: string;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
  root = (await app.config.putEnvironment('shop', { name: 'Shop' }, { by: 'test' })).view.id;
});
afterAll(() => azurite?.stop());

/** The next message of a queue, which is taken out of it. */
async function take(name: string): Promise<unknown> {
  const queue = app.storage.queue(name);
  const [message] = await queue.receive();
  if (!message) return undefined;
  await queue.remove(message);
  return JSON.parse(message.text);
}
const waiting = (name: string) => app.storage.queue(name).length();

async function startedImport() {
  const blob = `inbox/${root}/a.ndjson`;
  const event = { purchaseId: 'p', user: { userId: 'u' }, merchantLocalDate: '2026-05-01T10:00:00Z' };
  await app.storage.blobs('imports').write(blob, JSON.stringify({ type: 'Purchase', event }));
  const ask = importSchema.parse({ files: [{ name: 'a', blob }], train: false });
  const { one } = await createImport(app, root, ask, 'test');
  await startImport(app, one, false);
  await take('imports');
  return one;
}

it('one training or import is at work at a time; the others wait and take turns', async () => {
  const { promise: trained, resolve: finish } = Promise.withResolvers<{ outcome: 'not trained' }>();
  const options = { environmentsOf: async () => [root], train: () => trained };
  await requestTraining(app, { root, kind: 'risk' }, 'test');
  const training = trainInTurn(app, await take('retraining'), options);

  await requestTraining(app, { root, kind: 'bot' }, 'test');
  const second = await take('retraining');
  const atOnce = { ...options, train: () => Promise.reject(new Error('two at once')) };
  expect(await trainInTurn(app, second, atOnce)).toBeUndefined();
  expect(await readStatus(app.storage.blobs('models'), { root, kind: 'bot' })).toMatchObject({
    state: 'queued',
  });
  expect(await waiting('retraining')).toBe(1);
  const one = await startedImport();
  await importInTurn(app, one);
  expect((await getImport(app, one)).progress).toBeUndefined();
  expect(await waiting('imports')).toBe(0);
  finish({ outcome: 'not trained' });
  expect(await training).toMatchObject({ state: 'done' });

  // a piece of the import, while a training asks for its turn
  const slice = { sliceMs: 0 };
  const importing = importInTurn(app, one, slice);
  expect(await trainInTurn(app, second, atOnce)).toBeUndefined();
  await importing;
  expect(await waiting('imports')).toBe(0);
  expect(await trainInTurn(app, second, options)).toMatchObject({ state: 'done' });
  await importInTurn(app, one, slice);
  expect(await waiting('imports')).toBe(1);
  await importInTurn(app, one);
  expect(await getImport(app, one)).toMatchObject({
    status: 'Completed',
    progress: { events: { imported: 1 } },
  });
});
