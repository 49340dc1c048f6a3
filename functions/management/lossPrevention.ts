import { z } from 'zod';
import { parseBody } from '../../shared/config/index.ts';
import {
  contentSecurityPolicy,
  lakeContainer,
  lossPreventionSettingsSchema,
  openLossPrevention,
} from '../../shared/lossPrevention/index.ts';
import { Problem } from '../../shared/problem.ts';
import { queryNumber, type Reply, type Route, type RouteContext } from './route.ts';

const base = 'environments/{env}/lossPrevention';
const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

/** Settings and runs of loss prevention, and the pages that a run writes. */
export const lossPreventionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${base}/settings`,
    permission: 'lossPrevention.read',
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const found = await room.settings(environment);
      const settings = found?.settings ?? lossPreventionSettingsSchema.parse({});
      const body = { ...settings, container: lakeContainer(environment) };
      return { status: 200, body, ...(found ? { etag: found.etag } : {}) };
    },
  },
  {
    method: 'PUT',
    path: `${base}/settings`,
    body: 'json',
    permission: 'lossPrevention.write',
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const settings = parseBody(lossPreventionSettingsSchema, withoutContainer(context.body));
      const expected = context.write.ifMatch?.find((etag) => etag !== '*');
      if (!(await room.saveSettings(environment, settings, expected)))
        throw Problem.preconditionFailed('The settings changed since they were read.');
      const saved = await room.settings(environment);
      const body = { ...settings, container: lakeContainer(environment) };
      return { status: 200, body, ...(saved ? { etag: saved.etag } : {}) };
    },
  },
  {
    method: 'POST',
    path: `${base}/runs`,
    permission: 'lossPrevention.write',
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      return { status: 202, body: await room.request(environment, context.caller.id) };
    },
  },
  {
    method: 'GET',
    path: `${base}/runs`,
    permission: 'lossPrevention.read',
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const limit = queryNumber(context.query, 'limit', { default: 20, min: 1, max: 200 });
      return { status: 200, body: { items: await room.runs(environment, limit) } };
    },
  },
  {
    method: 'GET',
    path: `${base}/runs/{id}`,
    permission: 'lossPrevention.read',
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const record = await room.run(environment, context.parameter('id'));
      if (!record) throw Problem.notFound('There is no run of this id.', { code: 'RunNotFound' });
      return { status: 200, body: record };
    },
  },
  {
    method: 'GET',
    path: `${base}/dashboard/{file}`,
    permission: 'lossPrevention.read',
    handler: (context) => dashboardFile(context, context.parameter('file')),
  },
  {
    method: 'GET',
    path: `${base}/dashboard/{kind}/{file}`,
    permission: 'lossPrevention.read',
    handler: (context) => dashboardFile(context, `${context.parameter('kind')}/${context.parameter('file')}`),
  },
];

async function dashboardFile(context: RouteContext, name: string): Promise<Reply> {
  const { environment, room } = await placeOf(context);
  const content = await room.dashboardFile(environment, name);
  if (!content)
    throw Problem.notFound(
      'There is no such page: no run has finished yet, or its dashboard has none of this name.',
      {
        code: 'PageNotFound',
      },
    );
  return {
    status: 200,
    file: { content, type: types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream' },
    headers: {
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
    },
  };
}

async function placeOf({ app, parameter }: RouteContext) {
  const environment = (await app.config.environment(parameter('env'))).view.id;
  return { environment, room: openLossPrevention(app.storage) };
}

const readOnly = z.looseObject({ container: z.string().optional() });

/** A GET adds the container, which follows from the environment; its answer can be sent back. */
function withoutContainer(body: unknown): unknown {
  const read = readOnly.safeParse(body);
  if (!read.success) return body;
  const { container: _, ...rest } = read.data;
  return rest;
}
