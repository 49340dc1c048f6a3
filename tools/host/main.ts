/** `node tools/host/main.ts`: an app on the local host alone, where storage runs elsewhere. `npm start` starts both. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Host, HostError, startHost } from './host.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const USAGE = `node tools/host/main.ts [--root <folder of host.json>] [--entry dist/main.js] [--port 7071]
  [--storage <connection string>] [--keys <file of function keys; they are asked for then>]`;

try {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: ROOT },
      entry: { type: 'string', default: 'dist/main.js' },
      port: { type: 'string', default: '7071' },
      storage: { type: 'string' },
      keys: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else await serve(values);
} catch (error) {
  console.error(
    error instanceof HostError ? error.problems.join('\n') : error instanceof Error ? error.message : error,
  );
  process.exitCode = 1;
}

async function serve(values: {
  root: string;
  entry: string;
  port: string;
  storage?: string;
  keys?: string;
}): Promise<void> {
  const host: Host = await startHost({
    root: path.resolve(values.root),
    entry: path.resolve(values.root, values.entry),
    port: Number(values.port),
    storage: values.storage ?? process.env.AzureWebJobsStorage,
    keyFile: values.keys,
  });
  console.log(`http://localhost:${host.port}: ${host.functions.join(', ')}`);
  const stop = () => void host.stop().then(() => process.exit(0));
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
