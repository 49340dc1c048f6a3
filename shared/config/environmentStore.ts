import { Problem } from '../problem.ts';
import type { Blobs } from '../storage/index.ts';
import type { Operation } from './activity.ts';
import type { Cache } from './cache.ts';
import {
  addEnvironment,
  dropEnvironment,
  type EnvironmentTarget,
  emptyManifest,
  environmentTarget,
} from './environments.ts';
import {
  type Change,
  type Committed,
  type EnvironmentEntry,
  type Manifest,
  manifestBlob,
  readManifest,
  serializeManifest,
} from './manifest.ts';
import { type EnvironmentBody, environmentSchema, parseBody } from './schemas.ts';
import { changeTree, findInTree, pathOf, pathParts, requireInTree, type Tree } from './tree.ts';
import type { WriteOptions } from './types.ts';
import type { WriteContext } from './write.ts';

/** An environment as the management API shows it. */
export interface EnvironmentView {
  id: string;
  apiName: string;
  name: string;
  path: string;
  parent: string | null;
  root: string;
  description: string;
  tags: string[];
  default: boolean;
  version: number;
  created: string;
  changed: string;
  changedBy: string;
}

/** An environment in the tree of all. */
export interface EnvironmentNode {
  id: string;
  apiName: string;
  name: string;
  path: string;
  parent: string | null;
  default: boolean;
  children: EnvironmentNode[];
}

export interface Environments {
  /** All environments as trees, in the order of their creation. */
  environmentTree(): Promise<EnvironmentNode[]>;
  environment(environment: string): Promise<{ view: EnvironmentView; etag: string }>;
  /**
   * The ids from the root to the environment named, `undefined` being the default one; from memory, unless that does not
   * know it. Undefined: there is none, or there are several of that name.
   */
  environmentChain(environment: string | undefined): Promise<readonly string[] | undefined>;
  /** Creates or updates; see `environmentTarget` for what `environment` and the body may name. */
  putEnvironment(
    environment: string,
    body: unknown,
    options: WriteOptions & {
      /** is told what the write comes to before anything is written, and may throw */
      allow?: (write: EnvironmentWrite) => Promise<void>;
    },
  ): Promise<{ view: EnvironmentView; etag: string; outcome: 'created' | 'updated' | 'unchanged' }>;
  /** Throws a Problem: 404, 409 where it has children or is the default environment, 412. */
  removeEnvironment(environment: string, options: WriteOptions): Promise<void>;
}

/** What a PUT of an environment is about to do. */
export interface EnvironmentWrite {
  operation: 'create' | 'update';
  /** the ids from the root to the environment, or to the parent of a new one; empty for a new root */
  chain: readonly string[];
  /** the text that named the last of them */
  named: string;
}

interface PutOutcome {
  entry: EnvironmentEntry;
  outcome: 'created' | 'updated' | 'unchanged';
}

export interface EnvironmentDeps {
  blobs: Blobs;
  cache: Cache;
  commit<T>(root: string, change: (manifest: Manifest) => Promise<Change<T>>): Promise<Committed<T>>;
  context(manifest: Manifest, by: string): WriteContext;
  /** what is to be done after a commit */
  flush(manifest: Manifest, etag: string): Promise<void>;
  log(
    manifest: Manifest,
    at: EnvironmentEntry,
    by: string,
    operation: Operation,
    what: { kind: string; name: string; version?: number; before?: unknown; after?: unknown },
  ): void;
  now(): number;
  ready(): Promise<void>;
  inTurn<T>(root: string, work: () => Promise<T>): Promise<T>;
}

/** Version and id; an environment's id is never given twice. */
export function environmentEtag({ version, id, created }: EnvironmentEntry): string {
  return `"${version}-${id.slice(0, 8)}-${Date.parse(created).toString(36)}"`;
}

