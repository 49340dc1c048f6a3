import { Problem } from '../problem.ts';
import type { Storage } from '../storage/index.ts';
import {
  type ActivityEntry,
  activityEntry,
  type Operation,
  operationOf,
  readActivity,
  summarize,
  writeActivity,
} from './activity.ts';
import { openCache } from './cache.ts';
import { checkConditions } from './conditions.ts';
import { deferredDocuments, openDocuments, type VersionDocument, versionEtag } from './documents.ts';
import { openEnvironments } from './environmentStore.ts';
import { scopesOf } from './environments.ts';
import {
  type Change,
  type Committed,
  chainOf,
  commitManifest,
  type EnvironmentEntry,
  foldName,
  type Manifest,
  type ResourceEntry,
  readManifest,
  resourceKey,
  type StoredVersion,
} from './manifest.ts';
import { publishedOf, usesOf } from './resolve.ts';
import { kindOf } from './resources.ts';
import { type ListBody, listSchema, parseName } from './schemas.ts';
import { columnsOf, headerOf, inOrder, keepSecrets, lacksSecrets, type Template } from './templates.ts';
import { changeTree, copyIntoTree, requireInTree } from './tree.ts';
import type {
  ConfigStore,
  StoredResource,
  StoreOptions,
  WriteOptions,
  WrittenStoredResource,
} from './types.ts';
import { configNames } from './types.ts';
import {
  putResource,
  removeResource,
  usesOfResource,
  type WriteContext,
  type WrittenResource,
} from './write.ts';

