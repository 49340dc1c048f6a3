import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Diagnostic, Reference, Resources, VelocityDefinition } from '../fql/index.ts';
import { Problem } from '../problem.ts';
import type { Documents, VersionDocument } from './documents.ts';
import {
  type EnvironmentEntry,
  foldName,
  type Manifest,
  type ResourceEntry,
  resourceKey,
  type Status,
  type StoredVersion,
  subtreeOf,
  type VelocityIdentity,
} from './manifest.ts';
import { doesNotCompile, inUse, quote, systemDefined } from './refusals.ts';
import {
  assessmentExists,
  checkedKinds,
  exposedNames,
  publishedOf,
  resourcesOf,
  samplePayloadOf,
  type Use,
  usesOf,
  usesOfAssessment,
} from './resolve.ts';
import { type Checked, kindOf, type ResourceKind } from './resources.ts';
import { builtInAssessments, parseBody } from './schemas.ts';

/** What a write works with. */
export interface WriteContext {
  documents: Documents;
  /** names of the built-in support lists, aliases included */
  supportLists: readonly string[];
  by: string;
  /** of the commit */
  at: string;
}

export interface WrittenResource {
  environment: EnvironmentEntry;
  entry: ResourceEntry;
  before?: VersionDocument;
  after: VersionDocument;
  outcome: 'created' | 'updated' | 'unchanged';
  diagnostics: Diagnostic[];
}

/**
 * Puts a version of a resource into the manifest (the copy that a commit alters), after checking it against everything
 * the manifest holds. The same content again is no new version.
 * Throws a Problem: 400 for a bad body, 409 where names collide, a limit is met, the resource is the system's, or the
 * change would break what is published; 422 with `diagnostics` for code that does not compile.
 */
export async function putResource(
  manifest: Manifest,
  environment: EnvironmentEntry,
  kindName: string,
  name: string,
  body: unknown,
  context: WriteContext,
  restored?: number,
): Promise<WrittenResource> {
  const kind = kindOf(kindName);
  const key = resourceKey(kindName, name);
  const existing = environment.resources.get(key);
  if (existing?.system) throw systemDefined(existing);
  if (!existing) checkLimit(environment, kind);
  const content = await complete(
    kind,
    environment,
    existing,
    parseBody(kind.schema, body),
    context.documents,
  );
  await checkOthers(environment, kind, name, content, context.documents);

  const status = kind.status?.(content);
  const assessment = kind.assessment?.(content);
  const draft = status === 'Draft';
  if (assessment !== undefined && !assessmentExists(manifest, environment.id, assessment)) {
    const message = `there is no assessment ${JSON.stringify(assessment)}; built in are ${builtInAssessments.join(', ')}`;
    throw Problem.badRequest(`The body is not usable: assessment: ${message}.`, {
      code: 'UnknownAssessment',
      errors: [{ path: 'assessment', message }],
    });
  }

  const before = existing && (await context.documents.load(existing.latest.blob));
  if (existing && before && before.name === name && same(before.content, content)) {
    return { environment, entry: existing, before, after: before, outcome: 'unchanged', diagnostics: [] };
  }

  if (existing && before) checkChange(manifest, environment, kind, existing, before.content, content);
  const checked = await check(manifest, environment, kind, name, content, context);
  const errors = checked.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && !draft) throw doesNotCompile(kind, name, content, checked.diagnostics);

  const earlier = existing?.latest ?? environment.removed.get(key);
  const after: VersionDocument = {
    kind: kindName,
    name,
    version: (earlier?.version ?? 0) + 1,
    ...(earlier ? { previous: earlier.blob } : {}),
    at: context.at,
    by: context.by,
    ...(restored === undefined ? {} : { restored }),
    content,
  };
  const blob = await context.documents.save(manifest.root, environment.id, after);
  const latest: StoredVersion = { version: after.version, blob, ...(status ? { status } : {}) };
  const entry: ResourceEntry = {
    ...existing,
    kind: kindName,
    name,
    latest,
    ...(draft ? {} : published(latest, existing, content, assessment, checked, kind.claims?.(name, content))),
    changed: context.at,
    changedBy: context.by,
  };
  const exposedBefore = existing?.published ? exposedNames(existing) : [];
  environment.resources.set(key, entry);
  environment.removed.delete(key);
  if (!draft) {
    checkVelocityNames(environment, entry);
    await checkUses(manifest, environment, kind, exposedBefore, context);
  }
  return {
    environment,
    entry,
    ...(before ? { before } : {}),
    after,
    outcome: existing ? 'updated' : 'created',
    diagnostics: checked.diagnostics,
  };
}

/**
 * Takes a resource, whose content is given, out of the manifest. Throws a Problem: 409 with `references` where it is used, or
 * where it is the system's or is kept for others.
 */
