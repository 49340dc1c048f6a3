/** One `npm start` per data folder. A lock whose holder is gone (`kill -9`, power) does not count. */
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as timeout } from 'node:timers/promises';
import { STOP_MILLISECONDS } from './azurite.ts';
import { errorCode, folderProblem, StartProblem } from './problem.ts';

interface Holder {
  readonly pid: number;
  /** tells a process from a later one with the same id */
  readonly started: string;
  /** the Azurite it started, where it has */
  readonly storage?: { readonly pid: number; readonly started: string };
}

export interface Lock {
  /** Writes down the Azurite that works on the folder, so that the next start can wait for its end. */
  noteStorage(pid: number): Promise<void>;
  release(): Promise<void>;
}

/**
 * Makes the data folder and takes its lock; waits for the end of an Azurite that a killed start has left.
 * @throws StartProblem where another start holds it, or the folder cannot be written
 */
export async function takeLock(folder: string): Promise<Lock> {
  const file = path.join(folder, 'lock');
  try {
    await makeFolder(folder);
    const holder: Holder = { pid: process.pid, started: await startOf(process.pid) };
    while (!(await create(file, holder))) {
      const other = await readHolder(file);
      if (other !== undefined && (await isAlive(other)))
        throw new StartProblem(
          `another npm start (process ${other.pid}) uses the data folder ${folder}: stop it, or give another with --data`,
        );
      if (other?.storage !== undefined) await ended(other.storage, folder);
      // only what was looked at is removed, not the lock of a start that was quicker
      const now = await readHolder(file);
      if (now?.pid === other?.pid && now?.started === other?.started) await rm(file, { force: true });
    }
    return {
      async noteStorage(pid) {
        const storage = { pid, started: await startOf(pid) };
        await writeFile(`${file}.new`, JSON.stringify({ ...holder, storage }));
        await rename(`${file}.new`, file);
      },
      release: () => rm(file, { force: true }).catch(() => undefined),
    };
  } catch (error) {
    const code = errorCode(error);
    throw code === undefined ? error : folderProblem(folder, code);
  }
}

/** Node's recursive `mkdir` hides why it fails (ENOENT for a read-only file system), and in `/proc` never ends. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const parent = path.dirname(folder);
    if (errorCode(error) === 'ENOENT' && !(await stat(parent).catch(() => undefined)) && parent !== folder) {
      await makeFolder(parent);
      await mkdir(folder);
    } else if (errorCode(error) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error;
  }
}

async function create(file: string, holder: Holder): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(JSON.stringify(holder));
    await handle.close();
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined for a lock that is gone or was never written to its end. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const holder: Holder = JSON.parse(await readFile(file, 'utf8'));
    return typeof holder.pid === 'number' ? holder : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function ended(storage: { pid: number; started: string }, folder: string): Promise<void> {
  const limit = Date.now() + STOP_MILLISECONDS;
  while (await isAlive(storage)) {
    if (Date.now() > limit)
      throw new StartProblem(
        `an Azurite (process ${storage.pid}) still works on ${folder}: end it with kill ${storage.pid}`,
      );
    await timeout(100);
  }
}

async function isAlive({ pid, started }: { pid: number; started: string }): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
  return (await startOf(pid)) === started;
}

/** When a process began, as Linux tells it; empty where the system does not: the id alone decides there. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // the name, in brackets, may hold anything; the start time is the 20th field after it. A zombie has ended
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
}

/**
 * Whether the data folder can be written, now: tries it, and looks at what is left of the disk.
 * @throws StartProblem
 */
export async function checkFolder(folder: string, leastBytes: number): Promise<void> {
  try {
    const probe = path.join(folder, 'probe');
    await writeFile(probe, 'x');
    await rm(probe);
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < leastBytes) throw folderProblem(folder, 'ENOSPC');
  } catch (error) {
    const code = errorCode(error);
    throw code === undefined ? error : folderProblem(folder, code);
  }
}
