import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Fixture, makeApp } from './fixture.ts';
import { HostError } from './host.ts';

const apps: Fixture[] = [];
const make = async (source: string, hostJson?: object) => {
  const app = await makeApp(source, hostJson);
  apps.push(app);
  return app;
};
const started = async (source: string, hostJson?: object) => {
  const app = await make(source, hostJson);
  await app.start();
  return app;
};
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.remove()));
});

const text = async (app: Fixture, target: string, init?: RequestInit) =>
  (await app.fetch(target, init)).text();
const warnings = (app: Fixture) =>
  app.lines.filter(({ level }) => level === 'warning').map(({ message }) => message);

describe('function keys', () => {
  const SOURCE = `
    app.http('open', { authLevel: 'anonymous', handler: async () => ({ body: 'open' }) });
    app.http('keyed', { authLevel: 'function', handler: async () => ({ body: 'keyed' }) });
    app.http('master', { authLevel: 'admin', handler: async () => ({ body: 'master' }) });`;

  test('are asked for with a key file: none or a wrong one is 401 with an empty body', async () => {
    const app = await make(SOURCE);
    const { keys } = await app.start({ keyFile: path.join(app.root, 'keys.json') });
    const status = async (target: string, header?: string) =>
      (await app.fetch(target, header === undefined ? {} : { headers: { 'x-functions-key': header } }))
        .status;
    expect(await status('/open')).toBe(200);
    expect(await status('/keyed')).toBe(401);
    expect(await text(app, '/keyed')).toBe('');
    expect(await status('/keyed', keys?.functions.keyed)).toBe(200);
    expect(await status(`/keyed?code=${keys?.host}`)).toBe(200);
    expect(await status(`/keyed?code=${keys?.host}`, 'wrong')).toBe(401);
    expect(await status('/master', keys?.host)).toBe(401);
    expect(await status('/master', keys?.master)).toBe(200);
  });

  test('cannot be read from a file that holds something else, which is told', async () => {
    const app = await make(SOURCE);
    const keyFile = path.join(app.root, 'keys.json');
    await writeFile(keyFile, 'not JSON');
    await expect(app.start({ keyFile })).rejects.toThrow(`${keyFile} is no key file: remove it`);
  });

  test('are not asked for without', async () => {
    const app = await started(SOURCE);
    expect(await text(app, '/keyed')).toBe('keyed');
    expect(await text(app, '/master')).toBe('master');
  });
});

describe('hooks', () => {
  test('run around an invocation and may change its input and its result', async () => {
    const app = await started(`
      let state = 'not started';
      app.hook.appStart(() => { state = 'started'; });
      app.hook.preInvocation((context) => {
        context.hookData.seen = state;
        const handler = context.functionHandler;
        context.functionHandler = async (...all) => ({ body: 'changed ' + (await handler(...all)).body });
      });
      app.hook.postInvocation((context) => {
        context.result = { body: context.result.body + ' ' + context.hookData.seen };
      });
      app.http('hooked', { authLevel: 'anonymous', handler: async () => ({ body: 'result' }) });`);
    expect(await text(app, '/hooked')).toBe('changed result started');
  });

  test('see an error after an invocation, and may take it away', async () => {
    const app = await started(`
      app.hook.postInvocation((context) => {
        if (context.error === null) return;
        context.result = { status: 503, body: context.error.message };
        context.error = null;
      });
      app.http('failing', { authLevel: 'anonymous', handler: async () => { throw new Error('broken'); } });`);
    const response = await app.fetch('/failing');
    expect([response.status, await response.text()]).toEqual([503, 'broken']);
  });

  test('run at the end, after the last invocation', async () => {
    const app = await started(`
      app.hook.appTerminate(() => note('terminated'));
      let release;
      app.http('slow', { authLevel: 'anonymous', handler: async () => {
        note('begun');
        await new Promise((resolve) => { release = resolve; });
        note('ended');
        return { body: 'slow' };
      } });
      app.http('release', { authLevel: 'anonymous', handler: async () => { release(); return {}; } });`);
    const slow = text(app, '/slow');
    await app.until((notes) => notes.includes('begun'));
    await text(app, '/release');
    await Promise.all([slow, app.host.stop()]);
    expect(app.notes).toEqual(['begun', 'ended', 'terminated']);
  });
});

