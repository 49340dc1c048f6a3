/** `node tools/backup/main.ts save|restore --folder <folder> --account <name>`: the tables of a storage account, to files and back. */
import { parseArgs } from 'node:util';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { AzureCliCredential } from '@azure/identity';
import { type Access, restoreTables, saveTables } from './tables.ts';

const usage = `node tools/backup/main.ts save|restore --folder <folder> (--account <name> | --storage <connection string>)
  --account   a storage account, as whoever is signed in with the Azure CLI (role Storage Table Data Contributor)
  --storage   a connection string, of Azurite`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { folder: { type: 'string' }, account: { type: 'string' }, storage: { type: 'string' } },
  });
  const { folder, account, storage } = values;
  const [verb] = positionals;
  if (!folder || (!account && !storage) || (verb !== 'save' && verb !== 'restore')) throw new Error(usage);
  const access = storage ? local(storage) : azure(account ?? '');
  const rows = await (verb === 'save' ? saveTables(access, folder) : restoreTables(access, folder));
  for (const [table, count] of Object.entries(rows)) console.log(`${table}: ${count} rows`);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function local(connectionString: string): Access {
  const options = { allowInsecureConnection: true };
  return {
    service: TableServiceClient.fromConnectionString(connectionString, options),
    table: (name) => TableClient.fromConnectionString(connectionString, name, options),
  };
}

function azure(account: string): Access {
  const url = `https://${account}.table.core.windows.net`;
  const credential = new AzureCliCredential();
  return {
    service: new TableServiceClient(url, credential),
    table: (name) => new TableClient(url, name, credential),
  };
}
