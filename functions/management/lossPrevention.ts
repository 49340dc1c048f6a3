import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { checkConditions, parseBody } from '../../shared/config/index.ts';
import {
  dashboardType,
  lakeContainer,
  lossPreventionSettingsSchema,
  type RunRecord,
} from '../../shared/lossPrevention/index.ts';
import { Problem } from '../../shared/problem.ts';
import { authOf } from '../access.ts';
import { dashboardHeaders, openPath } from '../dashboardPages.ts';
import { demandCapacity, lossPreventionOf } from '../lossPreventionRoom.ts';
import { limit, page } from './about.ts';
import { queryNumber, type Reply, type Route, type RouteContext } from './route.ts';

const base = 'environments/{env}/lossPrevention';
const run = `${base}/runs/{id}`;

/** A GET adds the container, which follows from the environment; its answer can be sent back. */
const settingsBody = z
  .strictObject({ ...lossPreventionSettingsSchema.shape, container: z.string().optional() })
  .meta({ id: 'LossPreventionSettingsBody' });
const settingsView = z
  .object({
    ...lossPreventionSettingsSchema.shape,
    container: z.string().describe('the container of the storage account that is read'),
  })
  .meta({ id: 'LossPreventionSettings' });

const kinds = ['staff', 'terminals', 'stores', 'customers', 'products'] as const;
const figure = z.int().min(0);
const runView = z
  .object({
    id: z.string(),
    status: z.enum(['queued', 'running', 'succeeded', 'failed']),
    by: z.string().describe('who asked for it, or `schedule`'),
    requested: z.iso.datetime(),
    started: z.iso.datetime().optional(),
    updated: z.iso.datetime().optional().describe('when it last told of itself'),
    finished: z.iso.datetime().optional(),
    progress: z
      .object({
        step: z.enum(['reading', 'scoring', 'writing']),
        daysDone: figure,
        daysAll: figure,
        rows: figure.describe('rows read since the run began, or went on'),
        rejects: figure.describe('rows that could not be read'),
        secondsLeft: figure.optional().describe('of the reading, as far as it can be told'),
      })
      .optional(),
    summary: z
      .object({
        dashboard: z.string(),
        months: z.array(z.string()),
        transactions: figure,
        transactionsRead: figure.describe('transactions in the days that this run read: what usage counts'),
        flagged: z.object(Object.fromEntries(kinds.map((kind) => [kind, figure]))),
        unitsRead: figure,
        monthsRolled: figure,
        rowsRead: figure,
        rejects: figure,
        unmatched: figure.describe('lines and payments without a transaction'),
        duplicates: figure,
        problems: z
          .array(z.object({ file: z.string(), reason: z.string() }))
          .describe('files that are not part of the result'),
      })
      .optional(),
    reason: z.string().optional().describe('why it failed'),
  })
  .meta({ id: 'LossPreventionRun' });

