import { z } from 'zod';
import { parseBody, supportBulkSchema, supportEntrySchema } from '../../shared/config/index.ts';
import {
  findSupportList,
  type StoredSupportEntry,
  type SupportValue,
  type SupportWritten,
  supportLists,
} from '../../shared/lists/index.ts';
import { Problem } from '../../shared/problem.ts';
import { limit, page, pageFrom, referenceView, supportEntryView } from './about.ts';
import { queryNumber, queryText, type Reply, type Route, type RouteContext } from './route.ts';

const longestKey = 1024;
const list = 'environments/{env}/supportLists/{list}';

/** The five support lists of an environment, and their entries. */
export const supportListRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'environments/{env}/supportLists',
    permission: 'resources.read',
    about: {
      operation: 'listSupportLists',
      summary: 'The five support lists',
      answers: {
        200: page(
          z.object({ name: z.string(), aliases: z.array(z.string()), attributes: z.array(z.string()) }),
        ),
      },
    },
    async handler(context): Promise<Reply> {
      await environmentOf(context);
      const items = supportLists.map(({ name, aliases, attributes }) => ({ name, aliases, attributes }));
      return { status: 200, body: { items } };
    },
  },
  {
    method: 'GET',
    path: `${list}/references`,
    permission: 'resources.read',
    about: {
      operation: 'listSupportListReferences',
      summary: 'Where a support list is used',
      answers: { 200: page(referenceView) },
    },
    async handler({ app, parameter }): Promise<Reply> {
      const found = findSupportList(parameter('list'));
      if (!found) throw Problem.notFound(`There is no support list ${JSON.stringify(parameter('list'))}.`);
      const names = [found.name, ...found.aliases];
      return {
        status: 200,
        body: { items: await app.config.supportListReferences(parameter('env'), names) },
      };
    },
  },
  {
    method: 'GET',
    path: `${list}/entries`,
    permission: 'resources.read',
    about: {
      operation: 'listSupportListEntries',
      summary: 'Who is marked Safe, Block or Watch',
      query: { limit: limit(500, 50), from: z.string().optional() },
      answers: { 200: pageFrom(supportEntryView, z.string()) },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const limit = queryNumber(context.query, 'limit', { default: 50, min: 1, max: 500 });
      const from = queryText(context.query, 'from');
      const { entries, next } = await context.app.config.supportLists.list(
        environment,
        context.parameter('list'),
        {
          limit,
          ...(from === undefined ? {} : { from }),
        },
      );
      const now = context.app.clock();
      const items = entries.map((entry) => viewOf(entry, now));
      return { status: 200, body: { items, ...(next === undefined ? {} : { next }) } };
    },
  },
  {
    method: 'POST',
    path: `${list}/entries`,
    permission: 'resources.write',
    body: 'json',
    about: {
      operation: 'putSupportListEntries',
      summary: 'Gives up to 1,000 keys one status, or takes them off the list',
      body: supportBulkSchema,
      answers: {
        200: page(
          z.object({
            key: z.string(),
            outcome: z.enum(['created', 'updated', 'unchanged', 'removed', 'missing', 'refused']),
          }),
        ),
      },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const { keys, status, ...others } = parseBody(supportBulkSchema, context.body);
      const value = status === 'Remove' ? undefined : supportValue({ status, ...others });
      const written = await context.app.config.supportLists.write(
        environment,
        context.parameter('list'),
        keys,
        value,
        { by: context.caller.id },
      );
      return { status: 200, body: { items: written.map(({ key, outcome }) => ({ key, outcome })) } };
    },
  },
  {
    method: 'GET',
    path: `${list}/entries/{key}`,
    permission: 'supportListEntries.read',
    about: {
      operation: 'getSupportListEntry',
      summary: 'One entry of a support list',
      answers: { 200: supportEntryView },
    },
    async handler(context): Promise<Reply> {
      const environment = await environmentOf(context);
      const key = keyOf(context);
      const entry = await context.app.config.supportLists.get(environment, context.parameter('list'), key);
      if (!entry) throw noEntry(context);
      return { status: 200, body: viewOf(entry, context.app.clock()), etag: entry.etag };
    },
  },
  {
    method: 'PUT',
    path: `${list}/entries/{key}`,
    permission: 'supportListEntries.write',
    body: 'json',
    about: {
      operation: 'putSupportListEntry',
      summary: 'Marks somebody as Safe, Block or Watch',
      body: supportEntrySchema,
      conditional: true,
      answers: { 200: supportEntryView, 201: supportEntryView },
    },
    async handler(context): Promise<Reply> {
      const value = supportValue(parseBody(supportEntrySchema, settings(context.body)));
      const { outcome, entry } = await writeOne(context, value);
      if (!entry) throw noEntry(context);
      return {
        status: outcome === 'created' ? 201 : 200,
        body: viewOf(entry, context.app.clock()),
        etag: entry.etag,
      };
    },
  },
  {
    method: 'DELETE',
    path: `${list}/entries/{key}`,
    permission: 'supportListEntries.write',
    about: {
      operation: 'deleteSupportListEntry',
      summary: 'Takes an entry off a support list',
      conditional: true,
      answers: { 204: 'none' },
    },
    async handler(context): Promise<Reply> {
      const { outcome } = await writeOne(context, undefined);
      if (outcome === 'missing') throw noEntry(context);
      return { status: 204 };
    },
  },
];

/** The id under which entries are stored; throws a Problem 404. */
async function environmentOf({ app, parameter }: RouteContext): Promise<string> {
  return (await app.config.environment(parameter('env'))).view.id;
}

function keyOf({ parameter }: RouteContext): string {
  const key = parameter('key').trim();
  if (key !== '' && key.length <= longestKey) return key;
  throw Problem.badRequest(`A key has 1 to ${longestKey} characters.`, { code: 'InvalidKey' });
}

async function writeOne(context: RouteContext, value: SupportValue | undefined): Promise<SupportWritten> {
  const environment = await environmentOf(context);
  const { by, ifMatch, ifAbsent } = context.write;
  const [written] = await context.app.config.supportLists.write(
    environment,
    context.parameter('list'),
    [keyOf(context)],
    value,
    { by, ...(ifMatch ? { ifMatch } : {}), ...(ifAbsent ? { ifAbsent } : {}) },
  );
  if (!written) throw new Error('a write of one key gave no outcome');
  if (written.outcome === 'refused') {
    throw Problem.preconditionFailed('The entry exists already, has changed, or is not there.', {
      code: 'Changed',
    });
  }
  return written;
}

function noEntry({ parameter }: RouteContext): Problem {
  return Problem.notFound(`${parameter('list')} has no entry for this key.`, { code: 'NotFound' });
}

interface EntryBody {
  status: SupportValue['status'];
  reason?: string | undefined;
  comments?: string | undefined;
  expires?: string | null | undefined;
}

function supportValue({ status, reason, comments, expires }: EntryBody): SupportValue {
  return {
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(comments === undefined ? {} : { comments }),
    ...(expires === undefined || expires === null ? {} : { expires: Date.parse(expires) }),
  };
}

function viewOf({ etag: _, expires, changed, ...entry }: StoredSupportEntry, now: number): object {
  return {
    ...entry,
    ...(expires === undefined ? {} : { expires: new Date(expires).toISOString(), expired: expires <= now }),
    changed: new Date(changed).toISOString(),
  };
}

/** What a GET adds to an entry, so that its answer can be sent back. */
const readOnly = ['key', 'expired', 'changed', 'changedBy'];

function settings(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !readOnly.includes(name)));
}
