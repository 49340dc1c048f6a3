import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../test/azurite.ts';
import { type Authority, makeAuthority, startTarget, type Target } from '../../test/httpsTarget.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type External, openExternal } from './external.ts';
import type { WarmCall } from './warmUp.ts';

let azurite: Azurite;
let storage: Storage;
let authority: Authority;
let target: Target;
const opened: External[] = [];
const minute = 60_000;
const time = { now: Date.UTC(2026, 5, 10, 12) };

beforeAll(async () => {
  authority = makeAuthority();
  [azurite, target] = await Promise.all([startAzurite(), startTarget(authority.good)]);
  storage = openStorage({ connectionString: azurite.connectionString });
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await Promise.all([azurite?.stop(), target?.stop()]);
});
afterEach(() => target.behave(undefined));

/** An instance of the app: processes share nothing but the storage. */
function instance(warn: (message: string) => void = () => {}): External {
  const external = openExternal(storage, {
    fence: { development: true },
    certificateAuthorities: [authority.ca],
    breaker: { failures: 1, openMs: 60_000 },
    flushMs: 0,
    now: () => time.now,
    warn,
  });
  opened.push(external);
  return external;
}

function call(name: string, change: object = {}): WarmCall {
  const [one = instance()] = opened;
  const { definition } = one.read({
    method: 'POST',
    url: `${target.origin}/echo`,
    parameters: [{ name: 'p', sample: 'v' }],
    headers: [{ name: 'x-region', value: 'eu' }],
    timeoutMs: 1000,
    keepAliveUrl: `${target.origin}/health?from=${name}`,
    warmUp: true,
    ...change,
  });
  return { environment: 'env', name, definition };
}

const pings = (name: string) => target.received.filter(({ url }) => url === `/health?from=${name}`);
const use = (external: External, { name, definition }: WarmCall) =>
  external.invoke('env', definition, ['x'], {
    name,
    correlationId: '',
    assessment: 'Purchase',
    rule: '',
    clause: '',
  });

test('two instances ping once per interval, however often their timers run', async () => {
  const [one, two] = [instance(), instance()];
  const quiet = call('quiet');
  for (let passed = 0; passed < 9; passed += 1) {
    await Promise.all([one, two, one, two].map(({ warmUp }) => warmUp.run([quiet])));
    expect(pings('quiet')).toHaveLength(Math.floor(passed / 3) + 1);
    time.now += minute;
  }
});

test('a ping is an anonymous GET without parameters and headers', async () => {
  const one = instance();
  const warm = call('plain');
  expect(await one.warmUp.run([warm])).toEqual(['pinged']);
  const [ping] = pings('plain');
  expect(ping).toMatchObject({ method: 'GET', body: '' });
  expect(ping?.headers).toEqual({ host: `127.0.0.1:${target.port}`, connection: 'keep-alive' });
  expect(await one.warmUp.state('env', 'PLAIN')).toMatchObject({
    success: true,
    httpStatusCode: 200,
    failures: 0,
  });
});

test('a call in use is not pinged, by whichever instance it is used', async () => {
  const [one, two] = [instance(), instance()];
  const used = call('used');
  for (let passed = 0; passed < 6; passed += 1) {
    await use(one, used);
    await one.flush();
    expect(await Promise.all([one, two].map(({ warmUp }) => warmUp.run([used])))).toEqual([
      ['in use'],
      ['in use'],
    ]);
    time.now += minute;
  }
  expect(pings('used')).toHaveLength(0);
  time.now += 4 * minute;
  expect(await two.warmUp.run([used])).toEqual(['pinged']);
});

test('a call that is under way is not pinged', async () => {
  const one = instance();
  const slow = call('slow');
  let answer = () => {};
  const arrived = new Promise<void>((done) => {
    target.behave((_, response) => {
      answer = () => void response.end('{}');
      done();
    });
  });
  const result = use(one, slow);
  await arrived;
  expect(await one.warmUp.run([slow])).toEqual(['in use']);
  answer();
  expect((await result).failed).toBeUndefined();
});

test('a ping that fails is recorded and warned of, again and again, and opens no breaker', async () => {
  const warnings: string[] = [];
  const one = instance((message) => void warnings.push(message));
  const broken = call('broken', { keepAliveUrl: `${target.origin}/status/503` });
  for (let failures = 1; failures <= 3; failures += 1) {
    expect(await one.warmUp.run([broken])).toEqual(['failed']);
    expect(await one.warmUp.state('env', 'broken')).toMatchObject({
      at: new Date(time.now),
      success: false,
      httpStatusCode: 503,
      error: 'Response failure: the answer was HTTP 503',
      failures,
    });
    time.now += 3 * minute;
  }
  expect(warnings).toEqual(
    Array(3).fill('warm-up of external call broken in env failed: Response failure: the answer was HTTP 503'),
  );
  expect(one.breaker('env', 'broken')).toBe('closed');
  expect((await use(one, broken)).failed).toBeUndefined();
});

test('calls without warm-up, and none at all, cost nothing', async () => {
  const one = instance();
  const before = target.received.length;
  expect(await one.warmUp.run([call('off', { warmUp: false })])).toEqual(['off']);
  expect(await one.warmUp.run([])).toEqual([]);
  expect(await one.warmUp.state('env', 'off')).toBeUndefined();
  expect(target.received.length).toBe(before);
});
