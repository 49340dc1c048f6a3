/** The host's own storage (`AzureWebJobsStorage`): leases and the status of timers, in `azure-webjobs-hosts`. */
import { randomUUID } from 'node:crypto';
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob';
import type { Log } from './log.ts';
import { errorText } from './log.ts';
import { pause } from './pause.ts';

export interface HostStorage {
  readText(name: string): Promise<string | undefined>;
  writeText(name: string, text: string): Promise<void>;
  /**
   * Runs `work` while this process holds the lease named, waiting for it as long as it takes, and again whenever it is lost;
   * `work` must end soon after the signal it gets. Resolves once `signal` is aborted.
   */
  whileLeased(name: string, signal: AbortSignal, work: (held: AbortSignal) => Promise<void>): Promise<void>;
}

/** The shortest lease there is; on Azure the runtime takes 60 s. A host that was killed blocks the next for so long. */
const LEASE_SECONDS = 15;
const RENEW_SECONDS = 5;

/** Opens the container, and makes it where it is missing. `hostId` parts hosts that share an account. */
export async function openHostStorage(
  connectionString: string,
  hostId: string,
  log: Log,
): Promise<HostStorage> {
  const container =
    BlobServiceClient.fromConnectionString(connectionString).getContainerClient('azure-webjobs-hosts');
  await container.createIfNotExists();
  return {
    async readText(name) {
      try {
        return (await container.getBlockBlobClient(`timers/${hostId}/${name}`).downloadToBuffer()).toString(
          'utf8',
        );
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    async writeText(name, text) {
      const options = { blobHTTPHeaders: { blobContentType: 'application/json' } };
      await container
        .getBlockBlobClient(`timers/${hostId}/${name}`)
        .upload(text, Buffer.byteLength(text), options);
    },
    whileLeased: (name, signal, work) => whileLeased(container, `locks/${hostId}/${name}`, signal, work, log),
  };
}

/** The HTTP status of a storage error; undefined for any other. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof RestError ? error.statusCode : undefined;
}

async function whileLeased(
  container: ContainerClient,
  blobName: string,
  signal: AbortSignal,
  work: (held: AbortSignal) => Promise<void>,
  log: Log,
): Promise<void> {
  const blob = container.getBlockBlobClient(blobName);
  while (!signal.aborted) {
    try {
      const lease = blob.getBlobLeaseClient(randomUUID());
      if (!(await acquire(blob, lease))) {
        await pause(RENEW_SECONDS * 1000, signal);
        continue;
      }
      const lost = new AbortController();
      const ended = new AbortController();
      const renewing = renew(lease, lost, AbortSignal.any([signal, ended.signal]));
      try {
        await work(AbortSignal.any([signal, lost.signal]));
      } finally {
        ended.abort();
        await renewing;
        await lease.releaseLease().catch(() => undefined);
      }
    } catch (error) {
      log({ level: 'warning', message: `${blobName}: ${errorText(error)}` });
      await pause(RENEW_SECONDS * 1000, signal);
    }
  }
}

type BlockBlob = ReturnType<ContainerClient['getBlockBlobClient']>;
type Lease = ReturnType<BlockBlob['getBlobLeaseClient']>;

async function acquire(blob: BlockBlob, lease: Lease): Promise<boolean> {
  try {
    await lease.acquireLease(LEASE_SECONDS);
    return true;
  } catch (error) {
    if (statusOf(error) === 409) return false;
    if (statusOf(error) !== 404) throw error;
  }
  try {
    await blob.upload('', 0, { conditions: { ifNoneMatch: '*' } });
  } catch (error) {
    // another host made it first: 409, or 412 where it leased it at once
    if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
  }
  return acquire(blob, lease);
}

/** Renews until `until`; a lease that could not be renewed in time, or is another's, counts as lost. */
async function renew(lease: Lease, lost: AbortController, until: AbortSignal): Promise<void> {
  let renewed = Date.now();
  while (!until.aborted && !lost.signal.aborted) {
    await pause(RENEW_SECONDS * 1000, until);
    if (until.aborted) return;
    try {
      await lease.renewLease();
      renewed = Date.now();
    } catch (error) {
      const taken = [404, 409, 412].includes(statusOf(error) ?? 0);
      if (taken || Date.now() - renewed > (LEASE_SECONDS - RENEW_SECONDS) * 1000) lost.abort();
    }
  }
}
