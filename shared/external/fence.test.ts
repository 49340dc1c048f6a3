import { once } from 'node:events';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { Agent, buildConnector, request } from 'undici';
import { describe, expect, test } from 'vitest';
import { kindOf, parseAddress, parseRange, within } from './addresses.ts';
import { openFence } from './fence.ts';

/** Hosts as they can be written in a URL, each of which means an address that calls must not reach. */
const spellings = [
  // loopback, in every spelling that inet_aton and the URL standard read
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0x7F.0.0.1'],
  ...[
    '017700000001',
    '0177.0.0.1',
    '0177.1',
    '00000177.0x0.0.01',
    '127.0.0.1.',
    '0x7f.0x0.0x0.0x1',
    '127.0x00.1',
  ],
  ...[
    '%31%32%37.0.0.1',
    '１２７.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::0001]',
  ],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::127.0.0.1]', '[::7f00:1]'],
  // this host, unspecified
  ...['0.0.0.0', '0', '0x0', '00', '0.1', '[::]', '[::ffff:0.0.0.0]'],
  // metadata and platform services
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.16689662'],
  ...['169.254.169.254.', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[64:ff9b::169.254.169.254]'],
  ...[
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
    '[fd00:ec2::254]',
    '[fd00:0ec2:0:0:0:0:0:254]',
    '[fd20:ce::254]',
  ],
  ...[
    '168.63.129.16',
    '2822734096',
    '0xa83f8110',
    '[::ffff:168.63.129.16]',
    '169.254.170.2',
    '100.100.100.200',
  ],
  ...['192.0.0.192'],
  // private, carrier, unique-local
  ...[
    '10.0.0.1',
    '10.1',
    '167772161',
    '012.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.168.257',
  ],
  ...['0xc0a80001', '100.64.0.1', '100.127.255.255', '[fc00::1]', '[fdff:ffff::1]', '[::ffff:10.0.0.1]'],
  ...[
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::10.0.0.1]',
    '[2002:0a00:0001::1]',
    '[::ffff:0:10.0.0.1]',
    '[::10.0.0.1]',
  ],
  // link-local, site-local
  ...['169.254.0.1', '169.254.255.255', '[fe80::1]', '[febf::1]', '[fec0::1]'],
  // Teredo with a private client, and the rest of the special purposes
  ...[
    '[2001:0:a9fe:a9fe::1]',
    '[2001:0000:4136:e378:8000:63bf:3fff:fdd2]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[100::1]',
  ],
  ...['192.0.0.1', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '192.88.99.1'],
  ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '4294967295', '[ff02::1]', '[5f00::1]'],
];

const open = [
  '8.8.8.8',
  '1.1.1.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '100.128.0.1',
  '169.253.1.1',
  '11.0.0.1',
].concat([
  '[2606:4700::1111]',
  '[2a00:1450:4001::1]',
  '[::ffff:8.8.8.8]',
  '[64:ff9b::8.8.8.8]',
  '168.63.129.15',
  '223.1.1.1',
]);

/** Asks for a URL through the fence, and says why that failed. */
async function ask(url: string, options: Parameters<typeof openFence>[0], path = '/'): Promise<string> {
  const dispatcher = new Agent({ connect: openFence(options).connector(buildConnector) });
  try {
    const answer = await request(new URL(path, url), { dispatcher });
    await answer.body.dump();
    return String(answer.statusCode);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await dispatcher.destroy();
  }
}

/** A server on loopback that counts who connects; what is written to it is answered with an empty 200. */
async function counting(): Promise<{ port: number; connections: () => number; close: () => void }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { port, connections: () => connections, close: () => server.close() };
}

describe('forbidden addresses', () => {
  test('the table has at least 60 of them', () => expect(new Set(spellings).size).toBeGreaterThanOrEqual(60));

  test.each(spellings)('https://%s is refused by its spelling', (host) => {
    expect(openFence().refuses(new URL(`https://${host}/`))).toContain('which calls may not reach');
  });

  test.each(spellings)('https://%s is refused when the socket is opened', async (host) => {
    expect(await ask(`https://${host}:9`, {})).toContain('which calls may not reach');
  });

  test.each(spellings)('a name that resolves to %s is refused', async (host) => {
    const address = new URL(`https://${host}/`).hostname.replace(/^\[(.*)\]$/, '$1');
    const family = address.includes(':') ? 6 : 4;
    const resolve = async () => [{ address, family }];
    expect(await ask('https://innocent.example:9', { resolve })).toContain('which calls may not reach');
  });

  test.each(open)('https://%s is public', (host) => {
    expect(openFence().refuses(new URL(`https://${host}/`))).toBeUndefined();
  });

  test('every IPv4 address is judged alike bare, mapped and behind NAT64', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const kinds = [text, `::ffff:${text}`, `64:ff9b::${text}`, `[::ffff:${text}]`].map((spelling) => {
          const address = parseAddress(spelling);
          return address && kindOf(address);
        });
        expect(kinds[0]).toBeDefined();
        expect(new Set(kinds).size).toBe(1);
      }),
    );
  });

  test('every IPv6 address is in its own range of 128 bits, and is public only within 2000::/3 or as a carrier of IPv4', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseAddress(text);
        if (address === undefined) throw new Error(`${text} was not read`);
        if (address.family === 4) return;
        expect(within(address, { ...address, bits: 128 })).toBe(true);
        if (kindOf(address) === 'public') expect(address.value >> 125n).toBe(1n);
      }),
    );
  });

  test.each(['', 'localhost', '1.2.3', '256.1.1.1', '1::2::3', '::g'])('%j is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each(['', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/x', 'host/8'])(
    '%j is no range',
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );
});

