import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, makeApp } from '../host/fixture.ts';

const APP = `
import { BlobServiceClient } from '@azure/storage-blob';
const blob = (name: string) =>
  BlobServiceClient.fromConnectionString(process.env.HOLDFAST_STORAGE ?? '').getContainerClient('data').getBlockBlobClient(name);
app.http('blob', { authLevel: 'function', methods: ['GET', 'PUT'], route: 'blob/{name}', handler: async (request) => {
  const { name } = request.params;
  if (request.method === 'GET') return { body: await blob(name).downloadToBuffer() };
  await BlobServiceClient.fromConnectionString(process.env.HOLDFAST_STORAGE ?? '').getContainerClient('data').createIfNotExists();
  const text = await request.text();
  await blob(name).upload(text, text.length);
  return { status: 201 };
} });
app.http('crash', { authLevel: 'anonymous', methods: ['POST'], handler: async () => { setImmediate(() => { throw new Error('nobody catches this'); }); return {}; } });
app.timer('nightly', { schedule: '0 0 3 * * *', handler: async () => {} });
`;

/** What main.ts does, for the fixture's app. */
const runner = (root: string) => `
  import { start } from ${JSON.stringify(path.resolve(import.meta.dirname, 'start.ts'))};
  const seed = async ({ baseUrl, headers }) => {
    const response = await fetch(baseUrl + '/blob/seeded', { method: 'PUT', body: 'seed', headers });
    if (response.status !== 201) throw new Error('gave ' + response.status);
    return ['seeded the sample'];
  };
  process.exitCode = await start({ root: ${JSON.stringify(root)}, args: process.argv.slice(1), seed, print: console.log, printError: console.error });
  process.exit();`;

