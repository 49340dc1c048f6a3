import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { TableClient, type TableServiceClientOptions } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { blobsOf } from './blobs.ts';
import { queueOf } from './queues.ts';
import { failureOf, persist } from './retry.ts';
import { tableOf } from './tables.ts';
import type { Blobs, Queue, Storage, StorageSettings, Table } from './types.ts';

// enough for the reads of many assessments at once; more would wait in the service rather than here
const maxSockets = 128;

/** Opens an account; no call is made yet. Managed identity is loaded with the first call, and only where it is used. */
export function openStorage(settings: StorageSettings): Storage {
  const clients = clientsOf(settings);
  const tables = new Map<string, { client: TableClient; table: Table }>();
  const blobs = new Map<string, Blobs>();
  const queues = new Map<string, Queue>();
  const ensured = new Map<string, Promise<void>>();

  function tableEntry(name: string): { client: TableClient; table: Table } {
    return entry(tables, name, () => {
      const client = clients.table(name);
      return { client, table: tableOf(client) };
    });
  }

  function once(
    kind: string,
    name: string,
    create: (abortSignal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const key = `${kind} ${name}`;
    return entry(ensured, key, () =>
      persist(`create ${key}`, async (signal) => {
        try {
          await create(signal);
        } catch (error) {
          if (!existsAlready(error)) throw error;
        }
      }).catch((error: unknown) => {
        ensured.delete(key);
        throw error;
      }),
    );
  }

  return {
    table: (name) => tableEntry(name).table,
    blobs: (container) => entry(blobs, container, () => blobsOf(clients.blob.getContainerClient(container))),
    queue: (name) => entry(queues, name, () => queueOf(clients.queue.getQueueClient(name))),
    async ensure(names) {
      await Promise.all([
        ...(names.tables ?? []).map((name) =>
          once('table', name, (abortSignal) => tableEntry(name).client.createTable({ abortSignal })),
        ),
        ...(names.containers ?? []).map((name) =>
          once('container', name, (abortSignal) =>
            clients.blob.getContainerClient(name).create({ abortSignal }),
          ),
        ),
        ...(names.queues ?? []).map((name) =>
          once('queue', name, (abortSignal) => clients.queue.getQueueClient(name).create({ abortSignal })),
        ),
      ]);
    },
  };
}

interface Clients {
  table(name: string): TableClient;
  blob: BlobServiceClient;
  queue: QueueServiceClient;
}

function clientsOf(settings: StorageSettings): Clients {
  // one try each: persist() does the trying, and knows which tries may have been applied
  const single = { retryOptions: { maxTries: 1 } };
  if ('connectionString' in settings) {
    const { connectionString } = settings;
    const insecure = /UseDevelopmentStorage=true|=http:|DefaultEndpointsProtocol=http(;|$)/i.test(
      connectionString,
    );
    const options = tableOptions(insecure);
    return {
      table: (name) => TableClient.fromConnectionString(connectionString, name, { ...options }),
      blob: BlobServiceClient.fromConnectionString(connectionString, single),
      queue: QueueServiceClient.fromConnectionString(connectionString, single),
    };
  }
  const { accountName, clientId } = settings;
  const credential = managedIdentity(clientId);
  const url = (service: string) => `https://${accountName}.${service}.core.windows.net`;
  const options = tableOptions(false);
  return {
    table: (name) => new TableClient(url('table'), name, credential, options),
    blob: new BlobServiceClient(url('blob'), credential, single),
    queue: new QueueServiceClient(url('queue'), credential, single),
  };
}

function tableOptions(insecure: boolean): TableServiceClientOptions {
  const agent = insecure
    ? new HttpAgent({ keepAlive: true, maxSockets })
    : new HttpsAgent({ keepAlive: true, maxSockets });
  return {
    retryOptions: { maxRetries: 0 },
    allowInsecureConnection: insecure,
    agent,
  };
}

/** The app's managed identity. The package for it is large, and a local start has no use for it. */
function managedIdentity(clientId: string | undefined) {
  type Credential = import('@azure/identity').ManagedIdentityCredential;
  let loading: Promise<Credential> | undefined;
  async function load(): Promise<Credential> {
    const { ManagedIdentityCredential } = await import('@azure/identity');
    return clientId === undefined
      ? new ManagedIdentityCredential()
      : new ManagedIdentityCredential({ clientId });
  }
  return {
    async getToken(...request: Parameters<Credential['getToken']>) {
      loading ??= load();
      return (await loading).getToken(...request);
    },
  };
}

function existsAlready(error: unknown): boolean {
  const failure = failureOf(error);
  return failure?.statusCode === 409 && /AlreadyExists$/.test(failure.code ?? '');
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
