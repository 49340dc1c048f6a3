import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { Problem } from '../problem.ts';
import { type Caller, callerOf } from './caller.ts';
import { KeysUnavailable, openKeys } from './keys.ts';

export interface TokenSettings {
  /** where the tenant's tokens come from, e.g. `https://login.microsoftonline.com` */
  authority: string;
  tenantId: string;
  /** of which a token has to be for one */
  audiences: readonly string[];
}

export interface TokenOptions {
  /** milliseconds; see `openKeys` */
  coolDown?: number;
  refreshAfter?: number;
  /** milliseconds since 1970 */
  now?: () => number;
}

export interface Tokens {
  /**
   * Who sends a request with this `Authorization` header. Throws a Problem: 401 whose `code` is the reason in the words
   * of DFP's gateway and whose cause tells more, for the log; 503 where the issuer's keys cannot be had.
   */
  verify(authorization: string | null): Promise<Caller>;
  /** Loads the issuer's keys behind the caller. */
  prepare(): void;
}

/** characters of the longest token that is looked at */
const longestToken = 16 * 1024;
/** seconds by which clocks may differ */
const clockSkew = 60;
/** milliseconds for which a token that was checked is known again: clients send one for an hour, checking costs 0.1 ms of CPU */
const knownFor = 300_000;
const mostKnown = 1_000;
const algorithms = ['RS256', 'RS384', 'RS512'];
const types = ['jwt', 'at+jwt', 'application/at+jwt'];

/** The issuers of v1 tokens, where they are not under the authority's own name. */
const olderIssuers: Record<string, string> = {
  'https://login.microsoftonline.com': 'https://sts.windows.net',
  'https://login.microsoftonline.us': 'https://sts.windows.net',
  'https://login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
};

/** Why a token is refused: the words of DFP's gateway (its `validate-jwt`), as its header `ErrorReason` has them. */
export type Reason =
  | 'TokenNotPresent'
  | 'JwtInvalid'
  | 'TokenExpired'
  | 'TokenAudienceNotAllowed'
  | 'TokenIssuerNotAllowed'
  | 'TokenSignatureInvalid'
  | 'TokenSignatureKeyNotFound'
  | 'TokenClaimNotFound'
  | 'TokenClaimValueNotAllowed';

/** Checks the access tokens of one Entra ID tenant. Costs no call until the first token. */
export function openTokens(settings: TokenSettings, options: TokenOptions = {}): Tokens {
  const { tenantId, audiences } = settings;
  const authority = settings.authority.replace(/\/+$/, '');
  const { now = Date.now } = options;
  const issuer = `${authority}/${tenantId}/v2.0`;
  const issuers = [issuer, `${olderIssuers[authority] ?? authority}/${tenantId}/`];
  const keys = openKeys({
    ...options,
    metadata: new URL(`${issuer}/.well-known/openid-configuration`),
    issuer,
  });

  const known = new Map<string, { caller: Caller; until: number }>();

  return {
    prepare: keys.prepare,
    async verify(authorization) {
      const token = bearerToken(authorization);
      const found = known.get(token);
      if (found && now() < found.until) return found.caller;
      known.delete(token);
      checkHeader(token);
      const claims = await jwtVerify(token, keys.keyOf, {
        algorithms,
        issuer: issuers,
        audience: [...audiences],
        clockTolerance: clockSkew,
        requiredClaims: ['exp'],
        currentDate: new Date(now()),
      }).then(({ payload }) => payload, refuseBy);
      const caller = readClaims(claims, tenantId);
      const [oldest] = known.keys();
      if (known.size >= mostKnown && oldest !== undefined) known.delete(oldest);
      known.set(token, { caller, until: Math.min(now() + knownFor, ((claims.exp ?? 0) + clockSkew) * 1000) });
      return caller;
    },
  };
}

function bearerToken(authorization: string | null): string {
  if (authorization === null || authorization.trim() === '')
    throw refused('TokenNotPresent', 'there is no Authorization header');
  if (authorization.length > longestToken + 'Bearer '.length)
    throw refused('JwtInvalid', `the token has more than ${longestToken} characters`);
  const token = /^\s*bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)\s*$/i.exec(authorization)?.[1];
  if (token === undefined)
    throw refused('JwtInvalid', 'the Authorization header holds no signed bearer token');
  return token;
}

/** What can be seen without a key. Addresses and keys that a header carries (`jku`, `jwk`, `x5u` …) are never looked at. */
function checkHeader(token: string): void {
  const header = headerOf(token);
  if (!algorithms.includes(String(header.alg)))
    throw refused('JwtInvalid', `tokens are not signed with ${shown(header.alg)}`);
  if (header.typ !== undefined && !types.includes(String(header.typ).toLowerCase()))
    throw refused('JwtInvalid', `the token is of the type ${shown(header.typ)}`);
  if (typeof header.kid !== 'string' || header.kid === '' || header.kid.length > 256)
    throw refused('TokenSignatureKeyNotFound', 'the token names no key');
}

function headerOf(token: string) {
  try {
    return decodeProtectedHeader(token);
  } catch (error) {
    throw refused('JwtInvalid', 'the header of the token cannot be read', error);
  }
}

function readClaims(claims: JWTPayload, tenantId: string): Caller {
  if (typeof claims.tid !== 'string' || claims.tid.toLowerCase() !== tenantId.toLowerCase())
    throw refused('TokenClaimValueNotAllowed', `the token is of the tenant ${shown(claims.tid)}`);
  const caller = callerOf(claims);
  if (caller === undefined)
    throw refused(
      'TokenClaimNotFound',
      'the claims are not those of an access token (appid or azp, oid, scp)',
    );
  return caller;
}

/** jose's verdict in the gateway's words. */
function refuseBy(error: unknown): never {
  if (error instanceof errors.JWTExpired) throw refused('TokenExpired', error.message, error);
  if (error instanceof errors.JWTClaimValidationFailed)
    throw refused(claimReason(error), error.message, error);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    throw refused('TokenSignatureInvalid', error.message, error);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    throw refused('TokenSignatureKeyNotFound', error.message, error);
  if (
    error instanceof KeysUnavailable ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    (error instanceof errors.JOSEError && error.code === errors.JOSEError.code)
  )
    throw Problem.unavailable('Tokens cannot be checked: the keys of their issuer cannot be had.', 5, {
      code: 'IssuerUnavailable',
      cause: error,
    });
  if (error instanceof errors.JOSEError) throw refused('JwtInvalid', error.message, error);
  throw error;
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): Reason {
  if (reason === 'missing') return 'TokenClaimNotFound';
  if (claim === 'aud') return 'TokenAudienceNotAllowed';
  if (claim === 'iss') return 'TokenIssuerNotAllowed';
  if (claim === 'nbf') return 'TokenExpired';
  return 'TokenClaimValueNotAllowed';
}

/** A 401 that tells a caller no more than it has to know; `why` is for the log. */
export function refused(reason: Reason, why: string, cause?: unknown): Problem {
  return Problem.unauthorized('Unauthorized. Access token is missing or invalid.', {
    code: reason,
    cause: new Error(why, { cause }),
  });
}

/** A value of a token in a line of the log. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}
