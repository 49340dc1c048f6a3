import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';

/** The issuer's keys cannot be had at the moment: no fault of the caller. */
export class KeysUnavailable extends Error {}

export interface KeyOptions {
  /** address of the issuer's OpenID metadata */
  metadata: URL;
  /** what the metadata has to name as its issuer */
  issuer: string;
  /** milliseconds between two loads that unknown keys may cause; default 30,000 */
  coolDown?: number;
  /** milliseconds after which keys are loaded again while the old ones serve; default one hour */
  refreshAfter?: number;
  /** milliseconds since 1970 */
  now?: () => number;
}

export interface Keys {
  /** The key that a token's header names. Throws jose's errors for one that is not there, and `KeysUnavailable`. */
  keyOf: JWTVerifyGetKey;
  /** Loads the keys, so that the first request need not wait; a failure is left to that request. */
  prepare(): void;
}

const timeLimit = 5_000;
/** after a failure the issuer is left in peace for so long: no longer, since nobody gets in meanwhile */
const pause = 5_000;
const hour = 3_600_000;

/**
 * The signing keys of an issuer, found through its OpenID metadata. They serve for a day and are loaded anew every hour
 * behind the requests, so that an issuer that is away for a while stops nobody. A key that is not known yet (a rollover)
 * makes them be loaded at once, but not more often than the cool-down, so that forged key ids cost the issuer nothing.
 */
export function openKeys(options: KeyOptions): Keys {
  const { metadata, issuer, coolDown = 30_000, refreshAfter = hour, now = Date.now } = options;
  let loaded: number | undefined;
  let failed = Number.NEGATIVE_INFINITY;

  const load = async (): Promise<Response> => {
    if (now() < failed + pause && failed > (loaded ?? 0))
      throw new KeysUnavailable('the keys could not be loaded a moment ago');
    try {
      const uri = await jwksUri();
      const keys = await get(uri);
      loaded = now();
      return keys;
    } catch (error) {
      failed = now();
      throw new KeysUnavailable(`the keys of ${issuer} cannot be loaded: ${describe(error)}`, {
        cause: error,
      });
    }
  };

  const jwksUri = async (): Promise<URL> => {
    const document: unknown = await (await get(metadata)).json();
    if (typeof document !== 'object' || document === null) throw new Error('the metadata is no object');
    if (!('issuer' in document) || document.issuer !== issuer)
      throw new Error('the metadata names another issuer');
    const uri = 'jwks_uri' in document ? URL.parse(String(document.jwks_uri)) : null;
    if (uri === null || uri.protocol !== metadata.protocol)
      throw new Error('the metadata names no usable address of keys');
    return uri;
  };

  const set = createRemoteJWKSet(metadata, {
    cooldownDuration: coolDown,
    cacheMaxAge: 24 * hour,
    timeoutDuration: 2 * timeLimit,
    [customFetch]: load,
  });
  const again = () => void set.reload().catch(() => undefined);

  return {
    prepare: again,
    async keyOf(header, token) {
      if (loaded !== undefined && now() > loaded + refreshAfter && !set.reloading) again();
      return set(header, token);
    },
  };
}

async function get(url: URL): Promise<Response> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeLimit),
    headers: { accept: 'application/json' },
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return response;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
