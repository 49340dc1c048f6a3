import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type Config, type ConfigOptions, openConfig } from './index.ts';
import { manifestBlob } from './manifest.ts';

const by = { by: 'ann' };
let azurite: Azurite;
let storage: Storage;
let clock: number;
let calls: string[];
let writer: Config;
let env: string;
let count = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(() => azurite?.stop());

/** The storage, with each blob that is read noted down; the blobs that `fails` picks cannot be read. */
function watched(fails: (blob: string) => boolean = () => false): Storage {
  return {
    ...storage,
    blobs(container) {
      const blobs = storage.blobs(container);
      const note = (name: string) => {
        calls.push(name);
        if (fails(name)) throw new Error('storage is gone');
      };
      return {
        ...blobs,
        read: async (name) => {
          note(name);
          return blobs.read(name);
        },
        readIfChanged: async (name, etag) => {
          note(name);
          return blobs.readIfChanged(name, etag);
        },
      };
    },
  };
}

const reader = (options: ConfigOptions = {}, from = watched()) =>
  openConfig(from, { now: () => clock, ...options });
const rule = (code: string) => ({ assessment: 'Purchase', clauses: [{ name: 'c1', code }] });
const put = (name: string, code = 'RETURN Approve()') => writer.put(env, 'rules', name, rule(code), by);
const rulesOf = async (config: Config) =>
  (await config.snapshot(env)).chain.flatMap((each) =>
    each.assessment('Purchase').rules.rules.map(({ name }) => name),
  );

beforeEach(async () => {
  clock = Date.parse('2026-11-21T12:00:00Z');
  calls = [];
  env = `root${++count}`;
  writer = openConfig(storage, { now: () => clock });
  await writer.putEnvironment(env, { name: env }, by);
  await writer.remove(env, 'rules', 'Default Support Rule', by);
  await put('A');
});

