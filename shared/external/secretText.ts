/** What secrets look like in texts: references to Key Vault, and names that announce one. */

const vaultHosts = [
  '.vault.azure.net',
  '.vault.azure.cn',
  '.vault.usgovcloudapi.net',
  '.managedhsm.azure.net',
];

export interface KeyVaultSecret {
  /** `https://name.vault.azure.net` */
  vault: string;
  name: string;
  /** absent: the newest */
  version?: string;
}

/**
 * Reads the URL of a secret or a certificate (`https://name.vault.azure.net/secrets/key/version`), or a reference as app
 * settings have them (`@Microsoft.KeyVault(SecretUri=…)`, `@Microsoft.KeyVault(VaultName=…;SecretName=…)`). Undefined
 * for all else, hosts that are no vault of Azure included: they would be sent the product's own token.
 */
export function keyVaultSecret(text: string): KeyVaultSecret | undefined {
  const inner = /^@Microsoft\.KeyVault\((.*)\)$/i.exec(text.trim())?.[1];
  if (inner === undefined) return fromUrl(text.trim());
  const parts = new Map(
    inner.split(';').map((part): [string, string] => {
      const [name = '', ...value] = part.split('=');
      return [name.trim().toLowerCase(), value.join('=').trim()];
    }),
  );
  const uri = parts.get('secreturi');
  if (uri !== undefined) return fromUrl(uri);
  const [vault, name, version] = [
    parts.get('vaultname'),
    parts.get('secretname'),
    parts.get('secretversion'),
  ];
  if (vault === undefined || name === undefined) return undefined;
  return fromUrl(`https://${vault}.vault.azure.net/secrets/${name}${version ? `/${version}` : ''}`);
}

/** The reference as a URL of a secret, which is the one form that definitions keep. */
export function keyVaultUrl({ vault, name, version }: KeyVaultSecret): string {
  return `${vault}/secrets/${name}${version === undefined ? '' : `/${version}`}`;
}

function fromUrl(text: string): KeyVaultSecret | undefined {
  const url = URL.parse(text);
  if (
    url === null ||
    url.protocol !== 'https:' ||
    url.port !== '' ||
    url.search !== '' ||
    url.username !== ''
  )
    return undefined;
  if (!vaultHosts.some((host) => url.hostname.endsWith(host)) || !/^[a-z0-9-]+\./.test(url.hostname))
    return undefined;
  const match = /^\/(?:secrets|certificates)\/([A-Za-z0-9-]{1,127})(?:\/([A-Za-z0-9]{1,64}))?\/?$/.exec(
    url.pathname,
  );
  if (match?.[1] === undefined) return undefined;
  return { vault: url.origin, name: match[1], ...(match[2] === undefined ? {} : { version: match[2] }) };
}

const words = new Set(
  'key apikey accesskey subscriptionkey functionkey token accesstoken secret password passwd pwd code sig signature auth authorization credential credentials cookie bearer jwt'.split(
    ' ',
  ),
);

/**
 * Whether a query parameter or header of this name, with this value, is to be kept like a secret: a word of its name says
 * so (`x-api-key`, `subscriptionKey`, `code`, `sig`), and the value is long enough (8 characters) to be one.
 */
export function looksSecret(name: string, value: string): boolean {
  if (value.length < 8) return false;
  const parts = name
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return parts.some((part) => words.has(part)) || words.has(parts.join(''));
}
