import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type ExternalCall, externalCallSchema } from '../external/definition.ts';
import {
  type Behavior,
  compileVelocitySet,
  type Resources,
  type RuleKind,
  type RuleProgram,
  type VelocityProgram,
} from '../fql/index.ts';
import type { AssessmentBody } from './assessments.ts';
import { type Capacity, capacitySchema } from './capacity.ts';
import type { Documents } from './documents.ts';
import {
  compileAll,
  compileNothing,
  definitionsOf,
  type LoadedRule,
  loadRules,
  loadVelocitySets,
  openListsOf,
  prepareLists,
} from './environmentParts.ts';
import { type ExternalAssessment, externalAssessmentSchema } from './externalAssessments.ts';
import { chainOf, type EnvironmentEntry, foldName, type Manifest } from './manifest.ts';
import { assessmentOf, publishedOf, resourcesOf, samplePayloadOf } from './resolve.ts';
import { builtInAssessments, type ListBody, type RuleBody } from './schemas.ts';
import { pathOf } from './tree.ts';

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
      deps.log(
        `${pathOf(manifest, id)}: velocity sets left out, because they do not compile: ${set.name}: ${diagnostics[0]?.message}`,
      );
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

function isRuleProgram(program: RuleProgram | VelocityProgram): program is RuleProgram {
  return 'run' in program;
}

function isVelocityProgram(program: RuleProgram | VelocityProgram): program is VelocityProgram {
  return 'contributions' in program;
}