describe('a snapshot', () => {
  it('is in force at once where the change was written', async () => {
    expect(await rulesOf(writer)).toEqual(['A']);
    await put('B');
    expect(await rulesOf(writer)).toEqual(['A', 'B']);
  });

  it('comes from memory, without a call, while it is fresh', async () => {
    const config = reader();
    const first = await config.snapshot(env);
    calls = [];
    clock += 2_999;
    expect(await config.snapshot(env)).toBe(first);
    expect(calls).toEqual([]);
  });

  it('is looked after in the background from some seconds on, and is new for the next request', async () => {
    const config = reader();
    await config.snapshot(env);
    await put('B');
    clock += 3_001;
    expect(await rulesOf(config)).toEqual(['A']);
    await config.settle();
    expect(await rulesOf(config)).toEqual(['A', 'B']);
  });

  it('is waited for where it was last checked over a minute ago', async () => {
    const config = reader();
    await config.snapshot(env);
    await put('B');
    clock += 60_001;
    expect(await rulesOf(config)).toEqual(['A', 'B']);
  });

  it('is read once for many requests, and only what changed is read again', async () => {
    const config = reader();
    await Promise.all(Array.from({ length: 50 }, () => config.snapshot(env)));
    const { root } = await config.snapshot(env);
    expect(calls.filter((name) => name === manifestBlob(root))).toHaveLength(1);
    expect(new Set(calls).size).toBe(calls.length);
    await put('B');
    calls = [];
    clock += 60_001;
    await Promise.all(Array.from({ length: 50 }, () => config.snapshot(env)));
    expect(calls.filter((name) => name === manifestBlob(root))).toHaveLength(1);
    expect(calls.filter((name) => name.includes('/rules/'))).toHaveLength(1);
    expect(calls.filter((name) => name.includes('/velocitySets/'))).toHaveLength(0);
  });

  it('stays as it was where the new one cannot be had, and says so', async () => {
    let gone = false;
    const messages: string[] = [];
    const config = reader(
      { log: (message) => messages.push(message) },
      watched((name) => gone && name.includes('/rules/')),
    );
    const before = await config.snapshot(env);
    await put('B');
    gone = true;
    clock += 60_001;
    expect(await config.snapshot(env)).toBe(before);
    expect(messages.join()).toContain('storage is gone');
    gone = false;
    clock += 60_001;
    expect(await rulesOf(config)).toEqual(['A', 'B']);
  });

  it('keeps the programs of what did not change', async () => {
    const config = reader();
    const before = (await config.snapshot(env)).chain[0];
    await put('Login', 'RETURN Review()');
    await writer.put(env, 'rules', 'Login', { ...rule('RETURN Review()'), assessment: 'AccountLogin' }, by);
    clock += 60_001;
    const after = (await config.snapshot(env)).chain[0];
    expect(after).not.toBe(before);
    expect(after?.assessment('Purchase').rules).toBe(before?.assessment('Purchase').rules);
    expect(after?.velocitySets('Purchase')[0]).toBe(before?.velocitySets('Purchase')[0]);
  });

  it('is of one moment: a request keeps the one it began with', async () => {
    const before = await writer.snapshot(env);
    await put('B');
    expect(before.chain[0]?.assessment('Purchase').rules.rules).toHaveLength(1);
    expect((await writer.snapshot(env)).version).not.toBe(before.version);
  });

  it('has the chain from the root down, each environment with its own rules', async () => {
    await writer.putEnvironment(`${env}/child`, { name: 'Child' }, by);
    await writer.put(`${env}/child`, 'rules', 'Below', rule('RETURN Review()'), by);
    const snapshot = await reader().snapshot(`/${env}/child/`);
    expect(snapshot.path).toBe(`/${env}/child`);
    const names = snapshot.chain.map((each) =>
      each.assessment('Purchase').rules.rules.map(({ name }) => name),
    );
    expect(names).toEqual([['A'], ['Default Support Rule', 'Below']]);
  });

  it('of an environment made elsewhere is there within a second', async () => {
    const config = reader();
    await config.snapshot(env);
    await writer.putEnvironment(`${env}/late`, { name: 'Late' }, by);
    clock += 1_001;
    expect((await config.snapshot(`${env}/late`)).path).toBe(`/${env}/late`);
  });

  it('of an unknown environment costs at most one call a second', async () => {
    const config = reader();
    await config.snapshot(env);
    calls = [];
    for (let attempt = 0; attempt < 20; attempt++)
      await expect(config.snapshot('nowhere')).rejects.toThrow('no environment');
    expect(calls.length).toBeLessThanOrEqual(1);
  });
});

describe('the lists of a snapshot', () => {
  const code = 'RETURN Reject() WHEN ContainsKey("Risky", "Email", @"user.email")';
  const file = new TextEncoder().encode('Email,Status\nkayla@contoso.com,Risky\n');

  it('are in memory where a rule reads them', async () => {
    await writer.putList(env, 'Risky', file, by);
    await put('Reader', code);
    const list = (await reader().snapshot(env)).chain[0]?.list('risky');
    expect(list?.lookup('email', 'KAYLA@contoso.com ')).toEqual({
      Email: 'kayla@contoso.com',
      Status: 'Risky',
    });
  });

  it('are left in storage where they would take too much memory, and then cost one read', async () => {
    const small = openConfig(storage, { listMemory: 0 });
    await small.putList(env, 'Risky', file, by);
    await put('Reader', code);
    const list = (await reader().snapshot(env)).chain[0]?.list('risky');
    expect(list?.lookup('Email', 'kayla@contoso.com')).toBeUndefined();
    expect(await list?.fetch('Email', 'kayla@contoso.com')).toMatchObject({ Status: 'Risky' });
  });

  it('are loaded once while their file stays the same', async () => {
    await writer.putList(env, 'Risky', file, by);
    await put('Reader', code);
    const config = reader();
    const before = (await config.snapshot(env)).chain[0]?.list('Risky');
    await put('B');
    clock += 60_001;
    expect((await config.snapshot(env)).chain[0]?.list('Risky')).toBe(before);
    expect(calls.filter((name) => name.endsWith('.rows'))).toHaveLength(1);
  });
});
