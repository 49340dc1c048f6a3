import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, makeApp } from './fixture.ts';

const APP = `
app.setup({ enableHttpStream: true });
const anonymous = { authLevel: 'anonymous' } as const;
app.http('echo', { ...anonymous, methods: ['GET', 'POST'], route: 'echo/{name}/{*rest}', handler: async (request, context) => ({ jsonBody: {
  method: request.method, url: request.url, params: request.params, query: request.query.getAll('a'),
  header: request.headers.get('x-test'), forwarded: request.headers.get('x-forwarded-host'), body: await request.text() } }) });
app.http('length', { ...anonymous, methods: ['POST'], handler: async (request) => {
  let length = 0;
  for await (const chunk of request.body) { length += chunk.length; note('chunk'); }
  return { body: String(length) };
} });
app.http('parts', { ...anonymous, methods: ['GET'], handler: async () => ({ body: new ReadableStream({
  async start(controller) {
    controller.enqueue(new TextEncoder().encode('first'));
    await new Promise((resolve) => process.once('holdfast:second', resolve));
    controller.enqueue(new TextEncoder().encode('second'));
    controller.close();
  } }) }) });
app.http('throws', { ...anonymous, methods: ['GET'], handler: async () => { throw new Error('on purpose'); } });
app.http('nothing', { ...anonymous, methods: ['GET'], handler: async () => undefined });
app.http('cookies', { ...anonymous, methods: ['GET'], handler: async () => ({ status: 201, cookies: [{ name: 'a', value: '1' }] }) });
`;

let app: Fixture;
beforeAll(async () => {
  app = await makeApp(APP);
  await app.start();
});
afterAll(() => app.remove());

describe('an app with enableHttpStream', () => {
  test('gets the request whole, and repeated query parameters apart', async () => {
    const url = '/echo/a%20b/c/d?a=1&a=2';
    const response = await app.fetch(url, {
      method: 'POST',
      body: 'body',
      headers: { 'x-test': 'yes', 'x-forwarded-host': 'theirs' },
    });
    expect(await response.json()).toEqual({
      method: 'POST',
      url: `http://127.0.0.1:${app.host.port}${url}`,
      params: { name: 'a b', rest: 'c/d' },
      query: ['1', '2'],
      header: 'yes',
      forwarded: 'theirs',
      body: 'body',
    });
  });

  test('gets a chunked body without Content-Length, chunk by chunk', async () => {
    const call = request({ port: app.host.port, path: '/length', method: 'POST' });
    const answered = once(call, 'response');
    call.write('one');
    await app.until((notes) => notes.length === 1);
    call.end('three');
    const [response] = await answered;
    expect(String(await once(response, 'data'))).toBe('8');
  });

  test('answers in parts', async () => {
    const response = await app.fetch('/parts');
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    const emitter: NodeJS.EventEmitter = process;
    emitter.emit('holdfast:second');
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('second');
  });

  test('answers with cookies and status', async () => {
    const response = await app.fetch('/cookies');
    expect([response.status, response.headers.getSetCookie()]).toEqual([201, ['a=1']]);
  });

  test('is 500 with an empty body where a function throws', async () => {
    const response = await app.fetch('/throws');
    expect([response.status, await response.text()]).toEqual([500, '']);
  });

  test('is 500 where a function returns nothing, which Azure would leave unanswered', async () => {
    expect((await app.fetch('/nothing')).status).toBe(500);
    expect(app.lines.map(({ message }) => message).join('\n')).toContain(
      'Azure would leave the request without an answer',
    );
  });

  test('is 413 for a body announced longer than 100 MiB', async () => {
    const socket = connect(app.host.port, '127.0.0.1');
    socket.write('POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857601\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test('is 413 for a chunked body that grows longer than 100 MiB', async () => {
    const call = request({ port: app.host.port, path: '/length', method: 'POST' });
    const answered = once(call, 'response');
    call.on('error', () => undefined);
    const block = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < 101; sent += 1)
      if (!call.write(block)) await Promise.race([once(call, 'drain'), answered]);
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    call.destroy();
  });
});
