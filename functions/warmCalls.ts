import type { App } from '../shared/assessment/app.ts';
import { externalCallSchema, type WarmCall } from '../shared/external/index.ts';

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
