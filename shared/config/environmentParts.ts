import {
  type Behavior,
  compileRules,
  compileVelocitySet,
  type Resources,
  type RuleKind,
  type RuleProgram,
  type VelocityProgram,
} from '../fql/index.ts';
import type { Documents } from './documents.ts';
import { type EnvironmentEntry, foldName, type ResourceEntry } from './manifest.ts';
import { assessmentOf, publishedOf } from './resolve.ts';
import {
  actionSchema,
  builtInAssessments,
  listSchema,
  type RuleBody,
  ruleSchema,
  velocitySetSchema,
} from './schemas.ts';
import type { BuiltEnvironment, Definition, ListReader, SnapshotDeps, SnapshotVelocity } from './snapshot.ts';
import { isActive, shardsOf } from './write.ts';

/* What an environment's snapshot is made of: loaded from what is published in it, and compiled. */

/** Definitions by name and API name; a name wins over another's API name. */
export async function definitionsOf(
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

/** An active rule or action. */
export interface LoadedRule {
  name: string;
  version: number;
  order: number;
  body: RuleBody;
}

/** Active rules or actions, in the order in which they run. */
export async function loadRules(
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
export function compileAll(
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

/** A velocity set that counts nothing. */
export function compileNothing(resources: Resources): VelocityProgram {
  const { program } = compileVelocitySet({ name: '', velocities: [] }, resources);
  if (!program) throw new Error('an empty velocity set does not compile');
  return program;
}

interface LoadedSet {
  /** absent for a set that is not active */
  program?: VelocityProgram;
  velocities: [string, SnapshotVelocity][];
}

/** The velocity sets of an environment, the active ones compiled. */
export async function loadVelocitySets(
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

/** The lists of an environment, by name and by blob; those that were open in the earlier snapshot are taken from there. */
export async function openListsOf(
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
export async function prepareLists(
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
