import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Blobs } from '../storage/index.ts';

/** Pieces of a file, in their order. */
export interface Piece {
  blob: string;
  bytes: number;
}

/** How much is read at once. */
const windowBytes = 4 * 1024 * 1024;

/** The bytes of a file that lies in pieces, from an offset on. Throws where a piece is gone. */
async function* piecesFrom(
  blobs: Blobs,
  pieces: readonly Piece[],
  offset: number,
): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const { blob, bytes } of pieces) {
    const end = start + bytes;
    for (let at = Math.max(offset, start); at < end; ) {
      const content = await blobs.readRange(blob, at - start, Math.min(windowBytes, end - at));
      if (content === undefined || content.length === 0) throw new Error(`${blob} ends too early or is gone`);
      yield content;
      at += content.length;
    }
    start = end;
  }
}

/** Is the file gzip? Told by its first two bytes. */
export async function isGzip(blobs: Blobs, pieces: readonly Piece[]): Promise<boolean> {
  const [first] = pieces;
  const head = first && (await blobs.readRange(first.blob, 0, 2));
  return head?.[0] === 0x1f && head[1] === 0x8b;
}

/** A gzip file that is damaged or cut off. */
export class GzipError extends Error {}

/**
 * The text's bytes from `offset` on, unpacked where the file is gzip (then from the beginning, since there is no other way
 * in). `read` is told how many bytes of the file itself were read so far.
 */
export async function* bytesFrom(
  blobs: Blobs,
  pieces: readonly Piece[],
  { gzip, offset, read = () => {} }: { gzip: boolean; offset: number; read?: (bytes: number) => void },
): AsyncGenerator<Uint8Array> {
  let total = gzip ? 0 : offset;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of piecesFrom(blobs, pieces, gzip ? 0 : offset)) {
      total += chunk.length;
      read(total);
      yield chunk;
    }
  }
  if (!gzip) {
    yield* counted();
    return;
  }
  const unpacked = new PassThrough();
  const done = pipeline(Readable.from(counted()), createGunzip(), unpacked).catch((error: unknown) => {
    unpacked.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  let skip = offset;
  try {
    for await (const chunk of unpacked) {
      const bytes = asBytes(chunk);
      const from = Math.min(skip, bytes.length);
      skip -= from;
      if (from < bytes.length) yield bytes.subarray(from);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new GzipError('the gzip file is damaged or not whole', { cause: error });
    throw error;
  } finally {
    unpacked.destroy();
    await done;
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a stream of bytes gave something else');
}

/** The first bytes of the text, at most `most`. */
export async function headOf(
  blobs: Blobs,
  pieces: readonly Piece[],
  gzip: boolean,
  most: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesFrom(blobs, pieces, { gzip, offset: 0 })) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= most) break;
  }
  return Buffer.concat(parts).subarray(0, most);
}
