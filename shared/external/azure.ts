/** Tokens of Entra ID and secrets of Key Vault, by the product's own identity. What they need is loaded with the first use. */
import type { TokenCredential } from '@azure/identity';
import type { Dispatcher } from 'undici';
import type { EntraId } from './definition.ts';
import { CallError } from './outcome.ts';
import { remember } from './remember.ts';
import { keyVaultSecret, keyVaultUrl } from './secretText.ts';

export interface AzureOptions {
  /** client id of the product's user-assigned identity, which reads Key Vault; the system-assigned one where absent */
  clientId?: string;
  /** tenant of applications that name none */
  tenantId?: string;
  /** Makes a credential; that of `@azure/identity` by default. */
  credentialFor?: (wanted: Wanted) => Promise<TokenCredential>;
  /** carries requests to Key Vault */
  dispatcher?: Dispatcher;
  now?: () => number;
}

/** Who a token is for: the product itself, a managed identity, or an application that proves itself by a certificate. */
export type Wanted =
  | { kind: 'self' }
  | { kind: 'managedIdentity'; clientId: string }
  | { kind: 'certificate'; clientId: string; tenantId: string; pem: string };

export interface Azure {
  /** the product's own identity */
  self: TokenCredential;
  /**
   * A bearer token for a call, remembered until five minutes before its end and renewed while it still serves.
   * @throws CallError `InvalidApplicationId` or `AADFailure`
   */
  token(authentication: EntraId): Promise<string>;
  /**
   * The value of a secret, by a URL that `keyVaultSecret` reads; looked at again after five minutes, and served for a day
   * while Key Vault does not answer.
   * @throws CallError `UnknownFailure`
   */
  secret(url: string): Promise<string>;
}

const minute = 60_000;

export function openAzure(options: AzureOptions = {}): Azure {
  const now = options.now ?? Date.now;
  const credentialFor = options.credentialFor ?? ((wanted) => credentialOf(wanted, options.clientId));
  // made with the first secret, so that an app without any opens nothing
  let agent: Dispatcher | undefined = options.dispatcher;

  async function accessToken(wanted: Wanted, scope: string) {
    const credential = await credentialFor(wanted);
    const token = await credential.getToken(scope);
    if (token === null) throw new Error('no token was given');
    const life = token.expiresOnTimestamp - now();
    return {
      value: token.token,
      refreshAt: token.expiresOnTimestamp - Math.min(5 * minute, life / 2),
      until: token.expiresOnTimestamp - Math.min(minute / 2, life / 4),
    };
  }

  const vaultToken = remember(
    (scope: string) => accessToken({ kind: 'self' }, scope),
    (scope) => scope,
    now,
  );

  const secret = remember(
    async (url: string) => {
      const reference = keyVaultSecret(url);
      if (reference === undefined) throw new CallError('UnknownFailure', 'not a secret of Key Vault');
      const { vault, name } = reference;
      const fault = (why: string) =>
        new CallError('UnknownFailure', `the secret ${name} cannot be read: ${why}`);
      const scope = `https://${new URL(vault).hostname.split('.').slice(1).join('.')}/.default`;
      const token = await vaultToken(scope).catch(() => {
        throw fault('no token for Key Vault');
      });
      // a package of CommonJS: bundled, it has no other export than this one
      const { default: undici } = await import('undici');
      agent ??= new undici.Agent({ allowH2: false, headersTimeout: 10_000, bodyTimeout: 10_000 });
      const answer = await undici
        .request(`${keyVaultUrl(reference)}?api-version=7.4`, {
          dispatcher: agent,
          headers: { authorization: `Bearer ${token}` },
        })
        .catch(() => {
          throw fault('Key Vault cannot be reached');
        });
      const body: unknown = await answer.body.json().catch(() => undefined);
      if (answer.statusCode !== 200) throw fault(`Key Vault answered ${answer.statusCode}`);
      if (typeof body !== 'object' || body === null || !('value' in body) || typeof body.value !== 'string')
        throw fault('Key Vault gave no value');
      return { value: body.value.trim(), refreshAt: now() + 5 * minute, until: now() + 1440 * minute };
    },
    (url) => url,
    now,
  );

  async function wantedBy({ applicationId, tenantId, certificateUrl }: EntraId): Promise<Wanted> {
    if (certificateUrl === undefined) return { kind: 'managedIdentity', clientId: applicationId };
    const tenant = tenantId ?? options.tenantId;
    if (tenant === undefined) throw new CallError('AADFailure', 'the tenant of the application is not known');
    const held = await secret(certificateUrl).catch((error: unknown) => {
      throw new CallError('AADFailure', error instanceof Error ? error.message : String(error));
    });
    const pem = held.includes('-----BEGIN') ? held : await pemOfPkcs12(held);
    if (pem === undefined)
      throw new CallError(
        'AADFailure',
        'the certificate in Key Vault is neither PEM nor a PKCS#12 that can be read',
      );
    return { kind: 'certificate', clientId: applicationId, tenantId: tenant, pem };
  }

  const token = remember(
    async (authentication: EntraId) => {
      try {
        return await accessToken(await wantedBy(authentication), `${authentication.audience}/.default`);
      } catch (error) {
        throw tokenFailure(error);
      }
    },
    ({ audience, applicationId, tenantId, certificateUrl }) =>
      JSON.stringify([audience, applicationId, tenantId, certificateUrl]),
    now,
  );

  const self: TokenCredential = {
    async getToken(...request) {
      return (await credentialFor({ kind: 'self' })).getToken(...request);
    },
  };

  return { self, token, secret };
}

/** Key Vault gives PKCS#12 in Base64. */
async function pemOfPkcs12(text: string): Promise<string | undefined> {
  const { pemOf } = await import('./pkcs12.ts');
  return pemOf(Buffer.from(text, 'base64'));
}

/** Entra ID's own codes for an application that the tenant does not have, that is disabled, or is no application. */
const noSuchApplication = new Set(['AADSTS700016', 'AADSTS7000112', 'AADSTS700030', 'AADSTS900144']);

function tokenFailure(error: unknown): CallError {
  if (error instanceof CallError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = /AADSTS\d+/.exec(text)?.[0];
  const detail = code === undefined ? 'no token could be had' : `no token could be had (${code})`;
  const kind = code !== undefined && noSuchApplication.has(code) ? 'InvalidApplicationId' : 'AADFailure';
  return new CallError(kind, detail, { cause: error });
}

async function credentialOf(wanted: Wanted, ownClientId: string | undefined): Promise<TokenCredential> {
  const { ClientCertificateCredential, ManagedIdentityCredential } = await import('@azure/identity');
  if (wanted.kind === 'certificate')
    return new ClientCertificateCredential(wanted.tenantId, wanted.clientId, { certificate: wanted.pem });
  const clientId = wanted.kind === 'self' ? ownClientId : wanted.clientId;
  return clientId === undefined
    ? new ManagedIdentityCredential()
    : new ManagedIdentityCredential({ clientId });
}
