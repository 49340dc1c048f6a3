import { randomUUID } from 'node:crypto';
import { Problem } from '../problem.ts';
import { encodeKey, type Operation, type Storage, type StoredRow, type Table } from '../storage/index.ts';
import { normalKey } from './key.ts';
import { hashKey } from './packed.ts';

/*
 * Table `supportLists`: who is marked Safe, Block or Watch.
 *   PartitionKey  {environment id}|{list: email, payment, ip, user, device}|{hash of the key modulo 16, two digits}
 *   RowKey        e|{key in normal form, encoded}     an entry: the assessment's point read
 *                 l|{change id}                       what a change of this partition has to tell the activity log; written
 *                                                     in one transaction with the change, removed once it is logged
 *   and, so that no such row is forgotten when a process dies:
 *   PartitionKey  {environment id}|changes
 *   RowKey        {change id}                         written before the transaction, removed after the logging
 */

export type SupportStatus = 'Safe' | 'Block' | 'Watch';

export interface SupportList {
  name: string;
  /** the part of keys */
  id: string;
  /** where DFP's documentation takes the key from */
  attributes: readonly string[];
  aliases: readonly string[];
}

/** The five lists that every environment has. */
export const supportLists: readonly SupportList[] = [
  {
    name: 'Email Support List',
    id: 'email',
    attributes: ['user.email'],
    aliases: ['Email Address Support List'],
  },
  {
    name: 'Payment Instrument Support List',
    id: 'payment',
    attributes: ['paymentInstrumentList.merchantPaymentInstrumentId'],
    aliases: ['Payment Support List', 'PaymentInstrument Support List', 'PI Support List'],
  },
  {
    name: 'IP Support List',
    id: 'ip',
    attributes: ['deviceContext.ipAddress'],
    aliases: ['IP Address Support List', 'IPAddress Support List'],
  },
  {
    name: 'User ID Support List',
    id: 'user',
    attributes: ['user.userId'],
    aliases: ['User Support List', 'UserId Support List'],
  },
  {
    name: 'Device ID Support List',
    id: 'device',
    attributes: ['deviceContext.externalDeviceId', 'deviceAttributes.cookieDeviceId'],
    aliases: ['Device Support List', 'DeviceId Support List'],
  },
];

/** Names that rules may use, aliases included. */
export const supportListNames: readonly string[] = supportLists.flatMap(({ name, aliases }) => [
  name,
  ...aliases,
]);

const listsByName = new Map(
  supportLists.flatMap((list) =>
    [list.name, list.id, ...list.aliases].map((name): [string, SupportList] => [name.toLowerCase(), list]),
  ),
);

/** The list of that name, alias or id, in any letter case. */
export function findSupportList(name: string): SupportList | undefined {
  return listsByName.get(name.trim().toLowerCase());
}

export type SupportEntry = {
  key: string;
  status: SupportStatus;
  reason?: string;
  comments?: string;
  /** milliseconds; from then on the entry counts as absent */
  expires?: number;
  changed: number;
  changedBy: string;
};

export type StoredSupportEntry = SupportEntry & { etag: string };

/** One change of one key, for the activity log. */
export interface SupportChange {
  id: string;
  at: number;
  by: string;
  environment: string;
  list: string;
  key: string;
  before?: SupportEntry;
  after?: SupportEntry;
}

/** What a PUT sets; the key is given beside it. */
export type SupportValue = Pick<SupportEntry, 'status' | 'reason' | 'comments' | 'expires'>;

export interface SupportWriteOptions {
  by: string;
  /** only if the stored entry still has one of these etags (`*`: any) */
  ifMatch?: readonly string[];
  /** only if there is no entry */
  ifAbsent?: boolean;
}

