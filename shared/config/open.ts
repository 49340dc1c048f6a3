import {
  type ListContent,
  type Lists,
  openLists,
  openSupportLists,
  type SupportChange,
  type SupportEntry,
  type SupportLists,
  supportListNames,
} from '../lists/index.ts';
import type { Json } from '../problem.ts';
import type { Storage } from '../storage/index.ts';
import { summarize } from './activity.ts';
import type { EnvironmentNode } from './environmentStore.ts';
import { openStore } from './store.ts';
import type { ConfigStore } from './types.ts';

/** The configuration of all environments, with the lists that belong to it. */
export interface Config extends ConfigStore {
  supportLists: SupportLists;
  lists: Pick<Lists, 'download' | 'preview'>;
}

export interface ConfigOptions {
  /** the environment of requests that name none: id, API name or path; the first root where absent */
  defaultEnvironment?: string | undefined;
  /** bytes that the lists of one root environment may take in the memory of an instance; default 128 MiB */
  listMemory?: number;
  /** milliseconds until a use looks for changes in the background; default 3,000 */
  refreshAfter?: number;
  /** milliseconds until a use waits for that; default 60,000 */
  waitAfter?: number;
  /** milliseconds since 1970 */
  now?: () => number;
  log?: (message: string) => void;
}

/** Opens the configuration. Costs no call; what it needs in storage is created with the first use. */
export function openConfig(storage: Storage, options: ConfigOptions = {}): Config {
  const lists = openLists(storage);
  const store = openStore(storage, {
    ...options,
    lists: { parse: lists.parse, save: lists.save, open: (content) => lists.open(contentOf(content)) },
    supportLists: supportListNames,
  });
  const supportLists = openSupportLists(storage, {
    ...(options.now ? { now: options.now } : {}),
    log: (change) => store.logActivity(activityOf(change)),
  });
  return {
    ...store,
    supportLists,
    lists: { download: lists.download, preview: lists.preview },
    async activity(environment, page) {
      const { view } = await store.environment(environment);
      const below = idsBelow(await store.environmentTree(), view.id);
      await Promise.all(below.map((id) => supportLists.recover(id)));
      return store.activity(view.id, page);
    },
  };
}

/** The environment's id and those of all below it. */
function idsBelow(nodes: readonly EnvironmentNode[], id: string, inside = false): string[] {
  return nodes.flatMap((node) => {
    const counts = inside || node.id === id;
    return [...(counts ? [node.id] : []), ...idsBelow(node.children, id, counts)];
  });
}

/** Leaves out a member that is there without a value. */
function contentOf({
  pages,
  ...content
}: Omit<ListContent, 'pages'> & { pages?: number | undefined }): ListContent {
  return pages === undefined ? content : { ...content, pages };
}

function activityOf({ id, at, by, environment, list, key, before, after }: SupportChange) {
  const operation = after ? (before ? 'Update' : 'Create') : 'Delete';
  return {
    id,
    at,
    by,
    environment,
    operation,
    kind: 'supportLists',
    name: `${list}/${key}`,
    ...summarize(before && shown(before), after && shown(after)),
  } as const;
}

function shown({ status, reason, comments, expires }: SupportEntry): { [name: string]: Json } {
  return {
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(comments === undefined ? {} : { comments }),
    ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
  };
}