interface Run {
  readonly child: ChildProcess;
  readonly port: number;
  readonly output: () => string;
  /** the exit code, once it has one; negative for a signal */
  readonly ended: Promise<number>;
  /** resolves when the text has been printed; rejects when the process ends before */
  printed(text: string): Promise<void>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

let app: Fixture;
let folder: string;
const runs: Run[] = [];

beforeAll(async () => {
  app = await makeApp(APP);
});
afterAll(() => app.remove());
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-start-'));
});
afterEach(async () => {
  for (const { child, ended } of runs.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
  await expect.poll(() => storageProcesses(folder), { timeout: 20_000 }).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

/** Processes of Azurite that work on the folder, by their command line. */
async function storageProcesses(data: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout.split('\n').filter((line) => line.includes('azuriteChild.ts') && line.includes(data));
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers
    .map((server) => server.address())
    .map((address) => (isAddress(address) ? address.port : 0));
  for (const server of servers) server.close();
  return ports;
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

async function startUp(args: readonly string[] = [], root = app.root): Promise<Run> {
  const ports = await freePorts(5);
  const [port = 0, issuer, ...storage] = ports;
  const flags = [
    '--port',
    `${port}`,
    '--issuer-port',
    `${issuer}`,
    '--storage-ports',
    storage.join(','),
    '--data',
    folder,
  ];
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', runner(root), '--', ...flags, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const waiting = new Set<() => void>();
  const read = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : -1));
  const run: Run = {
    child,
    port,
    output: () => output,
    ended,
    printed: (text) =>
      Promise.race([
        new Promise<void>((resolve) => {
          const look = () => output.includes(text) && resolve();
          waiting.add(look);
          look();
        }),
        ended.then((code) => {
          if (!output.includes(text)) throw new Error(`ended with ${code} before '${text}':\n${output}`);
        }),
      ]),
    fetch: (target, init) => fetch(`http://127.0.0.1:${port}${target}`, init),
  };
  runs.push(run);
  return run;
}

const ready = async (args: readonly string[] = []) => {
  const run = await startUp(args);
  await run.printed('Ctrl-C stops everything');
  return run;
};

/** The whole output of a start that is expected to fail at once, and its exit code. */
async function failing(args: readonly string[], root = app.root): Promise<{ code: number; lines: string[] }> {
  const run = await startUp(args, root);
  const code = await run.ended;
  return { code, lines: run.output().trim().split('\n') };
}

describe('npm start', () => {
  test('runs storage and the app, seeds, says what runs where and what to paste; Ctrl-C ends it all with 0; the data stays', async () => {
    const first = await ready();
    expect(first.output()).toContain('seeded the sample');
    expect(first.output()).toContain(`http://localhost:${first.port}`);
    expect(first.output()).toMatch(
      /^curl http:\/\/localhost:\d+\/v1\.0\/MerchantServices\/events\/Purchase .*--data @\S+purchase\.json$/m,
    );
    expect((await first.fetch('/blob/mine', { method: 'PUT', body: 'kept' })).status).toBe(201);
    first.child.kill('SIGINT');
    expect(await first.ended).toBe(0);
    expect(await storageProcesses(folder)).toEqual([]);
    await expect(first.fetch('/blob/mine')).rejects.toThrow();

    const second = await ready();
    expect(await (await second.fetch('/blob/mine')).text()).toBe('kept');
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  test('issues tokens, prints one, and keeps the key that signs them', async () => {
    const keysOf = async (run: Run) => {
      const issuer = /tokens {3}(\S+)\/oauth2\/v2\.0\/token/.exec(run.output())?.[1];
      const { keys } = JSON.parse(await (await fetch(`${issuer}/discovery/v2.0/keys`)).text());
      return keys.map(({ kid }: { kid: string }) => kid);
    };
    const first = await ready();
    const printed = /-H 'authorization: Bearer (\S+)'/.exec(first.output())?.[1] ?? '';
    expect(decodeJwt(printed).roles).toEqual(['Risk_API']);
    const keys = await keysOf(first);
    expect(keys).toEqual([decodeProtectedHeader(printed).kid]);
    first.child.kill('SIGTERM');
    await first.ended;
    expect(await keysOf(await ready())).toEqual(keys);
  });

  test('with --auth asks for keys, and prints one that works', async () => {
    const run = await ready(['--auth']);
    expect((await run.fetch('/blob/seeded')).status).toBe(401);
    const key = /x-functions-key: ([\w-]+)/.exec(run.output())?.[1] ?? '';
    expect(await (await run.fetch('/blob/seeded', { headers: { 'x-functions-key': key } })).text()).toBe(
      'seed',
    );
    expect(JSON.parse(await readFile(path.join(folder, 'keys.json'), 'utf8')).host).toBe(key);
  });

  test('killed with -9 leaves no process behind, loses nothing, and does not block the next start', async () => {
    const first = await ready();
    await first.fetch('/blob/mine', { method: 'PUT', body: 'kept' });
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await ready();
    expect(await (await second.fetch('/blob/mine')).text()).toBe('kept');
    expect(await storageProcesses(folder)).toHaveLength(1);
  });

  test('says so and stops where storage dies', async () => {
    const run = await ready();
    const { storage } = JSON.parse(await readFile(path.join(folder, 'lock'), 'utf8'));
    process.kill(storage.pid, 'SIGKILL');
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('Azurite (storage) has ended');
  });

  test('stops, storage in order, where the app throws what nobody catches', async () => {
    const run = await ready();
    await run.fetch('/blob/mine', { method: 'PUT', body: 'kept' });
    await run.fetch('/crash', { method: 'POST' });
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('nobody catches this');
    const next = await ready();
    expect(await (await next.fetch('/blob/mine')).text()).toBe('kept');
  });

  test('stopped while it starts ends with 0 and leaves nothing', async () => {
    const run = await startUp();
    await expect.poll(() => storageProcesses(folder), { timeout: 20_000 }).toHaveLength(1);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });
});

describe('one line that says what to do, and exit code 1', () => {
  test('for a second start on the same data folder, while the first goes on', async () => {
    const first = await ready();
    const { code, lines } = await failing([]);
    expect([code, lines]).toEqual([
      1,
      [
        expect.stringMatching(
          /^another npm start \(process \d+\) uses the data folder .*: stop it, or give another with --data$/,
        ),
      ],
    ]);
    expect((await first.fetch('/blob/seeded')).status).toBe(200);
  });

  test('for a port that is in use, with its flag', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const taken = isAddress(address) ? address.port : 0;
    const [a, b] = await freePorts(2);
    try {
      expect(await failing(['--port', `${taken}`])).toEqual({
        code: 1,
        lines: [`port ${taken}, for the API, is in use: free it, or give another with --port`],
      });
      expect(await failing(['--issuer-port', `${taken}`])).toEqual({
        code: 1,
        lines: [
          `port ${taken}, for the token issuer, is in use: free it, or give another with --issuer-port`,
        ],
      });
      expect(await failing(['--storage-ports', `${a},${taken},${b}`])).toEqual({
        code: 1,
        lines: [
          `port ${taken}, for storage (queues), is in use: free it, or give another with --storage-ports`,
        ],
      });
    } finally {
      server.close();
    }
  });

  test('for a data folder that cannot be made', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const { code, lines } = await failing(['--data', path.join(folder, 'file/data')]);
    expect([code, lines]).toEqual([
      1,
      [expect.stringContaining('cannot be made, since part of its path is a file')],
    ]);
  });

  test('for a build that is missing, or stale', async () => {
    const other = await makeApp("app.http('a', { handler: async () => ({}) });");
    await writeFile(path.join(other.root, 'main.ts'), '// changed');
    expect(await failing([], other.root)).toEqual({
      code: 1,
      lines: [
        'the build in dist/ is stale, main.ts changed since: run npm run build (npm start does so itself)',
      ],
    });
    await rm(path.join(other.root, 'dist'), { recursive: true });
    expect(await failing([], other.root)).toEqual({
      code: 1,
      lines: ['there is no build in dist/: run npm run build (npm start does so itself)'],
    });
    await other.remove();
  });

  test('for an app that the runtime would refuse', async () => {
    const other = await makeApp("app.timer('t', { schedule: 'never', handler: async () => {} });");
    const { code, lines } = await failing([], other.root);
    expect([code, lines]).toEqual([
      1,
      [expect.stringContaining("the app cannot be served: function t: 'never' is no schedule")],
    ]);
    await other.remove();
  });

  test('for samples that cannot be seeded', async () => {
    const other = await makeApp("app.http('a', { handler: async () => ({}) });");
    expect(await failing([], other.root)).toEqual({
      code: 1,
      lines: ['the samples were not seeded: gave 404'],
    });
    await other.remove();
  });
});
