import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/**
 * Why a gzip file cannot be used, or undefined: it must unpack to its end with the right checksum, and to no more than
 * `mostBytes`. DuckDB takes a truncated stream for the end of the file, which would lose rows without a word.
 */
export async function gzipFault(path: string, mostBytes: number): Promise<string | undefined> {
  let size = 0;
  const counter = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      size += chunk.length;
      done(size > mostBytes ? new Error(`it unpacks to more than ${mostBytes} bytes`) : undefined);
    },
  });
  try {
    await pipeline(createReadStream(path), createGunzip(), counter);
    return undefined;
  } catch (error) {
    return `damaged gzip: ${error instanceof Error ? error.message : String(error)}`;
  }
}
