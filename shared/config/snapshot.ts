import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type ExternalCall, externalCallSchema } from '../external/definition.ts';
import {
  type Behavior,
  compileRules,
  compileVelocitySet,
  type Resources,
  type RuleKind,
  type RuleProgram,
  type VelocityProgram,
} from '../fql/index.ts';
import type { AssessmentBody } from './assessments.ts';
import { type Capacity, capacitySchema } from './capacity.ts';
import type { Documents } from './documents.ts';
import { type ExternalAssessment, externalAssessmentSchema } from './externalAssessments.ts';
import { chainOf, type EnvironmentEntry, foldName, type Manifest, type ResourceEntry } from './manifest.ts';
import { assessmentOf, publishedOf, resourcesOf, samplePayloadOf } from './resolve.ts';
import {
  actionSchema,
  builtInAssessments,
  type ListBody,
  listSchema,
  type RuleBody,
  ruleSchema,
  velocitySetSchema,
} from './schemas.ts';
import { pathOf } from './tree.ts';
import { isActive, shardsOf } from './write.ts';

/** Looks up rows of a list (shared/lists has the meaning of each member). */
export interface ListReader {
  readonly columns: readonly string[];
  lookup(column: string, key: string): Record<string, string> | null | undefined;
  fetch(column: string, key: string): Promise<Record<string, string> | null>;
  prepare(columns: readonly string[]): Promise<void>;
}

/** A velocity as storage knows it. */
export interface VelocityRef {
  id: string;
  aggregate: 'count' | 'distinct' | 'sum';
  /** how many shards to read: the most that were ever written */
  shards: number;
}

export interface SnapshotVelocity extends VelocityRef {
  name: string;
  set: string;
  /** version of its set */
  version: number;
  /** over how many shards it writes now */
  writeShards: number;
}

export interface AssessmentPrograms {
  behavior: Behavior;
  rules: RuleProgram;
  actions: RuleProgram;
  /** rule → version, action → version */
  versions: { rules: Record<string, number>; actions: Record<string, number> };
}

/** An assessment of the merchant's own. */
export interface Definition {
  name: string;
  apiName: string;
  /** id of the environment that defines it */
  environment: string;
  body: AssessmentBody;
}

/** An environment's own configuration, compiled; it never changes. */
export interface EnvironmentSnapshot {
  id: string;
  apiName: string;
  name: string;
  /** Programs of an assessment, in any letter case; without rules of its own an environment has programs that do nothing. */
  assessment(type: string): AssessmentPrograms;
  /** Does the environment define this assessment, or have rules or actions for it? */
  knows(type: string): boolean;
  /** The definition of an assessment that is not built in, by its name or its API name. */
  definition(name: string): Definition | undefined;
  /** Active velocity sets that listen to an event type. */
  velocitySets(eventType: string): VelocityProgram[];
  velocity(name: string): SnapshotVelocity | undefined;
  list(name: string): ListReader | undefined;
  externalCall(name: string): ExternalCall | undefined;
  externalAssessment(name: string): ExternalAssessment | undefined;
  /** What may be used of an API in a month; undefined: as much as there is. */
  capacity(api: string): Capacity | undefined;
  /** What names mean in this environment's code: for compiling what is not published. */
  resources: Resources;
}

/** What one assessment runs against. */
export interface Snapshot {
  id: string;
  apiName: string;
  name: string;
  /** `/primary/eu` */
  path: string;
  root: string;
  /** grows with every change of the root environment or one below it */
  version: string;
  /** root first */
  chain: EnvironmentSnapshot[];
}

/** The definition that counts in an environment: the nearest one up its chain. */
export function definitionOf({ chain }: Pick<Snapshot, 'chain'>, name: string): Definition | undefined {
  return chain.findLast((environment) => environment.definition(name))?.definition(name);
}

export interface SnapshotDeps {
  documents: Documents;
  supportLists: readonly string[];
  openList(content: ListBody): ListReader;
  /** says what could not be compiled */
  log(message: string): void;
}

/** An environment's snapshot, with what the next one can be made from. */
export interface BuiltEnvironment {
  key: string;
  snapshot: EnvironmentSnapshot;
  /** by what they were compiled from */
  parts: Map<string, RuleProgram | VelocityProgram>;
  /** by blob */
  lists: Map<string, ListReader>;
}

