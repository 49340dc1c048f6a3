/** What a client asks the token endpoint for: RFC 6749, 4.4, in every form that DFP's clients send it (WIRE.md 1.2). */
import type { IncomingMessage } from 'node:http';
import { isRole } from '../../shared/auth/permissions.ts';

export interface Grant {
  /** a role's token value, or the id of an application without roles */
  client: string;
  /** undefined: the request names none */
  audience: string | undefined;
  version: '1.0' | '2.0';
}

export interface Refusal {
  status: number;
  error: string;
  text: string;
  /** Entra ID's own number */
  code: number;
}

const secret = 'dev';
const longestForm = 64 * 1024;
const guid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Reads a form, url-encoded or multipart, and HTTP Basic; tells what is wrong as Entra ID would. */
export async function readGrant(
  request: IncomingMessage,
  version: Grant['version'],
): Promise<Grant | Refusal> {
  const form = await readForm(request);
  if (form === undefined)
    return refuse(400, 'invalid_request', 900144, 'The request body must be a form of at most 64 KiB.');
  const basic = readBasic(request.headers.authorization);
  const client = basic?.client ?? form.get('client_id');
  const given = basic?.secret ?? form.get('client_secret');

  const kind = form.get('grant_type');
  if (kind === undefined) return missing('grant_type');
  if (kind !== 'client_credentials')
    return refuse(400, 'unsupported_grant_type', 70003, `The grant type '${kind}' is not supported.`);
  if (client === undefined) return missing('client_id');
  if (!isRole(client) && !guid.test(client))
    return refuse(
      400,
      'unauthorized_client',
      700016,
      `There is no application '${client}': client_id is the name of a role, or a GUID for an application without roles.`,
    );
  if (given === undefined)
    return refuse(401, 'invalid_client', 7000218, "The request must contain 'client_secret'.");
  if (given !== secret)
    return refuse(401, 'invalid_client', 7000215, `The client secret is wrong: it is '${secret}'.`);
  const resource = version === '1.0' ? form.get('resource') : undefined;
  const scope = form.get('scope');
  if (resource === undefined && scope !== undefined && !/^\S+\/\.default$/.test(scope))
    return refuse(400, 'invalid_scope', 1002012, `The scope '${scope}' does not end in /.default.`);
  return { client, audience: resource ?? scope?.slice(0, -'/.default'.length), version };
}

function missing(name: string): Refusal {
  return refuse(400, 'invalid_request', 900144, `The request body must contain '${name}'.`);
}

function refuse(status: number, error: string, code: number, text: string): Refusal {
  return { status, error, code, text };
}

async function readForm(request: IncomingMessage): Promise<Map<string, string> | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > longestForm) return undefined;
    chunks.push(chunk);
  }
  const type = request.headers['content-type'] ?? '';
  if (!/^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type)) return undefined;
  try {
    const data = await new Response(Buffer.concat(chunks), { headers: { 'content-type': type } }).formData();
    // an empty field is as good as none
    const fields = [...data].flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' && value !== '' ? [[name, value]] : [],
    );
    return new Map(fields);
  } catch {
    return undefined;
  }
}

/** RFC 6749, 2.3.1: both parts are form-encoded before they are joined. */
function readBasic(header: string | undefined): { client: string; secret: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [client = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  try {
    const plain = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { client: plain(client), secret: plain(rest.join(':')) };
  } catch {
    return { client, secret: rest.join(':') };
  }
}
