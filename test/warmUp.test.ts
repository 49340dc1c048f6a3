import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Azurite, startAzurite } from './azurite.ts';
import { until } from './holdfast.ts';

/* Two processes that warm up the same call, on one storage, by the real clock. */

let azurite: Azurite;
let server: Server;
let url: string;
let requests = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  server = createServer((_, response) => {
    requests += 1;
    response.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/health`;
});

afterAll(async () => {
  server?.close();
  server?.closeAllConnections();
  await azurite?.stop();
});

interface Instance {
  /** the intervals in which it pinged */
  pinged: number[];
  /** whether it had a turn */
  looked(): boolean;
  end(): Promise<void>;
}

function instance(intervalMs: number, ...more: string[]): Instance {
  const script = path.join(import.meta.dirname, 'warmUpProcess.ts');
  const child = spawn(
    process.execPath,
    [script, azurite.connectionString, url, String(intervalMs), ...more],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const pinged: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (line !== 'looked') pinged.push(Number(line));
  });
  const closed = once(child, 'close');
  return {
    pinged,
    looked: () => lines.includes('looked'),
    async end() {
      child.stdin.end();
      const [code] = await closed;
      expect(code).toBe(0);
    },
  };
}

test('two processes never ping twice in an interval', async () => {
  const [one, two] = [instance(250), instance(250)];
  await until('both at work', async () => one.looked() && two.looked());
  const all = () => [...one.pinged, ...two.pinged].sort((a, b) => a - b);
  await until('twenty pings', async () => all().length >= 20);
  await Promise.all([one.end(), two.end()]);
  expect(new Set(all()).size).toBe(all().length);
  expect(requests).toBe(all().length);
});

test('a call that one process uses is pinged by neither', async () => {
  // an interval that reaches back over everything that this test does
  const one = instance(60_000, 'traffic');
  const before = requests;
  await until('some traffic', async () => requests - before > 20);
  const two = instance(60_000);
  await until('the other looks', async () => two.looked());
  const meanwhile = requests;
  await until('more traffic, while both look', async () => requests - meanwhile > 50);
  await Promise.all([one.end(), two.end()]);
  expect([...one.pinged, ...two.pinged]).toEqual([]);
});
