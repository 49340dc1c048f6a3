import { z } from 'zod';
import type { Permission } from '../../shared/auth/index.ts';
import {
  diagnosticsJson,
  parseBody,
  type ResourceKind,
  resourceKinds,
  type StoredResource,
  type WrittenStoredResource,
} from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { limit, page, pageFrom, referenceView, resourceMembers, versionMembers } from './about.ts';
import { queryNumber, queryText, type Reply, type Route } from './route.ts';

const rollbackSchema = z.strictObject({ version: z.number().int().min(1) });

/** Lists are read and written as CSV (lists.ts); everything else about them is as with other resources. */
export const listKind = 'lists';

/** A kind of resource in words and schemas, for the OpenAPI document. */
interface Shown {
  kind: string;
  /** `velocitySets` → `VelocitySet` */
  singular: string;
  plural: string;
  /** as in "the velocity set" */
  noun: string;
  body: z.ZodType;
  view: z.ZodType;
  version: z.ZodType;
}

/** Where a list's content is in storage is not shown. */
const listMembers = {
  description: z.string(),
  columns: z.array(z.string()),
  rows: z.int(),
  bytes: z.int(),
  lookup: z.enum(['memory', 'table']),
};

/** A list without its rows. */
export const listView = z
  .object({ name: z.string(), ...listMembers, ...resourceMembers })
  .meta({ id: 'List' });

function shownOf({ kind, noun, schema }: ResourceKind): Shown {
  const plural = kind.charAt(0).toUpperCase() + kind.slice(1);
  const singular = plural.replace(/ies$/, 'y').replace(/s$/, '');
  const content = kind === listKind ? listMembers : schema instanceof z.ZodObject ? schema.shape : {};
  return {
    kind,
    singular,
    plural,
    noun,
    body: schema,
    view:
      kind === listKind
        ? listView
        : z.object({ name: z.string(), ...content, ...resourceMembers }).meta({ id: singular }),
    version: z.object({ ...content, ...versionMembers }).meta({ id: `${singular}Version` }),
  };
}

/** The routes that every kind of resource of shared/config has; a kind's own file may put others in their place. */
export const resourceRoutes: readonly Route[] = resourceKinds
  .map(shownOf)
  .flatMap((shown) => [...documentRoutes(shown), ...commonRoutes(shown)]);

/** Which area of the permission table a kind belongs to. */
function permissionsOf(kind: string): { read: Permission; write: Permission } {
  if (kind === 'rules' || kind === 'actions') return { read: 'rules.read', write: 'rules.write' };
  if (kind === 'assessments') return { read: 'assessments.read', write: 'assessments.write' };
  // what the operator pays for is not the rule writers' business
  if (kind === 'capacities') return { read: 'usage.read', write: 'rootEnvironments.write' };
  return { read: 'resources.read', write: 'resources.write' };
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? 'an' : 'a';
}

function documentRoutes({ kind, singular, noun, body: schema, view }: Shown): Route[] {
  const may = permissionsOf(kind);
  return [
    {
      method: 'GET',
      path: `environments/{env}/${kind}/{name}`,
      permission: may.read,
      about: {
        operation: `get${singular}`,
        summary: `The latest version of one ${noun}`,
        answers: { 200: view },
      },
      async handler({ app, parameter }): Promise<Reply> {
        const stored = await app.config.get(parameter('env'), kind, parameter('name'));
        return { status: 200, body: viewOf(stored), etag: stored.etag };
      },
    },
    {
      method: 'PUT',
      path: `environments/{env}/${kind}/{name}`,
      permission: may.write,
      body: 'json',
      about: {
        operation: `put${singular}`,
        summary: `Creates or changes ${article(noun)} ${noun}`,
        body: schema,
        conditional: true,
        answers: { 200: view, 201: view },
      },
      async handler({ app, parameter, body, write }): Promise<Reply> {
        const name = parameter('name');
        const written = await app.config.put(parameter('env'), kind, name, contentOf(body, name), write);
        return writtenReply(written);
      },
    },
  ];
}

