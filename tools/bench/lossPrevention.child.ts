import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { folderFiles } from '../../shared/lossPrevention/files.ts';
import { runLossPrevention } from '../../shared/lossPrevention/run.ts';
import { handWritten } from '../lossPrevention/fromCsv.ts';

/** What the benchmark measures, in a process of its own: `run` is a whole run, `hand` the hand-written sums from the CSV. */
const [what, folder = ''] = process.argv.slice(2);

async function* linesOf(path: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

if (what === 'hand') {
  const lake = join(folder, 'lake');
  const days = await readdir(join(lake, 'Transactions'));
  const totals = await handWritten(days.sort(), (entity, day) => linesOf(join(lake, entity, day)));
  if (totals.tills.size === 0) throw new Error('nothing was summed');
} else {
  const outcome = await runLossPrevention({
    lake: folderFiles(join(folder, 'lake')),
    out: folderFiles(join(folder, 'out')),
    temporary: join(folder, 'work'),
  });
  if (!outcome.ok) throw new Error(outcome.reason);
}
const { user, system } = process.cpuUsage();
process.stdout.write(
  JSON.stringify({ cpu: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1024 }),
);