/** Kinds that only matter where they stand: what they say is not seen from below. */
const ownKinds: readonly string[] = ['rules', 'actions', 'capacities'];

/** Everything that an environment's snapshot depends on: what is published in it, and above it what can be seen from it. */
function fingerprint(chain: readonly EnvironmentEntry[]): string {
  const parts = chain.map(({ id, apiName, name, resources }, depth) => [
    id,
    apiName,
    name,
    [...resources.values()]
      .filter(({ kind }) => depth === chain.length - 1 || !ownKinds.includes(kind))
      .map(({ published, shards, velocities }) => [published?.blob, shards, velocities]),
  ]);
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}

/** Compiles one environment; whatever is as it was in `earlier` is taken from there. */
export async function buildEnvironment(
  manifest: Manifest,
  id: string,
  deps: SnapshotDeps,
  earlier?: BuiltEnvironment,
): Promise<BuiltEnvironment> {
  const chain = chainOf(manifest, id);
  const environment = chain.at(-1);
  if (!environment) throw new Error(`the manifest has no environment ${id}`);
  const key = fingerprint(chain);
  if (earlier?.key === key) return earlier;

  const { documents } = deps;
  const resources = await resourcesOf(manifest, id, documents, deps.supportLists);
  const meaning = createHash('sha256').update(JSON.stringify(resources)).digest('base64');
  const parts: BuiltEnvironment['parts'] = new Map();
  const cached = <T extends RuleProgram | VelocityProgram>(
    part: string,
    is: (program: RuleProgram | VelocityProgram) => program is T,
    make: () => T,
  ): T => {
    const name = `${meaning}|${part}`;
    const known = earlier?.parts.get(name);
    const program = known && is(known) ? known : make();
    parts.set(name, program);
    return program;
  };
  const programs = (
    kind: RuleKind,
    rules: RuleBody[],
    names: string[],
    behavior: Behavior,
    seen: Resources,
  ) =>
    cached(JSON.stringify([kind, names, rules, behavior]), isRuleProgram, () =>
      compileAll(
        rules.map((rule, index) => ({
          name: names[index] ?? '',
          condition: rule.condition,
          clauses: rule.clauses,
        })),
        seen,
        { kind, behavior },
        (message) => deps.log(`${pathOf(manifest, id)}: ${message}`),
      ),
    );

  const [rules, actions] = await Promise.all([
    loadRules(environment, 'rules', documents),
    loadRules(environment, 'actions', documents),
  ]);
  const own = publishedOf(environment, 'assessments').map(({ name }) => name);
  const types = new Map(
    [...builtInAssessments, ...own, ...[...rules, ...actions].map(({ body }) => body.assessment)].map(
      (name): [string, string] => [foldName(name), name],
    ),
  );
  const definitions = await definitionsOf(environment, own, documents);
  const assessments = new Map<string, AssessmentPrograms>();
  for (const [folded, name] of types) {
    const settings = await assessmentOf(environment, name, documents);
    const samplePayload = await samplePayloadOf(manifest, id, name, documents);
    const seen: Resources = { ...resources, ...(samplePayload ? { samplePayload } : {}) };
    const behavior = settings?.behavior ?? 'RunAllMatching';
    const set = (from: LoadedRule[]) => from.filter(({ body }) => foldName(body.assessment) === folded);
    const compile = (kind: RuleKind, from: LoadedRule[]) =>
      programs(
        kind,
        from.map(({ body }) => body),
        from.map((rule) => rule.name),
        behavior,
        seen,
      );
    const versions = (from: LoadedRule[]) =>
      Object.fromEntries(from.map((rule) => [rule.name, rule.version]));
    assessments.set(folded, {
      behavior,
      rules: compile('decision', set(rules)),
      actions: compile('action', set(actions)),
      versions: { rules: versions(set(rules)), actions: versions(set(actions)) },
    });
  }
  const none: AssessmentPrograms = {
    behavior: 'RunAllMatching',
    rules: programs('decision', [], [], 'RunAllMatching', resources),
    actions: programs('action', [], [], 'RunAllMatching', resources),
    versions: { rules: {}, actions: {} },
  };

  const sets = await loadVelocitySets(environment, documents, (set, body, blob) =>
    cached(`velocities|${blob}`, isVelocityProgram, () => {
      const { program, diagnostics } = compileVelocitySet({ name: set.name, ...body }, resources);
      if (program) return program;
      deps.log(`${pathOf(manifest, id)}: velocity set ${set.name} is left out: ${diagnostics[0]?.message}`);
      return compileNothing(resources);
    }),
  );
  const velocities = new Map(sets.flatMap(({ velocities: each }) => each));

  const byName = async <Body>(kind: string, schema: z.ZodType<Body>): Promise<Map<string, Body>> => {
    const bodies = new Map<string, Body>();
    for (const { name, published } of publishedOf(environment, kind)) {
      if (!published) continue;
      bodies.set(foldName(name), schema.parse((await documents.load(published.blob)).content));
    }
    return bodies;
  };
  const externalCalls = await byName<ExternalCall>('externalCalls', externalCallSchema);
  const externalAssessments = await byName<ExternalAssessment>(
    'externalAssessments',
    externalAssessmentSchema,
  );
  const capacities = await byName<Capacity>('capacities', capacitySchema);
  const { lists, byBlob } = await openListsOf(environment, deps, earlier);
  const all = [...assessments.values()].flatMap((each) => [each.rules, each.actions]);
  await prepareLists(lists, id, [...all, ...sets.flatMap(({ program }) => (program ? [program] : []))]);

  const listeners = new Map<string, VelocityProgram[]>();
  for (const { program } of sets) {
    for (const type of new Set(program?.definitions.flatMap(({ from }) => from.map(foldName)))) {
      if (program) listeners.set(type, [...(listeners.get(type) ?? []), program]);
    }
  }

  const snapshot: EnvironmentSnapshot = {
    id,
    apiName: environment.apiName,
    name: environment.name,
    assessment: (type) => assessments.get(foldName(type)) ?? none,
    knows: (type) => assessments.has(foldName(type)),
    definition: (name) => definitions.get(foldName(name)),
    velocitySets: (eventType) => listeners.get(foldName(eventType)) ?? [],
    velocity: (name) => velocities.get(foldName(name)),
    list: (name) => lists.get(foldName(name)),
    externalCall: (name) => externalCalls.get(foldName(name)),
    externalAssessment: (name) => externalAssessments.get(foldName(name)),
    capacity: (api) => capacities.get(foldName(api)),
    resources,
  };
  return { key, snapshot, parts, lists: byBlob };
}

