import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, makeAuthority, startTarget, type Target } from '../../test/httpsTarget.ts';
import { openSender, type Sender, within } from './call.ts';
import { openFence } from './fence.ts';
import { errorText } from './outcome.ts';

let authority: Authority;
let target: Target;
let sender: Sender;
const fence = openFence({ development: true });

beforeAll(async () => {
  authority = makeAuthority();
  target = await startTarget(authority.good);
  sender = openSender({ fence, certificateAuthorities: [authority.ca] });
});

afterAll(async () => {
  await sender?.close();
  await target?.stop();
});

/** A time-out that no working answer of a loaded test machine reaches. */
const ample = 5000;

function get(url: string, ms = ample, through = sender) {
  const request = { method: 'GET' as const, url: new URL(url, target.origin), headers: {} };
  return within(ms, (signal) => through.send(request, signal));
}

describe('an answer', () => {
  test('of JSON is the response', async () => {
    expect(await get('/ok')).toEqual({
      status: 'Success',
      httpStatusCode: 200,
      response: { ok: true },
      detail: '',
    });
  });

  test('of 1 MiB is taken', async () => {
    expect(await get('/1mib')).toMatchObject({ status: 'Success' });
  });

  test('without content (204) is null', async () => {
    expect(await get('/no-content')).toMatchObject({
      status: 'Success',
      httpStatusCode: 204,
      response: null,
    });
  });

  test.each([
    ['/html', 200, 'the answer is not JSON', '<html>hello</html>'],
    ['/empty', 200, 'the answer is not JSON', ''],
    ['/gzip', 200, 'the answer is encoded (gzip)', undefined],
    ['/deep', 200, 'nested deeper than 64', undefined],
    ['/10mb', 200, 'more than 1048576 bytes', undefined],
    ['/redirect', 302, 'HTTP 302, and redirects are not followed', '{"moved":true}'],
    ['/status/400', 400, 'HTTP 400', '{"status":400}'],
    ['/status/401', 401, 'HTTP 401', '{"status":401}'],
    ['/status/404', 404, 'HTTP 404', '{"status":404}'],
    ['/status/429', 429, 'HTTP 429', '{"status":429}'],
    ['/status/500', 500, 'HTTP 500', '{"status":500}'],
    ['/status/503', 503, 'HTTP 503', '{"status":503}'],
  ])('of %s is a response failure with its code', async (url, code, detail, answered) => {
    const before = target.received.length;
    const outcome = await get(url);
    expect(outcome).toMatchObject({ status: 'ResponseFailure', httpStatusCode: code });
    expect(outcome.detail).toContain(detail);
    if (answered !== undefined) expect(outcome.answered).toBe(answered);
    expect((outcome.answered ?? '').length).toBeLessThanOrEqual(32_768);
    expect(target.received.length - before).toBe(1);
  });

  test.each([
    ['/reset', 'closed|reset'],
    ['/cut', 'closed|reset'],
    ['/not-http', 'not HTTP'],
  ])('of %s is a communication failure', async (url, detail) => {
    const outcome = await get(url);
    expect(outcome).toMatchObject({ status: 'CommunicationFailure', httpStatusCode: 0 });
    expect(outcome.detail).toMatch(new RegExp(detail));
  });
});

describe('the time-out', () => {
  test.each(['/never', '/trickle'])('ends %s', async (url) => {
    const outcome = await get(url, 60);
    expect(outcome).toMatchObject({ status: 'Timeout', httpStatusCode: 0 });
    expect(errorText(outcome)).toBe('Timeout: no complete answer within 60 ms');
  });

  test('covers the name look-up', async () => {
    const hanging = openSender({ fence: openFence({ resolve: () => new Promise(() => {}) }) });
    expect(await get('https://hangs.example/', 30, hanging)).toMatchObject({ status: 'Timeout' });
    await hanging.close();
  });

  test('covers the connection and the TLS handshake', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await get(`https://127.0.0.1:${port}/`, 30)).toMatchObject({ status: 'Timeout' });
    silent.close();
  });

  test('holds for work that does not listen to it', async () => {
    expect(await within(5, () => new Promise(() => {}))).toMatchObject({ status: 'Timeout' });
  });

  test('leaves the pool usable', async () => {
    await Promise.all(Array.from({ length: 20 }, () => get('/never', 20)));
    expect(await get('/ok')).toMatchObject({ status: 'Success' });
  });
});

describe('connections', () => {
  test('are kept and used again', async () => {
    const own = await startTarget(authority.good);
    for (let count = 0; count < 20; count += 1) await get(`${own.origin}/ok`);
    // the pool opens a second one where an answer's end and the next call meet
    expect(own.connections()).toBeLessThanOrEqual(2);
    await own.stop();
  });

  test.each(['expired', 'otherHost', 'selfSigned'] as const)(
    'are refused with a certificate that is %s',
    async (kind) => {
      const own = await startTarget(authority[kind]);
      const outcome = await get(`${own.origin}/ok`);
      await own.stop();
      expect(outcome).toMatchObject({ status: 'CommunicationFailure', httpStatusCode: 0 });
      expect(outcome.detail).toContain('certificate');
      expect(own.received).toHaveLength(0);
    },
  );

  test('are refused where the authority is unknown', async () => {
    const strict = openSender({ fence });
    expect((await get('/ok', ample, strict)).detail).toContain('not trusted');
    await strict.close();
  });

  test('to a port where nobody listens are a communication failure', async () => {
    const gone = await startTarget(authority.good);
    await gone.stop();
    const outcome = await get(`${gone.origin}/ok`);
    expect(errorText(outcome)).toBe('Communication failure: the host refused the connection');
  });

  test('are fenced', async () => {
    const fenced = openSender({ fence: openFence(), certificateAuthorities: [authority.ca] });
    const before = target.connections();
    expect(errorText(await get('/ok', ample, fenced))).toContain('which calls may not reach');
    expect(target.connections()).toBe(before);
    await fenced.close();
  });
});
