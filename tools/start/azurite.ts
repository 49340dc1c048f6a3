/** Azurite, as a child process on the data folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { folderProblem, StartProblem } from './problem.ts';

export interface Ports {
  readonly blob: number;
  readonly queue: number;
  readonly table: number;
}

export interface Azurite {
  readonly connectionString: string;
  readonly pid: number;
  /** Resolves when Azurite has ended, or says that it cannot write, without having been told to end. */
  readonly broken: Promise<StartProblem>;
  /** Ends it once it has written what it has. */
  stop(): Promise<void>;
}

const READY_MILLISECONDS = 120_000;
/** How long it may take to write what it has: 700 MB of tables took 20 s on a busy machine. */
export const STOP_MILLISECONDS = 60_000;

/** Azurite's publicly known account. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/**
 * Starts Azurite on loopback and waits until it answers.
 * @throws StartProblem where it does not
 */
export async function startAzurite(folder: string, ports: Ports, signal: AbortSignal): Promise<Azurite> {
  const flags = [
    '--silent',
    '--disableTelemetry',
    '--skipApiVersionCheck',
    '--location',
    path.join(folder, 'azurite'),
  ];
  const where = Object.entries(ports).flatMap(([name, port]) => [
    `--${name}Host`,
    '127.0.0.1',
    `--${name}Port`,
    String(port),
  ]);
  // a group of its own: Ctrl-C goes to whole groups, and Azurite must outlive the app
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, 'azuriteChild.ts'), ...flags, ...where],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  // not 'close': that never comes once this side has closed the channel
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let stopping = false;
  const broken = Promise.withResolvers<StartProblem>();
  const ready = Promise.withResolvers<void>();
  let output = '';
  const read = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000);
    const code = /\b(ENOSPC|EDQUOT|EACCES|EROFS)\b/.exec(output)?.[1];
    if (code !== undefined) broken.resolve(folderProblem(folder, code));
    if (output.match(/service is successfully listening/g)?.length === 3) ready.resolve();
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  void ended.then(() => {
    const lines = output.trim().split('\n');
    // of what a process says that fails, its error; what comes behind it are the places in the code
    const said = lines.findLast((line) => /error: /i.test(line)) ?? lines.slice(-3).join(' ');
    const taken = /EADDRINUSE.*?:(\d+)/.exec(output)?.[1];
    if (/ is damaged: /.test(said))
      broken.resolve(
        new StartProblem(`${said.trim()}: put a copy of it back, or give another data folder with --data`),
      );
    else if (taken !== undefined)
      broken.resolve(
        new StartProblem(`port ${taken} is in use: free it, or give others with --storage-ports`),
      );
    else
      broken.resolve(
        new StartProblem(
          `Azurite (storage) has ended${said === '' ? '' : ` (it said: ${said})`}: everything stops; npm start begins again`,
        ),
      );
  });
  const stop = async () => {
    if (stopping) return ended;
    stopping = true;
    await endChild(child, ended);
  };

  const timer = setTimeout(
    () =>
      broken.resolve(
        new StartProblem(`Azurite (storage) was not ready in ${READY_MILLISECONDS / 1000} s: try again`),
      ),
    READY_MILLISECONDS,
  );
  const aborted = once(signal, 'abort').then(() => undefined);
  const problem = await Promise.race([ready.promise, broken.promise, aborted]);
  clearTimeout(timer);
  if (problem instanceof StartProblem) {
    await stop();
    throw problem;
  }
  return { connectionString: connectionString(ports), pid: child.pid ?? 0, broken: broken.promise, stop };
}

async function endChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return ended;
  // what `azuriteChild.ts` ends by, also where this process is killed
  if (child.connected) child.disconnect();
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
  await ended;
  clearTimeout(kill);
}

function connectionString(ports: Ports): string {
  const endpoint = (name: string, port: number) => `${name}Endpoint=http://127.0.0.1:${port}/${ACCOUNT}`;
  return [
    'DefaultEndpointsProtocol=http',
    `AccountName=${ACCOUNT}`,
    `AccountKey=${KEY}`,
    endpoint('Blob', ports.blob),
    endpoint('Queue', ports.queue),
    endpoint('Table', ports.table),
  ].join(';');
}
