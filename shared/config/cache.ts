import { Problem } from '../problem.ts';
import type { Blobs } from '../storage/index.ts';
import { chainOf, type Manifest, manifestBlob, parseManifest, type StoredManifest } from './manifest.ts';
import { type BuiltEnvironment, buildEnvironment, type Snapshot, type SnapshotDeps } from './snapshot.ts';
import {
  type Found,
  findInTree,
  pathOf,
  readTree,
  requireInTree,
  type StoredTree,
  type Tree,
} from './tree.ts';

export interface CacheOptions extends SnapshotDeps {
  blobs: Blobs;
  /** milliseconds */
  now(): number;
  /** After so many milliseconds a use asks, in the background, whether there is something newer. */
  refreshAfter: number;
  /** After so many milliseconds a use waits for that answer. */
  waitAfter: number;
  /** The environment of requests that name none: id, API name or path; the first root where absent. */
  defaultEnvironment?: string | undefined;
  /** called with each manifest that was read: the tree may be behind it */
  onManifest(manifest: Manifest): Promise<void>;
}

export interface Cache {
  snapshot(environment: string | undefined): Promise<Snapshot>;
  /** Takes over what this process has just written, so that it is in force here at once. */
  took(stored: StoredManifest): Promise<void>;
  tookTree(stored: StoredTree): void;
  /** The tree, as fresh as a request needs it. */
  tree(): Promise<Tree>;
  /** The tree as it is now. */
  freshTree(): Promise<Tree>;
  /** Text that names the environment of requests that name none; throws a Problem 404 where there is none at all. */
  defaultEnvironment(tree: Tree): string;
  /** Waits until no refresh is under way. */
  settle(): Promise<void>;
}

/** A remembered blob: single-flight refreshes in the background, a wait only where it is old or missing. */
interface Remembered<T> {
  value: T | undefined;
  checked: number;
  refreshing: Promise<void> | undefined;
}

interface Root {
  manifest: Manifest;
  etag: string;
  /** environments that were asked for */
  built: Map<string, BuiltEnvironment>;
  /** made once, also for requests that come at the same time */
  snapshots: Map<string, Promise<Snapshot | undefined>>;
}

/** An unknown environment makes the tree be read again, but not more often than this. */
const missInterval = 1000;
const maxRemembered = 10_000;