/** Settings and runs of loss prevention, and the pages that a run writes. */
export const lossPreventionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${base}/settings`,
    permission: 'lossPrevention.read',
    about: {
      operation: 'getLossPreventionSettings',
      summary: 'What loss prevention reads, and how it flags',
      answers: { 200: settingsView },
    },
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
    about: {
      operation: 'putLossPreventionSettings',
      summary: 'Sets the prefix, the column mapping, the nightly run and the flag',
      body: settingsBody,
      conditional: true,
      answers: { 200: settingsView },
    },
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const { container: _, ...settings } = parseBody(settingsBody, context.body);
      const known = await room.settings(environment);
      checkConditions(context.write, known?.etag, 'resource');
      const expected = context.write.ifMatch && known?.etag;
      if (!(await room.saveSettings(environment, settings, expected)))
        throw Problem.preconditionFailed('The settings changed since they were read.');
      if (!isDeepStrictEqual(known?.settings, settings))
        await log(context, environment, 'settings', { before: known?.settings, after: settings });
      const saved = await room.settings(environment);
      const body = { ...settings, container: lakeContainer(environment) };
      return { status: 200, body, ...(saved ? { etag: saved.etag } : {}) };
    },
  },
  {
    method: 'POST',
    path: `${base}/runs`,
    permission: 'lossPrevention.write',
    about: {
      operation: 'startLossPreventionRun',
      summary: 'Asks for a run now; 409 while another waits or runs',
      answers: { 202: runView },
    },
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      await demandCapacity(context.app, environment);
      const { ok, record } = await room.request(environment, context.caller.id);
      if (ok) return { status: 202, body: record };
      throw Problem.conflict(
        `Another run is ${record.status === 'queued' ? 'queued' : 'under way'} already.`,
        {
          code: 'RunUnderWay',
          extra: { run: record.id },
        },
      );
    },
  },
  {
    method: 'GET',
    path: `${base}/runs`,
    permission: 'lossPrevention.read',
    about: {
      operation: 'listLossPreventionRuns',
      summary: 'The latest runs, newest first',
      query: { limit: limit(200, 20) },
      answers: { 200: page(runView) },
    },
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const most = queryNumber(context.query, 'limit', { default: 20, min: 1, max: 200 });
      return { status: 200, body: { items: await room.runs(environment, most) } };
    },
  },
  {
    method: 'GET',
    path: run,
    permission: 'lossPrevention.read',
    about: {
      operation: 'getLossPreventionRun',
      summary: 'How far a run is, and how it ended',
      answers: { 200: runView },
    },
    async handler(context): Promise<Reply> {
      const { environment, room } = await placeOf(context);
      const record: RunRecord | undefined = await room.run(environment, context.parameter('id'));
      if (!record) throw Problem.notFound('There is no run of this id.', { code: 'RunNotFound' });
      return { status: 200, body: record };
    },
  },
  {
    method: 'POST',
    path: `${base}/dashboard/session`,
    permission: 'lossPrevention.read',
    about: {
      operation: 'openLossPreventionDashboard',
      summary: 'A link that opens the dashboard in a browser, once, within ten minutes',
      answers: {
        201: z.object({
          path: z.string().describe('at the address of the app; what follows # is a secret'),
          expires: z.iso.datetime(),
        }),
      },
    },
    async handler(context): Promise<Reply> {
      const { environment } = await placeOf(context);
      const { code, expires } = await authOf(context.app).sessions.admit(environment, context.caller);
      await log(context, environment, 'dashboard session', {});
      const path = `${openPath}#${code}`;
      return {
        status: 201,
        body: { path, expires: expires.toISOString() },
        headers: { 'cache-control': 'no-store' },
      };
    },
  },
  {
    method: 'GET',
    path: `${base}/dashboard/{file}`,
    permission: 'lossPrevention.read',
    about: {
      operation: 'getLossPreventionPage',
      summary: 'A page of the newest dashboard, or its data: index.html, staff.csv, result.json …',
      answers: { 200: 'page' },
    },
    handler: (context) => dashboardFile(context, context.parameter('file')),
  },
  {
    method: 'GET',
    path: `${base}/dashboard/{kind}/{file}`,
    permission: 'lossPrevention.read',
    about: {
      operation: 'getLossPreventionEntityPage',
      summary: 'The page of one person, terminal, store, customer or product',
      answers: { 200: 'page' },
    },
    handler: (context) => dashboardFile(context, `${context.parameter('kind')}/${context.parameter('file')}`),
  },
];

async function dashboardFile(context: RouteContext, name: string): Promise<Reply> {
  const { environment, room } = await placeOf(context);
  const content = await room.dashboardFile(environment, name);
  if (!content)
    throw Problem.notFound(
      'There is no such page: no run has finished yet, or its dashboard has none of this name.',
      { code: 'PageNotFound' },
    );
  return { status: 200, file: { content, type: dashboardType(name) }, headers: dashboardHeaders };
}

async function placeOf({ app, parameter }: RouteContext) {
  const environment = (await app.config.environment(parameter('env'))).view.id;
  return { environment, room: lossPreventionOf(app) };
}

/** Notes what was changed, or who asked for a look at the dashboard. */
async function log(
  { app, write }: RouteContext,
  environment: string,
  name: 'settings' | 'dashboard session',
  { before, after }: { before?: object | undefined; after?: object },
): Promise<void> {
  await app.config.logActivity({
    id: randomUUID(),
    at: app.clock(),
    by: write.by,
    environment,
    operation: before ? 'Update' : 'Create',
    kind: 'lossPrevention',
    name,
    ...(before ? { before: { ...before } } : {}),
    ...(after ? { after: { ...after } } : {}),
  });
}
