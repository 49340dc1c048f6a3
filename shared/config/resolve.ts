import { externalCallSchema } from '../external/definition.ts';
import type { FunctionSource, JsonObject, Reference, Resources } from '../fql/index.ts';
import { type AssessmentBody, assessmentSchema } from './assessments.ts';
import type { Documents } from './documents.ts';
import { chainOf, type EnvironmentEntry, foldName, type Manifest, type ResourceEntry } from './manifest.ts';
import { kindOf, resourceKinds } from './resources.ts';
import { builtInAssessments, functionSchema, listSchema } from './schemas.ts';

/** The published resources of one kind. */
export function publishedOf(environment: EnvironmentEntry, kind: string): ResourceEntry[] {
  return [...environment.resources.values()].filter((entry) => entry.kind === kind && entry.published);
}

/** The content of a resource's published version, as its kind's schema has it. */
async function contentOf(documents: Documents, entry: ResourceEntry): Promise<unknown> {
  if (!entry.published) throw new Error(`${entry.kind} ${entry.name} is not published`);
  return (await documents.load(entry.published.blob)).content;
}

/**
 * What names mean in the code of an environment: its own published resources and, through `parent`, those above.
 * `supportLists` are the names of the built-in ones.
 */
export async function resourcesOf(
  manifest: Manifest,
  environment: string,
  documents: Documents,
  supportLists: readonly string[],
): Promise<Resources> {
  let resources: Resources | undefined;
  for (const each of chainOf(manifest, environment)) {
    const lists = await named(publishedOf(each, 'lists'), async (entry) => ({
      columns: listSchema.parse(await contentOf(documents, entry)).columns,
    }));
    const functions = await named(
      publishedOf(each, 'functions'),
      async (entry): Promise<FunctionSource> => functionSchema.parse(await contentOf(documents, entry)),
    );
    const externalCalls = await named(publishedOf(each, 'externalCalls'), async (entry) => {
      const { parameters } = externalCallSchema.parse(await contentOf(documents, entry));
      return { parameters: parameters.map(({ name }) => name) };
    });
    const externalAssessments = await named(publishedOf(each, 'externalAssessments'), async () => ({}));
    resources = {
      environment: each.id,
      apiName: each.apiName,
      supportLists,
      lists,
      functions,
      externalCalls,
      externalAssessments,
      velocities: publishedOf(each, 'velocitySets').flatMap(({ velocities = [] }) =>
        velocities.map(({ name }) => name),
      ),
      ...(resources ? { parent: resources } : {}),
    };
  }
  if (!resources) throw new Error(`the manifest has no environment ${environment}`);
  return resources;
}

async function named<T>(
  entries: readonly ResourceEntry[],
  value: (entry: ResourceEntry) => Promise<T>,
): Promise<Record<string, T>> {
  return Object.fromEntries(
    await Promise.all(entries.map(async (entry): Promise<[string, T]> => [entry.name, await value(entry)])),
  );
}

/** The settings of an assessment in one environment; undefined where it has none of its own. */
export async function assessmentOf(
  environment: EnvironmentEntry,
  assessment: string,
  documents: Documents,
): Promise<AssessmentBody | undefined> {
  const folded = foldName(assessment);
  const entry = publishedOf(environment, 'assessments').find(({ name }) => foldName(name) === folded);
  return entry && assessmentSchema.parse(await contentOf(documents, entry));
}

/** The sample payload that code of this assessment is checked with: the nearest one up the chain. */
export async function samplePayloadOf(
  manifest: Manifest,
  environment: string,
  assessment: string,
  documents: Documents,
): Promise<JsonObject | undefined> {
  for (const each of chainOf(manifest, environment).reverse()) {
    const settings = await assessmentOf(each, assessment, documents);
    if (settings && Object.keys(settings.samplePayload).length > 0) return settings.samplePayload;
  }
  return undefined;
}

/** Is there such an assessment: built in, or defined in the environment or above it? */
export function assessmentExists(manifest: Manifest, environment: string, assessment: string): boolean {
  const folded = foldName(assessment);
  return (
    builtInAssessments.some((name) => foldName(name) === folded) ||
    chainOf(manifest, environment).some((each) =>
      publishedOf(each, 'assessments').some(({ name }) => foldName(name) === folded),
    )
  );
}

/** A place that mentions a resource. */
export interface Use {
  environment: string;
  environmentName: string;
  kind: string;
  name: string;
  status?: string;
  /** lists: the column that is read */
  column?: string;
}

/** Where the published resources of the whole tree mention something that is referred to as `kind` and one of `names`. */
export function usesOf(
  manifest: Manifest,
  environment: string,
  kind: Reference['kind'],
  names: readonly string[],
): Use[] {
  const wanted = new Set(names.map(foldName));
  return [...manifest.environments.values()].flatMap((each) =>
    [...each.resources.values()].flatMap((entry) =>
      (entry.references ?? [])
        .filter((to) => to.kind === kind && to.environment === environment && wanted.has(foldName(to.name)))
        .map((to) => use(each, entry, to.column)),
    ),
  );
}

/**
 * What belongs to an assessment, calls it or listens to its events, in the environment and below it: rules, actions, external
 * assessments and velocity sets.
 */
export function usesOfAssessment(
  below: readonly EnvironmentEntry[],
  { name, names = [] }: Pick<ResourceEntry, 'name' | 'names'>,
): Use[] {
  const own = foldName(name);
  const events = new Set(
    [name, ...names].flatMap((each) => [foldName(each), foldName(`Assessment_${each}`)]),
  );
  return below.flatMap((each) =>
    [...each.resources.values()]
      .filter(
        ({ assessment, listensTo = [] }) =>
          (assessment !== undefined && foldName(assessment) === own) ||
          listensTo.some((from) => events.has(foldName(from.split(':')[0] ?? ''))),
      )
      .map((entry) => use(each, entry)),
  );
}

function use(environment: EnvironmentEntry, entry: ResourceEntry, column?: string): Use {
  const status = entry.published?.status;
  return {
    environment: environment.id,
    environmentName: environment.name,
    kind: entry.kind,
    name: entry.name,
    ...(status === undefined ? {} : { status }),
    ...(column === undefined ? {} : { column }),
  };
}

/** The names under which others refer to a resource. */
export function exposedNames(entry: ResourceEntry): string[] {
  return kindOf(entry.kind).exposes?.(entry) ?? [entry.name];
}

/** Kinds that hold code, and so may break when something they mention changes. */
export const checkedKinds: readonly string[] = resourceKinds
  .filter(({ check }) => check)
  .map(({ kind }) => kind);