function commonRoutes({ kind, singular, plural, noun, view, version: versionView }: Shown): Route[] {
  const may = permissionsOf(kind);
  return [
    {
      method: 'GET',
      path: `environments/{env}/${kind}`,
      permission: may.read,
      about: {
        operation: `list${plural}`,
        summary: `Every ${noun} of an environment`,
        query: { assessment: z.string().optional() },
        answers: { 200: page(view) },
      },
      async handler({ app, parameter, query }): Promise<Reply> {
        const { resources, etag } = await app.config.list(parameter('env'), kind);
        const assessment = queryText(query, 'assessment')?.toLowerCase();
        const items = resources.map(viewOf);
        const shown = items.filter(
          (item) => assessment === undefined || String(item.assessment).toLowerCase() === assessment,
        );
        // in the order in which they run
        if (shown.some(({ order }) => order !== undefined)) {
          shown.sort((left, right) => Number(left.order) - Number(right.order));
        }
        return { status: 200, body: { items: shown }, ...(assessment === undefined ? { etag } : {}) };
      },
    },
    {
      method: 'DELETE',
      path: `environments/{env}/${kind}/{name}`,
      permission: may.write,
      about: {
        operation: `delete${singular}`,
        summary: `Deletes ${article(noun)} ${noun} that nothing uses`,
        conditional: true,
        answers: { 204: 'none' },
      },
      async handler({ app, parameter, write }): Promise<Reply> {
        await app.config.remove(parameter('env'), kind, parameter('name'), write);
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: `environments/{env}/${kind}/{name}/versions`,
      permission: may.read,
      about: {
        operation: `list${singular}Versions`,
        summary: `The versions of ${article(noun)} ${noun}, newest first`,
        query: { limit: limit(100, 20), before: z.int().min(0).max(999_999_999).optional() },
        answers: { 200: pageFrom(versionView, z.int()) },
      },
      async handler({ app, parameter, query }): Promise<Reply> {
        const limit = queryNumber(query, 'limit', { default: 20, min: 1, max: 100 });
        const before = queryNumber(query, 'before', { default: 0, min: 0, max: 999_999_999 });
        const documents = await app.config.versions(parameter('env'), kind, parameter('name'), {
          limit: limit + 1,
          ...(before === 0 ? {} : { before }),
        });
        const page = documents.slice(0, limit);
        const last = page.at(-1);
        const items = page.map(({ name, version, at, by, restored, content }) => ({
          name,
          version,
          changed: at,
          changedBy: by,
          ...(restored === undefined ? {} : { restored }),
          ...shownContent(kind, content),
        }));
        const next = documents.length > limit && last ? { next: last.version } : {};
        return { status: 200, body: { items, ...next } };
      },
    },
    {
      method: 'POST',
      path: `environments/{env}/${kind}/{name}/rollback`,
      permission: may.write,
      body: 'json',
      about: {
        operation: `rollback${singular}`,
        summary: `Makes an earlier version of ${article(noun)} ${noun} its newest`,
        body: rollbackSchema,
        conditional: true,
        answers: { 200: view, 201: view },
      },
      async handler({ app, parameter, body, write }): Promise<Reply> {
        const { version } = parseBody(rollbackSchema, body);
        const written = await app.config.rollback(parameter('env'), kind, parameter('name'), version, write);
        return writtenReply(written);
      },
    },
    {
      method: 'GET',
      path: `environments/{env}/${kind}/{name}/references`,
      permission: may.read,
      about: {
        operation: `list${singular}References`,
        summary: `Where ${article(noun)} ${noun} is used`,
        answers: { 200: page(referenceView) },
      },
      async handler({ app, parameter }): Promise<Reply> {
        const references = await app.config.references(parameter('env'), kind, parameter('name'));
        return { status: 200, body: { items: references } };
      },
    },
  ];
}

/** Members that a GET adds to the content; a PUT takes them back without a meaning. */
const readOnly = ['version', 'changed', 'changedBy', 'published', 'system', 'diagnostics'];

/** A resource as the API shows it. */
export function viewOf({ entry, document }: StoredResource): { [name: string]: unknown } {
  const { latest, published, system } = entry;
  return {
    name: entry.name,
    ...shownContent(entry.kind, document.content),
    version: latest.version,
    // a draft stands beside what is in force
    ...(published && published.version !== latest.version
      ? { published: { version: published.version, status: published.status } }
      : {}),
    changed: entry.changed,
    changedBy: entry.changedBy,
    ...(system ? { system } : {}),
  };
}

export function writtenReply(written: WrittenStoredResource): Reply {
  const { outcome, diagnostics, etag } = written;
  return {
    status: outcome === 'created' ? 201 : 200,
    body: {
      ...viewOf(written),
      ...(diagnostics.length > 0 ? { diagnostics: diagnosticsJson(diagnostics) } : {}),
    },
    etag,
  };
}

/** A list's place in storage is nobody's business; where its look-ups go may be. */
function shownContent(kind: string, content: unknown): object {
  if (typeof content !== 'object' || content === null) return {};
  if (kind !== listKind) return content;
  const shown = Object.entries(content).filter(([name]) => !['blob', 'memory', 'pages'].includes(name));
  return { ...Object.fromEntries(shown), lookup: 'pages' in content ? 'table' : 'memory' };
}

/** The body without what only a GET tells; a name in it has to be the URL's. */
function contentOf(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { name: given, ...members }: { name?: unknown } = body;
  if (
    given !== undefined &&
    (typeof given !== 'string' || given.trim().toLowerCase() !== name.trim().toLowerCase())
  ) {
    const message = 'is another than the URL names';
    throw Problem.badRequest(`The body is not usable: name: ${message}.`, {
      code: 'InvalidBody',
      errors: [{ path: 'name', message }],
    });
  }
  return Object.fromEntries(Object.entries(members).filter(([member]) => !readOnly.includes(member)));
}
