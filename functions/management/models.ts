import { z } from 'zod';
import { allows, forbidden } from '../../shared/auth/index.ts';
import { parseBody } from '../../shared/config/index.ts';
import { Problem } from '../../shared/problem.ts';
import { readDrift, readStatus, requestTraining } from '../../shared/retraining/index.ts';
import {
  describeFeatures,
  isUnusable,
  type ModelKind,
  modelEvents,
  modelShare,
} from '../../shared/scoring/index.ts';
import { page } from './about.ts';
import type { Reply, Route, RouteContext } from './route.ts';

const kinds = ['risk', 'bot'] as const;

const metricsView = z
  .object({
    rows: z.int(),
    frauds: z.int(),
    areaUnderRoc: z.number(),
    averagePrecision: z.number(),
    recallAt1Percent: z.number().describe('share of the frauds caught where 1 % of good events are flagged'),
  })
  .meta({ id: 'ModelMetrics' });

const summaryMembers = {
  version: z.string(),
  inForce: z.boolean(),
  created: z.iso.datetime(),
  holdOut: metricsView.describe('on the latest quarter of the rows, which the measured trees had not seen'),
  trainedOn: z.object({ rows: z.int(), frauds: z.int(), from: z.iso.datetime(), to: z.iso.datetime() }),
  trees: z.int(),
  schemaHash: z.string().describe('of the features and their order'),
};
const summaryView = z.object(summaryMembers).meta({ id: 'ModelSummary' });

const stepView = z
  .object({
    version: z.string(),
    at: z.iso.datetime(),
    by: z.string(),
    action: z.enum(['promoted', 'kept as challenger', 'rolled back']),
    challenger: metricsView.optional().describe('on the last matured week'),
    champion: metricsView.optional(),
  })
  .meta({ id: 'ModelStep' });

const driftView = z
  .object({
    week: z.string().describe('its Monday'),
    version: z.string(),
    events: z.int().describe('scored by a model, of all or of a sample'),
    score: z.number().optional().describe('population stability index of the score: above 0.25 shifted'),
    features: z.array(z.object({ name: z.string(), index: z.number() })),
  })
  .meta({ id: 'ModelDrift' });

const trainingView = z
  .object({
    state: z.enum(['never', 'queued', 'running', 'done', 'failed']),
    requested: z.iso.datetime().optional(),
    by: z.string().optional(),
    started: z.iso.datetime().optional(),
    finished: z.iso.datetime().optional(),
    problem: z.string().optional(),
    result: z
      .object({
        outcome: z.enum(['promoted', 'kept as challenger', 'not trained']),
        detail: z.string().optional().describe('why nothing was trained'),
        version: z.string().optional(),
        rows: z.int().optional(),
        frauds: z.int().optional(),
        from: z.iso.datetime().optional(),
        to: z.iso.datetime().optional(),
        peakMemoryMB: z.int().optional(),
      })
      .optional()
      .describe('of the last training that came to its end'),
    last: z
      .object({ at: z.iso.datetime(), frauds: z.int() })
      .optional()
      .describe('the last one that gave a model'),
  })
  .meta({ id: 'ModelTraining' });

const kindView = z
  .object({
    kind: z.enum(kinds),
    eventTypes: z.array(z.string()).describe('what it scores'),
    environment: z.guid().describe('the root, whose models serve its whole tree'),
    champion: z.string().optional().describe('version in force; without one the scorecard decides'),
    share: z.number().describe('the model’s part in the score, 0 to 1; the scorecard has the rest'),
    problem: z.string().optional().describe('why the version in force is not used here'),
    versions: z.array(summaryView).describe('the latest 20, newest first'),
    log: z.array(stepView).describe('newest first'),
    drift: z.array(driftView).describe('by week, newest first'),
    training: trainingView,
  })
  .meta({ id: 'ModelKind' });

const versionView = z
  .object({
    ...summaryMembers,
    kind: z.enum(kinds),
    settings: z.record(z.string(), z.number()).describe('of the learner'),
    features: z.array(
      z.object({ name: z.string(), description: z.string().optional(), reasonCode: z.string().optional() }),
    ),
    log: z.array(stepView),
  })
  .meta({ id: 'ModelVersion' });

const kindBody = z.strictObject({ kind: z.enum(kinds).default('risk') });
const championView = z.object({ kind: z.enum(kinds), champion: z.string() });
const base = 'environments/{env}/models';

