import { createHash, randomUUID } from 'node:crypto';
import { isRole } from '../../shared/auth/permissions.ts';

export interface TokenRequest {
  /** a role's token value, or the id of an application without roles */
  client: string;
  audience?: string;
  /** that of the access token; v1 and v2 name some claims differently */
  version?: '1.0' | '2.0';
}

export interface TokenPlace {
  baseUrl: string;
  tenantId: string;
  lifetimeSeconds: number;
  /** milliseconds since 1970 */
  now: number;
}

/** The claims of an application's access token, as Entra ID has them. */
export function tokenClaims(
  { baseUrl, tenantId, lifetimeSeconds, now }: TokenPlace,
  { client, audience = 'api://holdfast', version = '2.0' }: TokenRequest,
): Record<string, unknown> {
  const seconds = Math.floor(now / 1000);
  const application = isRole(client) ? stableId(`application ${client}`) : client.toLowerCase();
  const object = stableId(`service principal ${application}`);
  const v2 = version === '2.0';
  return {
    aud: audience,
    iss: `${baseUrl}/${tenantId}/${v2 ? 'v2.0' : ''}`,
    iat: seconds,
    nbf: seconds,
    exp: seconds + lifetimeSeconds,
    ...(v2 ? { azp: application, azpacr: '1' } : { appid: application, appidacr: '1' }),
    oid: object,
    sub: object,
    tid: tenantId,
    uti: randomUUID(),
    ver: version,
    ...(isRole(client) ? { roles: [client] } : {}),
  };
}

/** The same id for the same text, for ever. */
function stableId(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