export async function removeResource(
  manifest: Manifest,
  environment: EnvironmentEntry,
  entry: ResourceEntry,
  content: unknown,
): Promise<void> {
  if (entry.system) throw systemDefined(entry);
  const kept = kindOf(entry.kind).kept?.(entry.name, content);
  if (kept !== undefined)
    throw Problem.conflict(
      `The ${kindOf(entry.kind).noun} ${quote(entry.name)} cannot be deleted: ${kept}.`,
      {
        code: 'Kept',
      },
    );
  const key = resourceKey(entry.kind, entry.name);
  const uses = usesOfResource(manifest, environment, entry);
  environment.resources.delete(key);
  environment.removed.set(key, entry.latest);
  // without its settings an assessment may still exist: built in, or defined further up
  const broken =
    entry.kind === 'assessments'
      ? uses.filter((use) => !assessmentExists(manifest, use.environment, entry.name))
      : uses;
  if (broken.length > 0) throw inUse(`The ${kindOf(entry.kind).noun} ${quote(entry.name)} is in use`, broken);
}

/** Every published place that mentions the resource. */
export function usesOfResource(
  manifest: Manifest,
  environment: EnvironmentEntry,
  entry: ResourceEntry,
): Use[] {
  if (entry.kind === 'assessments') return usesOfAssessment(subtreeOf(manifest, environment.id), entry);
  const { referredAs } = kindOf(entry.kind);
  return referredAs ? usesOf(manifest, environment.id, referredAs, exposedNames(entry)) : [];
}

/** Members whose default depends on what is stored. */
async function complete(
  kind: ResourceKind,
  environment: EnvironmentEntry,
  existing: ResourceEntry | undefined,
  content: unknown,
  documents: Documents,
): Promise<unknown> {
  if (kind.kind !== 'rules' && kind.kind !== 'actions') return content;
  if (orderOf(content) !== undefined) return content;
  const others = [...environment.resources.values()].filter((entry) => entry.kind === kind.kind);
  const order = existing
    ? orderOf((await documents.load(existing.latest.blob)).content)
    : Math.max(
        0,
        ...(await Promise.all(
          others.map(async (entry) => orderOf((await documents.load(entry.latest.blob)).content) ?? 0),
        )),
      ) + 10;
  return typeof content === 'object' ? { ...content, order } : content;
}

/** The place of a rule or action among the others of its assessment. */
export function orderOf(content: unknown): number | undefined {
  if (typeof content !== 'object' || content === null || !('order' in content)) return undefined;
  return typeof content.order === 'number' ? content.order : undefined;
}

async function check(
  manifest: Manifest,
  environment: EnvironmentEntry,
  kind: ResourceKind,
  name: string,
  content: unknown,
  context: WriteContext,
): Promise<Checked> {
  if (!kind.check) return { diagnostics: [], references: [] };
  const resources = await resourcesOf(manifest, environment.id, context.documents, context.supportLists);
  const assessment = kind.assessment?.(content);
  const samplePayload =
    assessment === undefined
      ? undefined
      : await samplePayloadOf(manifest, environment.id, assessment, context.documents);
  const seen: Resources = { ...resources, ...(samplePayload ? { samplePayload } : {}) };
  return kind.check(name, content, seen);
}

/** What the entry says of the version that goes into force. */
function published(
  latest: StoredVersion,
  existing: ResourceEntry | undefined,
  content: unknown,
  assessment: string | undefined,
  { references, definitions }: Checked,
  names: string[] | undefined,
): Partial<ResourceEntry> {
  return {
    published: latest,
    ...(names ? { names } : {}),
    // one that the version before named does not stay
    assessment,
    references: distinct(references),
    ...(definitions
      ? {
          velocities: identify(definitions, existing?.velocities ?? []),
          listensTo: [...new Set(definitions.flatMap(({ from }) => from))],
          shards: Math.max(existing?.shards ?? 1, shardsOf(content)),
        }
      : {}),
  };
}

function distinct(references: readonly Reference[]): Reference[] {
  const seen = new Map(
    references.map(({ kind, environment, name, column }): [string, Reference] => [
      JSON.stringify([kind, environment, foldName(name), column ?? null]),
      { kind, environment, name, ...(column === undefined ? {} : { column }) },
    ]),
  );
  return [...seen.values()];
}

/** A velocity keeps its identity, and with it its history, while its name and its aggregate stay the same. */
function identify(
  definitions: readonly VelocityDefinition[],
  earlier: readonly VelocityIdentity[],
): VelocityIdentity[] {
  return definitions.map(({ name, aggregate }) => {
    const same = earlier.find(
      (velocity) => foldName(velocity.name) === foldName(name) && velocity.aggregate === aggregate,
    );
    return { id: same?.id ?? randomUUID(), name, aggregate };
  });
}

/** Over how many shards a velocity set writes. */
export function shardsOf(content: unknown): number {
  if (typeof content !== 'object' || content === null || !('shards' in content)) return 1;
  return typeof content.shards === 'number' ? content.shards : 1;
}

