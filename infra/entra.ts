/**
 * Registers Holdfast in Entra ID: an application whose tokens clients ask for, its roles, its service principal, and the
 * product admin role for whoever runs this. Run again, it changes nothing. `azd up` runs it before it provisions;
 * `node infra/entra.ts --name "Holdfast prod"` runs it alone. Needs the right to register applications.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import appRoles from './entraRoles.json' with { type: 'json' };

const run = promisify(execFile);
const graphUrl = process.env.HOLDFAST_GRAPH ?? 'https://graph.microsoft.com';

const scope = {
  id: 'cbd51fac-c020-5c93-9593-4e4cd7bfaf53',
  value: 'access_as_user',
  type: 'User',
  isEnabled: true,
  adminConsentDisplayName: 'Use Holdfast',
  adminConsentDescription: 'Lets the signed-in user use Holdfast with the roles that the user has.',
} as const;
/** The Azure CLI, so that people get a token with `az account get-access-token`. */
const azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';

const roleSchema = z.looseObject({ id: z.string(), value: z.string().nullable() });
const applicationSchema = z.object({
  id: z.string(),
  appId: z.string(),
  identifierUris: z.array(z.string()),
  appRoles: z.array(roleSchema),
  api: z.looseObject({
    requestedAccessTokenVersion: z.number().nullish(),
    oauth2PermissionScopes: z.array(z.looseObject({ id: z.string(), value: z.string().nullable() })),
  }),
});
const withId = z.object({ id: z.string() });
const listOf = <T extends z.ZodType>(item: T) => z.object({ value: z.array(item) });

export interface Graph {
  get(path: string): Promise<unknown>;
  /** resolves to the body of the answer, undefined where it has none */
  send(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<unknown>;
}

export interface Registration {
  clientId: string;
  /** for the setting HOLDFAST_AUDIENCES */
  audiences: string;
  /** what was done, a line each; empty where all was there */
  done: string[];
}

/** Brings an application of this name to what Holdfast needs; what else it has stays. Throws an Error where there are several of the name. */
export async function register(graph: Graph, name: string): Promise<Registration> {
  const done: string[] = [];
  const application = (await find(graph, name)) ?? (await create(graph, name, done));
  const { appId } = application;
  const changes = differences(application);
  if (Object.keys(changes).length > 0) {
    await graph.send('PATCH', `/v1.0/applications/${application.id}`, changes);
    done.push(`changed ${Object.keys(changes).join(', ')} of “${name}”`);
  }
  const service = await servicePrincipal(graph, appId, done);
  await makeAdmin(graph, service, done);
  return { clientId: appId, audiences: `api://${appId},${appId}`, done };
}

type Application = z.infer<typeof applicationSchema>;

async function find(graph: Graph, name: string): Promise<Application | undefined> {
  const filter = encodeURIComponent(`displayName eq '${name.replaceAll("'", "''")}'`);
  const { value } = listOf(applicationSchema).parse(await graph.get(`/v1.0/applications?$filter=${filter}`));
  if (value.length > 1) throw new Error(`Entra ID has ${value.length} applications named “${name}”`);
  return value[0];
}

async function create(graph: Graph, name: string, done: string[]): Promise<Application> {
  const made = await graph.send('POST', '/v1.0/applications', {
    displayName: name,
    signInAudience: 'AzureADMyOrg',
    api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [scope] },
    appRoles,
  });
  done.push(`registered “${name}”`);
  return applicationSchema.parse(made);
}

/** What must be changed of an application; roles and scopes that are not Holdfast's stay. */
function differences({
  appId,
  identifierUris,
  appRoles: present,
  api,
}: Application): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  const uri = `api://${appId}`;
  if (!identifierUris.includes(uri)) changes.identifierUris = [...identifierUris, uri];
  const missing = appRoles.filter(({ value }) => !present.some((role) => role.value === value));
  if (missing.length > 0) changes.appRoles = [...present, ...missing];
  const scopes = api.oauth2PermissionScopes;
  const ours = scopes.find(({ value }) => value === scope.value);
  const preAuthorized = z
    .array(z.looseObject({ appId: z.string() }))
    .catch([])
    .parse(api.preAuthorizedApplications);
  const knowsCli = preAuthorized.some((each) => each.appId === azureCli);
  if (api.requestedAccessTokenVersion !== 2 || !ours || !knowsCli)
    changes.api = {
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: ours ? scopes : [...scopes, scope],
      preAuthorizedApplications: knowsCli
        ? preAuthorized
        : [...preAuthorized, { appId: azureCli, delegatedPermissionIds: [(ours ?? scope).id] }],
    };
  return changes;
}

