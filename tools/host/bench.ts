/**
 * `node tools/host/bench.ts`: requests per second of the local host beside a bare `node:http` server that does the same,
 * each for 4 seconds from one client process: POST of 1.4 kB of JSON, answered with 200 bytes of JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { buildApp } from '../build.ts';
import { startHost } from './host.ts';

const SECONDS = 4;
const CLIENT = `
  import { Pool } from 'undici';
  const [url, seconds] = process.argv.slice(1);
  const pool = new Pool(url, { connections: 16, pipelining: 1 });
  const body = JSON.stringify({ text: 'x'.repeat(1380) });
  const end = performance.now() + Number(seconds) * 1000;
  let count = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (performance.now() < end) {
      const response = await pool.request({ path: '/echo/17', method: 'POST', body, headers: { 'content-type': 'application/json' } });
      if (response.statusCode !== 200) throw new Error('status ' + response.statusCode);
      await response.body.dump();
      count += 1;
    }
  }));
  await pool.close();
  console.log(Math.round(count / Number(seconds)));`;

const answer = { text: 'y'.repeat(180) };

async function rate(port: number): Promise<number> {
  const client = spawn(
    process.execPath,
    ['--input-type=module', '-e', CLIENT, `http://127.0.0.1:${port}`, String(SECONDS)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [output] = await once(client.stdout, 'data');
  return Number(output);
}

async function bare(): Promise<number> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    JSON.parse(Buffer.concat(chunks).toString());
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const result = await rate(typeof address === 'object' && address !== null ? address.port : 0);
  server.close();
  return result;
}

async function hosted(streams: boolean): Promise<number> {
  const repository = path.resolve(import.meta.dirname, '../..');
  const root = await mkdtemp(path.join(repository, 'node_modules/.cache-bench-'));
  try {
    await symlink(path.join(repository, 'node_modules'), path.join(root, 'node_modules'));
    await writeFile(
      path.join(root, 'host.json'),
      '{ "version": "2.0", "extensions": { "http": { "routePrefix": "" } } }',
    );
    await writeFile(
      path.join(root, 'main.ts'),
      `import { app } from '@azure/functions';
       app.setup({ enableHttpStream: ${streams} });
       app.http('echo', { methods: ['POST'], route: 'echo/{id}', handler: async (request) => {
         await request.json();
         return { jsonBody: ${JSON.stringify(answer)} };
       } });`,
    );
    await buildApp(root, 'main.ts', path.join(root, 'dist'));
    const host = await startHost({ entry: path.join(root, 'dist/main.js'), root, port: 0 });
    const result = await rate(host.port);
    await host.stop();
    return result;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const floor = await bare();
const show = (name: string, value: number) =>
  console.log(
    `${name.padEnd(28)} ${String(value).padStart(6)} requests/s  ${(value / floor).toFixed(2)} of node:http`,
  );
show('node:http', floor);
show('local host', await hosted(false));
show('local host, enableHttpStream', await hosted(true));
