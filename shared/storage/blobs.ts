import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { BlobRequestConditions, ContainerClient } from '@azure/storage-blob';
import { checkBlobName } from './limits.ts';
import { failureOf, patient, persist, quick } from './retry.ts';
import type {
  BlobContent,
  BlobItem,
  Blobs,
  Lease,
  Refusal,
  Removed,
  WriteOptions,
  Written,
} from './types.ts';

// https://learn.microsoft.com/rest/api/storageservices/put-block: 50,000 blocks, so files of 400 GB
const blockBytes = 8 * 1024 * 1024;
// blobs say which write made them what they are, as rows do (tables.ts)
const writeKey = 'holdfast_write';

/** The container of this client as `Blobs`. */
export function blobsOf(client: ContainerClient): Blobs {
  const container = client.containerName;

  function blob(name: string) {
    checkBlobName(container, name);
    return client.getBlockBlobClient(name);
  }

  async function download(name: string, etag?: string): Promise<BlobContent | 'same' | 'missing'> {
    const conditions = etag === undefined ? {} : { conditions: { ifNoneMatch: etag } };
    return persist(
      `read ${container}`,
      async (abortSignal) => {
        try {
          const answer = await blob(name).download(0, undefined, { abortSignal, ...conditions });
          return { content: await bytesOf(answer.readableStreamBody), etag: answer.etag ?? '' };
        } catch (error) {
          if (failureOf(error)?.statusCode === 304) return 'same';
          if (refusalOf(container, error) === 'missing') return 'missing';
          throw error;
        }
      },
      patient,
    );
  }

  /** One write and its retries; `send` is given the conditions and the stamp that tells a lost answer from a refusal. */
  async function conditional(
    name: string,
    options: WriteOptions,
    send: (
      conditions: BlobRequestConditions,
      stamp: Record<string, string>,
      signal: AbortSignal,
    ) => Promise<Etag>,
  ): Promise<Written> {
    const stamp = randomBytes(9).toString('base64url');
    const conditions: BlobRequestConditions = {
      ...(options.etag === undefined ? {} : { ifMatch: options.etag }),
      ...(options.create ? { ifNoneMatch: '*' } : {}),
      ...(options.lease === undefined ? {} : { leaseId: options.lease }),
    };
    const call = async (signal: AbortSignal, again: boolean): Promise<Written> => {
      try {
        return { ok: true, etag: (await send(conditions, { [writeKey]: stamp }, signal)).etag ?? '' };
      } catch (error) {
        const reason = refusalOf(container, error);
        if (!reason) throw error;
        const stored = again ? await properties(name) : undefined;
        if (stored?.metadata?.[writeKey] === stamp) return { ok: true, etag: stored.etag ?? '' };
        // the service says "changed" of a blob that is gone
        if (options.etag !== undefined && !(await properties(name))) return { ok: false, reason: 'missing' };
        return { ok: false, reason };
      }
    };
    return persist(`write ${container}`, call, patient);
  }

  function properties(name: string) {
    return persist(`read ${container}`, async (abortSignal) => {
      try {
        return await blob(name).getProperties({ abortSignal });
      } catch (error) {
        if (refusalOf(container, error) === 'missing') return undefined;
        throw error;
      }
    });
  }

  function write(name: string, content: Uint8Array | string, options: WriteOptions = {}): Promise<Written> {
    const body = typeof content === 'string' ? Buffer.from(content) : asBuffer(content);
    return conditional(name, options, (conditions, metadata, abortSignal) =>
      blob(name).upload(body, body.length, {
        abortSignal,
        conditions,
        metadata,
        blobHTTPHeaders: headers(options),
      }),
    );
  }

  async function writeStream(name: string, source: Readable, options: WriteOptions = {}): Promise<Written> {
    const target = blob(name);
    const held = options.lease === undefined ? {} : { conditions: { leaseId: options.lease } };
    // ids of one length, and not those of another writer of the same blob
    const prefix = randomBytes(6).toString('hex');
    const ids: string[] = [];
    for await (const block of blocksOf(source)) {
      const id = Buffer.from(`${prefix}${String(ids.length).padStart(6, '0')}`).toString('base64');
      await persist(
        `write ${container}`,
        (abortSignal) => target.stageBlock(id, block, block.length, { abortSignal, ...held }),
        patient,
      );
      ids.push(id);
    }
    return conditional(name, options, (conditions, metadata, abortSignal) =>
      target.commitBlockList(ids, { abortSignal, conditions, metadata, blobHTTPHeaders: headers(options) }),
    );
  }

  async function remove(name: string, options: { etag?: string; lease?: string } = {}): Promise<Removed> {
    const conditions: BlobRequestConditions = {
      ...(options.etag === undefined ? {} : { ifMatch: options.etag }),
      ...(options.lease === undefined ? {} : { leaseId: options.lease }),
    };
    return persist<Removed>(`remove ${container}`, async (abortSignal, again) => {
      try {
        await blob(name).delete({ abortSignal, conditions });
        return { ok: true };
      } catch (error) {
        const reason = refusalOf(container, error);
        if (!reason || reason === 'exists') throw error;
        if (reason === 'missing' && again) return { ok: true };
        return { ok: false, reason };
      }
    });
  }

  async function* list(prefix = ''): AsyncGenerator<BlobItem> {
    let continuationToken: string | undefined;
    do {
      const page = await persist(`list ${container}`, async (abortSignal) => {
        const pages = client.listBlobsFlat({ prefix, includeMetadata: true, abortSignal });
        const { value } = await pages
          .byPage(continuationToken ? { continuationToken, maxPageSize: 1000 } : { maxPageSize: 1000 })
          .next();
        return value;
      });
      if (!page) return;
      for (const { name, properties: found, metadata } of page.segment.blobItems) {
        // with a hierarchical namespace, folders are empty blobs marked so
        if (metadata?.hdi_isfolder === 'true') continue;
        yield {
          name,
          etag: quoted(found.etag),
          size: found.contentLength ?? 0,
          modified: found.lastModified,
        };
      }
      continuationToken = page.continuationToken;
    } while (continuationToken);
  }

  async function lease(name: string, seconds: number): Promise<Lease | undefined> {
    // an id of ours makes a repeated request the same request
    const client = blob(name).getBlobLeaseClient(randomUUID());
    const acquire = () =>
      persist(`lease ${container}`, async (abortSignal) => {
        try {
          await client.acquireLease(seconds, { abortSignal });
          return 'held';
        } catch (error) {
          const reason = refusalOf(container, error);
          if (!reason) throw error;
          return reason === 'missing' ? 'missing' : 'taken';
        }
      });
    let outcome = await acquire();
    if (outcome === 'missing') {
      await write(name, '', { create: true });
      outcome = await acquire();
    }
    if (outcome !== 'held') return undefined;
    const kept = (call: (abortSignal: AbortSignal) => Promise<unknown>) =>
      persist(`lease ${container}`, async (signal) => {
        try {
          await call(signal);
          return true;
        } catch (error) {
          if (!refusalOf(container, error)) throw error;
          return false;
        }
      });
    return {
      id: client.leaseId,
      seconds,
      renew: () => kept((abortSignal) => client.renewLease({ abortSignal })),
      release: async () => {
        await kept((abortSignal) => client.releaseLease({ abortSignal }));
      },
    };
  }

  return {
    container,
    write,
    writeStream,
    remove,
    list,
    lease,
    async read(name) {
      const found = await download(name);
      return typeof found === 'string' ? undefined : found;
    },
    readIfChanged: download,
    readRange(name, offset, length) {
      return persist(
        `read ${container}`,
        async (abortSignal) => {
          try {
            const answer = await blob(name).download(offset, length, { abortSignal });
            return await bytesOf(answer.readableStreamBody);
          } catch (error) {
            // 416: the blob ends before the offset
            if (failureOf(error)?.statusCode === 416) return new Uint8Array();
            if (refusalOf(container, error) === 'missing') return undefined;
            throw error;
          }
        },
        patient,
      );
    },
    stream(name) {
      return persist(
        `read ${container}`,
        async (abortSignal) => {
          try {
            // the limit is on the answer's beginning; a body that breaks off is continued by the package
            const answer = await blob(name).download(0, undefined, { abortSignal, maxRetryRequests: 5 });
            const body = answer.readableStreamBody ?? [];
            return body instanceof Readable ? body : Readable.from(body);
          } catch (error) {
            if (refusalOf(container, error) === 'missing') return undefined;
            throw error;
          }
        },
        quick,
      );
    },
  };
}

type Etag = { etag?: string };

/** 409, 412 and 404 of a blob; other errors, and a container that does not exist, are no answer. */
function refusalOf(container: string, error: unknown): Refusal | undefined {
  const failure = failureOf(error);
  const { statusCode, code } = failure ?? {};
  if (code === 'ContainerNotFound')
    throw new Error(`container ${container} does not exist: Storage.ensure makes it`, { cause: error });
  if (statusCode === 412) return 'changed';
  if (statusCode === 404) return 'missing';
  // a block that another writer's commit discarded
  if (code === 'InvalidBlockList') return 'changed';
  if (statusCode !== 409) return undefined;
  return code === 'BlobAlreadyExists' ? 'exists' : code?.startsWith('Lease') ? 'changed' : undefined;
}

function headers(options: WriteOptions) {
  return { blobContentType: options.contentType ?? 'application/octet-stream' };
}

function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

async function bytesOf(stream: NodeJS.ReadableStream | undefined): Promise<Uint8Array> {
  return stream ? buffer(stream) : new Uint8Array();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function* blocksOf(source: Readable): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : asBuffer(chunk);
    waiting.push(piece);
    size += piece.length;
    if (size < blockBytes) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting);
}
