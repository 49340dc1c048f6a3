/** Secrets of a definition: taken out when it is written, kept apart from it, found again when it is called. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { Problem, type ProblemError } from '../problem.ts';
import { encodeKey, type Storage } from '../storage/index.ts';
import { type ExternalCall, externalCallSchema, type Secret } from './definition.ts';
import type { Fence } from './fence.ts';
import { keyVaultSecret, keyVaultUrl, looksSecret } from './secretText.ts';
import { fill } from './template.ts';

export interface DefinitionRead {
  /** what is stored and returned */
  definition: ExternalCall;
  /** values that the definition refers to by `stored`; they go to `SecretStore.save`, and nowhere else */
  values: Record<string, string>;
}

/**
 * Reads a definition as a client sends it. Under `secrets`, a text is a value, or a reference to Key Vault
 * (`@Microsoft.KeyVault(…)`, the URL of a secret); `{ "stored": id }` and `{ "keyVault": url }`, as a GET returned them,
 * keep what is there. A key found in the query of the URL (`?code=…`) or in a header (`x-api-key`) becomes a secret too.
 * @throws Problem 400 naming each member at fault; secrets are not in its texts
 */
export function readDefinition(input: unknown, fence: Fence): DefinitionRead {
  const values: Record<string, string> = {};
  const faults: ProblemError[] = [];
  const keep = (value: string, path: string): Secret => {
    const reference = keyVaultSecret(value);
    if (reference) return { keyVault: keyVaultUrl(reference) };
    if (/^@Microsoft\.KeyVault/i.test(value))
      faults.push({ path, message: 'not a reference to a secret in Key Vault' });
    if (value.length < 4 || value.length > 8000) faults.push({ path, message: '4 to 8000 characters' });
    if (!/^[\x20-\x7e]+$/.test(value) || value.trim() !== value)
      faults.push({ path, message: 'printable ASCII only, without spaces around it' });
    const stored = randomUUID();
    values[stored] = value;
    return { stored };
  };
  const parsed = externalCallSchema.safeParse(isObject(input) ? takeOut(input, keep) : input);
  if (!parsed.success) faults.push(...parsed.error.issues.flatMap(faultsOf));
  if (isObject(input)) faults.push(...fenced(input, fence));
  if (!parsed.success || faults.length > 0) throw unusable(faults);
  return { definition: parsed.data, values };
}

/** What the fence can tell from the URLs alone; the connection decides. */
function fenced(input: Record<string, unknown>, fence: Fence): ProblemError[] {
  return ['url', 'keepAliveUrl'].flatMap((path) => {
    const text = input[path];
    const url = typeof text === 'string' ? URL.parse(fill(text, () => 'x')) : null;
    const message = url === null ? undefined : fence.refuses(url);
    return message === undefined ? [] : [{ path, message }];
  });
}

