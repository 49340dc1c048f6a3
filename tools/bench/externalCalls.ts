/**
 * `node tools/bench/externalCalls.ts`: how long an assessment takes whose rule asks a service that does not answer, against
 * the call's time-out; then with the service dead, when the breaker is open, beside the same rule without the call; then
 * how soon the call is used again when the service is back. One process serves, Azurite stores, all on loopback.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startAzurite } from '../../test/azurite.ts';
import { call, startApp, until } from '../../test/holdfast.ts';
import { type Behaviour, makeAuthority, startTarget } from '../../test/httpsTarget.ts';

const { values: options } = parseArgs({
  options: {
    timeouts: { type: 'string', default: '50,100,250' },
    assessments: { type: 'string', default: '120' },
    dead: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '4' },
  },
});
const clients = Number(options.clients);
const purchase = JSON.parse(
  await readFile(path.resolve(import.meta.dirname, '../seed/purchase.json'), 'utf8'),
);

const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
const authority = makeAuthority();
const ca = path.join(folder, 'ca.pem');
await writeFile(ca, authority.ca);
const [azurite, target] = await Promise.all([startAzurite(), startTarget(authority.good)]);
const app = await startApp({ storage: azurite.connectionString, settings: { NODE_EXTRA_CA_CERTS: ca } });

async function manage(tail: string, body: object): Promise<void> {
  const answer = await call(app.baseUrl, 'PUT', `/management/v1/environments/${tail}`, body);
  if (answer.status >= 300) throw new Error(`${tail}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

interface Assessed {
  milliseconds: number;
  /** what the rule saw of the call: empty where it succeeded; undefined where the rule is not in force yet */
  error: string | undefined;
}

async function assess(environment: string): Promise<Assessed> {
  const body = { ...purchase, purchaseId: randomUUID(), user: { ...purchase.user, userId: randomUUID() } };
  const headers = { 'x-ms-correlation-id': randomUUID(), 'x-ms-dfpenvid': `/${environment}` };
  const started = performance.now();
  const answer = await call(app.baseUrl, 'POST', '/v1.0/MerchantServices/events/Purchase', body, headers);
  const milliseconds = performance.now() - started;
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return { milliseconds, error: answer.body.resultDetails.MerchantRuleOutput?.c?.error };
}

async function many(environment: string, count: number): Promise<Assessed[]> {
  const results: Assessed[] = [];
  let left = count;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      results.push(await assess(environment));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return results;
}

async function environmentWith(name: string, timeoutMs: number): Promise<void> {
  await manage(name, { name });
  await manage(`${name}/externalCalls/slow`, { method: 'GET', url: `${target.origin}/slow`, timeoutMs });
  await manage(
    `${name}/rules/Ask`,
    ruleOf('LET $e = External.slow().GetDiagnostics().ErrorMessage.AsString()', '$e'),
  );
}

/** A rule is in force on an instance within seconds. */
async function inForce(environment: string): Promise<void> {
  await until(`the rule of ${environment}`, async () => (await assess(environment)).error === '');
}

function ruleOf(before: string, error: string) {
  const code = `${before}\nOBSERVE Output(error = ${error})`;
  return { assessment: 'Purchase', clauses: [{ name: 'c', code }] };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.ceil(q * sorted.length), sorted.length) - 1] ?? Number.NaN;
}

const ms = (value: number) => `${value.toFixed(1)} ms`;
const line = (what: string, values: readonly number[]) =>
  `${what.padEnd(34)} ${String(values.length).padStart(5)} assessments   p50 ${ms(quantile(values, 0.5))}   p99 ${ms(quantile(values, 0.99))}`;
const milliseconds = (results: readonly Assessed[]) => results.map((one) => one.milliseconds);

try {
  await manage('plain', { name: 'Plain' });
  await manage('plain/rules/Ask', ruleOf('', '""'));
  await inForce('plain');
  await many('plain', 50);
  const plain = milliseconds(await many('plain', Number(options.assessments)));
  console.log(line('without the call', plain));

  // every second request is answered, so that the breaker stays closed and the time-out is what is measured
  let requests = 0;
  const halfSilent: Behaviour = (_, response) => {
    requests += 1;
    if (requests % 2 === 0) response.end('{}');
  };
  for (const timeoutMs of options.timeouts.split(',').map(Number)) {
    const name = `t${timeoutMs}`;
    await environmentWith(name, timeoutMs);
    target.behave((_, response) => response.end('{}'));
    await inForce(name);
    await many(name, 20);
    target.behave(halfSilent);
    const results = await many(name, Number(options.assessments));
    const late = milliseconds(results.filter(({ error }) => error?.startsWith('Timeout')));
    console.log(line(`time-out ${timeoutMs} ms, silent service`, late));
    const over = (q: number) => ms(quantile(late, q) - timeoutMs);
    console.log(`  over the time-out: p50 ${over(0.5)}, p99 ${over(0.99)} (aim: 50 ms)`);
    const more = (q: number) => ms(quantile(late, q) - timeoutMs - quantile(plain, q));
    console.log(`  of which not of an assessment without the call: p50 ${more(0.5)}, p99 ${more(0.99)}`);
  }

  await environmentWith('dead', 250);
  await inForce('dead');
  target.behave(() => {});
  const dead = await many('dead', Number(options.dead));
  const refused = dead.filter(({ error }) => error?.startsWith('Circuit breaker'));
  console.log(line('service dead, time-out 250 ms', milliseconds(dead)));
  console.log(
    `  ${refused.length} of them met an open breaker; without the call p50 is ${ms(quantile(plain, 0.5))}`,
  );

  target.behave((_, response) => response.end('{}'));
  const back = performance.now();
  await until('the call is used again', async () => (await assess('dead')).error === '');
  console.log(`service back: used again after ${ms(performance.now() - back)}`);
} finally {
  await app.stop();
  await Promise.all([azurite.stop(), target.stop(), rm(folder, { recursive: true, force: true })]);
}
