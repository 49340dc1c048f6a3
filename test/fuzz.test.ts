import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { About } from '../functions/management/about.ts';
import { managementRoutes } from '../functions/management/routes.ts';
import { type Document, openApiDocument } from '../functions/openapi/document.ts';
import { wireOperations } from '../functions/openapi/wire.ts';
import { seed } from '../tools/seed/seed.ts';
import { type Azurite, startAzurite } from './azurite.ts';
import { type Made, requestsOf, type World } from './fuzz/arbitraries.ts';
import { differences, stateOf } from './fuzz/state.ts';
import { credentials, type RunningApp, startApp } from './holdfast.ts';

/** How many requests; `FUZZ=20000 npx vitest run test/fuzz.test.ts` is the full run. */
const count = Number(process.env.FUZZ ?? 2000);
/** Another one gives other requests. */
const seedOfRun = Number(process.env.FUZZ_SEED ?? 20_261_121);
const atOnce = 16;

let azurite: Azurite;
let app: RunningApp;
let document: Document;
let authorized: Record<string, string>;

beforeAll(async () => {
  azurite = await startAzurite();
  app = await startApp({ storage: azurite.connectionString });
  authorized = await credentials('ProductAdmin');
  await seed({ baseUrl: app.baseUrl, headers: authorized });
  document = openApiDocument('test');
}, 120_000);

afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
});

async function send({ method, path, headers, body }: Made): Promise<{ status: number; text: string }> {
  const response = await fetch(app.baseUrl + path, {
    method: method.toUpperCase(),
    headers: { ...authorized, ...headers },
    ...(body === undefined ? {} : { body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, text: await response.text() };
}

/** On a busy machine storage may be out of reach for a moment, which a client meets by sending again. */
async function sendPatiently(request: Made): Promise<{ status: number; text: string }> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(request);
    if (answer.status !== 503 || attempt === 5) return answer;
  }
}

/** Sends all, so many at a time; answers in their order. */
async function sendAll(requests: readonly Made[]): Promise<{ status: number; text: string }[]> {
  const answers: { status: number; text: string }[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < requests.length; index = next++) {
      const request = requests[index];
      if (request) answers[index] = await sendPatiently(request);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

function shown({ operationId, method, path, headers, body }: Made): string {
  return `${operationId}: ${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 300)}\n${body?.slice(0, 1500) ?? ''}`;
}

const page = z.object({ items: z.array(z.object({ name: z.string().optional() })) });

/** What each operation’s success looks like, by status. */
const successes = new Map<string, About['answers']>([
  ...wireOperations.map(({ operation, answer }): [string, { 200: z.ZodType }] => [
    operation,
    { 200: answer },
  ]),
  ...managementRoutes.flatMap(({ about }): [string, About['answers']][] =>
    about ? [[about.operation, about.answers]] : [],
  ),
]);

/** What is wrong with an answer, by the document; undefined where nothing is. */
function fault({ operationId, path }: Made, { status, text }: { status: number; text: string }): unknown {
  // an empty part and dots lead elsewhere
  if (/\/(\.|%2e){0,2}(\/|\?|$)/i.test(path)) return undefined;
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  const responses = operations.find((operation) => operation.operationId === operationId)?.responses ?? {};
  if (!(status in responses)) return `${operationId} ${path}: ${status} is not documented: ${text}`;
  const schema = successes.get(operationId)?.[status];
  if (schema === undefined || typeof schema === 'string') return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  return parsed.success ? undefined : [operationId, path, parsed.error.issues];
}

/** What the seeded environment has, by the part of the path behind which it is named. */
async function worldOf(): Promise<World> {
  const names: Record<string, string[]> = {
    events: ['Purchase', 'AccountLogin', 'BankEvent'],
    '{type}': ['p-20261121-1', 'l-1', 'b-1'],
    entries: ['dana@example.com', 'kim@example.com'],
    assessment: ['PromoCode', 'Transfer'],
  };
  const lists = Object.keys(document.paths).flatMap((path) => {
    const kind = /^\/management\/v1\/environments\/\{env\}\/(\w+)$/.exec(path)?.[1];
    return kind && document.paths[path]?.get ? [kind] : [];
  });
  for (const kind of lists) {
    const at = `${app.baseUrl}/management/v1/environments/primary/${kind}`;
    const { items } = page.parse(await (await fetch(at, { headers: authorized })).json());
    names[kind] = [...(names[kind] ?? []), ...items.flatMap(({ name }) => name ?? [])];
  }
  return { environments: ['primary', '/primary/outlet', 'primary/outlet'], names };
}

/** Requests for all operations alike, the same for the same seed. */
function generated(world: World): Made[] {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => requestsOf(path, method, operation, document, world)),
  );
  const each = Math.ceil(count / operations.length);
  const requests = operations.flatMap((requests, index) =>
    fc.sample(requests, { numRuns: each, seed: seedOfRun + index }),
  );
  // mixed, so that what one made is what another meets
  const order = fc.sample(fc.shuffledSubarray(requests, { minLength: requests.length }), {
    numRuns: 1,
    seed: seedOfRun,
  });
  return order[0] ?? [];
}

/** Reads the state until two readings are the same: what answered requests still write in the background is in it then. */
async function settledState(): Promise<ReadonlyMap<string, string>> {
  let before = await stateOf(azurite.connectionString);
  for (;;) {
    const after = await stateOf(azurite.connectionString);
    if (differences(before, after).length === 0) return after;
    before = after;
  }
}

it(`answers ${count} requests, valid and broken, without a 500; what it refuses changes nothing`, {
  timeout: 60_000 + count * 150,
}, async () => {
  const requests = generated(await worldOf());
  const answers = await sendAll(requests);
  const failed = requests.filter((_, index) => {
    const status = answers[index]?.status ?? 0;
    return status === 0 || status >= 500;
  });
  expect(failed.map(shown)).toEqual([]);
  const odd = requests.flatMap((request, index) => {
    const answer = answers[index];
    return (answer && fault(request, answer)) ?? [];
  });
  expect(odd.slice(0, 20)).toEqual([]);
  const statuses = Object.groupBy(answers, ({ status }) => String(status));
  const tally = Object.fromEntries(Object.entries(statuses).map(([status, all]) => [status, all?.length]));
  console.log(`fuzz: ${requests.length} requests, by status ${JSON.stringify(tally)}`);
  expect(tally['200'] ?? 0).toBeGreaterThan(count / 20);

  // again, now that nothing else is going on, until a round accepts none: of many that want to start the same work each accepts one
  let refused = requests.filter((_, index) => (answers[index]?.status ?? 0) >= 400);
  for (;;) {
    const before = await settledState();
    const again = await sendAll(refused);
    const stillRefused = refused.filter((_, index) => (again[index]?.status ?? 0) >= 400);
    if (stillRefused.length < refused.length) {
      refused = stillRefused;
      continue;
    }
    expect(again.filter(({ status }) => status >= 500)).toEqual([]);
    expect(differences(before, await settledState())).toEqual([]);
    return;
  }
});