/** One fault for each unknown member; paths as `headers[0].value`. */
function faultsOf(issue: z.core.$ZodIssue): ProblemError[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'unknown member' }));
  return [{ path: pathText(issue.path) || '(body)', message: issue.message }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function unusable(errors: ProblemError[]): Problem {
  const faults = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return Problem.badRequest(`The external call is not usable: ${faults}.`, { code: 'InvalidBody', errors });
}

type Keep = (value: string, path: string) => Secret;

function takeOut(input: Record<string, unknown>, keep: Keep): Record<string, unknown> {
  const given = isObject(input.secrets) ? input.secrets : {};
  const secrets = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      typeof value === 'string' ? keep(value, `secrets.${name}`) : value,
    ]),
  );
  const lift = (name: string, value: string, path: string): string => {
    const free = `${path}-${name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 100);
    secrets[free] = keep(value, path);
    return `{{secrets.${free}}}`;
  };
  return {
    ...input,
    ...(typeof input.url === 'string' ? { url: withoutKeys(input.url, lift) } : {}),
    ...(Array.isArray(input.headers)
      ? { headers: input.headers.map((header) => withoutKey(header, lift)) }
      : {}),
    ...('secrets' in input && !isObject(input.secrets) ? {} : { secrets }),
  };
}

type Lift = (name: string, value: string, path: string) => string;

function withoutKeys(url: string, lift: Lift): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const [query = '', ...fragment] = url.slice(start + 1).split('#');
  const pairs = query.split('&').map((pair) => {
    const [name = '', ...rest] = pair.split('=');
    const value = decode(rest.join('='));
    if (value.includes('{{') || !looksSecret(decode(name), value)) return pair;
    return `${name}=${lift(decode(name), value, 'url')}`;
  });
  return `${url.slice(0, start + 1)}${pairs.join('&')}${fragment.map((part) => `#${part}`).join('')}`;
}

function withoutKey(header: unknown, lift: Lift): unknown {
  if (!isObject(header)) return header;
  const { name, value } = header;
  if (typeof name !== 'string' || typeof value !== 'string' || value.includes('{{')) return header;
  const scheme = /^(Basic|Bearer|ApiKey|Token|SharedKey) +/i.exec(value)?.[0] ?? '';
  const rest = value.slice(scheme.length);
  return looksSecret(name, rest) ? { ...header, value: `${scheme}${lift(name, rest, 'header')}` } : header;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Where the secrets of a definition are sent. */
export function originOf({ url }: Pick<ExternalCall, 'url'>): string {
  return new URL(fill(url, () => 'x')).origin;
}

/**
 * Values of secrets, in the table `externalsecrets`: PartitionKey environment|call, RowKey the id that definitions refer
 * to; written once, never changed, read by id, and removed with the call. They are in no version of the configuration. A value
 * is for one origin: a definition that refers to it from another does not get it, so that who may write definitions cannot
 * have a value sent to a host of his own.
 */
export interface SecretStore {
  /** Keeps values before the definition that refers to them is written; `to` is the origin that they may be sent to. */
  save(
    environment: string,
    call: string,
    values: Readonly<Record<string, string>>,
    to: string,
  ): Promise<void>;
  /** @throws Problem 400 where a definition refers to a value that this call was never given, or for another origin */
  check(environment: string, call: string, definition: ExternalCall): Promise<void>;
  read(environment: string, call: string, id: string, to: string): Promise<string | undefined>;
  /** Forgets values that nothing came to refer to. */
  remove(environment: string, call: string, ids: readonly string[]): Promise<void>;
  /** Forgets all values of a call that was deleted. */
  removeAll(environment: string, call: string): Promise<void>;
}

const table = 'externalsecrets';

export function openSecrets(storage: Storage): SecretStore {
  const rows = storage.table(table);
  const known = new Map<string, { value: string; to: string }>();
  const ready = () => storage.ensure({ tables: [table] });
  const partition = (environment: string, call: string) =>
    `${encodeKey(environment)}|${encodeKey(call.toLowerCase())}`;

  async function save(
    environment: string,
    call: string,
    values: Readonly<Record<string, string>>,
    to: string,
  ) {
    await ready();
    const partitionKey = partition(environment, call);
    await Promise.all(
      Object.entries(values).map(([rowKey, value]) =>
        rows.put({ partitionKey, rowKey, value, to, kept: new Date() }),
      ),
    );
  }

  async function read(environment: string, call: string, id: string, to: string) {
    const key = `${partition(environment, call)}/${id}`;
    const found = known.get(key) ?? (await load(environment, call, id));
    if (found === undefined) return undefined;
    known.set(key, found);
    return found.to === to ? found.value : undefined;
  }

  async function load(environment: string, call: string, id: string) {
    await ready();
    const row = await rows.read(partition(environment, call), id);
    if (typeof row?.value !== 'string' || typeof row.to !== 'string') return undefined;
    return { value: row.value, to: row.to };
  }

  async function check(environment: string, call: string, definition: ExternalCall) {
    const missing: ProblemError[] = [];
    for (const [name, secret] of Object.entries(definition.secrets)) {
      // not from memory: another process may have deleted the call with its values
      const kept = 'stored' in secret ? await load(environment, call, secret.stored) : undefined;
      if ('stored' in secret && kept?.to !== originOf(definition))
        missing.push({
          path: `secrets.${name}`,
          message: 'no value for this host is stored under this id; send the value',
        });
    }
    if (missing.length > 0) throw unusable(missing);
  }

  async function remove(environment: string, call: string, ids: readonly string[]) {
    if (ids.length === 0) return;
    await ready();
    const partitionKey = partition(environment, call);
    await Promise.all(
      ids.map(async (id) => {
        await rows.remove(partitionKey, id);
        known.delete(`${partitionKey}/${id}`);
      }),
    );
  }

  async function removeAll(environment: string, call: string) {
    await ready();
    const partitionKey = partition(environment, call);
    for await (const row of rows.range(partitionKey)) {
      await rows.remove(partitionKey, row.rowKey);
      known.delete(`${partitionKey}/${row.rowKey}`);
    }
  }

  return { save, check, read, remove, removeAll };
}
