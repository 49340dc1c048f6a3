import path from 'node:path';
import { parseArgs } from 'node:util';
import { StartProblem } from './problem.ts';

export interface Options {
  readonly port: number;
  readonly issuerPort: number;
  readonly storagePorts: { readonly blob: number; readonly queue: number; readonly table: number };
  /** absolute path of the data folder */
  readonly data: string;
  readonly auth: boolean;
}

export const USAGE = `npm start -- [flags]
  --port 7071                         the API
  --issuer-port 7072                  the issuer of access tokens
  --storage-ports 10000,10001,10002   Azurite: blobs, queues, tables
  --data .holdfast                    folder of all data; removed, everything begins anew
  --auth                              take function keys as well as tokens, below /keys`;

/**
 * Reads the flags of `npm start`; undefined where help was asked for.
 * @throws StartProblem that names the flag
 */
export function parseOptions(args: readonly string[], folder: string): Options | undefined {
  const { port, 'issuer-port': issuer, 'storage-ports': storage, data, auth, help } = read(args);
  if (help) return undefined;
  const ports = storage.split(',');
  if (ports.length !== 3)
    throw new StartProblem(
      `--storage-ports takes three ports, blobs, queues and tables: --storage-ports 10000,10001,10002`,
    );
  const options: Options = {
    port: readPort('--port', port),
    issuerPort: readPort('--issuer-port', issuer),
    storagePorts: {
      blob: readPort('--storage-ports', ports[0]),
      queue: readPort('--storage-ports', ports[1]),
      table: readPort('--storage-ports', ports[2]),
    },
    data: path.resolve(folder, data),
    auth,
  };
  if (data === '') throw new StartProblem('--data takes a folder: --data .holdfast');
  const all = [options.port, options.issuerPort, ...Object.values(options.storagePorts)];
  const twice = all.find((one, index) => all.indexOf(one) !== index);
  if (twice !== undefined)
    throw new StartProblem(`the port ${twice} is given twice: each of the five needs its own`);
  return options;
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '7071' },
        'issuer-port': { type: 'string', default: '7072' },
        'storage-ports': { type: 'string', default: '10000,10001,10002' },
        data: { type: 'string', default: '.holdfast' },
        auth: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new StartProblem(`${message}: npm start -- --help lists the flags`);
  }
}

function readPort(flag: string, text: string | undefined): number {
  const port = /^\s*\d{1,5}\s*$/.test(text ?? '') ? Number(text) : 0;
  if (port < 1 || port > 65_535)
    throw new StartProblem(`${flag}: '${text}' is no port: a number from 1 to 65535`);
  return port;
}
