import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { App } from '../shared/assessment/app.ts';
import {
  createImport,
  getImport,
  importSchema,
  partBytes,
  startImport,
  uploadPart,
  work,
} from '../shared/imports/index.ts';
import { openApp } from '../shared/openApp.ts';
import type { Entity } from '../shared/scoring/features/entities.ts';
import { readSettings } from '../shared/settings.ts';
import { handbookSettings, purchaseOf, simulate } from '../tools/scoring/simulator.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type StorageProxy, startStorageProxy } from './storageProxy.ts';

/*
 * An import whose process is killed (SIGKILL) at several of its storage requests, before they reach the storage or after they
 * were carried out, ends with the same velocities and histories as one that nobody disturbed.
 */

let azurite: Azurite;
let proxy: StorageProxy;
let app: App;
beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startStorageProxy(azurite.connectionString);
  app = await openApp(readSettings({ HOLDFAST_STORAGE: azurite.connectionString }));
});
afterAll(async () => {
  await proxy?.stop();
  await azurite?.stop();
});

const day = 86_400_000;
const start = Math.floor(Date.now() / day) * day - 40 * day;
const transactions = simulate({
  ...handbookSettings,
  customers: 8,
  terminals: 20,
  radius: 40,
  days: 9,
  terminalsPerDay: 0,
  customersPerDay: 1,
  start,
});

function history(): Buffer {
  const lines: unknown[] = [];
  for (let row = 0; row < transactions.count; row++) {
    lines.push(purchaseOf(transactions, row));
    const received = new Date(transactions.at[row]! + 7 * day).toISOString();
    const chargeback = { chargebackId: `c${row}`, purchaseId: `purchase-${row}`, status: 'Accepted' };
    if (transactions.fraud[row]) lines.push({ type: 'Chargeback', received, event: chargeback });
  }
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

async function prepared(name: string): Promise<{ environment: string; id: string }> {
  const { view } = await app.config.putEnvironment(name, { name }, { by: 'test' });
  const velocities = [
    'SELECT Count() AS purchases FROM Purchase GROUPBY @"user.userId"',
    'SELECT Sum(@"totalAmount") AS amounts FROM Purchase GROUPBY @"user.userId"',
    'SELECT DistinctCount(@"terminalId") AS terminals FROM Purchase GROUPBY @"deviceContext.externalDeviceId"',
    'SELECT Count() AS chargebacks FROM Chargeback GROUPBY @"purchase.user.userId"',
  ];
  await app.config.put(view.id, 'velocitySets', 'Some', { velocities, shards: 3 }, { by: 'test' });
  const content = history();
  const request = importSchema.parse({ files: [{ name: 'h.ndjson', bytes: content.length }], train: false });
  const { one } = await createImport(app, view.id, request, 'test');
  expect(content.length).toBeLessThan(partBytes);
  await uploadPart(app, one, { file: 0, part: 0, content });
  await startImport(app, one, false);
  return one;
}

/** Works in a process of its own, which dies at the storage request given. Says whether it came so far. */
async function killedAt(
  place: { environment: string; id: string },
  request: number,
  when: 'before' | 'after',
) {
  const child = spawn(process.execPath, ['test/importProcess.ts', place.environment, place.id], {
    env: { ...process.env, HOLDFAST_STORAGE: proxy.connectionString },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let killed = false;
  await once(child.stdout, 'data');
  proxy.arm(request, when, () => {
    killed = true;
    child.kill('SIGKILL');
  });
  await exited;
  // the lease of a dead process would end by itself within a minute
  const blobs = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
    'imports',
  );
  if (killed)
    await blobs
      .getBlobClient(`${place.environment}/${place.id}/lock`)
      .getBlobLeaseClient()
      .breakLease(0)
      .catch(() => undefined);
  return killed;
}

/** Everything that the import counted. */
async function counted({ environment }: { environment: string }) {
  const snapshot = await app.config.snapshot(environment);
  const wanted = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((customer) =>
    (['purchases', 'amounts', 'terminals', 'chargebacks'] as const).map((name) => {
      const ref = snapshot.chain[0]?.velocity(name);
      if (!ref) throw new Error(`there is no velocity ${name}`);
      const key = name === 'terminals' ? `device-${2 * customer}` : `customer-${customer}`;
      return { ref, key, window: { count: 60, unit: 'd' as const } };
    }),
  );
  const velocities = await app.velocities.read(snapshot.root, wanted, Date.now());
  const entities = Array.from({ length: 8 }, (_, index): Entity[] => [
    { kind: 'user', key: `customer-${index}` },
    { kind: 'device', key: `device-${2 * index}` },
    { kind: 'payment', key: `card-${index}` },
    { kind: 'place', key: `terminal-${index}` },
  ]);
  const histories = await Promise.all(
    entities.map((some) => app.scoring.histories.read(snapshot.root, 'Purchase', some)),
  );
  // sums of the same amounts in another order may differ in their last digits
  return JSON.parse(
    JSON.stringify({ velocities, histories }, (_, value) =>
      typeof value === 'number' ? Number(value.toFixed(4)) : value,
    ),
  );
}

it('an import that is killed again and again counts everything once', { timeout: 300_000 }, async () => {
  const [whole, killed] = [await prepared('whole'), await prepared('killed')];
  expect(await work(app, whole)).toBe(false);
  let deaths = 0;
  for (const [index, request] of [12, 60, 160, 280].entries())
    if (await killedAt(killed, request, index % 2 === 0 ? 'before' : 'after')) deaths++;
  expect(deaths).toBe(4);
  expect(await work(app, killed)).toBe(false);

  const [expected, found] = [await getImport(app, whole), await getImport(app, killed)];
  expect(found.status).toBe('Completed');
  expect(found.progress?.events).toEqual(expected.progress?.events);
  const sums = await counted(whole);
  expect(sums.velocities.filter((value: number) => value > 0).length).toBeGreaterThan(24);
  expect(await counted(killed)).toEqual(sums);
});