/** Refuses what would alter what cannot be altered. */
function checkChange(
  manifest: Manifest,
  environment: EnvironmentEntry,
  kind: ResourceKind,
  existing: ResourceEntry,
  before: unknown,
  after: unknown,
): void {
  const errors = kind.fixed?.(existing.name, before, after) ?? [];
  if (errors.length > 0) {
    const what = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw Problem.conflict(`The ${kind.noun} ${quote(existing.name)} exists already: ${what}.`, {
      code: 'Fixed',
      errors,
    });
  }
  const part = kind.fixedInUse?.(existing.name, before, after);
  const uses = part === undefined ? [] : usesOfResource(manifest, environment, existing);
  if (uses.length > 0)
    throw inUse(
      `The ${part} of the ${kind.noun} ${quote(existing.name)} cannot change while it is in use`,
      uses,
    );
}

/** Rules name velocities without their set, so a name may occur once in an environment. */
function checkVelocityNames(environment: EnvironmentEntry, entry: ResourceEntry): void {
  if (entry.kind !== 'velocitySets') return;
  const others = publishedOf(environment, 'velocitySets').filter(
    (other) => foldName(other.name) !== foldName(entry.name),
  );
  const taken = new Map(
    others.flatMap((other) =>
      (other.velocities ?? []).map(({ name }): [string, string] => [foldName(name), other.name]),
    ),
  );
  const errors = (entry.velocities ?? []).flatMap(({ name }, index) => {
    const set = taken.get(foldName(name));
    const message = `the velocity set ${quote(set ?? '')} has a velocity ${quote(name)} already`;
    return set === undefined ? [] : [{ path: `velocities[${index}]`, message }];
  });
  if (errors.length > 0) {
    throw Problem.conflict(
      `Names of velocities are unique: ${errors.map(({ message }) => message).join('; ')}.`,
      {
        code: 'VelocityNameTaken',
        errors,
      },
    );
  }
}

/** Compiles again whatever mentions the resource under one of its names; refuses the change if something breaks. */
async function checkUses(
  manifest: Manifest,
  environment: EnvironmentEntry,
  kind: ResourceKind,
  names: readonly string[],
  context: WriteContext,
): Promise<void> {
  if (!kind.referredAs || names.length === 0) return;
  const uses = usesOf(manifest, environment.id, kind.referredAs, names);
  const broken = new Map<string, Use & { message: string }>();
  for (const use of uses.filter((each) => checkedKinds.includes(each.kind))) {
    const at = manifest.environments.get(use.environment);
    const entry = at?.resources.get(resourceKey(use.kind, use.name));
    if (!at || !entry?.published) continue;
    const { content } = await context.documents.load(entry.published.blob);
    const { diagnostics } = await check(manifest, at, kindOf(use.kind), use.name, content, context);
    const error = diagnostics.find(({ severity }) => severity === 'error');
    if (error) broken.set(`${use.environment}/${use.kind}/${use.name}`, { ...use, message: error.message });
  }
  if (broken.size > 0) throw inUse('The change would break what is published', [...broken.values()]);
}

function checkLimit(environment: EnvironmentEntry, kind: ResourceKind): void {
  if (kind.limit === undefined) return;
  const count = [...environment.resources.values()].filter((entry) => entry.kind === kind.kind).length;
  if (count >= kind.limit) {
    throw Problem.conflict(`An environment has at most ${kind.limit} ${kind.kind}.`, {
      code: 'LimitReached',
    });
  }
}

/** What a resource may not be beside the others of its kind: one too many, or another under the same name. */
async function checkOthers(
  environment: EnvironmentEntry,
  kind: ResourceKind,
  name: string,
  content: unknown,
  documents: Documents,
): Promise<void> {
  if (!kind.quota && !kind.claims) return;
  const others = await Promise.all(
    [...environment.resources.values()]
      .filter((entry) => entry.kind === kind.kind && foldName(entry.name) !== foldName(name))
      .map(async (entry) => ({
        name: entry.name,
        content: (await documents.load(entry.latest.blob)).content,
      })),
  );
  const quota = kind.quota?.(name, content);
  const used = others.filter((other) => kind.quota?.(other.name, other.content)?.group === quota?.group);
  if (quota && used.length >= quota.most) {
    throw Problem.conflict(`An environment has at most ${quota.most} ${quota.group}.`, {
      code: 'LimitReached',
    });
  }
  const claimed = new Set(kind.claims?.(name, content).map(foldName));
  const taken = others.find((other) =>
    kind.claims?.(other.name, other.content).some((claim) => claimed.has(foldName(claim))),
  );
  if (taken) {
    throw Problem.conflict(
      `The ${kind.noun} ${quote(taken.name)} has this name, or this API name, already.`,
      { code: 'NameTaken' },
    );
  }
}

/** Does the stored content say the same as the new one? Both have gone through the same schema. */
function same(stored: unknown, content: unknown): boolean {
  return isDeepStrictEqual(stored, JSON.parse(JSON.stringify(content)));
}

/** Statuses under which a resource takes part. */
export function isActive(status: Status | undefined): boolean {
  return status === undefined || status === 'Active';
}
