/** Who gets events about external calls: blob containers and event hubs, set up for each environment. */
import { randomUUID } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { encodeKey, openStorage, type Storage, type StoredRow } from '../storage/index.ts';
import { connectionMessage, connectionSchema, eventHubNamespace, usable } from './connection.ts';
import { type EventHub, type HubAddress, openEventHub } from './eventHub.ts';
import { namespaces } from './events.ts';
import { remember } from './remember.ts';
import { openSecrets } from './secrets.ts';
import { keyVaultSecret, keyVaultUrl } from './secretText.ts';
import { blobSubscriber, type Subscriber, type Subscription } from './subscriber.ts';

const blobTarget = z.strictObject({
  type: z.literal('blob'),
  container: z.string().regex(/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, 'not the name of a container'),
  prefix: z
    .string()
    .regex(/^((?!\.+\/)[A-Za-z0-9_.-]{1,100}\/){0,5}$/, 'folders that end in a slash')
    .default(''),
  connection: connectionSchema.optional().describe('another storage account; the product’s own where absent'),
});

const eventHubTarget = z.strictObject({
  type: z.literal('eventHub'),
  eventHub: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$/, 'not the name of an event hub')
    .optional()
    .describe('its name; may be absent where the connection string has it'),
  namespace: eventHubNamespace
    .optional()
    .describe('where the product’s own identity sends: shop.servicebus.windows.net'),
  connection: connectionSchema.optional().describe('in place of the namespace: whoever has the key sends'),
});

/** A subscription as the management API takes and returns it. */
export const subscriptionSchema = z
  .strictObject({
    description: z.string().max(1000).default(''),
    events: z.array(z.enum(namespaces)).min(1, 'at least one').max(namespaces.length),
    target: z.discriminatedUnion('type', [blobTarget, eventHubTarget]),
  })
  .superRefine(({ target }, context) => {
    const report = (member: string, message: string) =>
      context.addIssue({ code: 'custom', path: ['target', member], message });
    if (target.type === 'blob') {
      // the product's own containers are in the same account
      if (target.connection === undefined && !target.container.startsWith('tracing-'))
        report('container', 'begins with tracing- in the product’s own storage account');
      return;
    }
    if ((target.namespace === undefined) === (target.connection === undefined))
      report('namespace', 'either a namespace or a connection');
    if (target.namespace !== undefined && target.eventHub === undefined)
      report('eventHub', 'a namespace needs the name of the event hub');
  });

export type SubscriptionBody = z.output<typeof subscriptionSchema>;
type Target = SubscriptionBody['target'];

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
  /**
   * Keeps a subscription; a connection string in it goes where secrets are.
   * @throws Problem 400 for a connection that cannot be used
   */
  put(environment: string, name: string, body: SubscriptionBody): Promise<StoredSubscription>;
  /** @throws Problem 404 */
  remove(environment: string, name: string): Promise<void>;
  /** Ends the connections to event hubs. */
  close(): Promise<void>;
}

export interface SubscriptionsOptions {
  /** reads Key Vault */
  secret?: (url: string) => Promise<string>;
  /** the product's own identity */
  identity?: TokenCredential;
  /** a developer's machine: emulators on loopback may be sent to */
  development?: boolean;
  now?: () => number;
}

const table = 'eventsubscriptions';

