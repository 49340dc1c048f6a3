/**
 * `npm run bench`: an assessment beside its floor, a function on the same host that makes the same storage requests and
 * does nothing else. Both in one run, in alternating blocks, so that the ratio does not hang on the machine's mood.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { startAzurite } from '../../test/azurite.ts';
import { credentials, startApp } from '../../test/holdfast.ts';
import { startStorageProxy } from '../../test/storageProxy.ts';
import { buildApp } from '../build.ts';
import { seed } from '../seed/seed.ts';

const root = path.resolve(import.meta.dirname, '../..');
const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '4' },
    clients: { type: 'string', default: '8' },
  },
});
const purchase = JSON.parse(await readFile(path.join(root, 'tools/seed/purchase.json'), 'utf8'));
const purchasePath = '/v1.0/MerchantServices/events/Purchase';

interface Sample {
  perSecond: number;
  /** ms */
  latencies: number[];
}

function bodyOf(user: number): string {
  const email = `user${user}@example.com`;
  return JSON.stringify({
    ...purchase,
    purchaseId: randomUUID(),
    user: { ...purchase.user, userId: `user-${user}`, email },
    deviceContext: {
      ...purchase.deviceContext,
      deviceContextId: `device-${user}`,
      ipAddress: `203.0.113.${user % 250}`,
    },
    paymentInstrumentList: purchase.paymentInstrumentList.map((one: object) => ({
      ...one,
      merchantPaymentInstrumentId: `pi-${user}`,
    })),
  });
}

const admin = await credentials();
const caller = await credentials('Risk_API');
const azurite = await startAzurite();
// inside the repository, so that packages outside the bundle are found
const outdir = await mkdtemp(path.join(root, 'dist-bench-'));
try {
  await buildApp(root, 'tools/bench/floorMain.ts', outdir);
  const entry = path.relative(root, path.join(outdir, 'main.js'));

  // the requests that each makes, counted on the way to the storage
  const proxy = await startStorageProxy(azurite.connectionString);
  const counted = await startApp({ storage: proxy.connectionString, entry });
  await seed({ baseUrl: counted.baseUrl, headers: admin });
  const model = JSON.parse(bodyOf(0));
  await post(counted.baseUrl, purchasePath, JSON.stringify(model));
  await post(counted.baseUrl, '/bench/floor', model.purchaseId);
  const counts = {
    assessment: await requestsOf(() => post(counted.baseUrl, purchasePath, bodyOf(1))),
    floor: await requestsOf(() => post(counted.baseUrl, '/bench/floor', model.purchaseId)),
  };
  await counted.stop();
  await proxy.stop();

  /** What goes on behind the answer counts too; it is over within two seconds. */
  async function requestsOf(act: () => Promise<unknown>): Promise<number> {
    await pause(2000);
    proxy.arm(Number.MAX_SAFE_INTEGER, 'before', () => {});
    await act();
    await pause(2000);
    return proxy.seen();
  }

  const app = await startApp({ storage: azurite.connectionString, entry });
  const pool = new Pool(app.baseUrl, { connections: Number(options.clients) });
  const block = (target: string, body: () => string) =>
    load(pool, target, body, Number(options.clients), Number(options.seconds) * 1000);
  const assessments: Sample[] = [];
  const floors: Sample[] = [];
  const assess = () => block(purchasePath, () => bodyOf(Math.floor(Math.random() * 1e9)));
  const floor = () => block('/bench/floor', () => model.purchaseId);
  // warm up both
  await assess();
  await floor();
  for (let i = 0; i < Number(options.blocks); i++) {
    const order = i % 2 === 0 ? [assess, floor] : [floor, assess];
    for (const run of order) (run === assess ? assessments : floors).push(await run());
  }
  await pool.close();
  await app.stop();
  report(counts, assessments, floors);
} finally {
  await azurite.stop();
  await rm(outdir, { recursive: true, force: true });
}

async function post(baseUrl: string, target: string, body: string): Promise<void> {
  const response = await fetch(baseUrl + target, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...caller },
  });
  if (response.status !== 200) throw new Error(`${target}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** So many clients, each with one request under way, for so long. */
async function load(
  pool: Pool,
  target: string,
  body: () => string,
  clients: number,
  ms: number,
): Promise<Sample> {
  const latencies: number[] = [];
  const begin = performance.now();
  const client = async () => {
    while (performance.now() - begin < ms) {
      const sent = performance.now();
      const headers = { 'content-type': 'application/json', 'x-ms-correlation-id': randomUUID(), ...caller };
      const answer = await pool.request({ path: target, method: 'POST', body: body(), headers });
      await answer.body.arrayBuffer();
      if (answer.statusCode !== 200) throw new Error(`${target} gave ${answer.statusCode}`);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { perSecond: (latencies.length * 1000) / (performance.now() - begin), latencies };
}

function report(
  counts: { assessment: number; floor: number },
  assessments: Sample[],
  floors: Sample[],
): void {
  const rows = [
    ['assessment', counts.assessment, assessments],
    ['floor', counts.floor, floors],
  ] as const;
  console.log('              storage requests   per second      p50 ms      p99 ms');
  for (const [name, requests, samples] of rows) {
    const all = samples.flatMap(({ latencies }) => latencies);
    const cells = [requests, rate(samples), quantile(all, 0.5), quantile(all, 0.99)];
    console.log(`${name.padEnd(12)}${cells.map((cell) => cell.toFixed(1).padStart(12)).join('')}`);
  }
  const ratio = (of: (samples: Sample[]) => number, invert = false) => {
    const value = of(assessments) / of(floors);
    return (invert ? 1 / value : value).toFixed(2);
  };
  const at = (share: number) => (samples: Sample[]) =>
    quantile(
      samples.flatMap(({ latencies }) => latencies),
      share,
    );
  console.log(
    `ratio to the floor: throughput ${ratio(rate, true)}, p50 ${ratio(at(0.5))}, p99 ${ratio(at(0.99))} (aim: 1.3 or less)`,
  );
}

function rate(samples: Sample[]): number {
  return quantile(
    samples.map(({ perSecond }) => perSecond),
    0.5,
  );
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
