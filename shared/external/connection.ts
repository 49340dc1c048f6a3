/** Where events may be sent: Azure's own hosts, and on a developer's machine those on loopback. */
import { z } from 'zod';

export type TargetType = 'blob' | 'eventHub';

const messages = {
  blob: 'the connection string of a storage account of Azure, or the URL of a secret in Key Vault that holds one',
  eventHub:
    'the connection string of an event hub of Azure, or the URL of a secret in Key Vault that holds one',
} as const;

const hosts = {
  blob: /^[a-z0-9-]{3,50}(\.z[0-9]{1,2})?\.blob\.(core\.windows\.net|core\.chinacloudapi\.cn|core\.usgovcloudapi\.net|storage\.azure\.net)$/,
  eventHub: /^[a-z0-9-]{6,50}\.servicebus\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)$/,
} as const;

/** The host name of a namespace: `shop.servicebus.windows.net`. */
export const eventHubNamespace = z
  .string()
  .transform((name) => name.toLowerCase())
  .refine((name) => hosts.eventHub.test(name), 'the host name of a namespace of Event Hubs');

/** A connection string; or where one is: in Key Vault (a URL), or where it was kept when it was given earlier. */
export const connectionSchema = z.union([
  z.string().max(2000),
  z
    .strictObject({ stored: z.uuid() })
    .describe('a connection string given earlier; it is not returned again'),
]);

export type Connection = z.output<typeof connectionSchema>;

export const connectionMessage = (type: TargetType): string => messages[type];

/**
 * The connection string, made anew of those of its parts that are known, so that nothing but the host that was looked at is
 * reached. Undefined where a part is there twice, where it is no such string, or where its host is not Azure's.
 */
export function usable(type: TargetType, text: string, development: boolean): string | undefined {
  const parts = partsOf(text);
  if (parts === undefined) return undefined;
  return type === 'blob' ? usableBlob(parts, development) : usableHub(parts, development);
}

function usableHub(parts: ReadonlyMap<string, string>, development: boolean): string | undefined {
  const url = URL.parse((parts.get('Endpoint') ?? '').replace(/^sb:/i, 'https:'));
  if (url === null || url.username !== '' || url.password !== '') return undefined;
  const emulator = parts.get('UseDevelopmentEmulator')?.toLowerCase() === 'true';
  const good = emulator ? development && isLoopback(url.hostname) : hosts.eventHub.test(url.hostname);
  if (!good || (!emulator && url.port !== '')) return undefined;
  const known = ['SharedAccessKeyName', 'SharedAccessKey', 'SharedAccessSignature', 'EntityPath'];
  return join([
    ['Endpoint', `sb://${url.host}`],
    ...known.map((name): [string, string | undefined] => [name, parts.get(name)]),
    ['UseDevelopmentEmulator', emulator ? 'true' : undefined],
  ]);
}

function usableBlob(parts: ReadonlyMap<string, string>, development: boolean): string | undefined {
  if (development && parts.get('UseDevelopmentStorage') === 'true') return 'UseDevelopmentStorage=true';
  const account = parts.get('AccountName') ?? '';
  const suffix = parts.get('EndpointSuffix') ?? 'core.windows.net';
  const url = URL.parse(parts.get('BlobEndpoint') ?? `https://${account}.blob.${suffix}`);
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '') return undefined;
  const azure = url.protocol === 'https:' && url.port === '' && hosts.blob.test(url.hostname);
  const local = development && /^https?:$/.test(url.protocol) && isLoopback(url.hostname);
  if (!azure && !local) return undefined;
  const blob = url.href.replace(/\/$/, '');
  // clients for the other services are made as well, and never used
  const [queue, table] = [blob.replace('.blob.', '.queue.'), blob.replace('.blob.', '.table.')];
  return join([
    ['DefaultEndpointsProtocol', url.protocol.slice(0, -1)],
    ['AccountName', account === '' ? undefined : account],
    ['AccountKey', parts.get('AccountKey')],
    ['SharedAccessSignature', parts.get('SharedAccessSignature')],
    ['BlobEndpoint', blob],
    ['QueueEndpoint', queue],
    ['TableEndpoint', table],
  ]);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function partsOf(text: string): ReadonlyMap<string, string> | undefined {
  const parts = new Map<string, string>();
  for (const part of text.split(';').filter((one) => one.trim() !== '')) {
    const [name = '', ...value] = part.split('=');
    if (value.length === 0 || parts.has(name.trim())) return undefined;
    parts.set(name.trim(), value.join('=').trim());
  }
  return parts;
}

function join(parts: readonly (readonly [string, string | undefined])[]): string {
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])).join(';');
}