/** The table `eventsubscriptions`: PartitionKey environment, RowKey name; read as a range of one partition. */
export function openSubscriptions(storage: Storage, options: SubscriptionsOptions = {}): Subscriptions {
  const rows = storage.table(table);
  const secrets = openSecrets(storage);
  const now = options.now ?? Date.now;
  const development = options.development ?? false;
  const accounts = new Map<string, Storage>();
  /** by subscription; another address takes the place of the one before */
  const hubs = new Map<string, { address: string; hub: EventHub }>();
  const ready = () => storage.ensure({ tables: [table] });
  const keys = (environment: string, name: string) => ({
    partitionKey: encodeKey(environment),
    rowKey: encodeKey(name.toLowerCase()),
  });
  // no call has a name with a space
  const secretsOf = (name: string) => `subscription ${name.toLowerCase()}`;

  async function list(environment: string): Promise<StoredSubscription[]> {
    await ready();
    const found: StoredSubscription[] = [];
    for await (const row of rows.range(encodeKey(environment))) found.push(fromRow(row));
    return found;
  }

  /** The connection string behind a target, looked at once more: what Key Vault holds may have changed. */
  async function connectionString(environment: string, name: string, target: Target): Promise<string> {
    const { connection, type } = target;
    const text =
      typeof connection === 'string'
        ? await options.secret?.(connection)
        : connection && (await secrets.read(environment, secretsOf(name), connection.stored, ''));
    if (text === undefined) throw new Error('The connection string of a subscription cannot be read.');
    const checked = usable(type, text, development);
    if (checked === undefined)
      throw new Error(`What a subscription refers to is not ${connectionMessage(type)}.`);
    return checked;
  }

  function hubOf(id: string, address: HubAddress): EventHub {
    const text = JSON.stringify(address);
    const known = hubs.get(id);
    if (known?.address === text) return known.hub;
    known?.hub.close().catch(() => {});
    const hub = openEventHub(address);
    hubs.set(id, { address: text, hub });
    return hub;
  }

  async function subscriberOf(
    id: string,
    environment: string,
    name: string,
    target: Target,
  ): Promise<Subscriber> {
    if (target.type === 'blob') {
      const { container, prefix } = target;
      if (target.connection === undefined) return blobSubscriber(storage, container, prefix);
      const text = await connectionString(environment, name, target);
      const account = accounts.get(text) ?? openStorage({ connectionString: text });
      accounts.set(text, account);
      return blobSubscriber(account, container, prefix);
    }
    const { namespace, eventHub } = target;
    if (namespace === undefined || eventHub === undefined) {
      const text = await connectionString(environment, name, target);
      return hubOf(id, { connectionString: text, ...(eventHub === undefined ? {} : { eventHub }) });
    }
    if (options.identity === undefined)
      throw new Error('This app has no identity to send to event hubs with.');
    return hubOf(id, { namespace, eventHub, credential: options.identity });
  }

  const of = remember(
    async (environment: string) => {
      const stored = await list(environment);
      const value = stored.map(({ name, body: { events, target } }): Subscription => {
        const id = `${environment}|${name.toLowerCase()}`;
        // secrets are read with each delivery: they may not be there yet, and may change
        const subscriber: Subscriber = {
          deliver: async (delivery) => (await subscriberOf(id, environment, name, target)).deliver(delivery),
        };
        return { id, events, subscriber };
      });
      return { value, refreshAt: now() + 5_000, until: now() + 60_000 };
    },
    (environment) => environment,
    now,
  );

  async function find(environment: string, name: string): Promise<StoredSubscription | undefined> {
    await ready();
    const { partitionKey, rowKey } = keys(environment, name);
    const row = await rows.read(partitionKey, rowKey);
    return row && fromRow(row);
  }

  /** The target with its connection string kept apart; and the values that go there. */
  async function withoutSecret(
    environment: string,
    name: string,
    target: Target,
  ): Promise<{ target: Target; values: Record<string, string> }> {
    const { connection, type } = target;
    if (connection === undefined) return { target, values: {} };
    if (typeof connection !== 'string') {
      const known = await secrets.read(environment, secretsOf(name), connection.stored, '');
      if (known === undefined || usable(type, known, development) === undefined)
        throw unusable('nothing of this kind is stored under this id; send the connection string');
      return { target, values: {} };
    }
    const reference = keyVaultSecret(connection);
    if (reference) return { target: { ...target, connection: keyVaultUrl(reference) }, values: {} };
    if (usable(type, connection, development) === undefined) throw unusable(connectionMessage(type));
    const stored = randomUUID();
    return { target: { ...target, connection: { stored } }, values: { [stored]: connection } };
  }

  return {
    of,
    list,
    async get(environment, name) {
      const found = await find(environment, name);
      if (!found) throw unknown(name);
      return found;
    },
    async put(environment, name, body) {
      const before = await find(environment, name);
      const { target, values } = await withoutSecret(environment, name, body.target);
      await secrets.save(environment, secretsOf(name), values, '');
      const kept = { ...body, target };
      const written = await rows.put({ ...keys(environment, name), name, body: JSON.stringify(kept) });
      if (!written.ok) throw Problem.conflict('The subscription was changed by another at the same time.');
      const [old, fresh] = [storedId(before?.body.target), storedId(target)];
      if (old !== undefined && old !== fresh) await secrets.remove(environment, secretsOf(name), [old]);
      return { name, body: kept, etag: written.etag };
    },
    async remove(environment, name) {
      await ready();
      const { partitionKey, rowKey } = keys(environment, name);
      const { ok } = await rows.remove(partitionKey, rowKey);
      await secrets.removeAll(environment, secretsOf(name));
      if (!ok) throw unknown(name);
    },
    async close() {
      const open = [...hubs.values()];
      hubs.clear();
      await Promise.allSettled(open.map(({ hub }) => hub.close()));
    },
  };
}

function storedId(target: Target | undefined): string | undefined {
  return typeof target?.connection === 'object' ? target.connection.stored : undefined;
}

function fromRow(row: StoredRow): StoredSubscription {
  const body: unknown = typeof row.body === 'string' ? JSON.parse(row.body) : undefined;
  return { name: String(row.name), body: subscriptionSchema.parse(body), etag: row.etag };
}

function unusable(message: string): Problem {
  return Problem.badRequest(`The subscription is not usable: target.connection: ${message}.`, {
    code: 'InvalidBody',
    errors: [{ path: 'target.connection', message }],
  });
}

function unknown(name: string): Problem {
  return Problem.notFound(`There is no subscription ${JSON.stringify(name)} in this environment.`, {
    code: 'UnknownSubscription',
  });
}
