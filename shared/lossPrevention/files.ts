import { createReadStream, createWriteStream } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Blobs, keepLease } from '../storage/index.ts';

export interface FileItem {
  name: string;
  etag: string;
  /** bytes */
  size: number;
}

/** Where files are: a blob container, or a folder of this machine that stands in for one. */
export interface Files {
  list(prefix?: string): AsyncIterable<FileItem>;
  read(name: string): Promise<Uint8Array | undefined>;
  /** The first bytes. */
  head(name: string, length: number): Promise<Uint8Array | undefined>;
  /** Copies the file to a path of this machine; false where there is none. */
  fetch(name: string, path: string): Promise<boolean>;
  write(name: string, content: Uint8Array | string, contentType?: string): Promise<void>;
  /** Uploads a file of this machine; it appears whole or not at all. */
  put(name: string, path: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** A lock that ends by itself when its holder dies. Undefined: another holds it. */
  lock(name: string): Promise<Lock | undefined>;
}

export interface Lock {
  /** aborted when the lock is lost */
  signal: AbortSignal;
  release(): Promise<void>;
}

/** Files of a blob container. */
export function blobFiles(blobs: Blobs): Files {
  return {
    list: (prefix) => blobs.list(prefix),
    read: async (name) => (await blobs.read(name))?.content,
    head: (name, length) => blobs.readRange(name, 0, length),
    fetch: async (name, path) => {
      const source = await blobs.stream(name);
      if (!source) return false;
      await pipeline(source, createWriteStream(path));
      return true;
    },
    write: async (name, content, contentType) => {
      await blobs.write(name, content, contentType === undefined ? {} : { contentType });
    },
    put: async (name, path) => {
      await blobs.writeStream(name, createReadStream(path));
    },
    remove: async (name) => {
      await blobs.remove(name);
    },
    lock: async (name) => {
      const lease = await blobs.lease(name, leaseSeconds);
      return lease && keepLease(lease);
    },
  };
}

const leaseSeconds = 60;

/** Files below a folder. The etag is size and time of change. */
export function folderFiles(root: string): Files {
  const at = (name: string) => join(root, name);
  return {
    list: (prefix = '') => listFolder(root, '', prefix),
    read: (name) => unlessMissing(readFile(at(name))),
    head: (name, length) => unlessMissing(headOf(at(name), length)),
    fetch: async (name, path) => {
      await rm(path, { force: true });
      // A hard link costs nothing; between file systems it has to be a copy.
      const done = await unlessMissing(
        link(at(name), path)
          .catch((error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOENT') throw error;
            return copyFile(at(name), path);
          })
          .then(() => true),
      );
      return done === true;
    },
    write: (name, content) => writeWhole(at(name), (path) => writeFile(path, content)),
    put: (name, path) => writeWhole(at(name), (to) => copyFile(path, to)),
    remove: (name) => rm(at(name), { force: true }),
    lock: (name) => lockFolder(at(name)),
  };
}

async function* listFolder(root: string, folder: string, prefix: string): AsyncGenerator<FileItem> {
  const entries = (await unlessMissing(readdir(join(root, folder), { withFileTypes: true }))) ?? [];
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const name = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) {
      if (name.startsWith(prefix) || prefix.startsWith(`${name}/`)) yield* listFolder(root, name, prefix);
    } else if (entry.isFile() && name.startsWith(prefix) && !name.endsWith('.part')) {
      const { size, mtimeMs } = await stat(join(root, name));
      yield { name, size, etag: `${size}-${mtimeMs}` };
    }
  }
}

async function headOf(path: string, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function writeWhole(path: string, write: (part: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  await write(part);
  await rename(part, path);
}

/** The lock is a file with the holder's process number; one whose process is gone is taken over. */
async function lockFolder(path: string): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 0; attempt < 2; attempt++) {
    const made = await writeFile(path, String(process.pid), { flag: 'wx' }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
        return false;
      },
    );
    if (made) return { signal: new AbortController().signal, release: () => rm(path, { force: true }) };
    const holder = Number(await unlessMissing(readFile(path, 'utf8')));
    if (holder > 0 && alive(holder)) return undefined;
    await rm(path, { force: true });
  }
  return undefined;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
