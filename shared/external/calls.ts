import type { Storage } from '../storage/index.ts';
import { openAzure } from './azure.ts';
import { type External, openExternal } from './external.ts';
import { openSubscriptions, type Subscriptions } from './subscriptions.ts';

export interface CallsSettings {
  /** what calls may reach beside public addresses: address ranges and host names */
  allow?: readonly string[];
  /** a developer's machine: loopback is open, by http too */
  development?: boolean;
  tenantId?: string | undefined;
  /** client id of the product's user-assigned identity */
  clientId?: string | undefined;
  now?: () => number;
  warn?: (message: string) => void;
}

export interface ExternalCalls {
  external: External;
  subscriptions: Subscriptions;
}

/** External calls of one process, with Azure's identities and the subscriptions in storage. Opening costs no call. */
export function openExternalCalls(storage: Storage, settings: CallsSettings): ExternalCalls {
  const { tenantId, clientId, now, warn } = settings;
  const tenant = tenantId === undefined ? {} : { tenantId };
  const clock = now === undefined ? {} : { now };
  const azure = openAzure({ ...tenant, ...(clientId === undefined ? {} : { clientId }) });
  const development = settings.development ?? false;
  const subscriptions = openSubscriptions(storage, {
    secret: azure.secret,
    identity: azure.self,
    development,
    ...clock,
  });
  const external = openExternal(storage, {
    fence: { allow: [...(settings.allow ?? [])], development },
    azure,
    monitoring: { subscriptions: subscriptions.of, ...tenant },
    ...(warn === undefined ? {} : { warn }),
    ...clock,
  });
  return {
    subscriptions,
    external: {
      ...external,
      async close() {
        await external.close();
        await subscriptions.close();
      },
    },
  };
}