/** Opens the configuration; costs no call until it is used. */
export function openStore<Parsed extends { memory: number }>(
  storage: Storage,
  options: StoreOptions<Parsed>,
): ConfigStore {
  const blobs = storage.blobs('config');
  const activityTable = storage.table('activity');
  const documents = openDocuments(blobs);
  const now = options.now ?? Date.now;
  const warn = options.log ?? ((message: string) => console.warn(message));
  const listMemory = options.listMemory ?? 128 * 1024 * 1024;

  let prepared: Promise<void> | undefined;
  const ready = (): Promise<void> => {
    prepared ??= storage.ensure(configNames).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };

  /** Entries that this process has stored in the log itself; the next commit need not do it again. */
  const flushed = new Set<string>();
  const flush = async (entries: readonly ActivityEntry[]): Promise<void> => {
    const missing = entries.filter(({ id }) => !flushed.has(id));
    await writeActivity(activityTable, missing);
    for (const { id } of missing) flushed.add(id);
    for (const oldest of flushed) {
      if (flushed.size <= 1000) break;
      flushed.delete(oldest);
    }
  };

  const cache = openCache({
    blobs,
    documents,
    supportLists: options.supportLists,
    openList: (content) => options.lists.open(content),
    log: warn,
    now,
    refreshAfter: options.refreshAfter ?? 3_000,
    waitAfter: options.waitAfter ?? 60_000,
    defaultEnvironment: options.defaultEnvironment,
    onManifest: (manifest) => catchUp(manifest),
  });

  /** Brings the tree up to a manifest's environments, where a process died between the two. */
  const catchUp = async (manifest: Manifest): Promise<void> => {
    const known = (await cache.tree()).roots.find(({ root }) => root === manifest.root);
    if (known && known.sequence < manifest.treeSequence) {
      cache.tookTree(await changeTree(blobs, (tree) => copyIntoTree(tree, manifest)));
    }
  };

  /** One commit after the other within the process; between processes the ETag decides. */
  const queues = new Map<string, Promise<unknown>>();
  const inTurn = <T>(root: string, work: () => Promise<T>): Promise<T> => {
    const next = (queues.get(root) ?? Promise.resolve()).then(work, work);
    queues.set(root, next);
    return next;
  };

  /** Commits, logs, brings the tree up to date, and takes the result into force in this process. */
  const commit = <T>(
    root: string,
    change: (manifest: Manifest) => Promise<Change<T>>,
  ): Promise<Committed<T>> =>
    inTurn(root, async () => {
      const committed = await commitManifest(blobs, root, now, catchUp, flush, change);
      if (committed.changed) await settle(committed.manifest, committed.etag);
      return committed;
    });

  /** What follows a commit. It stands whatever happens here: later commits and refreshes make up for what fails. */
  const settle = async (manifest: Manifest, etag: string): Promise<void> => {
    try {
      await flush(manifest.activity);
      await catchUp(manifest);
    } catch (error) {
      warn(
        `a change is committed, but its log entry or the index of environments will follow later: ${String(error)}`,
      );
    }
    await cache.took({ manifest, etag });
  };

  const locate = async (environment: string) => {
    await ready();
    const { root, node } = requireInTree(await cache.freshTree(), environment);
    return { root, id: node.id };
  };

  const open = async (environment: string): Promise<{ manifest: Manifest; at: EnvironmentEntry }> => {
    const { root, id } = await locate(environment);
    const stored = await readManifest(blobs, root);
    // the index was not told of its end
    if (stored?.manifest.deleted) await catchUp(stored.manifest);
    return {
      manifest: stored?.manifest ?? missing(environment),
      at: entryOf(stored?.manifest, id, environment),
    };
  };

  const entryOf = (manifest: Manifest | undefined, id: string, environment: string): EnvironmentEntry =>
    manifest?.environments.get(id) ?? missing(environment);

  const found = (at: EnvironmentEntry, kind: string, name: string): ResourceEntry =>
    at.resources.get(resourceKey(kind, name)) ?? unknownResource(kind, name, at);

  const stored = async (entry: ResourceEntry): Promise<StoredResource> => ({
    entry,
    document: await documents.load(entry.latest.blob),
    etag: versionEtag(entry.latest),
  });

  const context = (manifest: Manifest, by: string): WriteContext => ({
    documents,
    supportLists: options.supportLists,
    by,
    at: new Date(manifest.changedAt).toISOString(),
  });

  const log = (
    manifest: Manifest,
    at: EnvironmentEntry,
    by: string,
    operation: Operation,
    what: { kind: string; name: string; version?: number; before?: unknown; after?: unknown },
  ): void => {
    const { kind, name, version, before, after } = what;
    manifest.activity.push(
      activityEntry({
        at: manifest.changedAt,
        by,
        operation,
        kind,
        name,
        ...(version === undefined ? {} : { version }),
        environment: at.id,
        environmentName: at.name,
        scopes: manifest.environments.has(at.id)
          ? scopesOf(manifest, at.id)
          : [at.id, ...parents(manifest, at)],
        ...summarize(before, after),
      }),
    );
  };

  const write = async (
    environment: string,
    kind: string,
    name: string,
    settings: WriteOptions,
    body: (
      entry: ResourceEntry | undefined,
      at: EnvironmentEntry,
    ) => Promise<{ body: unknown; restored?: number }>,
  ): Promise<WrittenStoredResource> => {
    const { root, id } = await locate(environment);
    const { result } = await commit(root, async (manifest) => {
      const at = entryOf(manifest, id, environment);
      const existing = at.resources.get(resourceKey(kind, name));
      checkConditions(settings, existing && versionEtag(existing.latest), `${kindOf(kind).noun} ${name}`);
      const { body: content, restored } = await body(existing, at);
      const saved = deferredDocuments(documents);
      const written = await putResource(
        manifest,
        at,
        kind,
        name,
        content,
        { ...context(manifest, settings.by), documents: saved },
        restored,
      );
      await saved.flush();
      const { before, after, outcome } = written;
      if (outcome !== 'unchanged') {
        const operation = operationOf(before, after, restored);
        log(manifest, at, settings.by, operation, {
          kind,
          name: after.name,
          version: after.version,
          before: before?.content,
          after: after.content,
        });
      }
      return { result: written, changed: outcome !== 'unchanged' };
    });
    const { entry, after, outcome, diagnostics } = result;
    return { entry, document: after, etag: versionEtag(entry.latest), outcome, diagnostics };
  };

  /** The versions of a resource, newest first, as far as they are asked for. */
  async function* history(latest: StoredVersion | undefined): AsyncGenerator<VersionDocument> {
    for (let blob = latest?.blob; blob !== undefined; ) {
      const document = await documents.load(blob);
      yield document;
      blob = document.previous;
    }
  }

  const latestOf = (at: EnvironmentEntry, kind: string, name: string): StoredVersion =>
    at.resources.get(resourceKey(kind, name))?.latest ??
    at.removed.get(resourceKey(kind, name)) ??
    unknownResource(kind, name, at);

  const environments = openEnvironments({
    blobs,
    cache,
    commit,
    context,
    flush: settle,
    log,
    now,
    ready,
    inTurn,
  });

  return {
    ...environments,
    async snapshot(environment) {
      await ready();
      return cache.snapshot(environment);
    },
    async list(environment, kind) {
      const { manifest, at } = await open(environment);
      const entries = [...at.resources.values()].filter((entry) => entry.kind === kind);
      const resources = await Promise.all(entries.map(stored));
      resources.sort((left, right) => (foldName(left.entry.name) < foldName(right.entry.name) ? -1 : 1));
      return { resources, etag: `"${manifest.sequence}"` };
    },
    async get(environment, kind, name) {
      const { at } = await open(environment);
      return stored(found(at, kind, name));
    },
    put: async (environment, kind, name, body, settings) =>
      write(environment, kind, parseName(name, kindOf(kind).name), settings, async () => ({ body })),
    async remove(environment, kind, name, settings) {
      const { root, id } = await locate(environment);
      await commit(root, async (manifest) => {
        const at = entryOf(manifest, id, environment);
        const entry = found(at, kind, name);
        checkConditions(settings, versionEtag(entry.latest), `${kindOf(kind).noun} ${name}`);
        const before = await documents.load(entry.latest.blob);
        await removeResource(manifest, at, entry, before.content);
        const { version } = entry.latest;
        log(manifest, at, settings.by, 'Delete', { kind, name: entry.name, version, before: before.content });
        return { result: undefined, changed: true };
      });
    },
    async versions(environment, kind, name, { limit, before }) {
      const { at } = await open(environment);
      const documentsFound: VersionDocument[] = [];
      for await (const document of history(latestOf(at, kind, name))) {
        if (before !== undefined && document.version >= before) continue;
        documentsFound.push(document);
        if (documentsFound.length === limit) break;
      }
      return documentsFound;
    },
    async rollback(environment, kind, name, version, settings) {
      return write(environment, kind, parseName(name), settings, async (_, at) => {
        for await (const document of history(latestOf(at, kind, name))) {
          if (document.version === version) return { body: document.content, restored: version };
        }
        throw Problem.notFound(`The ${kindOf(kind).noun} ${JSON.stringify(name)} has no version ${version}.`);
      });
    },
    async references(environment, kind, name) {
      const { manifest, at } = await open(environment);
      return usesOfResource(manifest, at, found(at, kind, name));
    },
    async supportListReferences(environment, names) {
      const { manifest, at } = await open(environment);
      return usesOf(manifest, at.id, 'supportList', names);
    },
    async putList(environment, listName, content, settings) {
      const name = parseName(listName);
      if (options.supportLists.some((taken) => foldName(taken) === foldName(name))) {
        throw Problem.conflict(`${JSON.stringify(name)} is the name of a support list.`, {
          code: 'NameTaken',
        });
      }
      const parsed = await options.lists.parse(content);
      const { manifest, at } = await open(environment);
      const others = await memoryOfLists(manifest, at, name);
      const inMemory = others + parsed.memory <= listMemory;
      const saved = await options.lists.save(`${manifest.root}/lists`, parsed, inMemory);
      return write(environment, 'lists', name, settings, async (entry) => {
        const description = settings.description ?? (entry && (await listOf(entry)).description) ?? '';
        return { body: { ...saved, description } };
      });
    },
    async putTemplate(environment, resources, { by, preview }) {
      const { root, id } = await locate(environment);
      const apply = async (manifest: Manifest, context: WriteContext, saveLists: boolean) => {
        const at = entryOf(manifest, id, environment);
        const written: (WrittenResource & { kind: string })[] = [];
        for (const { kind, name: given, content } of inOrder(resources)) {
          const name = parseName(given, kindOf(kind).name);
          const existing = at.resources.get(resourceKey(kind, name));
          const known = existing && (await context.documents.load(existing.latest.blob)).content;
          let body: unknown = content;
          if (kind === 'lists') body = known ?? (await emptyList(manifest.root, name, content, saveLists));
          else if (kind === 'externalCalls' && known !== undefined) body = keepSecrets(content, known);
          written.push({ kind, ...(await putResource(manifest, at, kind, name, body, context)) });
        }
        return written;
      };
      const { result } = await commit(root, async (manifest) => {
        const saved = deferredDocuments(documents);
        const written = await apply(manifest, { ...context(manifest, by), documents: saved }, !preview);
        if (preview) return { result: written, changed: false };
        await saved.flush();
        for (const { kind, environment: at, before, after, outcome } of written) {
          if (outcome === 'unchanged') continue;
          const { name, version, content } = after;
          log(manifest, at, by, operationOf(before, after, undefined), {
            kind,
            name,
            version,
            before: before?.content,
            after: content,
          });
        }
        return { result: written, changed: written.some(({ outcome }) => outcome !== 'unchanged') };
      });
      return result.map(({ kind, after, outcome, diagnostics }) => ({
        kind,
        name: after.name,
        outcome,
        diagnostics,
        lacksSecrets: lacksSecrets(kind, after.content),
      }));
    },
    async activity(environment, page) {
      const { manifest, at } = await open(environment);
      await flush(manifest.activity);
      return readActivity(activityTable, at.id, page);
    },
    async logActivity(entry) {
      await ready();
      const tree = await cache.tree();
      const owner = tree.roots.find(({ environments: nodes }) =>
        nodes.some(({ id }) => id === entry.environment),
      );
      const scopes: string[] = [];
      for (let next = owner?.environments.find(({ id }) => id === entry.environment); next; ) {
        scopes.push(next.id);
        const above = next.parent;
        next = owner?.environments.find(({ id }) => id === above);
      }
      const environmentName = owner?.environments.find(({ id }) => id === entry.environment)?.name ?? '';
      await writeActivity(activityTable, [
        { ...entry, environmentName, scopes: scopes.length > 0 ? scopes : [entry.environment] },
      ]);
    },
    settle: () => cache.settle(),
  };

  /** The content of a list that has columns and no row yet. */
  async function emptyList(
    root: string,
    name: string,
    content: Template['resources'][number]['content'],
    save: boolean,
  ): Promise<unknown> {
    if (options.supportLists.some((taken) => foldName(taken) === foldName(name)))
      throw Problem.conflict(`${JSON.stringify(name)} is the name of a support list.`, { code: 'NameTaken' });
    const columns = columnsOf(content);
    if (!columns)
      throw Problem.badRequest(`The list ${JSON.stringify(name)} of the template has no columns.`, {
        code: 'InvalidBody',
      });
    const parsed = await options.lists.parse(headerOf(columns));
    const description = typeof content.description === 'string' ? content.description : '';
    if (save) return { ...(await options.lists.save(`${root}/lists`, parsed, true)), description };
    return { description, columns, rows: 0, bytes: 0, memory: 0, blob: 'none' };
  }

  async function listOf(entry: ResourceEntry): Promise<ListBody> {
    return listSchema.parse((await documents.load(entry.latest.blob)).content);
  }

  /** Bytes that the root's lists in memory take, without the one of that name. */
  async function memoryOfLists(manifest: Manifest, at: EnvironmentEntry, name: string): Promise<number> {
    const entries = [...manifest.environments.values()].flatMap((each) =>
      publishedOf(each, 'lists').filter(
        (entry) => each.id !== at.id || foldName(entry.name) !== foldName(name),
      ),
    );
    const lists = await Promise.all(entries.map(listOf));
    return lists.reduce((sum, { memory, pages }) => sum + (pages === undefined ? memory : 0), 0);
  }
}

function parents(manifest: Manifest, at: EnvironmentEntry): string[] {
  return at.parent === null ? [] : chainOf(manifest, at.parent).map(({ id }) => id);
}

function missing(environment: string): never {
  throw Problem.notFound(`There is no environment ${JSON.stringify(environment)}.`, {
    code: 'UnknownEnvironment',
  });
}

function unknownResource(kind: string, name: string, at: EnvironmentEntry): never {
  const noun = kindOf(kind).noun;
  throw Problem.notFound(
    `The environment ${JSON.stringify(at.name)} has no ${noun} ${JSON.stringify(name)}.`,
    { code: 'NotFound' },
  );
}
