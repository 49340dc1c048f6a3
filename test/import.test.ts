import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runImport } from '../tools/commands/import.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { call, credentials, type RunningApp, startApp } from './holdfast.ts';

/** docs/import.md, worked through against the running app. */

let azurite: Azurite;
let app: RunningApp;
const base = '/management/v1/environments/primary';
const root = path.resolve(import.meta.dirname, '..');

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  expect((await call(app.baseUrl, 'PUT', base, { name: 'Primary' })).status).toBeLessThan(300);
  const { authorization } = await credentials();
  vi.stubEnv('HOLDFAST_TOKEN', authorization.slice('Bearer '.length));
  vi.stubEnv('HOLDFAST_URL', app.baseUrl);
}, 120_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await app?.stop();
  await azurite?.stop();
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runImport(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out: out.replaceAll(/\d{13}-[0-9a-f]{12}/g, '…'), err };
}

/** The commands of the worked example with what they print. */
async function examples(): Promise<{ args: string[]; printed: string }[]> {
  const text = await readFile(path.join(root, 'docs/import.md'), 'utf8');
  return [...text.matchAll(/```console\n\$ npx holdfast import (.*)\n([\s\S]*?)```/g)].map(
    ([, command = '', printed = '']) => ({
      args: command.split(' ').map((word) => (word.startsWith('docs/') ? path.join(root, word) : word)),
      printed,
    }),
  );
}

it('the worked example does what its page says', async () => {
  const [dry, whole, ...others] = await examples();
  expect(others).toEqual([]);
  if (!dry || !whole) throw new Error('the page has no example');
  expect(await run(...dry.args)).toMatchObject({ code: 1, out: dry.printed });
  expect((await call(app.baseUrl, 'GET', `${base}/events/Purchase/1003`)).status).toBe(404);

  expect(await run(...whole.args)).toMatchObject({ code: 0, out: whole.printed });
  const { body } = await call(app.baseUrl, 'GET', `${base}/events/Purchase/1003`);
  expect(body).toMatchObject({
    received: '2025-11-05T03:02:51.000Z',
    event: {
      totalAmount: 299,
      user: { userId: 'c-23', country: 'FR' },
      paymentInstrumentList: [{ merchantPaymentInstrumentId: 'pi-90', billingAddress: { country: 'FR' } }],
      customData: { channel: 'web' },
    },
    laterEvents: [{ type: 'Chargeback', id: 'cb-1' }],
    imported: { file: 0, line: 4 },
  });

  const again = await run(...whole.args);
  expect(again).toMatchObject({ code: 0, out: whole.printed });
  expect(again.err).toMatch(/^These files were imported already/);
  const { body: list } = await call(app.baseUrl, 'GET', `${base}/imports`);
  expect(list.items.map(({ status }: { status: string }) => status)).toEqual(['Completed', 'Failed']);
});

it('a wrong call, a wrong mapping and a refusal are told apart', async () => {
  const file = path.join(root, 'docs/examples/import/Chargebacks.csv');
  expect(await run('--environment', 'primary')).toMatchObject({ code: 2 });
  expect(await run(file)).toMatchObject({ code: 2 });
  expect(await run(`${file}.not`, '--environment', 'primary')).toMatchObject({ code: 2 });
  expect(await run(file, '--environment', 'nobody')).toMatchObject({ code: 3 });
  expect(await run(file, '--environment', 'primary', '--rejected-share', '7')).toMatchObject({ code: 2 });
  vi.stubEnv('HOLDFAST_TOKEN', '');
  expect(await run(file, '--environment', 'primary')).toMatchObject({ code: 2 });
});
