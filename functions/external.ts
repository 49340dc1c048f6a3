import type { App } from '../shared/assessment/app.ts';
import {
  type ExternalCalls,
  externalCallSchema,
  openExternalCalls,
  type WarmCall,
} from '../shared/external/index.ts';

const opened = new WeakMap<App, ExternalCalls>();

/** The external calls of an app, opened with the first use. */
export function externalOf(app: App): ExternalCalls {
  const known = opened.get(app);
  if (known) return known;
  const { storage, settings, clock } = app;
  const made = openExternalCalls(storage, {
    allow: process.env.HOLDFAST_EXTERNAL_ALLOW,
    // set by the Core Tools and by the local host, never on Azure
    development: process.env.AZURE_FUNCTIONS_ENVIRONMENT === 'Development',
    tenantId: process.env.HOLDFAST_TENANT_ID,
    clientId: 'clientId' in settings.storage ? settings.storage.clientId : undefined,
    now: clock,
    warn: (message) => console.warn(message),
  });
  opened.set(app, made);
  return made;
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