/** Definitions by name and API name; a name wins over another's API name. */
async function definitionsOf(
  environment: EnvironmentEntry,
  names: readonly string[],
  documents: Documents,
): Promise<Map<string, Definition>> {
  const own = names.filter((name) => !builtInAssessments.some((each) => foldName(each) === foldName(name)));
  const made = await Promise.all(
    own.map(async (name): Promise<Definition[]> => {
      const body = await assessmentOf(environment, name, documents);
      return body ? [{ name, apiName: body.apiName ?? name, environment: environment.id, body }] : [];
    }),
  );
  const all = made.flat();
  return new Map([
    ...all.map((one): [string, Definition] => [foldName(one.apiName), one]),
    ...all.map((one): [string, Definition] => [foldName(one.name), one]),
  ]);
}

function isRuleProgram(program: RuleProgram | VelocityProgram): program is RuleProgram {
  return 'run' in program;
}

function isVelocityProgram(program: RuleProgram | VelocityProgram): program is VelocityProgram {
  return 'contributions' in program;
}

interface LoadedRule {
  name: string;
  version: number;
  order: number;
  body: RuleBody;
}

/** Active rules or actions, in the order in which they run. */
async function loadRules(
  environment: EnvironmentEntry,
  kind: 'rules' | 'actions',
  documents: Documents,
): Promise<LoadedRule[]> {
  const schema = kind === 'rules' ? ruleSchema : actionSchema;
  const entries = publishedOf(environment, kind).filter(({ published }) => isActive(published?.status));
  const loaded = await Promise.all(
    entries.flatMap(({ name, published }) =>
      published
        ? [
            (async (): Promise<LoadedRule> => {
              const body: RuleBody = schema.parse((await documents.load(published.blob)).content);
              return { name, version: published.version, order: body.order ?? 0, body };
            })(),
          ]
        : [],
    ),
  );
  return loaded.sort((left, right) => left.order - right.order || (left.name < right.name ? -1 : 1));
}