/** Scoring models: what there is, how good it is, training now, and the way back. */
export const modelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: base,
    permission: 'models.read',
    about: {
      operation: 'listModels',
      summary:
        'The risk and the bot model: versions with their metrics, drift by week, and how training stands',
      answers: { 200: page(kindView) },
    },
    async handler(context): Promise<Reply> {
      const root = await rootOf(context);
      return {
        status: 200,
        body: { items: await Promise.all(kinds.map((kind) => kindOf(context, root, kind))) },
      };
    },
  },
  {
    method: 'GET',
    path: `${base}/{version}`,
    permission: 'models.read',
    about: {
      operation: 'getModel',
      summary: 'One version: metrics, features and settings',
      answers: { 200: versionView },
    },
    async handler(context): Promise<Reply> {
      return {
        status: 200,
        body: await versionOf(context, await rootOf(context), context.parameter('version')),
      };
    },
  },
  {
    method: 'POST',
    path: `${base}/retrain`,
    permission: 'models.write',
    body: 'json',
    about: {
      operation: 'retrainModel',
      summary: 'Trains a challenger now; it is put in force only where it is better',
      body: kindBody,
      answers: { 202: trainingView },
    },
    async handler(context): Promise<Reply> {
      const { kind } = parseBody(kindBody, context.body);
      const root = await rootToChange(context);
      return { status: 202, body: await requestTraining(context.app, { root, kind }, context.caller.id) };
    },
  },
  {
    method: 'POST',
    path: `${base}/rollback`,
    permission: 'models.write',
    body: 'json',
    about: {
      operation: 'rollBackModel',
      summary: 'Puts the version that was in force before back in force',
      body: kindBody,
      answers: { 200: championView },
    },
    handler: rollBack,
  },
];

async function rollBack(context: RouteContext): Promise<Reply> {
  const { app, caller } = context;
  const { kind } = parseBody(kindBody, context.body);
  const root = await rootToChange(context);
  const place = { environment: root, kind };
  const at = app.clock();
  const { champion: before } = await app.scoring.models.current(place);
  const champion = await app.scoring.models
    .rollBack(place, { at: new Date(at).toISOString(), by: caller.id })
    .catch((error: unknown) => {
      if (!isUnusable(error)) throw error;
      throw Problem.conflict(error.message, { code: 'NoEarlierModel' });
    });
  await app.config.logActivity({
    id: crypto.randomUUID(),
    at,
    by: caller.id,
    operation: 'Rollback',
    kind: 'models',
    name: kind,
    environment: root,
    ...(before === undefined ? {} : { before: { champion: before } }),
    after: { champion },
  });
  return { status: 200, body: { kind, champion } };
}

async function rootOf({ app, parameter }: RouteContext): Promise<string> {
  return (await app.config.environment(parameter('env'))).view.root;
}

/** Models serve the whole tree of their root: who changes them has the permission in all of it. Throws a Problem 403. */
async function rootToChange(context: RouteContext): Promise<string> {
  const root = await rootOf(context);
  if (allows(await context.access.rolesIn(context.caller, [root]), 'models.write')) return root;
  throw forbidden('models.write');
}

async function kindOf(
  { app }: RouteContext,
  root: string,
  kind: ModelKind,
): Promise<z.output<typeof kindView>> {
  const { models } = app.scoring;
  const place = { environment: root, kind };
  const blobs = app.storage.blobs('models');
  const [{ champion, log }, versions, drift, training] = await Promise.all([
    models.current(place),
    models.describe(place),
    readDrift(blobs, { root, kind }),
    readStatus(blobs, { root, kind }),
    app.scoring.freshen(root),
  ]);
  const problem = app.scoring.problems(root)[kind];
  const inForce = versions.find((version) => version.inForce);
  return {
    kind,
    eventTypes: [...modelEvents[kind]],
    environment: root,
    ...(champion === undefined ? {} : { champion }),
    share: inForce ? modelShare(inForce.trainedOn.frauds) : 0,
    ...(problem === undefined ? {} : { problem }),
    versions: versions.map(shown),
    log: log.toReversed(),
    drift,
    training,
  };
}

async function versionOf(
  { app }: RouteContext,
  root: string,
  version: string,
): Promise<z.output<typeof versionView>> {
  const { models } = app.scoring;
  for (const kind of kinds) {
    const place = { environment: root, kind };
    if (!(await models.versions(place)).includes(version)) continue;
    const [{ info, forest }, { champion, log }] = await Promise.all([
      models.load(place, version).catch((error: unknown) => {
        if (!isUnusable(error)) throw error;
        throw Problem.notFound(error.message, { code: 'ModelNotFound' });
      }),
      models.current(place),
    ]);
    const { created, holdOut, trainedOn, schemaHash, settings, features } = info;
    const summary = { version, created, holdOut, trainedOn, schemaHash, trees: forest.roots.length };
    return {
      kind,
      ...shown({ ...summary, inForce: version === champion }),
      settings: { ...settings },
      features: describeFeatures(features),
      log: log.filter((step) => step.version === version).reverse(),
    };
  }
  throw Problem.notFound(`There is no model ${JSON.stringify(version)} here.`, { code: 'ModelNotFound' });
}

type Summary = Awaited<ReturnType<RouteContext['app']['scoring']['models']['describe']>>[number];

function shown({ trainedOn, ...rest }: Summary): z.output<typeof summaryView> {
  const iso = (at: number) => new Date(at).toISOString();
  return { ...rest, trainedOn: { ...trainedOn, from: iso(trainedOn.from), to: iso(trainedOn.to) } };
}