describe('a stop', () => {
  const SOURCE = `
    let release;
    app.http('slow', { authLevel: 'anonymous', handler: async () => {
      note('begun');
      await new Promise((resolve) => { release = resolve; process.once('holdfast:release', resolve); });
      return { body: 'answered' };
    } });`;

  test('answers what is under way, and takes no more', async () => {
    const app = await started(SOURCE);
    const { port } = app.host;
    const slow = text(app, '/slow');
    await app.until((notes) => notes.includes('begun'));
    const stop = app.host.stop();
    await expect(fetch(`http://127.0.0.1:${port}/slow`)).rejects.toThrow();
    const emitter: NodeJS.EventEmitter = process;
    emitter.emit('holdfast:release');
    expect(await slow).toBe('answered');
    await stop;
  });

  test('leaves what takes longer than it may, and says so', async () => {
    const app = await make(SOURCE);
    await app.start({ drainSeconds: 0.01 });
    const slow = text(app, '/slow');
    const failed = expect(slow).rejects.toThrow();
    await app.until((notes) => notes.includes('begun'));
    await app.host.stop();
    await failed;
    expect(warnings(app).join()).toContain('still under way');
  });

  test('does not wait for clients that have gone', async () => {
    const app = await started(`
      app.http('slow', { authLevel: 'anonymous', handler: async (request) => {
        note('begun');
        await new Promise((resolve) => process.once('holdfast:gone', resolve));
        note('ended');
        return { body: 'slow' };
      } });`);
    const leave = new AbortController();
    const left = expect(app.fetch('/slow', { signal: leave.signal })).rejects.toThrow();
    await app.until((notes) => notes.includes('begun'));
    leave.abort();
    await left;
    const emitter: NodeJS.EventEmitter = process;
    emitter.emit('holdfast:gone');
    await app.until((notes) => notes.includes('ended'));
    await app.host.stop();
    expect(app.lines).toEqual([]);
  });

  test('does not wait for connections that are merely open', async () => {
    const app = await started(
      "app.http('a', { authLevel: 'anonymous', handler: async () => ({ body: 'a' }) });",
    );
    const agent = new Agent({ keepAlive: true });
    const call = request({ port: app.host.port, path: '/a', agent }).end();
    const [response] = await once(call, 'response');
    response.resume();
    await once(response, 'end');
    await app.host.stop();
    agent.destroy();
  });
});

