import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { call, credentials, type RunningApp, startApp } from '../../test/holdfast.ts';
import { run } from './model.ts';

let azurite: Azurite;
let app: RunningApp;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  await call(app.baseUrl, 'PUT', '/management/v1/environments/shop', { name: 'Shop' });
  const { authorization } = await credentials();
  vi.stubEnv('HOLDFAST_TOKEN', authorization.slice('Bearer '.length));
  vi.stubEnv('HOLDFAST_URL', app.baseUrl);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await app?.stop();
  await azurite?.stop();
});

async function command(...args: string[]) {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {});
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const code = await run(args);
  const text = (of: typeof printed) => of.mock.calls.flat().join('\n');
  const result = { code, out: text(printed), err: text(said) };
  vi.restoreAllMocks();
  return result;
}

describe('holdfast model, of a running app', () => {
  it('lists the models of an environment and has one trained', async () => {
    const listed = await command('list', '--environment', 'shop', '--kind', 'bot');
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.out)).toMatchObject({ kind: 'bot', versions: [], training: { state: 'never' } });
    const asked = await command('retrain', '--environment', 'shop');
    expect(JSON.parse(asked.out)).toMatchObject({ state: 'queued' });
  });

  it('says why a roll-back is refused', async () => {
    const refused = await command('rollback', '--environment', 'shop');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('There is no earlier model to go back to.');
    expect((await command('rollback', '--environment', 'nowhere')).code).toBe(1);
  });

  it('says what is missing of a call', async () => {
    expect(await command('rollback')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--environment'),
    });
    expect(await command('list', '--environment', 'shop', '--kind', 'other')).toMatchObject({ code: 2 });
    expect(await command('list', '--environment', 'shop', '--url', 'nowhere')).toMatchObject({ code: 2 });
  });
});
