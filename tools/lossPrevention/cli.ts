import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { blobFiles, type Files, folderFiles } from '../../shared/lossPrevention/files.ts';
import { mappingSchema } from '../../shared/lossPrevention/mapping.ts';
import {
  executeRun,
  lossPreventionSettingsSchema,
  type RunRecord,
  requestRun,
  runSettingsOf,
} from '../../shared/lossPrevention/runs.ts';

/** What `--help` shows. */
export const usage = `holdfast lp run: loss prevention over a lake, from files to a dashboard

  --lake <folder>        a folder with the files, or
  --container <name>     a blob container of HOLDFAST_STORAGE
  --out <folder>         where results are kept; with --container: the environment's id in the container lossprevention
  --prefix <path>        only files whose path starts with it
  --mapping <file.json>  saved column mapping
  --rate <number>        the knob of the flag, 0 to 1 (0.02)
  --memory <MiB>         memory of the engine (256)
  --threads <n>          threads of the engine (1)
`;

const options = {
  lake: { type: 'string' },
  container: { type: 'string' },
  out: { type: 'string' },
  prefix: { type: 'string' },
  mapping: { type: 'string' },
  rate: { type: 'string' },
  memory: { type: 'string' },
  threads: { type: 'string' },
} as const;

function read(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n`);
    return {};
  }
}

/** `holdfast lp …`. Answers the exit code: 0 done, 1 failed, 2 wrong usage, 3 another run is under way. */
export async function lossPreventionCommand([verb, ...args]: readonly string[]): Promise<number> {
  const values = verb === 'run' ? read(args) : {};
  if (!values.out || (values.lake === undefined) === (values.container === undefined)) {
    process.stderr.write(usage);
    return 2;
  }
  const places = await openPlaces(values.lake, values.container, values.out);
  const settings = lossPreventionSettingsSchema.parse({
    prefix: values.prefix ?? '',
    ...(values.rate === undefined ? {} : { rate: Number(values.rate) }),
    ...(values.mapping === undefined
      ? {}
      : { mapping: mappingSchema.parse(JSON.parse(await readFile(values.mapping, 'utf8'))) }),
  });
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped; the next run goes on from here'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const executed = await executeRun(
      {
        ...places,
        ...runSettingsOf(settings),
        memoryBytes: Number(values.memory ?? 256) * 1048576,
        threads: Number(values.threads ?? 1),
        signal: stop.signal,
      },
      await requestRun(places.out, 'command line', new Date()),
      () => new Date(),
      { shown: bar() },
    );
    if (executed === 'unfinished') throw stop.signal.reason;
    if (executed === 'busy') {
      process.stderr.write('another run of this environment is under way\n');
      return 3;
    }
    return report(executed.record, values.out);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

async function openPlaces(
  lake: string | undefined,
  container: string | undefined,
  out: string,
): Promise<{ lake: Files; out: Files }> {
  if (lake !== undefined) return { lake: folderFiles(resolve(lake)), out: folderFiles(resolve(out)) };
  const { openStorage } = await import('../../shared/storage/index.ts');
  const { prefixed } = await import('../../shared/lossPrevention/prefixed.ts');
  const storage = openStorage({
    connectionString: process.env.HOLDFAST_STORAGE ?? 'UseDevelopmentStorage=true',
  });
  await storage.ensure({ containers: ['lossprevention'] });
  return {
    lake: blobFiles(storage.blobs(container!)),
    out: prefixed(blobFiles(storage.blobs('lossprevention')), `${out}/`),
  };
}

function bar(): (record: RunRecord) => void {
  const terminal = process.stderr.isTTY;
  let last = '';
  return ({ progress }) => {
    if (!progress) return;
    const { daysDone, daysAll, rows, rejects, step, secondsLeft } = progress;
    const width = 30;
    const full = daysAll === 0 ? 0 : Math.round((width * daysDone) / daysAll);
    const left = secondsLeft === undefined ? '' : `, about ${secondsLeft} s left`;
    const line = `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${daysDone}/${daysAll} days, ${rows} rows, ${rejects} rejected, ${step}${left}`;
    if (terminal) process.stderr.write(`\r${line.padEnd(110)}`);
    else if (step !== last) process.stderr.write(`${line}\n`);
    last = step;
  };
}

function report(record: RunRecord, out: string): number {
  if (record.status !== 'succeeded' || !record.summary) {
    process.stderr.write(`\n${record.reason ?? 'the run failed'}\n`);
    return 1;
  }
  const { summary } = record;
  const flagged = Object.entries(summary.flagged).map(([kind, n]) => `${n} ${kind}`);
  const lines = [
    '',
    `${summary.transactions} transactions of ${summary.months.length} months; flagged: ${flagged.join(', ')}`,
    `read ${summary.unitsRead} days (${summary.rowsRead} rows) anew, rolled up ${summary.monthsRolled} months`,
    `${summary.rejects} rows rejected, ${summary.unmatched} lines without a transaction, ${summary.duplicates} duplicates`,
    ...summary.problems.slice(0, 20).map(({ file, reason }) => `  ${file}: ${reason}`),
    `dashboard: ${out}/${summary.dashboard}/index.html`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