export interface SupportLists {
  /** The entry that counts at `now`; null where there is none or it has expired. One point read, none for an empty key. */
  read(environment: string, list: string, key: string, now: number): Promise<SupportEntry | null>;
  /** The entry as stored, expired or not. */
  get(environment: string, list: string, key: string): Promise<StoredSupportEntry | undefined>;
  /** Creates, replaces or (with `value` undefined) removes entries; all keys get the same value. Undefined: removed. */
  write(
    environment: string,
    list: string,
    keys: readonly string[],
    value: SupportValue | undefined,
    options: SupportWriteOptions,
  ): Promise<SupportWritten[]>;
  /** Entries in the order of their stored keys. `from` is the `next` of the page before. */
  list(
    environment: string,
    list: string,
    options: { limit: number; from?: string },
  ): Promise<{ entries: StoredSupportEntry[]; next?: string }>;
  /** Logs what a process that died has left unlogged. */
  recover(environment: string): Promise<void>;
}

/** What became of one key. */
export interface SupportWritten {
  key: string;
  outcome: 'created' | 'updated' | 'unchanged' | 'removed' | 'missing' | 'refused';
  entry?: StoredSupportEntry;
}

const buckets = 16;
const maxAttempts = 20;
/** A change that is not committed after this long never will be. */
const abandonedAfter = 60_000;

/**
 * `log` stores a change in the activity log, any number of times with the same outcome; `now` gives milliseconds.
 * Needs table `supportLists`. Unknown list names throw a Problem 404.
 */
export function openSupportLists(
  storage: Storage,
  options: { log: (change: SupportChange) => Promise<void>; now?: () => number },
): SupportLists {
  const table = storage.table('supportLists');
  const now = options.now ?? Date.now;

  const finish = async (environment: string, partitionKey: string, change: SupportChange) => {
    await options.log(change);
    await table.remove(partitionKey, `l|${change.id}`);
    await table.remove(`${environment}|changes`, change.id);
  };

  const writeOne = async (
    environment: string,
    list: SupportList,
    key: string,
    value: SupportValue | undefined,
    settings: SupportWriteOptions,
  ): Promise<SupportWritten> => {
    const partitionKey = partitionOf(environment, list, key);
    const rowKey = entryKey(key);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const row = await table.read(partitionKey, rowKey);
      const before = row && parseEntry(row);
      if (settings.ifAbsent && before) return { key, outcome: 'refused', entry: before };
      if (settings.ifMatch && !meets(settings.ifMatch, before)) return { key, outcome: 'refused' };
      if (!value && !before) return { key, outcome: 'missing' };
      if (value && before && same(before, value)) return { key, outcome: 'unchanged', entry: before };

      const at = now();
      const after = value && { key: key.trim(), ...value, changed: at, changedBy: settings.by };
      const change: SupportChange = {
        id: randomUUID(),
        at,
        by: settings.by,
        environment,
        list: list.name,
        key: key.trim(),
        ...(before ? { before: withoutEtag(before) } : {}),
        ...(after ? { after } : {}),
      };
      await table.insert({
        partitionKey: `${environment}|changes`,
        rowKey: change.id,
        partition: partitionKey,
        at,
      });
      const written = await table.transact([
        { kind: 'insert', row: { partitionKey, rowKey: `l|${change.id}`, change: JSON.stringify(change) } },
        entryOperation(partitionKey, rowKey, row?.etag, after),
      ]);
      if (!written.ok) {
        await table.remove(`${environment}|changes`, change.id);
        continue;
      }
      await finish(environment, partitionKey, change);
      if (!after) return { key, outcome: 'removed' };
      const stored = await table.read(partitionKey, rowKey);
      const etag = written.etags[1] ?? stored?.etag ?? '';
      return { key, outcome: before ? 'updated' : 'created', entry: { ...after, etag } };
    }
    throw Problem.unavailable('Too many others are changing this entry at the moment.', 1);
  };

  return {
    async read(environment, listName, key, at) {
      const list = known(listName);
      if (normalKey(key) === '') return null;
      const row = await table.read(partitionOf(environment, list, key), entryKey(key));
      const entry = row && parseEntry(row);
      return entry && (entry.expires === undefined || entry.expires > at) ? withoutEtag(entry) : null;
    },
    async get(environment, listName, key) {
      const list = known(listName);
      const row = await table.read(partitionOf(environment, list, key), entryKey(key));
      return row && parseEntry(row);
    },
    async write(environment, listName, keys, value, settings) {
      const list = known(listName);
      const distinct = [...new Map(keys.map((key) => [normalKey(key), key])).values()];
      const written: SupportWritten[] = [];
      for (let start = 0; start < distinct.length; start += 16) {
        const part = distinct.slice(start, start + 16);
        written.push(
          ...(await Promise.all(part.map((key) => writeOne(environment, list, key, value, settings)))),
        );
      }
      return written;
    },
    async list(environment, listName, { limit, from }) {
      const list = known(listName);
      const pages = await Promise.all(
        Array.from({ length: buckets }, (_, bucket) =>
          collect(table, `${environment}|${list.id}|${bucketText(bucket)}`, limit + 1, from),
        ),
      );
      const rows = pages.flat().sort((left, right) => (left.rowKey < right.rowKey ? -1 : 1));
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        entries: page.map(parseEntry),
        ...(rows.length > limit && last ? { next: last.rowKey.slice(2) } : {}),
      };
    },
    async recover(environment) {
      for await (const mark of table.range(`${environment}|changes`)) {
        const { partition, at } = mark;
        if (typeof partition !== 'string' || typeof at !== 'number' || at > now() - abandonedAfter) continue;
        const row = await table.read(partition, `l|${mark.rowKey}`);
        if (row && typeof row.change === 'string') {
          await finish(environment, partition, JSON.parse(row.change));
        } else await table.remove(`${environment}|changes`, mark.rowKey);
      }
    },
  };
}