describe('an app is refused', () => {
  const http = (name: string, route: string) =>
    `app.http('${name}', { methods: ['GET'], route: '${route}', handler: async () => ({}) });`;
  const timer = (name: string, rest: string) => `app.timer('${name}', { ${rest}, handler: async () => {} });`;

  test.each([
    [
      'for two functions of one name',
      http('a', 'x') + http('A', 'y'),
      'A function with id "A" has already been registered',
    ],
    ['for a name the runtime does not take', http('1a', 'x'), "'1a' is no name for a function"],
    ['for the name host', http('host', 'x'), "'host' is no name for a function"],
    ['for a route of the runtime', http('a', 'admin/x'), "within the runtime's own"],
    ['for a route that is none', http('a', 'x/{y'), 'has a brace without its pair'],
    [
      'for two functions of one route',
      http('a', 'x/{y}') + http('b', '/X/{Y}'),
      'conflict: they are the same',
    ],
    ['for a schedule that is none', timer('t', "schedule: '0 0 0 * * 7'"), '7 is not between 0 and 6'],
    [
      'for a schedule in a setting that is missing',
      timer('t', "schedule: '%MISSING%'"),
      "no setting 'MISSING'",
    ],
    [
      'for a retry policy without its delay',
      timer('t', "schedule: '0 0 0 * * *', retry: { strategy: 'fixedDelay', maxRetryCount: 2 }"),
      'retry.delayInterval is missing',
    ],
    [
      'for a retry policy of a queue',
      "app.storageQueue('q', { queueName: 'abc', connection: 'PATH', retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: 1 }, handler: async () => {} });",
      'retry policies do not work for queues',
    ],
    [
      'for a connection that is no setting',
      "app.storageQueue('q', { queueName: 'abc', connection: 'Missing', handler: async () => {} });",
      "no setting 'Missing'",
    ],
    ['that throws while it loads', "throw new Error('at load');", 'at load'],
  ])('%s', async (_why, source, message) => {
    const app = await make(source);
    await expect(app.start()).rejects.toThrow(HostError);
    await expect(app.start()).rejects.toThrow(message);
  });

  test('with all that is wrong at once, one line each', async () => {
    const app = await make(http('1a', 'x') + timer('t', "schedule: 'never'"));
    const error = await app.start().then(
      () => undefined,
      (one: unknown) => one,
    );
    expect(error instanceof HostError && error.problems).toHaveLength(2);
  });

  test('for a host.json that is none', async () => {
    const app = await make(http('a', 'x'));
    await writeFile(path.join(app.root, 'host.json'), '{ "version": "1.0" }');
    await expect(app.start()).rejects.toThrow('"version" must be "2.0"');
  });

  test('for queue options out of range', async () => {
    const app = await make(http('a', 'x'), { extensions: { queues: { batchSize: 33 } } });
    await expect(app.start()).rejects.toThrow('queues.batchSize must be a whole number from 1 to 32');
  });
});

test('routes that overlap are warned of, but not where the later one is the wider', async () => {
  const http = (name: string, route: string) =>
    `app.http('${name}', { methods: ['GET'], route: '${route}', handler: async () => ({}) });`;
  const app = await started(
    http('a', 'health/live') +
      http('b', '{*rest}') +
      http('c', 'late') +
      http('d', 'x/{y}/z') +
      http('e', 'x/y/{z}'),
  );
  expect(warnings(app).filter((line) => line.includes('(c)'))).toEqual([
    "the routes '{*rest}' (b) and 'late' (c) overlap: c is never reached, b comes first by its name",
  ]);
  expect(
    warnings(app).some((line) =>
      line.includes("'x/{y}/z' (d) and 'x/y/{z}' (e) overlap: where both match, d is called"),
    ),
  ).toBe(true);
  expect(warnings(app).some((line) => line.includes('(a)'))).toBe(false);
});

test('the routePrefix of host.json is put before every route; it is api where absent', async () => {
  const source = "app.http('a', { authLevel: 'anonymous', handler: async () => ({ body: 'a' }) });";
  const plain = await started(source, { extensions: {} });
  expect(await text(plain, '/api/a')).toBe('a');
  const prefixed = await started(source, { extensions: { http: { routePrefix: 'v1/x' } } });
  expect(await text(prefixed, '/v1/x/a')).toBe('a');
});

test('settings are environment variables while the host runs, and gone afterwards', async () => {
  const app = await make(
    "app.http('a', { authLevel: 'anonymous', handler: async () => ({ body: process.env.HOLDFAST_TEST }) });",
  );
  await app.start({ settings: { HOLDFAST_TEST: 'set' } });
  expect(await text(app, '/a')).toBe('set');
  await app.host.stop();
  expect(process.env.HOLDFAST_TEST).toBeUndefined();
});

test('a port that is taken is an error, EADDRINUSE', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const app = await make("app.http('a', { handler: async () => ({}) });");
  await expect(app.start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  server.close();
});

test('an app started again in the same process registers its functions again', async () => {
  const app = await started(
    "app.http('a', { authLevel: 'anonymous', handler: async () => ({ body: 'a' }) });",
  );
  await app.host.stop();
  await app.start();
  expect(await text(app, '/a')).toBe('a');
});

test('the build leaves the core module for the host to provide', async () => {
  const app = await make("app.http('a', { handler: async () => ({}) });");
  expect(await readFile(app.entry, 'utf8')).toContain('@azure/functions-core');
});
