/** `npm run package`: makes what is deployed in `.package/`, and says how large it is and how soon it answers. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startAzurite } from '../../test/azurite.ts';
import { makePackage } from './package.ts';
import { startPackage } from './start.ts';

const root = path.resolve(import.meta.dirname, '../..');
const starts = 5;

try {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: path.join(root, '.package') },
      'no-start': { type: 'boolean' },
    },
  });
  const made = await makePackage(root, path.resolve(values.out));
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  const beside = Object.entries(made.externals).map(([name, version]) => `${name} ${version}`);
  console.log(
    `${path.relative(process.cwd(), made.zipFile)}: ${megabytes(made.zipBytes)}, unpacked ${megabytes(made.bytes)} in ${made.files.length} files`,
  );
  console.log(`beside the bundle: ${beside.join(', ') || 'nothing'}`);
  if (!values['no-start']) console.log(await measure(made.folder));
} catch (error) {
  console.error(`package failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** Starts the package some times, against a storage of its own. */
async function measure(folder: string): Promise<string> {
  const azurite = await startAzurite();
  try {
    const times: number[] = [];
    while (times.length < starts) {
      const settings = { HOLDFAST_STORAGE: azurite.connectionString };
      const started = await startPackage(folder, settings, azurite.connectionString);
      times.push(started.firstAnswer);
      await started.stop();
    }
    times.sort((a, b) => a - b);
    const ms = (value: number | undefined) => `${Math.round(value ?? Number.NaN)} ms`;
    return `process start to first answer, on the local host: ${ms(times[starts >> 1])} (median of ${starts}, ${ms(times[0])} to ${ms(times.at(-1))})`;
  } finally {
    await azurite.stop();
  }
}
