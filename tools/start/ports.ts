import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Options } from './options.ts';
import { errorCode, StartProblem } from './problem.ts';

/**
 * Whether every port is free on loopback.
 * @throws StartProblem that names the first that is not, and its flag
 */
export async function checkPorts({ port, issuerPort, storagePorts }: Options): Promise<void> {
  const wanted = [
    { number: port, use: 'the API', flag: '--port', addresses: ['127.0.0.1', '::1'] },
    { number: issuerPort, use: 'the token issuer', flag: '--issuer-port', addresses: ['127.0.0.1'] },
    ...Object.entries(storagePorts).map(([name, number]) => ({
      number,
      use: `storage (${name}s)`,
      flag: '--storage-ports',
      addresses: ['127.0.0.1'],
    })),
  ];
  for (const { number, use, flag, addresses } of wanted) {
    for (const address of addresses) {
      const code = await tryPort(number, address);
      if (code === 'EADDRINUSE') throw portInUse(number, use, flag);
      if (code === 'EACCES')
        throw new StartProblem(
          `port ${number}, for ${use}, is not allowed to you: give another with ${flag}`,
        );
    }
  }
}

export function portInUse(number: number, use: string, flag: string): StartProblem {
  return new StartProblem(`port ${number}, for ${use}, is in use: free it, or give another with ${flag}`);
}

/** The error of listening there, undefined where that works. */
async function tryPort(port: number, address: string): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, address);
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return errorCode(error);
  } finally {
    server.close();
  }
}
