import { expect } from 'vitest';
import type { App } from '../shared/assessment/app.ts';
import {
  createImport,
  getImport,
  type ImportState,
  importSchema,
  partBytes,
  startImport,
  uploadPart,
  work,
} from '../shared/imports/index.ts';
import { openApp } from '../shared/openApp.ts';
import { referenceContainer } from '../shared/referenceFile.ts';
import { readSettings } from '../shared/settings.ts';
import { openStorage } from '../shared/storage/index.ts';
import { startAzurite } from './azurite.ts';

/* What tests of imports share: an app whose clock stands still, a shop's history, and importing it. */

export const day = 86_400_000;
export const now = Date.UTC(2026, 5, 1, 12);

/** An app over an Azurite of its own; its time is `now`. Stop it. */
export async function openImporting(): Promise<{ app: App; stop(): Promise<void> }> {
  const azurite = await startAzurite();
  const storage = openStorage({ connectionString: azurite.connectionString });
  await storage.ensure({ containers: [referenceContainer] });
  await storage
    .blobs(referenceContainer)
    .write('bins.csv', 'bin,issuer,countryCode\n411111,Contoso Bank,MX\n');
  const settings = { HOLDFAST_STORAGE: azurite.connectionString, HOLDFAST_BIN_DATA: 'bins.csv' };
  const app: App = {
    ...(await openApp(readSettings(settings))),
    clock: () => now,
  };
  return { app, stop: azurite.stop };
}

const sets = {
  velocities: [
    'SELECT Count() AS purchases FROM Purchase GROUPBY @"user.userId"',
    'SELECT Sum(@"totalAmount") AS amounts FROM Purchase GROUPBY @"deviceContext.externalDeviceId"',
    'SELECT Count() AS chargebacks FROM Chargeback GROUPBY @"purchase.user.userId"',
  ],
};

/** An environment with velocities; gives its id. */
export async function makeEnvironment(app: App, name: string): Promise<string> {
  const { view } = await app.config.putEnvironment(name, { name }, { by: 'test' });
  await app.config.put(view.id, 'velocitySets', 'Some', sets, { by: 'test' });
  return view.id;
}

export interface Given {
  files: { name: string; content: string | Uint8Array }[];
  mapping?: unknown;
  rejectedShare?: number;
  dryRun?: boolean;
}

/** An import whose files are uploaded. */
export async function prepareImport(
  app: App,
  env: string,
  { files, mapping, rejectedShare }: Given,
): Promise<ImportState> {
  const contents = files.map(({ content }) => Buffer.from(content));
  const request = importSchema.parse({
    files: files.map(({ name }, index) => ({ name, bytes: contents[index]?.length })),
    mapping,
    rejectedShare,
    train: false,
  });
  const made = await createImport(app, env, request, 'test');
  for (const [file, content] of contents.entries())
    for (let part = 0; part * partBytes < content.length; part++)
      await uploadPart(app, made.one, {
        file,
        part,
        content: content.subarray(part * partBytes, (part + 1) * partBytes),
      });
  return made;
}

/** An import from its files to its end. */
export async function runImport(app: App, env: string, given: Given): Promise<ImportState> {
  const made = await prepareImport(app, env, given);
  await startImport(app, made.one, given.dryRun ?? false);
  expect(await work(app, made.one)).toBe(false);
  return getImport(app, made.one);
}

export const purchase = (index: number, at: number, user = `u${index % 7}`) => ({
  purchaseId: `p${index}`,
  merchantLocalDate: new Date(at).toISOString(),
  totalAmount: 10 + (index % 5),
  user: { userId: user, email: `${user}@x.example` },
  deviceContext: { externalDeviceId: `d${index % 3}` },
});

/** Purchases over 120 days, newest first, so that no order in the file helps. */
export const history = Array.from({ length: 60 }, (_, index) => purchase(index, now - (1 + index * 2) * day));
export const later = [
  {
    chargebackId: 'c1',
    purchaseId: 'p3',
    status: 'Accepted',
    reason: 'fraud',
    bankEventTimestamp: new Date(now - 3 * day).toISOString(),
  },
  { purchaseId: 'p4', isFraud: true, received: new Date(now - 2 * day).toISOString() },
];
export const ndjson = (lines: readonly unknown[]) =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');
export const content = ndjson([...later, ...history]);

/** What a velocity of an environment says of a key. */
export async function countedOf(
  app: App,
  env: string,
  name: string,
  key: string,
  days = 90,
): Promise<number> {
  const snapshot = await app.config.snapshot(env);
  const ref = snapshot.chain[0]?.velocity(name);
  if (!ref) throw new Error(`there is no velocity ${name}`);
  const [value] = await app.velocities.read(
    snapshot.root,
    [{ ref, key, window: { count: days, unit: 'd' } }],
    now,
  );
  return value ?? Number.NaN;
}
