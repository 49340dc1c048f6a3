/**
 * Runs Azurite in a process of its own that ends, after writing what it has, when its parent does, however that ends:
 * the channel between them then closes. Started by `azurite.ts` only.
 */
import http from 'node:http';
import { createRequire } from 'node:module';
import { keepInLines } from './azuriteStore.ts';

const servers = new Set<http.Server>();
const create = http.createServer;
Object.assign(http, {
  createServer(...args: Parameters<typeof create>) {
    const server = create(...args);
    servers.add(server);
    return server;
  },
});

// a parent that was killed reads no more of what Azurite says as it ends
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

let ending = false;

// Registered before Azurite's own handler of the signal, which runs next: it stops to listen, and saves once the
// connections are gone. This one stays, so that a second signal does not end the process half way.
process.on('SIGTERM', () => {
  if (ending) return;
  ending = true;
  if (process.connected) process.disconnect();
  if (process.listenerCount('SIGTERM') === 1) process.exit(0);
  setImmediate(() => {
    for (const server of servers) server.closeIdleConnections();
  });
  setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, 2_000).unref();
});
process.on('SIGINT', () => process.emit('SIGTERM'));
process.on('disconnect', () => process.emit('SIGTERM'));
const azurite = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
const fromAzurite = createRequire(azurite);
keepInLines(fromAzurite('lokijs'));
fromAzurite(azurite);