function known(name: string): SupportList {
  const list = findSupportList(name);
  if (list) return list;
  const names = supportLists.map((each) => each.name).join(', ');
  throw Problem.notFound(`There is no support list ${JSON.stringify(name)}. The lists are: ${names}.`);
}

function bucketText(bucket: number): string {
  return String(bucket).padStart(2, '0');
}

function partitionOf(environment: string, list: SupportList, key: string): string {
  return `${environment}|${list.id}|${bucketText(hashKey(key) % buckets)}`;
}

function entryKey(key: string): string {
  return `e|${encodeKey(normalKey(key))}`;
}

async function collect(table: Table, partition: string, limit: number, from?: string): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  // "!" sorts before any character of a key, so that the range starts right after `from`
  const start = from === undefined ? 'e|' : `e|${from}!`;
  for await (const row of table.range(partition, { from: start, before: 'e}', limit })) rows.push(row);
  return rows;
}

function entryOperation(
  partitionKey: string,
  rowKey: string,
  etag: string | undefined,
  entry: SupportEntry | undefined,
): Operation {
  if (!entry) return { kind: 'remove', partitionKey, rowKey, etag };
  const row = {
    partitionKey,
    rowKey,
    key: entry.key,
    status: entry.status,
    reason: entry.reason,
    comments: entry.comments,
    expires: entry.expires === undefined ? undefined : new Date(entry.expires),
    changed: new Date(entry.changed),
    changedBy: entry.changedBy,
  };
  return etag === undefined ? { kind: 'insert', row } : { kind: 'put', row, etag };
}

function parseEntry(row: StoredRow): StoredSupportEntry {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  const time = (name: string) => (row[name] instanceof Date ? row[name].getTime() : undefined);
  const status = text('status');
  if (status !== 'Safe' && status !== 'Block' && status !== 'Watch') {
    throw new Error('an entry of a support list has no known status');
  }
  const [reason, comments, expires] = [text('reason'), text('comments'), time('expires')];
  return {
    key: text('key') ?? '',
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(comments === undefined ? {} : { comments }),
    ...(expires === undefined ? {} : { expires }),
    changed: time('changed') ?? 0,
    changedBy: text('changedBy') ?? '',
    etag: row.etag,
  };
}

function withoutEtag({ etag: _, ...entry }: StoredSupportEntry): SupportEntry {
  return entry;
}

function meets(etags: readonly string[], entry: StoredSupportEntry | undefined): boolean {
  return entry !== undefined && (etags.includes('*') || etags.includes(entry.etag));
}

function same(entry: SupportEntry, value: SupportValue): boolean {
  return (
    entry.status === value.status &&
    entry.reason === value.reason &&
    entry.comments === value.comments &&
    entry.expires === value.expires
  );
}
