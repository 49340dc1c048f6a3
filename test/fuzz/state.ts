import { createHash } from 'node:crypto';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';

/**
 * What timers and followers write on their own time, also while no request changes anything: the index of data subjects
 * and the lake among it, which follow from stored events; and what every refused request may write: how often calls were made.
 */
const ownTime = /^(followers|subjects|lake|usage|externalmetrics|externalwarmup)$/i;
/** The host's own locks, what subject requests export on their own time, and the files of the lake. */
const ownContainers = /^(azure-webjobs.*|subject-exports|events)$/;

/** Everything that the app has stored, as a hash for each row and blob; times of writing and ETags are left out. */
export async function stateOf(connectionString: string): Promise<Map<string, string>> {
  const state = new Map<string, string>();
  const note = (place: string, content: unknown) =>
    state.set(place, createHash('sha256').update(JSON.stringify(content)).digest('base64url'));
  const options = { allowInsecureConnection: true };
  const tables = TableServiceClient.fromConnectionString(connectionString, options);
  for await (const { name = '' } of tables.listTables()) {
    if (ownTime.test(name)) continue;
    const table = TableClient.fromConnectionString(connectionString, name, options);
    for await (const { etag: _, timestamp: __, ...row } of table.listEntities()) {
      // requests of data subjects go on by themselves; that there are no more of them is what counts
      if (name === 'subjectRequests') {
        if (!row.rowKey?.startsWith('j|')) note(`${name} ${row.partitionKey} ${row.rowKey}`, '');
        continue;
      }
      note(`${name} ${row.partitionKey} ${row.rowKey}`, Object.entries(row).sort());
    }
  }
  const blobs = BlobServiceClient.fromConnectionString(connectionString);
  for await (const { name: container } of blobs.listContainers()) {
    if (ownContainers.test(container)) continue;
    for await (const { name, properties } of blobs.getContainerClient(container).listBlobsFlat())
      note(`${container}/${name}`, [
        properties.contentLength,
        Buffer.from(properties.contentMD5 ?? '').toString('hex'),
      ]);
  }
  return state;
}

/** The places where two states differ. */
export function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const places = new Set([...before.keys(), ...after.keys()]);
  return [...places].filter((place) => before.get(place) !== after.get(place));
}