describe('names', () => {
  test('a name is judged by the address that the socket gets, also when it changes between look-ups', async () => {
    const server = await counting();
    let asked = 0;
    // rebinding: public when the definition is checked, loopback when the call connects
    const resolve = async () => [{ address: asked++ === 0 ? '8.8.8.8' : '127.0.0.1', family: 4 }];
    await resolve();
    const fault = await ask(`https://rebind.example:${server.port}`, { resolve });
    server.close();
    expect(fault).toContain('loopback address');
    expect(server.connections()).toBe(0);
  });

  test('of several addresses only the permitted ones are tried', async () => {
    const server = await counting();
    const resolve = async () => [
      { address: '169.254.169.254', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const answer = await ask(`http://both.example:${server.port}`, { resolve, development: true });
    server.close();
    expect(answer).toBe('200');
    expect(server.connections()).toBe(1);
  });

  test('a name without addresses says so', async () => {
    expect(await ask('https://nowhere.example:9', { resolve: async () => [] })).toContain('has no address');
  });

  test('a name that is asked for many times at once is resolved once', async () => {
    let asked = 0;
    let answer: (found: { address: string; family: number }[]) => void = () => {};
    const resolve = () => {
      asked += 1;
      return new Promise<{ address: string; family: number }[]>((done) => {
        answer = done;
      });
    };
    const connect = openFence({ resolve }).connector(buildConnector);
    const faults = [1, 2, 3].map(
      () =>
        new Promise((done) => {
          connect({ hostname: 'slow.example', protocol: 'https:', port: '9' }, (...[error]) =>
            done(error?.message),
          );
        }),
    );
    answer([{ address: '10.0.0.1', family: 4 }]);
    expect(new Set(await Promise.all(faults)).size).toBe(1);
    expect(asked).toBe(1);
  });
});

describe('what is allowed beside public addresses', () => {
  const refused = (url: string, options: Parameters<typeof openFence>[0]) =>
    openFence(options).refuses(new URL(url));

  test('a range opens its addresses only', () => {
    const allow = ['10.1.0.0/16', 'fd12:3456::/32'];
    expect(refused('https://10.1.2.3/', { allow })).toBeUndefined();
    expect(refused('https://[::ffff:10.1.2.3]/', { allow })).toBeUndefined();
    expect(refused('https://[fd12:3456::9]/', { allow })).toBeUndefined();
    expect(refused('https://10.2.0.1/', { allow })).toContain('private');
  });

  test('a host name opens private addresses, and neither loopback nor metadata', async () => {
    const at = (address: string) => ({
      allow: ['*.internal.example', 'scoring.example'],
      resolve: async () => [{ address, family: 4 }],
    });
    for (const host of ['scoring.example', 'SCORING.example.', 'a.internal.example'])
      for (const address of ['127.0.0.1', '169.254.169.254', '168.63.129.16'])
        expect(await ask(`https://${host}:9`, at(address))).toContain('which calls may not reach');
    const connect = openFence(at('10.0.0.1')).connector(buildConnector);
    const opened = new Promise<string>((done) => {
      connect({ hostname: 'other.example', protocol: 'https:', port: '9' }, (...[error]) =>
        done(error?.message ?? 'open'),
      );
    });
    expect(await opened).toContain('private');
  });

  test.each(['0.0.0.0/0', '169.254.0.0/16', '168.63.129.16'])(
    'metadata stays closed with %s listed',
    (range) => {
      const allow = [range, '::/0'];
      for (const host of ['169.254.169.254', '168.63.129.16', '[fd00:ec2::254]', '[fe80::1]'])
        expect(refused(`https://${host}/`, { allow })).toContain('which calls may not reach');
    },
  );

  test.each(['10.0.0.0/40', 'https://x', 'a b', '*', '1.2.3'])(
    '%j in the list is reported by name',
    (entry) => {
      expect(() => openFence({ allow: [entry] })).toThrow(entry);
    },
  );

  test('http is for loopback in development, and nowhere else', async () => {
    expect(refused('http://example.com/', {})).toContain('only https');
    expect(refused('http://127.0.0.1/', {})).toContain('only https');
    expect(refused('http://example.com/', { development: true })).toContain('loopback');
    expect(refused('http://8.8.8.8/', { development: true })).toContain('https');
    expect(refused('http://10.0.0.1/', { development: true, allow: ['10.0.0.0/8'] })).toContain('private');
    expect(refused('http://localhost:7071/', { development: true })).toBeUndefined();
    expect(refused('http://127.1/', { development: true })).toBeUndefined();
    expect(refused('ftp://127.0.0.1/', { development: true })).toContain('only https');
    const resolve = async () => [{ address: '8.8.8.8', family: 4 }];
    expect(await ask('http://localhost:9', { development: true, resolve })).toContain('https');
  });
});
