/** A real HTTPS server on loopback with a certificate authority of its own, for what calls other services. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TLSSocket } from 'node:tls';

export interface Certificate {
  key: string;
  cert: string;
}

export interface Authority {
  /** PEM of the authority itself, for those who should trust it */
  ca: string;
  /** for 127.0.0.1, ::1, localhost and *.target.test */
  good: Certificate;
  expired: Certificate;
  otherHost: Certificate;
  selfSigned: Certificate;
}

/** Makes an authority and its certificates with the `openssl` command; takes about 0.2 s. */
export function makeAuthority(): Authority {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-ca-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const selfSign = (name: string, subject: string, ...more: string[]) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-subj',
      subject,
      ...more,
    );
  const issue = (name: string, names: string, ...more: string[]): Certificate => {
    writeFileSync(path.join(folder, 'ext'), `subjectAltName=${names}\n`);
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.cnf',
      '-extfile',
      'ext',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      ...more,
    );
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
  };
  try {
    writeFileSync(path.join(folder, 'index.txt'), '');
    writeFileSync(
      path.join(folder, 'ca.cnf'),
      `[ca]\ndefault_ca=own\n[own]\ndir=.\nnew_certs_dir=.\ndatabase=index.txt\nrand_serial=yes\ncertificate=ca.pem\nprivate_key=ca.key\n` +
        `default_md=sha256\npolicy=any\ndefault_days=2\nunique_subject=no\n[any]\ncommonName=supplied\n`,
    );
    selfSign('ca', '/CN=Holdfast test authority', '-addext', 'keyUsage=keyCertSign');
    selfSign('own', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    const here = 'IP:127.0.0.1,IP:::1,DNS:localhost,DNS:*.target.test';
    return {
      ca: read('ca.pem'),
      good: issue('good', here),
      expired: issue('expired', here, '-startdate', '20200101000000Z', '-enddate', '20200102000000Z'),
      otherHost: issue('other', 'DNS:elsewhere.example'),
      selfSigned: { key: read('own.key'), cert: read('own.pem') },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  socket: TLSSocket;
  /** ends the connection by a TCP reset */
  reset(): void;
}

export type Behaviour = (received: Received, response: ServerResponse) => void;

export interface Target {
  port: number;
  /** `https://127.0.0.1:port` */
  origin: string;
  /** what arrived, in order */
  received: Received[];
  /** connections accepted so far, refused handshakes not counted */
  connections(): number;
  /** What the next requests meet instead of their path's behaviour; undefined: their path's. */
  behave(behaviour: Behaviour | undefined): void;
  stop(): Promise<void>;
}

const json = (response: ServerResponse, value: unknown) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
};

/** What a path does. */
const behaviours: Record<string, Behaviour> = {
  '/echo': ({ method, url, headers, body }, response) => json(response, { method, url, headers, body }),
  '/never': () => {},
  '/trickle': (_, response) => {
    response.write('{"a":"');
    const timer = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
  },
  '/reset': ({ reset }) => reset(),
  '/cut': (_, response) => {
    response.setHeader('content-length', 1000);
    response.write('{"a":');
    setImmediate(() => response.destroy());
  },
  '/not-http': ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'),
  '/html': (_, response) => response.end('<html>hello</html>'),
  '/empty': (_, response) => response.end(),
  '/no-content': (_, response) => response.writeHead(204).end(),
  '/10mb': (_, response) => json(response, 'x'.repeat(10_000_000)),
  '/1mib': (_, response) => json(response, 'x'.repeat(1_048_574)),
  '/deep': (_, response) => response.end(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
  '/gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('{}'),
  '/redirect': (_, response) => response.writeHead(302, { location: '/echo' }).end('{"moved":true}'),
};

/** Answers `{"ok":true}`, `/status/nnn` with that status, and the other paths as named above. */
export async function startTarget(certificate: Certificate): Promise<Target> {
  const received: Received[] = [];
  const sockets = new Map<number, Socket>();
  let connections = 0;
  let override: Behaviour | undefined;
  const server: Server = createServer(
    { ...certificate, keepAliveTimeout: 60_000 },
    async (request, response) => {
      const chunks: Buffer[] = [];
      response.on('error', () => {});
      try {
        for await (const chunk of request) chunks.push(Buffer.from(chunk));
      } catch {
        return;
      }
      const { method = '', url = '', headers, socket } = request;
      if (!(socket instanceof TLSSocket)) return;
      const raw = sockets.get(socket.remotePort ?? 0);
      const reset = () => raw?.resetAndDestroy();
      const one: Received = { method, url, headers, body: Buffer.concat(chunks).toString(), socket, reset };
      received.push(one);
      const route = url.split('?')[0] ?? '';
      const status = /^\/status\/(\d{3})$/.exec(route)?.[1];
      const behaviour = override ?? behaviours[route];
      if (behaviour) behaviour(one, response);
      else if (status) response.writeHead(Number(status)).end(`{"status":${status}}`);
      else json(response, { ok: true });
    },
  );
  server.on('secureConnection', () => {
    connections += 1;
  });
  server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.on('close', () => sockets.delete(port));
  });
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    origin: `https://127.0.0.1:${port}`,
    received,
    connections: () => connections,
    behave: (behaviour) => {
      override = behaviour;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
