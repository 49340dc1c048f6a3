import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, makeApp } from './fixture.ts';

const APP = `
const echo = (name: string) => async (request) => ({ jsonBody: {
  function: name, method: request.method, url: request.url, params: request.params,
  query: Object.fromEntries(request.query), header: request.headers.get('x-test'),
  body: Buffer.from(await request.arrayBuffer()).toString(),
} });
const anonymous = { authLevel: 'anonymous' } as const;
app.http('health', { ...anonymous, methods: ['GET'], route: 'health/live', handler: echo('health') });
app.http('orders', { ...anonymous, methods: ['GET', 'POST', 'PUT'], route: 'orders/{id:int}', handler: echo('orders') });
app.http('Items', { ...anonymous, methods: ['GET'], route: 'items/{first}/{second?}', handler: echo('Items') });
app.http('zRest', { ...anonymous, methods: ['GET', 'POST', 'PATCH', 'OPTIONS'], route: '{*path}', handler: echo('zRest') });
app.http('plain', { ...anonymous, methods: ['GET'], handler: async () => ({ body: 'plain' }) });
app.http('throws', { ...anonymous, methods: ['GET'], handler: async () => { throw new Error('on purpose'); } });
app.http('nothing', { ...anonymous, methods: ['GET'], handler: async () => undefined });
app.http('counted', { ...anonymous, methods: ['POST'], handler: async (request) => { note(await request.text()); return {}; } });
app.http('status', { ...anonymous, methods: ['GET'], handler: async () => ({ status: 418, headers: { 'x-out': 'a, b' } }) });
app.http('bytes', { ...anonymous, methods: ['GET'], handler: async () => ({ body: new Uint8Array([0, 255, 128]) }) });
app.http('cookies', { ...anonymous, methods: ['GET'], handler: async () => ({
  cookies: [{ name: 'a', value: '1 2', path: '/', httpOnly: true, sameSite: 'Strict', maxAge: 60 }, { name: 'b', value: '2', secure: true }] }) });
app.http('badReturn', { ...anonymous, methods: ['GET'], handler: async () => 'text' as never });
app.http('late', { ...anonymous, methods: ['GET'], handler: async (_request, context) => { context.log('hello', { a: 1 }); return { body: context.invocationId }; } });
`;

let app: Fixture;
beforeAll(async () => {
  app = await makeApp(APP);
  await app.start();
});
afterAll(() => app.remove());

const json = async (path: string, init?: RequestInit): Promise<Record<string, unknown>> => {
  const value: unknown = await (await app.fetch(path, init)).json();
  return { ...(typeof value === 'object' ? value : {}) };
};

describe('routing', () => {
  test('the first function by name, letter case aside, whose route and method match', async () => {
    expect(await json('/HEALTH/live/')).toMatchObject({ function: 'health' });
    expect(await json('/orders/17')).toMatchObject({ function: 'orders', params: { id: '17' } });
    expect(await json('/orders/x')).toMatchObject({ function: 'zRest', params: { path: 'orders/x' } });
    expect(await json('/health/live', { method: 'POST' })).toMatchObject({ function: 'zRest' });
  });

  test('a function without a route is reached by its name', async () => {
    expect(await (await app.fetch('/plain')).text()).toBe('plain');
  });

  test('a method that no route takes is 404 with an empty body', async () => {
    const response = await app.fetch('/orders/17', { method: 'DELETE' });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('');
  });

  test('a parameter is decoded, but for an encoded slash; an optional one may be missing', async () => {
    expect(await json('/items/a%20b%2Fc%C3%A9')).toMatchObject({ params: { first: 'a b%2Fcé' } });
    expect(await json('/items/a/b')).toMatchObject({ params: { first: 'a', second: 'b' } });
    expect(await json('/items/a')).toMatchObject({
      params: expect.not.objectContaining({ second: expect.anything() }),
    });
    expect(await json('/items/%ff')).toMatchObject({ params: { first: '%ff' } });
  });

  test('a path that begins with two slashes is served, with a warning that the runtime would not', async () => {
    expect(await json('//orders/17')).toMatchObject({ function: 'orders' });
    expect(app.lines.map(({ message }) => message).join('\n')).toContain("began with '//'");
  });

  test('a path with a NUL is 400', async () => {
    expect((await app.fetch('/items/%00')).status).toBe(400);
  });
});

