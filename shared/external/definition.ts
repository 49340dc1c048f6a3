/** What an external call is: the schema of its definition, as the management API takes and returns it. */
import { z } from 'zod';
import type { Json } from '../problem.ts';
import { keyVaultSecret, looksSecret } from './secretText.ts';
import { fill, placeholders } from './template.ts';

/** Names of calls: letters, digits and underscores, not beginning with a digit; `evaluate` is taken by a route. */
export const callName = z
  .string()
  .max(100, 'at most 100 characters')
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and underscores, not beginning with a digit')
  .refine((name) => name.toLowerCase() !== 'evaluate', 'this name is taken');

const vaultMessage = 'the https URL of a secret or certificate in Key Vault';

const json: z.ZodType<Json> = z.json();

const parameter = z.strictObject({
  name: z
    .string()
    .max(100, 'at most 100 characters')
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'letters, digits, and _ . - after the first')
    .refine((name) => !/^secrets\./i.test(name), 'names with secrets. are those of secrets')
    .describe('name in the query, in the body, and in {{placeholders}}'),
  sample: z.string().max(1000).default('').describe('value that a test sends'),
});

const secret = z.union([
  z
    .strictObject({ keyVault: z.string().max(500).refine(isVault, vaultMessage) })
    .describe('a secret in Key Vault'),
  z.strictObject({ stored: z.uuid() }).describe('a value given earlier; it is not returned again'),
]);

const tokenHeaders = new Set(['authorization']);
const ownHeaders = new Set(
  'host content-length content-type content-encoding accept-encoding transfer-encoding connection keep-alive upgrade te trailer expect proxy-authorization proxy-connection'.split(
    ' ',
  ),
);

const header = z.strictObject({
  name: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'not the name of a header')
    .refine((name) => !ownHeaders.has(name.toLowerCase()), 'this header is set by the call itself'),
  value: z
    .string()
    .max(2000)
    .regex(/^[\x20-\x7e]*$/, 'printable ASCII only')
    .describe('text with {{parameter}} and {{secrets.name}}'),
});

const authentication = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Anonymous') }),
  z.strictObject({
    type: z.literal('EntraId'),
    audience: z
      .string()
      .min(1)
      .max(500)
      .regex(/^[\x21-\x7e]+$/, 'no spaces')
      .transform((audience) => audience.replace(/\/\.default$/, '')),
    applicationId: z.guid('the application (client) id, a GUID'),
    tenantId: z
      .guid('a GUID')
      .optional()
      .describe('tenant of the application; that of the product where absent'),
    certificateUrl: z
      .string()
      .max(500)
      .refine(isVault, vaultMessage)
      .optional()
      .describe('the certificate in Key Vault; absent: a managed identity with that application id'),
  }),
]);

const members = z.strictObject({
  description: z.string().max(1000).default(''),
  method: z.enum(['GET', 'POST']),
  url: z.string().max(2000),
  parameters: z.array(parameter).max(50, 'at most 50').default([]),
  headers: z.array(header).max(20, 'at most 20').default([]),
  body: json
    .optional()
    .describe('POST: the body, with {{parameter}} anywhere in its strings; absent: an object of all'),
  secrets: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,99}$/, 'letters, digits, _ and -'), secret)
    .refine((secrets) => Object.keys(secrets).length <= 20, 'at most 20')
    .default({}),
  authentication: authentication.default({ type: 'Anonymous' }),
  sampleResponse: json.optional(),
  timeoutMs: z.int().min(1, 'between 1 and 5000').max(5000, 'between 1 and 5000'),
  defaultResponse: json.default({}),
  keepAliveUrl: z.string().max(2000).optional(),
  warmUp: z.boolean().default(false),
});

/**
 * A definition as it is stored and returned: of a secret it holds where the secret is, never its value.
 * What a client sends goes through `readDefinition` (`secrets.ts`), which takes values out first.
 */
