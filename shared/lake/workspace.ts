import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, openEngine } from '../duck.ts';

/** A folder of this machine and, once something asks for it, a DuckDB that works in it. */
export interface Workspace {
  directory: string;
  engine(): Promise<Engine>;
  /** A path in the folder that nothing else has. */
  path(name: string): string;
  close(): Promise<void>;
}

/** A day's files are read and written by one thread: what costs is the network, and memory is for others too. */
const engineMemory = 384 * 1024 * 1024;

const prefix = 'holdfast-lake-';

/** No work in a folder takes as long, in ms. */
const abandonedAfter = 6 * 3_600_000;

/** Opens a workspace. Close it, or its folder stays until another is opened hours later. */
export async function openWorkspace(): Promise<Workspace> {
  await removeAbandoned();
  const directory = await mkdtemp(join(tmpdir(), prefix));
  let opened: Promise<Engine> | undefined;
  let count = 0;
  return {
    directory,
    engine: () => {
      opened ??= openEngine({ directory, memoryBytes: engineMemory, threads: 1 });
      return opened;
    },
    path: (name) => join(directory, `${++count}-${name}`),
    async close() {
      (await opened)?.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Folders of processes and threads that were killed hold events: they go. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > abandonedAfter) await rm(path, { recursive: true, force: true });
  }
}