/** The application's service principal, to which only those come who have a role. */
async function servicePrincipal(graph: Graph, appId: string, done: string[]): Promise<string> {
  const filter = encodeURIComponent(`appId eq '${appId}'`);
  const { value } = listOf(withId).parse(await graph.get(`/v1.0/servicePrincipals?$filter=${filter}`));
  if (value[0]) return value[0].id;
  const made = await graph.send('POST', '/v1.0/servicePrincipals', {
    appId,
    appRoleAssignmentRequired: true,
  });
  done.push('made its service principal');
  return withId.parse(made).id;
}

/** The first administrator is whoever installs. A pipeline is nobody, and gets no role. */
async function makeAdmin(graph: Graph, service: string, done: string[]): Promise<void> {
  const me = withId.safeParse(await graph.get('/v1.0/me').catch(() => undefined));
  const role = appRoles.find(({ value }) => value === 'ProductAdmin');
  if (!me.success || !role) return;
  const assigned = listOf(z.object({ principalId: z.string(), appRoleId: z.string() })).parse(
    await graph.get(`/v1.0/servicePrincipals/${service}/appRoleAssignedTo?$top=999`),
  );
  // once there is an administrator, that one decides who else is
  if (assigned.value.some(({ appRoleId }) => appRoleId === role.id)) return;
  await graph.send('POST', `/v1.0/servicePrincipals/${service}/appRoleAssignedTo`, {
    principalId: me.data.id,
    resourceId: service,
    appRoleId: role.id,
  });
  done.push('made you its product admin');
}

/** Microsoft Graph over HTTP. Throws an Error with Graph's own words where it refuses. */
export function openGraph(baseUrl: string, token: string): Graph {
  async function request(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path.split('?')[0]} gave ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  return { get: (path) => request('GET', path), send: request };
}

/** A token for Graph, of whoever is signed in with azd, else with the Azure CLI. */
async function graphToken(): Promise<string> {
  const shell = process.platform === 'win32';
  try {
    const { stdout } = await run(
      'azd',
      ['auth', 'token', '--scope', `${graphUrl}/.default`, '--output', 'json'],
      { shell },
    );
    return z.object({ token: z.string() }).parse(JSON.parse(stdout)).token;
  } catch {
    const { stdout } = await run(
      'az',
      ['account', 'get-access-token', '--resource', graphUrl, '--output', 'json'],
      { shell },
    );
    return z.object({ accessToken: z.string() }).parse(JSON.parse(stdout)).accessToken;
  }
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: { name: { type: 'string' }, azd: { type: 'boolean', default: false } },
    });
    const name = values.name ?? `Holdfast ${process.env.AZURE_ENV_NAME ?? ''}`.trim();
    // a name that an administrator has set already is not looked into
    if (values.azd && process.env.HOLDFAST_AUDIENCES)
      console.log('HOLDFAST_AUDIENCES is set: nothing to register.');
    else {
      const { clientId, audiences, done } = await register(openGraph(graphUrl, await graphToken()), name);
      for (const line of done) console.log(line);
      if (values.azd)
        await run('azd', ['env', 'set', 'HOLDFAST_AUDIENCES', audiences], {
          shell: process.platform === 'win32',
        });
      console.log(`“${name}” has client id ${clientId}; HOLDFAST_AUDIENCES is ${audiences}`);
    }
  } catch (error) {
    console.error(`Entra ID: ${error instanceof Error ? error.message : String(error)}`);
    console.error(
      'docs/deployment.md says what to ask an administrator for; then: azd env set HOLDFAST_AUDIENCES …',
    );
    process.exitCode = 1;
  }
}
