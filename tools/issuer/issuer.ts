/**
 * The development issuer: signs access tokens as Entra ID does, for whoever asks, and serves the keys that they are
 * checked with. It knows no users and keeps no secrets but its key; it listens on loopback only and is never deployed.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Grant, readGrant } from './grant.ts';
import { openSigningKeys } from './signingKeys.ts';
import { type TokenRequest, tokenClaims } from './tokenClaims.ts';

/** The tenant of every token; `dev` stands for it in addresses, as a domain name does with Entra ID. */
export const tenantId = 'dededede-0000-4000-8000-000000000000';
const tenantName = 'dev';

/** What a token is for where the request does not say. */
export const defaultAudience = 'api://holdfast';

/** DFP's four audiences: clients of DFP keep asking for theirs. */
const audiences = [
  defaultAudience,
  'https://api.dfp.dynamics.com',
  'https://api.dfp.dynamics-int.com',
  'https://api.dfp.microsoft.com',
  'https://api.dfp.microsoft-int.com',
];

export interface IssuerOptions {
  /** 0: any free one */
  port: number;
  /** where the signing key is kept, so that tokens outlive a restart; in memory where absent */
  folder?: string;
  /** how long tokens are valid; 3,600 where absent */
  lifetimeSeconds?: number;
  /** whether it lets its process end */
  background?: boolean;
  /** Paths below `/dev/` that lead on to the address that is given, for people with a browser. */
  links?: Readonly<Record<string, () => Promise<string>>>;
}

export interface Issuer {
  baseUrl: string;
  /** what makes the app trust this issuer */
  settings: Record<string, string>;
  /** An access token for an application with the role, or with none for any other text, as the token endpoint gives it. */
  token(request: TokenRequest): Promise<string>;
  /** Signs what it is given, as the key of this moment has it. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** Makes a new signing key. The old one is served on, or forgotten. */
  rotate(options?: { forget?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the issuer on loopback. */
export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const { port, folder, lifetimeSeconds = 3600, background = false, links = {} } = options;
  const keys = await openSigningKeys(folder);
  let baseUrl = '';

  const token = (request: TokenRequest) =>
    keys.sign(tokenClaims({ baseUrl, tenantId, lifetimeSeconds, now: Date.now() }, request));

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(request.url ?? '/', baseUrl);
    const [, tenant = '', ...rest] = pathname.toLowerCase().replace(/\/+$/, '').split('/');
    const path = rest.join('/');
    if (tenant === tenantName || tenant === tenantId) {
      if (request.method === 'GET') {
        const link = Object.hasOwn(links, path) ? links[path] : undefined;
        if (link) return { status: 302, body: {}, location: await link() };
        if (path === '.well-known/openid-configuration') return { status: 200, body: metadata('1.0') };
        if (path === 'v2.0/.well-known/openid-configuration') return { status: 200, body: metadata('2.0') };
        if (path === 'discovery/keys' || path === 'discovery/v2.0/keys')
          return { status: 200, body: { keys: keys.published() } };
      }
      if (request.method === 'POST' && path === 'oauth2/token') return grant(request, '1.0');
      if (request.method === 'POST' && path === 'oauth2/v2.0/token') return grant(request, '2.0');
    }
    return { status: 404, body: { error: 'not_found', error_description: `Nothing is at ${pathname}.` } };
  }

  async function grant(request: IncomingMessage, version: Grant['version']) {
    const wanted = await readGrant(request, version);
    if ('error' in wanted) return { status: wanted.status, body: refusal(wanted) };
    const audience = wanted.audience ?? defaultAudience;
    const access = await token({ client: wanted.client, audience, version });
    const seconds = String(lifetimeSeconds);
    const now = Math.floor(Date.now() / 1000);
    const common = { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds };
    const older = { expires_on: String(now + lifetimeSeconds), not_before: String(now), resource: audience };
    return {
      status: 200,
      body: { ...common, ...(version === '1.0' ? older : {}), access_token: access },
    };
  }

  function metadata(version: Grant['version']): object {
    const at = `${baseUrl}/${tenantId}`;
    const v2 = version === '2.0';
    return {
      issuer: v2 ? `${at}/v2.0` : `${at}/`,
      token_endpoint: v2 ? `${at}/oauth2/v2.0/token` : `${at}/oauth2/token`,
      jwks_uri: v2 ? `${at}/discovery/v2.0/keys` : `${at}/discovery/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      grant_types_supported: ['client_credentials'],
      response_types_supported: [],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(request).then(
      ({ status, body, location }) => {
        if (location !== undefined) response.setHeader('location', location);
        send(response, status, body);
      },
      (error: unknown) => send(response, 500, refusal({ error: 'server_error', text: String(error) })),
    );
  };
  const servers = await listen(listener, port);
  if (background) for (const server of servers) server.unref();
  const address = servers[0]?.address();
  baseUrl = `http://localhost:${typeof address === 'object' && address !== null ? address.port : port}`;

  return {
    baseUrl,
    settings: {
      HOLDFAST_AUTHORITY: baseUrl,
      HOLDFAST_TENANT_ID: tenantId,
      HOLDFAST_AUDIENCES: audiences.join(','),
    },
    token,
    sign: keys.sign,
    rotate: keys.rotate,
    async stop() {
      await Promise.all(
        servers.map(async (server) => {
          if (!server.listening) return;
          const closed = once(server, 'close');
          server.close();
          server.closeAllConnections();
          await closed;
        }),
      );
    },
  };
}

interface Answer {
  status: number;
  body: object;
  location?: string;
}

/** An error as Entra ID words it. */
function refusal({ error, text, code = 0 }: { error: string; text: string; code?: number }): object {
  return {
    error,
    error_description: code === 0 ? text : `AADSTS${code}: ${text}`,
    ...(code === 0 ? {} : { error_codes: [code] }),
    timestamp: new Date().toISOString(),
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store, no-cache',
  });
  response.end(JSON.stringify(body));
}

/** On 127.0.0.1 and, where the machine has it, on ::1: `localhost` is either. */
async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
): Promise<Server[]> {
  const first = createServer(listener).listen(port, '127.0.0.1');
  await once(first, 'listening');
  const address = first.address();
  const chosen = typeof address === 'object' && address !== null ? address.port : port;
  const second = createServer(listener).listen(chosen, '::1');
  try {
    await once(second, 'listening');
    return [first, second];
  } catch {
    return [first];
  }
}