export const externalCallSchema = members.superRefine((call, context) => {
  const report = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });

  reportTwins(call.parameters, 'parameters', report);
  reportTwins(call.headers, 'headers', report);
  const parameters = new Map(call.parameters.map(({ name }) => [name.toLowerCase(), name]));
  const secretNames = new Set(Object.keys(call.secrets).map((name) => `secrets.${name}`));
  const check = (path: (string | number)[], value: Json, withParameters: boolean) => {
    for (const name of placeholders(value)) {
      if (secretNames.has(name) || (withParameters && parameters.has(name.toLowerCase()))) continue;
      const known = withParameters
        ? 'neither a parameter nor a secret'
        : 'not a secret, and only secrets can stand here';
      report(path, `{{${name}}} is ${known}`);
    }
  };

  checkUrl(call.url, ['url'], report);
  check(['url'], call.url, false);
  call.headers.forEach(({ name, value }, index) => {
    check(['headers', index, 'value'], value, true);
    if (tokenHeaders.has(name.toLowerCase()) && call.authentication.type === 'EntraId')
      report(['headers', index, 'name'], 'with EntraId this header carries the token');
  });
  if (call.body !== undefined) {
    check(['body'], call.body, true);
    if (call.method === 'GET') report(['body'], 'a GET has no body');
    const used = new Set(placeholders([call.body, ...call.headers.map(({ value }) => value)]).map(lower));
    call.parameters.forEach(({ name }, index) => {
      if (!used.has(lower(name)))
        report(['parameters', index], `{{${name}}} is neither in the body nor in a header`);
    });
  }
  if (call.authentication.type === 'EntraId' && !mayGoTo(call.authentication.audience, call.url))
    report(
      ['authentication', 'audience'],
      'tokens for services of Microsoft are sent to those services only',
    );
  if (call.warmUp && call.keepAliveUrl === undefined)
    report(['keepAliveUrl'], 'warm-up calls need a URL that answers GET');
  if (call.keepAliveUrl !== undefined) {
    checkUrl(call.keepAliveUrl, ['keepAliveUrl'], report);
    if (placeholders(call.keepAliveUrl).length > 0 || hasSecretQuery(call.keepAliveUrl))
      report(['keepAliveUrl'], 'warm-up calls are anonymous: neither placeholders nor keys');
  }
});

export type ExternalCall = z.output<typeof externalCallSchema>;
export type Secret = z.output<typeof secret>;
export type EntraId = Extract<ExternalCall['authentication'], { type: 'EntraId' }>;

type Report = (path: (string | number)[], message: string) => void;

function lower(text: string): string {
  return text.toLowerCase();
}

function reportTwins(items: readonly { name: string }[], member: string, report: Report): void {
  const seen = new Set<string>();
  items.forEach(({ name }, index) => {
    if (seen.has(lower(name))) report([member, index, 'name'], `${name} is there twice`);
    seen.add(lower(name));
  });
}

function checkUrl(text: string, path: (string | number)[], report: Report): void {
  // an argument or secret must not choose who is called
  const url = /^https?:\/\/[^/?#\\{}]+([/?#]|$)/i.test(text) ? URL.parse(fill(text, () => 'x')) : null;
  if (url === null) report(path, 'an absolute https URL, without placeholders in its host');
  else if (url.username !== '' || url.password !== '')
    report(path, 'credentials belong in a header, under secrets');
  else if (url.hash !== '') report(path, 'a fragment is never sent');
}

const microsoft =
  /(^|\.)(azure|windows|microsoft|microsoftonline|office|office365|sharepoint|powerbi|dynamics|visualstudio|chinacloudapi|usgovcloudapi|azure-automation)\.(com|net|us|cn|de)$/i;

/** Microsoft Graph, Azure Resource Manager, Key Vault, Storage, Azure AD Graph, SQL, Event Hubs, Service Bus: by their application ids. */
const microsoftIds = new Set(
  '00000003-0000-0000-c000-000000000000 797f4846-ba00-4fd7-ba43-dac1f8f63013 cfa8b339-82a2-471a-a3c9-0fc0be7a4093 e406a681-f3d4-42a8-90b6-c2b029497af1 00000002-0000-0000-c000-000000000000 022907d3-0f1b-48f7-badc-1ba6abab6d66 80369ed6-5f11-4dd9-bef3-692475845e77 80a10ef9-8168-493d-abf9-3297c4ef6e3c'.split(
    ' ',
  ),
);

/**
 * Whether a token for this audience may be sent to this URL. The product's own identity may read its storage and its vault: a
 * token for those must not reach a host that whoever writes definitions chose.
 */
function mayGoTo(audience: string, url: string): boolean {
  // Entra ID takes `spn:` before either
  const name = audience.replace(/^(spn:)+/i, '');
  if (microsoftIds.has(name.toLowerCase().replace(/\/+$/, ''))) return false;
  const service = URL.parse(name.includes('://') ? name : `https://${name}`);
  if (service === null || service.protocol === 'api:') return true;
  const host = service.hostname.replace(/\.$/, '');
  if (!microsoft.test(host)) return true;
  const called = URL.parse(fill(url, () => 'x'))?.hostname ?? '';
  return called === host || called.endsWith(`.${host}`);
}

function hasSecretQuery(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && [...url.searchParams].some(([name, value]) => looksSecret(name, value));
}

function isVault(text: string): boolean {
  return keyVaultSecret(text) !== undefined;
}