export function openEnvironments(deps: EnvironmentDeps): Environments {
  const { blobs, cache } = deps;

  const isDefault = (tree: Tree, id: string): boolean => {
    const found = findInTree(tree, cache.defaultEnvironment(tree));
    return found !== undefined && found !== 'ambiguous' && found.node.id === id;
  };

  const viewOf = (manifest: Manifest, entry: EnvironmentEntry, tree: Tree): EnvironmentView => ({
    id: entry.id,
    apiName: entry.apiName,
    name: entry.name,
    path: pathOf(manifest, entry.id),
    parent: entry.parent,
    root: manifest.root,
    description: entry.description,
    tags: entry.tags,
    default: isDefault(tree, entry.id),
    version: entry.version,
    created: entry.created,
    changed: entry.changed,
    changedBy: entry.changedBy,
  });

  const answer = async (manifest: Manifest, entry: EnvironmentEntry) => ({
    view: viewOf(manifest, entry, await cache.tree()),
    etag: environmentEtag(entry),
  });

  const create = async (
    manifest: Manifest,
    target: EnvironmentTarget,
    body: EnvironmentBody,
    by: string,
  ): Promise<EnvironmentEntry> => {
    const entry = await addEnvironment(manifest, target, body, deps.context(manifest, by));
    deps.log(manifest, entry, by, 'Create', {
      kind: 'environments',
      name: entry.name,
      version: 1,
      after: settingsOf(entry),
    });
    return entry;
  };

  const update = (
    manifest: Manifest,
    entry: EnvironmentEntry,
    body: EnvironmentBody,
    by: string,
  ): boolean => {
    const before = settingsOf(entry);
    const { name, description, tags } = body;
    if (JSON.stringify(before) === JSON.stringify({ ...before, name, description, tags })) return false;
    const { at } = deps.context(manifest, by);
    Object.assign(entry, { name, description, tags, version: entry.version + 1, changed: at, changedBy: by });
    manifest.treeSequence = manifest.sequence;
    deps.log(manifest, entry, by, 'Update', {
      kind: 'environments',
      name,
      version: entry.version,
      before,
      after: settingsOf(entry),
    });
    return true;
  };

  /** The root is reserved in the tree first, so that of two at the same time one is refused. */
  const reserve = async (target: EnvironmentTarget, name: string): Promise<void> => {
    const node = { id: target.id, apiName: target.apiName, name, parent: null };
    cache.tookTree(
      await changeTree(blobs, (tree) => {
        const known = tree.roots.find(({ root }) => root === target.id);
        if (known?.sequence === 0) return false;
        const folded = target.apiName.toLowerCase();
        const taken = tree.roots.some(({ environments }) =>
          environments.some(
            ({ id, apiName, parent }) =>
              id === target.id || (parent === null && apiName.toLowerCase() === folded),
          ),
        );
        if (taken) {
          throw Problem.conflict(`Another root environment has the API name or id ${target.apiName}.`, {
            code: 'ApiNameTaken',
          });
        }
        tree.roots.push({ root: target.id, sequence: 0, environments: [node] });
        return true;
      }),
    );
  };

  /** False: the manifest was made by another meanwhile. */
  const createRoot = async (
    target: EnvironmentTarget,
    body: EnvironmentBody,
    by: string,
  ): Promise<{ manifest: Manifest; entry: EnvironmentEntry } | undefined> =>
    deps.inTurn(target.id, async () => {
      await reserve(target, body.name);
      const earlier = await readManifest(blobs, target.id);
      if (earlier && !earlier.manifest.deleted) return undefined;
      const manifest = emptyManifest(target.id, deps.now());
      // a root that was deleted and comes back under its id counts on, so that nobody takes the new state for an old one
      manifest.sequence = (earlier?.manifest.sequence ?? 0) + 1;
      manifest.changedAt = Math.max(deps.now(), (earlier?.manifest.changedAt ?? 0) + 1);
      const entry = await create(manifest, target, body, by);
      const condition = earlier ? { etag: earlier.etag } : { create: true as const };
      const written = await blobs.write(manifestBlob(target.id), serializeManifest(manifest), {
        ...condition,
        contentType: 'application/json',
      });
      if (!written.ok) return undefined;
      await deps.flush(manifest, written.etag);
      return { manifest, entry };
    });

  const put: Environments['putEnvironment'] = async (environment, body, options) => {
    await deps.ready();
    const parsed = parseBody(environmentSchema, body);
    const tree = await cache.freshTree();
    const target = environmentTarget(tree, environment, parsed);
    const { existing } = target;
    const reserved = existing && tree.roots.find(({ root }) => root === existing.id)?.sequence === 0;
    const updates = existing !== undefined && !reserved;
    const at = updates ? existing : target.parent;
    await options.allow?.({
      operation: updates ? 'update' : 'create',
      chain: at ? idsTo(tree, at.root, at.id) : [],
      named: updates ? environment : (parsed.parent ?? pathParts(environment).slice(0, -1).join('/')),
    });

    if ((!existing && !target.parent) || reserved) {
      checkNew(options, environment);
      const created = await createRoot(target, parsed, options.by);
      if (created) return { ...(await answer(created.manifest, created.entry)), outcome: 'created' };
    }

    const root = existing?.root ?? target.parent?.root ?? target.id;
    const { manifest, result } = await deps.commit<PutOutcome>(root, async (draft) => {
      const entry = draft.environments.get(target.id);
      if (!entry) {
        if (existing) throw unknown(environment);
        checkNew(options, environment);
        const created = await create(draft, target, parsed, options.by);
        return { result: { entry: created, outcome: 'created' }, changed: true };
      }
      const etag = environmentEtag(entry);
      if (
        options.ifAbsent ||
        (options.ifMatch && !options.ifMatch.some((each) => each === '*' || each === etag))
      ) {
        throw Problem.preconditionFailed('The environment exists already, or has changed.', {
          code: 'Changed',
        });
      }
      const changed = update(draft, entry, parsed, options.by);
      return {
        result: { entry, outcome: changed ? ('updated' as const) : ('unchanged' as const) },
        changed,
      };
    });
    return { ...(await answer(manifest, result.entry)), outcome: result.outcome };
  };

  return {
    async environmentTree() {
      await deps.ready();
      const tree = await cache.freshTree();
      return tree.roots.flatMap(({ sequence, environments }) => {
        const below = (parent: string | null, path: string): EnvironmentNode[] =>
          environments
            .filter((node) => node.parent === parent)
            .map((node) => ({
              ...node,
              path: `${path}/${node.apiName}`,
              default: isDefault(tree, node.id),
              children: below(node.id, `${path}/${node.apiName}`),
            }));
        return sequence === 0 ? [] : below(null, '');
      });
    },
    async environmentChain(environment) {
      await deps.ready();
      const within = (tree: Tree) => {
        const text = environment ?? (tree.roots.length === 0 ? undefined : cache.defaultEnvironment(tree));
        const found = text === undefined ? undefined : findInTree(tree, text);
        if (found === undefined || found === 'ambiguous') return undefined;
        const reserved = tree.roots.find(({ root }) => root === found.root)?.sequence === 0;
        return reserved ? undefined : idsTo(tree, found.root, found.node.id);
      };
      return within(await cache.tree()) ?? within(await cache.freshTree());
    },
    async environment(environment) {
      await deps.ready();
      const { root, node } = requireInTree(await cache.freshTree(), environment);
      const stored = await readManifest(blobs, root);
      const entry = stored?.manifest.environments.get(node.id);
      if (!stored || !entry) throw unknown(environment);
      return answer(stored.manifest, entry);
    },
    async putEnvironment(environment, body, options) {
      try {
        return await put(environment, body, options);
      } catch (error) {
        // the name was taken meanwhile, or the tree was behind: now it is an environment that exists, or none any more
        const again = ['ApiNameTaken', 'UnknownEnvironment'];
        if (!(error instanceof Problem) || !again.includes(error.code)) throw error;
        return put(environment, body, options);
      }
    },
    async removeEnvironment(environment, options) {
      await deps.ready();
      const tree = await cache.freshTree();
      const { root, node } = requireInTree(tree, environment);
      if (isDefault(tree, node.id)) {
        throw Problem.conflict(
          'This is the default environment, which requests without an environment use; it cannot be deleted.',
          { code: 'DefaultEnvironment' },
        );
      }
      await deps.commit(root, async (manifest) => {
        const entry = manifest.environments.get(node.id);
        if (!entry) throw unknown(environment);
        const etag = environmentEtag(entry);
        if (options.ifMatch && !options.ifMatch.some((each) => each === '*' || each === etag)) {
          throw Problem.preconditionFailed('The environment has changed.', { code: 'Changed' });
        }
        dropEnvironment(manifest, entry);
        const { name, version } = entry;
        deps.log(manifest, entry, options.by, 'Delete', {
          kind: 'environments',
          name,
          version,
          before: settingsOf(entry),
        });
        return { result: undefined, changed: true };
      });
    },
  };
}

function settingsOf({ name, apiName, parent, description, tags }: EnvironmentEntry) {
  return { name, apiName, parent, description, tags };
}

/** The ids from the root to an environment of its tree. */
function idsTo(tree: Tree, root: string, id: string): string[] {
  const nodes = tree.roots.find((each) => each.root === root)?.environments ?? [];
  const ids: string[] = [];
  for (let next = nodes.find((node) => node.id === id); next; ) {
    ids.unshift(next.id);
    const above = next.parent;
    next = nodes.find((node) => node.id === above);
  }
  return ids;
}

function checkNew({ ifMatch }: WriteOptions, environment: string): void {
  if (ifMatch) {
    throw Problem.preconditionFailed(
      `The environment ${JSON.stringify(environment)} does not exist (If-Match).`,
      {
        code: 'Changed',
      },
    );
  }
}

function unknown(environment: string): Problem {
  return Problem.notFound(`There is no environment ${JSON.stringify(environment)}.`, {
    code: 'UnknownEnvironment',
  });
}