describe('a request', () => {
  test('reaches the function whole', async () => {
    const response = await json('/orders/1?b=2', {
      method: 'POST',
      body: 'text é',
      headers: { 'X-Test': 'yes' },
    });
    expect(response).toMatchObject({
      method: 'POST',
      url: `http://127.0.0.1:${app.host.port}/orders/1?b=2`,
      body: 'text é',
      header: 'yes',
    });
  });

  test('has its repeated query parameters joined by commas, whatever the case of their names', async () => {
    expect((await json('/x?a=1&A=2&b=x%20y+z&a=3&c')).query).toEqual({ a: '1,2,3', b: 'x y z', c: '' });
  });

  test('that is chunked arrives with an empty body, as on Azure without streams', async () => {
    const body = new Blob(['chunked']).stream();
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
    expect(await json('/orders/1', init)).toMatchObject({ body: '' });
    expect(app.lines.map(({ message }) => message).join('\n')).toContain('enableHttpStream');
  });

  test('with a body over 100 MiB is 413', async () => {
    const socket = connect(app.host.port, '127.0.0.1');
    socket.write('POST /orders/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857601\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test.each([
    ['a whole address', 'GET http://elsewhere.example/plain HTTP/1.1', /^HTTP\/1.1 200 /],
    ['an asterisk', 'OPTIONS * HTTP/1.1', /^HTTP\/1.1 400 /],
    ['an address that is none', 'GET http://[/plain HTTP/1.1', /^HTTP\/1.1 400 /],
  ])('for %s instead of a path is read as such', async (_what, line, expected) => {
    const socket = connect(app.host.port, '127.0.0.1');
    socket.write(`${line}\r\nHost: localhost\r\n\r\n`);
    expect(String((await once(socket, 'data'))[0])).toMatch(expected);
    socket.destroy();
  });

  test('that breaks off within its body calls no function', async () => {
    const socket = connect(app.host.port, '127.0.0.1');
    socket.end('POST /counted HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfive');
    await once(socket.resume(), 'close');
    await app.fetch('/counted', { method: 'POST', body: 'whole' });
    expect(app.notes).toEqual(['whole']);
    expect(
      app.lines.filter(({ level, message }) => level === 'error' && message.includes('/counted')),
    ).toEqual([]);
  });

  test('is served on [::1] as on 127.0.0.1, where the machine has it', async () => {
    const response = await fetch(`http://localhost:${app.host.port}/plain`);
    expect(await response.text()).toBe('plain');
  });
});

describe('a response', () => {
  test('carries status and headers, and an empty body', async () => {
    const response = await app.fetch('/status');
    expect([response.status, response.headers.get('x-out'), await response.text()]).toEqual([
      418,
      'a, b',
      '',
    ]);
  });

  test('carries bytes', async () => {
    const response = await app.fetch('/bytes');
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 255, 128]);
  });

  test('carries cookies', async () => {
    const response = await app.fetch('/cookies');
    expect(response.headers.getSetCookie()).toEqual([
      'a=1%202; max-age=60; path=/; samesite=strict; httponly',
      'b=2; secure',
    ]);
  });

  test('is 500 with an empty body where the function throws, and the log says why', async () => {
    const response = await app.fetch('/throws');
    expect([response.status, await response.text()]).toEqual([500, '']);
    expect(app.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        function: 'throws',
        message: expect.stringContaining('on purpose'),
      }),
    );
  });

  test('is 204 where the function returns nothing', async () => {
    const response = await app.fetch('/nothing');
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  test('is 500 where the function returns no response', async () => {
    expect((await app.fetch('/badReturn')).status).toBe(500);
  });
});

test('what a function logs is logged with its name and invocation', async () => {
  const invocation = await (await app.fetch('/late')).text();
  expect(app.lines).toContainEqual({
    level: 'information',
    message: 'hello { a: 1 }',
    function: 'late',
    invocation,
  });
});
