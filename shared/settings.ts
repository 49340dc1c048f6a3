import { z } from 'zod';
import type { TokenSettings } from './auth/index.ts';
import { isRole, type Role, roles } from './auth/index.ts';

/** What a comma separates, without the space around it. */
function items(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** HTTPS; plain HTTP only for an issuer on the same machine, as the development issuer is. */
function isAuthority(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '') return false;
  return url.protocol === 'https:' || /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\/?$/.test(text);
}

/**
 * Every app setting that the code reads; the Bicep of `infra/` sets each of them. Names with `__` follow the
 * Functions runtime's own convention for identity-based connections, so that triggers can use them as well.
 */
export const settingsSchema = z
  .object({
    HOLDFAST_STORAGE: z
      .string()
      .min(1)
      .optional()
      .describe('Connection string of the storage account with the merchant’s data; for local development.'),
    HOLDFAST_STORAGE__accountName: z
      .string()
      .regex(/^[a-z0-9]{3,24}$/, 'a storage account name: 3 to 24 lower-case letters and digits')
      .optional()
      .describe('Name of that storage account, reached by managed identity; on Azure.'),
    HOLDFAST_STORAGE__clientId: z
      .string()
      .min(1)
      .optional()
      .describe('Client id of the user-assigned identity; the system-assigned one where absent.'),
    HOLDFAST_DEFAULT_ENVIRONMENT: z
      .string()
      .min(1)
      .optional()
      .describe('Environment of requests that name none: id, API name or path; the first root where absent.'),
    HOLDFAST_REQUIRE_ENVIRONMENT: z
      .enum(['true', 'false'])
      .default('false')
      .describe('`true` refuses requests that name no environment.'),
    HOLDFAST_TENANT_ID: z
      .guid()
      .optional()
      .describe(
        'Id of the Entra ID tenant whose tokens are accepted; without it nobody is let in by a token.',
      ),
    HOLDFAST_AUDIENCES: z
      .string()
      .refine((text) => items(text).length > 0, 'one audience or more, separated by commas')
      .optional()
      .describe(
        'Audiences of the tokens that are accepted, separated by commas: the application id URI and client id of Holdfast’s app registration, and those of DFP where clients still ask for them.',
      ),
    HOLDFAST_AUTHORITY: z
      .string()
      .refine(isAuthority, 'an https address')
      .default('https://login.microsoftonline.com')
      .describe('Where the tenant’s tokens come from; another in national clouds.'),
    HOLDFAST_FUNCTION_KEYS: z
      .string()
      .refine((text) => items(text).every(isRole), `roles, separated by commas: ${roles.join(', ')}`)
      .default('')
      .describe(
        'Roles of whoever has a function key (addresses below /keys), separated by commas; none where empty.',
      ),
    HOLDFAST_EXTERNAL_ALLOW: z
      .string()
      .default('')
      .describe(
        'What external calls may reach beside public addresses: address ranges and host names, separated by commas.',
      ),
    HOLDFAST_GEO_CITY: z
      .string()
      .min(1)
      .optional()
      .describe(
        'An .mmdb file with cities or countries of IP addresses: a blob of the container `reference`, or a path; docs/geo-and-bin.md.',
      ),
    HOLDFAST_GEO_ASN: z
      .string()
      .min(1)
      .optional()
      .describe('An .mmdb file with the autonomous systems of IP addresses, likewise.'),
    HOLDFAST_BIN_DATA: z
      .string()
      .min(1)
      .optional()
      .describe('A CSV file with bank identification numbers, likewise.'),
    HOLDFAST_LOSS_PREVENTION_SCHEDULE: z
      .string()
      .regex(/^\s*(\S+\s+){5}\S+\s*$/, 'NCRONTAB: six fields, in UTC')
      .default('0 0 2 * * *')
      .describe('When the nightly runs of loss prevention are queued.'),
    HOLDFAST_LOSS_PREVENTION_MEMORY_MB: z.coerce
      .number()
      .int()
      .min(64)
      .max(65_536)
      .default(256)
      .describe('Memory of loss prevention’s engine in MB; what does not fit goes to its folder.'),
    HOLDFAST_LOSS_PREVENTION_FOLDER: z
      .string()
      .min(1)
      .optional()
      .describe('Folder that its runs make their own temporary folders in; the system’s where absent.'),
    AZURE_FUNCTIONS_ENVIRONMENT: z
      .string()
      .optional()
      .describe(
        '`Development` on a developer’s machine, set by the host: external calls may reach loopback then.',
      ),
  })
  .refine((settings) => settings.HOLDFAST_STORAGE || settings.HOLDFAST_STORAGE__accountName, {
    path: ['HOLDFAST_STORAGE'],
    message:
      'set HOLDFAST_STORAGE (a connection string) or HOLDFAST_STORAGE__accountName (a storage account)',
  })
  .refine((settings) => !settings.HOLDFAST_TENANT_ID || settings.HOLDFAST_AUDIENCES, {
    path: ['HOLDFAST_AUDIENCES'],
    message: 'tokens of HOLDFAST_TENANT_ID need an audience',
  });

export interface Settings {
  storage: { connectionString: string } | { accountName: string; clientId?: string };
  defaultEnvironment?: string;
  requireEnvironment: boolean;
  /** undefined: no token is accepted */
  tokens?: TokenSettings;
  /** roles of whoever has a function key; empty: keys open nothing */
  keyRoles: readonly Role[];
  /** files of the operator's: blobs of the container `reference`, or paths */
  reference: { city?: string | undefined; asn?: string | undefined; bins?: string | undefined };
  lossPrevention: { memoryBytes: number; folder: string | undefined };
  /** the fence of external calls */
  external: { allow: readonly string[]; development: boolean };
}

/** Reads the settings from the environment variables given; throws one error that names every bad setting. */
export function readSettings(variables: Record<string, string | undefined>): Settings {
  const parsed = settingsSchema.safeParse(variables);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`App settings are not usable: ${faults.join('; ')}`);
  }
  const settings = parsed.data;
  const { HOLDFAST_TENANT_ID: tenantId, HOLDFAST_AUDIENCES: audiences = '' } = settings;
  return {
    storage: settings.HOLDFAST_STORAGE__accountName
      ? { accountName: settings.HOLDFAST_STORAGE__accountName, clientId: settings.HOLDFAST_STORAGE__clientId }
      : { connectionString: settings.HOLDFAST_STORAGE ?? '' },
    defaultEnvironment: settings.HOLDFAST_DEFAULT_ENVIRONMENT,
    requireEnvironment: settings.HOLDFAST_REQUIRE_ENVIRONMENT === 'true',
    ...(tenantId
      ? {
          tokens: {
            authority: settings.HOLDFAST_AUTHORITY,
            tenantId: tenantId.toLowerCase(),
            audiences: items(audiences),
          },
        }
      : {}),
    keyRoles: items(settings.HOLDFAST_FUNCTION_KEYS).filter(isRole),
    reference: {
      city: settings.HOLDFAST_GEO_CITY,
      asn: settings.HOLDFAST_GEO_ASN,
      bins: settings.HOLDFAST_BIN_DATA,
    },
    lossPrevention: {
      memoryBytes: settings.HOLDFAST_LOSS_PREVENTION_MEMORY_MB * 1_048_576,
      folder: settings.HOLDFAST_LOSS_PREVENTION_FOLDER,
    },
    external: {
      allow: items(settings.HOLDFAST_EXTERNAL_ALLOW),
      development: settings.AZURE_FUNCTIONS_ENVIRONMENT === 'Development',
    },
  };
}
