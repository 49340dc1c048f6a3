import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StorageProxy {
  /** the same account, reached through the proxy */
  connectionString: string;
  /** Calls `act` at the `count`th request from now: before it reaches the storage, or after it was carried out but before its answer is passed on. */
  arm(count: number, when: 'before' | 'after', act: () => void): void;
  /** requests since it was armed */
  seen(): number;
  stop(): Promise<void>;
}

/** Stands between the app and Azurite, so that a test can act between any two of the app's storage requests. */
export async function startStorageProxy(connectionString: string): Promise<StorageProxy> {
  let armed: { count: number; when: 'before' | 'after'; act: () => void } | undefined;
  let seen = 0;
  const servers: Server[] = [];

  async function proxyTo(endpoint: string): Promise<string> {
    const target = new URL(endpoint);
    const server = createServer((incoming, outgoing) => {
      seen++;
      const trap = armed && seen === armed.count ? armed : undefined;
      if (trap?.when === 'before') {
        incoming.destroy();
        trap.act();
        return;
      }
      const forwarded = request(
        {
          host: target.hostname,
          port: target.port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
        },
        (answer) => {
          if (trap) {
            answer.resume().on('end', () => {
              incoming.destroy();
              trap.act();
            });
            return;
          }
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      forwarded.on('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${target.pathname}`;
  }

  const parts = await Promise.all(
    connectionString
      .split(';')
      .filter(Boolean)
      .map(async (part) => {
        const [name, value] = [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)];
        return name.endsWith('Endpoint') ? `${name}=${await proxyTo(value)}` : part;
      }),
  );
  return {
    connectionString: `${parts.join(';')};`,
    arm(count, when, act) {
      seen = 0;
      armed = { count, when, act };
    },
    seen: () => seen,
    async stop() {
      await Promise.all(
        servers.map((server) => {
          server.closeAllConnections();
          return new Promise((resolve) => server.close(resolve));
        }),
      );
    },
  };
}