export function openCache(options: CacheOptions): Cache {
  const { blobs, now } = options;
  const tree: Remembered<StoredTree> = {
    value: undefined,
    checked: Number.NEGATIVE_INFINITY,
    refreshing: undefined,
  };
  const roots = new Map<string, Remembered<Root>>();
  /** environments that were found in `of`, by the text that named them */
  const known: { of: Tree | undefined; found: Map<string, Found> } = { of: undefined, found: new Map() };
  const running = new Set<Promise<void>>();

  /** Refreshes once for all that ask meanwhile. A failure keeps the old value; without one it is the asker's. */
  const refresh = <T>(what: Remembered<T>, read: () => Promise<void>): Promise<void> => {
    what.refreshing ??= read()
      .catch((error: unknown) => {
        if (what.value === undefined) throw error;
        options.log(
          `the configuration could not be refreshed, the one before stays in force: ${String(error)}`,
        );
      })
      .finally(() => {
        what.checked = now();
        what.refreshing = undefined;
      });
    return what.refreshing;
  };

  const inBackground = (work: Promise<void>) => {
    const guarded = work.catch((error: unknown) => options.log(String(error)));
    running.add(guarded);
    void guarded.finally(() => running.delete(guarded));
  };

  const freshen = async <T>(what: Remembered<T>, read: () => Promise<void>): Promise<void> => {
    const age = now() - what.checked;
    if (what.value === undefined || age > options.waitAfter) await refresh(what, read);
    else if (age > options.refreshAfter) inBackground(refresh(what, read));
  };

  const readTreeAgain = async () => {
    const stored = await readTree(blobs, tree.value?.etag);
    if (stored !== 'same') tree.value = stored;
  };

  const rootOf = (root: string): Remembered<Root> => {
    let remembered = roots.get(root);
    if (!remembered) {
      remembered = { value: undefined, checked: Number.NEGATIVE_INFINITY, refreshing: undefined };
      roots.set(root, remembered);
    }
    return remembered;
  };

  /** Makes the next state of a root beside the old one, which stays if this fails. */
  const adopt = async (what: Remembered<Root>, { manifest, etag }: StoredManifest): Promise<void> => {
    const earlier = what.value;
    if (earlier && earlier.manifest.sequence >= manifest.sequence) return;
    const built = new Map<string, BuiltEnvironment>();
    for (const [id, environment] of earlier?.built ?? []) {
      if (manifest.environments.has(id))
        built.set(id, await buildEnvironment(manifest, id, options, environment));
    }
    // another refresh or a write may have been faster meanwhile
    if (what.value && what.value.manifest.sequence >= manifest.sequence) return;
    what.value = { manifest, etag, built, snapshots: new Map() };
  };

  const readRootAgain = (root: string, what: Remembered<Root>) => async () => {
    const etag = what.value?.etag;
    const blob =
      etag === undefined
        ? await blobs.read(manifestBlob(root))
        : await blobs.readIfChanged(manifestBlob(root), etag);
    if (blob === 'same') return;
    if (blob === undefined || blob === 'missing') throw unknown(root);
    const manifest = parseManifest(blob.content);
    await adopt(what, { manifest, etag: blob.etag });
    await options.onManifest(manifest);
  };

  /** As `findInTree`, once for each text that clients use; undefined where there is not exactly one. */
  const find = (tree: Tree, text: string): Found | undefined => {
    if (known.of !== tree || known.found.size > maxRemembered) {
      known.of = tree;
      known.found = new Map();
    }
    const remembered = known.found.get(text);
    if (remembered) return remembered;
    const found = findInTree(tree, text);
    if (found === undefined || found === 'ambiguous') return undefined;
    known.found.set(text, found);
    return found;
  };

  const defaultEnvironment = (environments: Tree): string => {
    const text = options.defaultEnvironment ?? environments.roots.find(({ sequence }) => sequence > 0)?.root;
    if (text === undefined)
      throw Problem.notFound('There is no environment yet.', { code: 'UnknownEnvironment' });
    return text;
  };

  const freshTree = async (): Promise<Tree> => {
    // a refresh that began before this call may have read before what the caller has to see
    if (tree.refreshing) await tree.refreshing;
    await refresh(tree, readTreeAgain);
    return tree.value?.tree ?? { roots: [] };
  };

  const currentTree = async (): Promise<Tree> => {
    await freshen(tree, readTreeAgain);
    return tree.value?.tree ?? { roots: [] };
  };

  const makeSnapshot = async (root: Root, id: string): Promise<Snapshot | undefined> => {
    const chain = chainOf(root.manifest, id);
    const leaf = chain.at(-1);
    if (!leaf || root.manifest.deleted) return undefined;
    for (const each of chain) {
      if (!root.built.has(each.id)) {
        root.built.set(each.id, await buildEnvironment(root.manifest, each.id, options));
      }
    }
    return {
      id,
      apiName: leaf.apiName,
      name: leaf.name,
      path: pathOf(root.manifest, id),
      root: root.manifest.root,
      version: String(root.manifest.sequence),
      chain: chain.flatMap((each) => root.built.get(each.id)?.snapshot ?? []),
    };
  };

  const snapshotOf = (root: Root, id: string): Promise<Snapshot | undefined> => {
    let made = root.snapshots.get(id);
    if (!made) {
      made = makeSnapshot(root, id).catch((error: unknown) => {
        root.snapshots.delete(id);
        throw error;
      });
      root.snapshots.set(id, made);
    }
    return made;
  };

  return {
    defaultEnvironment,
    freshTree,
    tree: currentTree,
    async snapshot(environment) {
      let environments = await currentTree();
      const text = environment ?? defaultEnvironment(environments);
      if (!find(environments, text) && now() - tree.checked > missInterval) environments = await freshTree();
      const { root, node } = find(environments, text) ?? requireInTree(environments, text);
      const remembered = rootOf(root);
      await freshen(remembered, readRootAgain(root, remembered));
      let snapshot = remembered.value && (await snapshotOf(remembered.value, node.id));
      if (!snapshot) {
        // the tree may be ahead of the manifest that is remembered
        await refresh(remembered, readRootAgain(root, remembered));
        snapshot = remembered.value && (await snapshotOf(remembered.value, node.id));
      }
      if (!snapshot) throw unknown(text);
      return snapshot;
    },
    async took(stored) {
      const remembered = rootOf(stored.manifest.root);
      try {
        await adopt(remembered, stored);
      } catch (error) {
        options.log(`what was written could not be taken into force here yet: ${String(error)}`);
      }
    },
    tookTree(stored) {
      tree.value = stored;
      tree.checked = now();
    },
    async settle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

function unknown(environment: string): Problem {
  return Problem.notFound(`There is no environment ${JSON.stringify(environment)}.`, {
    code: 'UnknownEnvironment',
  });
}
