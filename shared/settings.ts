import { z } from 'zod';

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
  })
  .refine((settings) => settings.HOLDFAST_STORAGE || settings.HOLDFAST_STORAGE__accountName, {
    path: ['HOLDFAST_STORAGE'],
    message:
      'set HOLDFAST_STORAGE (a connection string) or HOLDFAST_STORAGE__accountName (a storage account)',
  });

export interface Settings {
  storage: { connectionString: string } | { accountName: string; clientId?: string };
  defaultEnvironment?: string;
  requireEnvironment: boolean;
}

/** Reads the settings from the environment variables given; throws one error that names every bad setting. */
export function readSettings(variables: Record<string, string | undefined>): Settings {
  const parsed = settingsSchema.safeParse(variables);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`App settings are not usable: ${faults.join('; ')}`);
  }
  const settings = parsed.data;
  return {
    storage: settings.HOLDFAST_STORAGE__accountName
      ? { accountName: settings.HOLDFAST_STORAGE__accountName, clientId: settings.HOLDFAST_STORAGE__clientId }
      : { connectionString: settings.HOLDFAST_STORAGE ?? '' },
    defaultEnvironment: settings.HOLDFAST_DEFAULT_ENVIRONMENT,
    requireEnvironment: settings.HOLDFAST_REQUIRE_ENVIRONMENT === 'true',
  };
}
