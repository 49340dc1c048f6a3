import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, openEngine } from '../duck.ts';
import { makeWorkFolder } from '../workFolder.ts';

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

/** Opens a workspace. Close it, or its folder stays until another is opened hours later. */
export async function openWorkspace(): Promise<Workspace> {
  const directory = await makeWorkFolder('holdfast-lake-');
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
