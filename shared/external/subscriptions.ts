/** Who gets events about external calls: blob containers, set up for each environment. */
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { encodeKey, openStorage, type Storage, type StoredRow } from '../storage/index.ts';
import { blobSubscriber, namespaces, type Subscriber, type Subscription } from './monitoring.ts';
import { remember } from './remember.ts';
import { keyVaultSecret, keyVaultUrl } from './secretText.ts';

const connection = z
  .string()
  .max(500)
  .transform((text, context) => {
    const reference = keyVaultSecret(text);
    if (reference) return keyVaultUrl(reference);
    context.addIssue({
      code: 'custom',
      message: 'the URL of a secret in Key Vault that holds a connection string',
    });
    return z.NEVER;
  });

/** A subscription as the management API takes and returns it. */
export const subscriptionSchema = z
  .strictObject({
    description: z.string().max(1000).default(''),
    events: z.array(z.enum(namespaces)).min(1, 'at least one').max(namespaces.length),
    target: z.strictObject({
      type: z.literal('blob'),
      container: z.string().regex(/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'not the name of a container'),
      prefix: z
        .string()
        .regex(/^([A-Za-z0-9_.-]{1,100}\/){0,5}$/, 'folders that end in a slash')
        .default(''),
      connection: connection.optional().describe('another storage account; the product’s own where absent'),
    }),
  })
  .superRefine(({ target }, context) => {
    // the product's own containers are in the same account
    if (target.connection === undefined && !target.container.startsWith('tracing-'))
      context.addIssue({
        code: 'custom',
        path: ['target', 'container'],
        message: 'begins with tracing- in the product’s own storage account',
      });
  });

export type SubscriptionBody = z.output<typeof subscriptionSchema>;

export interface StoredSubscription {
  name: string;
  body: SubscriptionBody;
  etag: string;
}

export interface Subscriptions {
  /** those of one environment, remembered for up to a minute */
  of(environment: string): Promise<readonly Subscription[]>;
  list(environment: string): Promise<StoredSubscription[]>;
  /** @throws Problem 404 */
  get(environment: string, name: string): Promise<StoredSubscription>;
  put(environment: string, name: string, body: SubscriptionBody): Promise<StoredSubscription>;
  /** @throws Problem 404 */
  remove(environment: string, name: string): Promise<void>;
}

const table = 'eventsubscriptions';

/** The table `eventsubscriptions`: PartitionKey environment, RowKey name; read as a range of one partition. */
export function openSubscriptions(
  storage: Storage,
  options: { secret?: (url: string) => Promise<string>; now?: () => number } = {},
): Subscriptions {
  const rows = storage.table(table);
  const now = options.now ?? Date.now;
  const accounts = new Map<string, Storage>();
  const ready = () => storage.ensure({ tables: [table] });
  const keys = (environment: string, name: string) => ({
    partitionKey: encodeKey(environment),
    rowKey: encodeKey(name.toLowerCase()),
  });

  async function list(environment: string): Promise<StoredSubscription[]> {
    await ready();
    const found: StoredSubscription[] = [];
    for await (const row of rows.range(encodeKey(environment))) found.push(fromRow(row));
    return found;
  }

  function subscriberOf({ target }: SubscriptionBody): Subscriber {
    const { connection: url, container, prefix } = target;
    if (url === undefined) return blobSubscriber(storage, container, prefix);
    return {
      async deliver(delivery) {
        if (!options.secret) throw new Error('this app is not set up to read Key Vault');
        const connectionString = await options.secret(url);
        const account = accounts.get(connectionString) ?? openStorage({ connectionString });
        accounts.set(connectionString, account);
        await blobSubscriber(account, container, prefix).deliver(delivery);
      },
    };
  }

  const of = remember(
    async (environment: string) => {
      const stored = await list(environment);
      const value = stored.map(({ name, body }): Subscription => {
        const id = `${environment}|${name.toLowerCase()}`;
        return { id, events: body.events, subscriber: subscriberOf(body) };
      });
      return { value, refreshAt: now() + 5_000, until: now() + 60_000 };
    },
    (environment) => environment,
    now,
  );

  async function get(environment: string, name: string): Promise<StoredSubscription> {
    await ready();
    const { partitionKey, rowKey } = keys(environment, name);
    const row = await rows.read(partitionKey, rowKey);
    if (!row) throw unknown(name);
    return fromRow(row);
  }

  return {
    of,
    list,
    get,
    async put(environment, name, body) {
      await ready();
      const written = await rows.put({ ...keys(environment, name), name, body: JSON.stringify(body) });
      if (!written.ok) throw Problem.conflict('The subscription was changed by another at the same time.');
      return { name, body, etag: written.etag };
    },
    async remove(environment, name) {
      await ready();
      const { partitionKey, rowKey } = keys(environment, name);
      if (!(await rows.remove(partitionKey, rowKey)).ok) throw unknown(name);
    },
  };
}

function fromRow(row: StoredRow): StoredSubscription {
  const body: unknown = typeof row.body === 'string' ? JSON.parse(row.body) : undefined;
  return { name: String(row.name), body: subscriptionSchema.parse(body), etag: row.etag };
}

function unknown(name: string): Problem {
  return Problem.notFound(`There is no subscription ${JSON.stringify(name)} in this environment.`, {
    code: 'UnknownSubscription',
  });
}
