import type { App } from '../shared/assessment/app.ts';
import {
  type External,
  externalCallSchema,
  openAzure,
  openExternal,
  openSubscriptions,
  type Subscriptions,
  type WarmCall,
} from '../shared/external/index.ts';

export interface OpenedExternal {
  external: External;
  subscriptions: Subscriptions;
}

const opened = new WeakMap<App, OpenedExternal>();

/** The external calls of an app, opened with the first use. */
export function externalOf(app: App): OpenedExternal {
  const known = opened.get(app);
  if (known) return known;
  const made = openFor(app);
  opened.set(app, made);
  return made;
}

/** Settings: `HOLDFAST_EXTERNAL_ALLOW` (address ranges and host names, by commas), `HOLDFAST_TENANT_ID`. */
function openFor({ storage, settings, clock }: App): OpenedExternal {
  const { HOLDFAST_EXTERNAL_ALLOW: allow, HOLDFAST_TENANT_ID: tenantId } = process.env;
  const clientId = 'clientId' in settings.storage ? settings.storage.clientId : undefined;
  const tenant = tenantId === undefined ? {} : { tenantId };
  const azure = openAzure({ ...tenant, ...(clientId === undefined ? {} : { clientId }) });
  const subscriptions = openSubscriptions(storage, { secret: azure.secret });
  const external = openExternal(storage, {
    fence: {
      allow: allow?.split(',') ?? [],
      // set by the Core Tools and by the local host, never on Azure
      development: process.env.AZURE_FUNCTIONS_ENVIRONMENT === 'Development',
    },
    azure,
    monitoring: { subscriptions: subscriptions.of, ...tenant },
    warn: (message) => console.warn(message),
    now: clock,
  });
  return { external, subscriptions };
}

/** Every call of every environment that is to be kept warm. */
export async function warmCalls({ config }: App): Promise<WarmCall[]> {
  const ids: string[] = [];
  const nodes = await config.environmentTree();
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    ids.push(node.id);
    nodes.push(...node.children);
  }
  const lists = await Promise.all(
    ids.map(async (environment) => {
      const { resources } = await config.list(environment, 'externalCalls');
      return resources.map(({ entry, document }) => ({
        environment,
        name: entry.name,
        definition: externalCallSchema.parse(document.content),
      }));
    }),
  );
  return lists.flat().filter(({ definition }) => definition.warmUp);
}
