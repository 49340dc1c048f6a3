import { Problem } from '../problem.ts';
import type { Blobs } from '../storage/index.ts';
import { chainOf, type EnvironmentEntry, type Manifest } from './manifest.ts';

/*
 * Blob `config/index.json`: which environments there are, so that a name finds its root. A root is reserved here before
 * its manifest exists; for everything below a root the manifest is the truth and this a copy of it, brought up to date
 * after each commit that changed the tree, and by any later commit or refresh that finds it behind.
 */

export interface TreeNode {
  id: string;
  apiName: string;
  name: string;
  parent: string | null;
}

export interface TreeRoot {
  root: string;
  /** `treeSequence` of the manifest that this was copied from; 0 while the root is only reserved */
  sequence: number;
  environments: TreeNode[];
}

/** Roots in the order of their creation. */
export interface Tree {
  roots: TreeRoot[];
}

export interface StoredTree {
  tree: Tree;
  etag: string | undefined;
}

const indexBlob = 'index.json';
const maxAttempts = 40;

export function parseTree(content: Uint8Array): Tree {
  const { format, roots }: Tree & { format: number } = JSON.parse(new TextDecoder().decode(content));
  if (format !== 1) throw new Error(`the index of environments has the unknown format ${format}`);
  return { roots };
}

/** The tree now, or 'same' where it still has the etag given. An empty tree where there is none yet. */
export async function readTree(blobs: Blobs, etag?: string): Promise<StoredTree | 'same'> {
  const blob = etag === undefined ? await blobs.read(indexBlob) : await blobs.readIfChanged(indexBlob, etag);
  if (blob === 'same') return 'same';
  if (blob === undefined || blob === 'missing') return { tree: { roots: [] }, etag: undefined };
  return { tree: parseTree(blob.content), etag: blob.etag };
}

/** Changes the tree; `change` runs again where another writer was faster, and returns false to leave it as it is. */
export async function changeTree(blobs: Blobs, change: (tree: Tree) => boolean): Promise<StoredTree> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await readTree(blobs);
    if (stored === 'same') throw new Error('a read without an etag cannot be unchanged');
    if (!change(stored.tree)) return stored;
    const content = JSON.stringify({ format: 1, ...stored.tree });
    const options = stored.etag === undefined ? { create: true as const } : { etag: stored.etag };
    const written = await blobs.write(indexBlob, content, { ...options, contentType: 'application/json' });
    if (written.ok) return { tree: stored.tree, etag: written.etag };
  }
  throw Problem.unavailable('Too many others are changing the environments at the moment.', 2);
}

/** Copies a manifest's environments into the tree, unless the tree has them, or newer ones, already. */
export function copyIntoTree(tree: Tree, manifest: Manifest): boolean {
  const root = tree.roots.find((each) => each.root === manifest.root);
  if (!root || root.sequence >= manifest.treeSequence) return false;
  if (manifest.deleted) {
    // it comes back under its id: what is reserved for it is newer than the end of the one before
    if (root.sequence === 0) return false;
    tree.roots.splice(tree.roots.indexOf(root), 1);
    return true;
  }
  root.sequence = manifest.treeSequence;
  root.environments = [...manifest.environments.values()].map(nodeOf);
  return true;
}

export function nodeOf({ id, apiName, name, parent }: EnvironmentEntry): TreeNode {
  return { id, apiName, name, parent };
}

export interface Found {
  root: string;
  node: TreeNode;
}

/** The slashes around are of no meaning, as clients append one; the parts are not empty. */
export function pathParts(text: string): string[] {
  return text.trim().replace(/^\/+/, '').replace(/\/+$/, '').split('/');
}

/**
 * Finds an environment by id, by API name, or by a path of either from a root (`/primary/eu`, `{id}/eu`), in any letter
 * case. A lone API name is looked for among the roots first, then below them.
 * Undefined: there is none. `ambiguous`: several environments have the API name, and no path says which.
 */
export function findInTree(tree: Tree, text: string): Found | 'ambiguous' | undefined {
  const [first, ...rest] = pathParts(text);
  if (!first) return undefined;
  const folded = first.toLowerCase();
  const all: Found[] = tree.roots.flatMap(({ root, environments }) =>
    environments.map((node) => ({ root, node })),
  );
  const named = all.filter(({ node }) => node.apiName.toLowerCase() === folded);
  const start: Found | 'ambiguous' | undefined =
    all.find(({ node }) => node.id === folded) ??
    named.find(({ node }) => node.parent === null) ??
    (named.length > 1 ? 'ambiguous' : named[0]);
  let found: Found | 'ambiguous' | undefined = start;
  for (const part of rest) {
    if (found === undefined || found === 'ambiguous') return found;
    const parent = found.node.id;
    const wanted = part.toLowerCase();
    found = all.find(
      ({ node }) => node.parent === parent && (node.id === wanted || node.apiName.toLowerCase() === wanted),
    );
  }
  return found;
}

/** As `findInTree`; throws a Problem 404 where there is not exactly one. */
export function requireInTree(tree: Tree, text: string): Found {
  const found = findInTree(tree, text);
  if (found === 'ambiguous') {
    throw Problem.notFound(
      `Several environments have the API name ${JSON.stringify(text)}; give the id, or the path from the root.`,
      { code: 'AmbiguousEnvironment' },
    );
  }
  if (!found) {
    throw Problem.notFound(`There is no environment ${JSON.stringify(text)}.`, {
      code: 'UnknownEnvironment',
    });
  }
  return found;
}

/** The path of API names from the root, `/primary/eu`. */
export function pathOf(manifest: Manifest, id: string): string {
  return chainOf(manifest, id)
    .map(({ apiName }) => `/${apiName}`)
    .join('');
}
