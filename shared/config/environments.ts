import { randomUUID } from 'node:crypto';
import { Problem } from '../problem.ts';
import { builtIns } from './builtins.ts';
import { chainOf, type EnvironmentEntry, type Manifest } from './manifest.ts';
import { apiNameSchema, type EnvironmentBody, environmentIdSchema } from './schemas.ts';
import { findInTree, pathParts, requireInTree, type Tree } from './tree.ts';
import { putResource, type WriteContext } from './write.ts';

/** What a PUT of an environment comes to. */
export interface EnvironmentTarget {
  /** of an environment that exists */
  existing?: { root: string; id: string };
  apiName: string;
  /** of the new environment */
  id: string;
  /** of the new environment; null: a root */
  parent: { root: string; id: string } | null;
}

/**
 * Which environment `text` (of the URL) and the body mean: one that exists, or a new one. A lone API name with a `parent`
 * in the body is that parent's child (null: a root); a path names its parent itself; a GUID that no environment has becomes the id of a
 * new one, so that a merchant can keep the ids its clients send.
 * Throws a Problem: 404 for an unknown parent, 400 for names that cannot be, 409 where a fixed member would change.
 */
export function environmentTarget(tree: Tree, text: string, body: EnvironmentBody): EnvironmentTarget {
  const parts = pathParts(text);
  const last = parts.at(-1) ?? '';
  const given =
    body.parent === null || body.parent === undefined ? undefined : requireInTree(tree, body.parent);
  const above = parts.length > 1 ? requireInTree(tree, parts.slice(0, -1).join('/')) : undefined;
  if (given && above && given.node.id !== above.node.id) {
    throw fixed('parent', 'is another than the path of the URL names');
  }
  const parent = above ?? given;
  const isId = environmentIdSchema.safeParse(last);
  // an explicit null means a root, also where an environment below another has the name
  const siblings = parent ? parent.node.id : body.parent === null && parts.length === 1 ? null : undefined;
  const found =
    siblings !== undefined && !isId.success ? findChild(tree, siblings, last) : findInTree(tree, text);
  if (found === 'ambiguous') requireInTree(tree, text);

  if (found && found !== 'ambiguous') {
    const { node, root } = found;
    if (parent && node.parent !== parent.node.id) throw fixed('parent', 'cannot change after creation');
    if (body.parent === null && node.parent !== null) throw fixed('parent', 'cannot change after creation');
    if (body.id !== undefined && body.id !== node.id) throw fixed('id', 'cannot change after creation');
    if (body.apiName !== undefined && body.apiName.toLowerCase() !== node.apiName.toLowerCase()) {
      throw fixed('apiName', 'cannot change after creation');
    }
    return { existing: { root, id: node.id }, apiName: node.apiName, id: node.id, parent: null };
  }

  if (isId.success && body.id !== undefined && body.id !== isId.data)
    throw fixed('id', 'is another than the URL names');
  if (!isId.success && body.apiName !== undefined && body.apiName.toLowerCase() !== last.toLowerCase()) {
    throw fixed('apiName', 'is another than the URL names');
  }
  const id = isId.success ? isId.data : (body.id ?? randomUUID());
  if (findInTree(tree, id))
    throw Problem.conflict(`Another environment has the id ${id}.`, { code: 'IdTaken' });
  const apiName = isId.success ? (body.apiName ?? id) : last;
  // an API name that looks like an id is allowed only where it is the id
  const checked = apiNameSchema.safeParse(apiName);
  if (!checked.success || (environmentIdSchema.safeParse(apiName).success && apiName.toLowerCase() !== id)) {
    const message = checked.error?.issues[0]?.message ?? 'an API name is no GUID';
    throw Problem.badRequest(`The API name ${JSON.stringify(apiName)} is not usable: ${message}.`, {
      code: 'InvalidName',
      errors: [{ path: 'apiName', message }],
    });
  }
  return { apiName: checked.data, id, parent: parent ? { root: parent.root, id: parent.node.id } : null };
}

function findChild(tree: Tree, parent: string | null, apiName: string) {
  for (const { root, environments } of tree.roots) {
    const node = environments.find(
      (each) => each.parent === parent && each.apiName.toLowerCase() === apiName.toLowerCase(),
    );
    if (node) return { root, node };
  }
  return undefined;
}

function fixed(path: string, message: string): Problem {
  return Problem.conflict(`The environment's ${path} ${message}.`, {
    code: 'FixedMember',
    errors: [{ path, message }],
  });
}

/** A manifest for a new root environment, without the environment yet. */
export function emptyManifest(root: string, now: number): Manifest {
  return { root, sequence: 0, changedAt: now, treeSequence: 0, environments: new Map(), activity: [] };
}

/** Adds an environment with everything a new one starts with. Throws a Problem 409 where a sibling has its API name. */
export async function addEnvironment(
  manifest: Manifest,
  target: EnvironmentTarget,
  body: EnvironmentBody,
  context: WriteContext,
): Promise<EnvironmentEntry> {
  const parent = target.parent?.id ?? null;
  if (parent !== null && !manifest.environments.has(parent)) {
    throw Problem.notFound('The parent environment does not exist any more.', { code: 'UnknownEnvironment' });
  }
  const taken = [...manifest.environments.values()].some(
    (each) => each.parent === parent && each.apiName.toLowerCase() === target.apiName.toLowerCase(),
  );
  if (taken) {
    throw Problem.conflict(`A sibling has the API name ${JSON.stringify(target.apiName)} already.`, {
      code: 'ApiNameTaken',
      errors: [{ path: 'apiName', message: 'is unique among siblings' }],
    });
  }
  const environment: EnvironmentEntry = {
    id: target.id,
    apiName: target.apiName,
    name: body.name,
    parent,
    description: body.description,
    tags: body.tags,
    version: 1,
    created: context.at,
    changed: context.at,
    changedBy: context.by,
    resources: new Map(),
    removed: new Map(),
  };
  manifest.environments.set(environment.id, environment);
  manifest.treeSequence = manifest.sequence;
  for (const { kind, name, body: content, system } of builtIns) {
    const { entry } = await putResource(manifest, environment, kind, name, content, {
      ...context,
      by: 'Holdfast',
    });
    if (system) entry.system = true;
  }
  return environment;
}

/** Takes an environment out of the manifest. Throws a Problem 409 where it has children. */
export function dropEnvironment(manifest: Manifest, environment: EnvironmentEntry): void {
  const children = [...manifest.environments.values()].filter(({ parent }) => parent === environment.id);
  if (children.length > 0) {
    const names = children.map(({ name }) => JSON.stringify(name)).join(', ');
    throw Problem.conflict(`The environment has children: ${names}. Delete them first.`, {
      code: 'HasChildren',
    });
  }
  manifest.environments.delete(environment.id);
  manifest.treeSequence = manifest.sequence;
  if (environment.id === manifest.root) manifest.deleted = true;
}

/** The ids of an environment and those above it. */
export function scopesOf(manifest: Manifest, id: string): string[] {
  return chainOf(manifest, id).map((each) => each.id);
}