type Rules = Parameters<typeof compileRules>[0];

/** Compiles a rule set; a rule that cannot be compiled any more is left out, so that the others still run. */
function compileAll(
  rules: Rules,
  resources: Resources,
  options: { kind: RuleKind; behavior: Behavior },
  log: (message: string) => void,
): RuleProgram {
  const { program, diagnostics } = compileRules(rules, resources, options);
  if (program) return program;
  const bad = new Set(diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule));
  const good = rules.filter(({ name }) => !bad.has(name));
  if (good.length === rules.length) throw new Error(`rules cannot be compiled: ${diagnostics[0]?.message}`);
  log(`rules left out, because they do not compile: ${[...bad].join(', ')}: ${diagnostics[0]?.message}`);
  return compileAll(good, resources, options, log);
}

function compileNothing(resources: Resources): VelocityProgram {
  const { program } = compileVelocitySet({ name: '', velocities: [] }, resources);
  if (!program) throw new Error('an empty velocity set does not compile');
  return program;
}

interface LoadedSet {
  /** absent for a set that is not active */
  program?: VelocityProgram;
  velocities: [string, SnapshotVelocity][];
}

async function loadVelocitySets(
  environment: EnvironmentEntry,
  documents: Documents,
  compile: (
    entry: ResourceEntry,
    body: { condition?: string | undefined; velocities: string[] },
    blob: string,
  ) => VelocityProgram,
): Promise<LoadedSet[]> {
  const loaded: LoadedSet[] = [];
  for (const entry of publishedOf(environment, 'velocitySets')) {
    const { published } = entry;
    if (!published) continue;
    const body = velocitySetSchema.parse((await documents.load(published.blob)).content);
    const velocities = (entry.velocities ?? []).map(({ id, name, aggregate }): [string, SnapshotVelocity] => [
      foldName(name),
      {
        id,
        name,
        aggregate,
        set: entry.name,
        version: published.version,
        shards: entry.shards ?? 1,
        writeShards: shardsOf(body),
      },
    ]);
    const { condition, velocities: code } = body;
    loaded.push({
      velocities,
      ...(isActive(published.status)
        ? { program: compile(entry, { condition, velocities: code }, published.blob) }
        : {}),
    });
  }
  return loaded;
}

async function openListsOf(
  environment: EnvironmentEntry,
  deps: SnapshotDeps,
  earlier: BuiltEnvironment | undefined,
): Promise<{ lists: Map<string, ListReader>; byBlob: Map<string, ListReader> }> {
  const lists = new Map<string, ListReader>();
  const byBlob = new Map<string, ListReader>();
  for (const { name, published } of publishedOf(environment, 'lists')) {
    if (!published) continue;
    const content = listSchema.parse((await deps.documents.load(published.blob)).content);
    const reader = byBlob.get(content.blob) ?? earlier?.lists.get(content.blob) ?? deps.openList(content);
    byBlob.set(content.blob, reader);
    lists.set(foldName(name), reader);
  }
  return { lists, byBlob };
}

/** Loads the lists that the programs read, so that no assessment waits for them. */
async function prepareLists(
  lists: ReadonlyMap<string, ListReader>,
  environment: string,
  programs: readonly (RuleProgram | VelocityProgram)[],
): Promise<void> {
  const columns = new Map<string, Set<string>>();
  for (const { kind, environment: at, name, column } of programs.flatMap(({ references }) => references)) {
    if (kind !== 'list' || at !== environment || column === undefined) continue;
    const folded = foldName(name);
    columns.set(folded, (columns.get(folded) ?? new Set()).add(column));
  }
  for (const [name, used] of columns) {
    const reader = lists.get(name);
    const exist = new Set(reader?.columns.map(foldName));
    await reader?.prepare([...used].filter((column) => exist.has(foldName(column.trim()))));
  }
}
