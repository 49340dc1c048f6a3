import { isRole, type Role } from './permissions.ts';

/** Who makes a request. */
export interface Caller {
  /** for the activity log: a user's sign-in name, an application's client id, `function key` */
  id: string;
  kind: 'user' | 'application' | 'functionKey';
  /** whom role assignments name: a user's object id, an application's client id, in lower case */
  principal?: string;
  /** roles that count in every environment: the app roles that the tenant gave the caller */
  roles: readonly Role[];
}

/**
 * The caller that an access token's claims name; undefined where they are not an access token's. Roles that are none of
 * Holdfast's are left out. An application's token has no scopes, and its subject is the application itself; a user's
 * token has scopes. An ID token has neither, nor the application that it was made for as `azp` or `appid`.
 */
export function callerOf(claims: { readonly [claim: string]: unknown }): Caller | undefined {
  const application = text(claims.azp) ?? text(claims.appid);
  const subject = text(claims.oid);
  if (application === undefined || subject === undefined) return undefined;
  const roles = Array.isArray(claims.roles) ? [...new Set(claims.roles.filter(isRole))] : [];
  if (text(claims.scp) !== undefined) {
    const name = text(claims.preferred_username) ?? text(claims.upn) ?? text(claims.unique_name);
    return { id: name ?? subject, kind: 'user', principal: subject.toLowerCase(), roles };
  }
  if (claims.idtyp !== 'app' && claims.sub !== subject) return undefined;
  return { id: application, kind: 'application', principal: application.toLowerCase(), roles };
}

/** The holder of a function key: nobody in particular, with the roles that the operator gives to keys. */
export function keyHolder(roles: readonly Role[]): Caller {
  return { id: 'function key', kind: 'functionKey', roles };
}

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim.slice(0, 256) : undefined;
}
