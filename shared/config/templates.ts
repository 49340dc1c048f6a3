import { z } from 'zod';
import { externalCallSchema, type Secret } from '../external/definition.ts';
import { originOf } from '../external/secrets.ts';
import { Problem } from '../problem.ts';
import { foldName, type ResourceEntry } from './manifest.ts';
import { resourceKinds } from './resources.ts';
import { parseBody } from './schemas.ts';
import type { ConfigStore, StoredResource } from './types.ts';

export const templateKinds = ['rule', 'assessment', 'environment'] as const;
export type TemplateKind = (typeof templateKinds)[number];

/** What an environment may use is its operator's business. */
const templated = resourceKinds.filter(({ kind }) => kind !== 'capacities');

/** A template's file: everything of what it is of, but neither secrets nor rows of lists nor entries of support lists. */
export const templateSchema = z
  .strictObject({
    format: z.literal('holdfast-template-1'),
    kind: z.enum(templateKinds),
    /** of the rule, the assessment or the environment */
    name: z.string().max(256),
    exported: z.iso.datetime().optional(),
    resources: z
      .array(
        z.strictObject({
          kind: z.enum(templated.map(({ kind }) => kind)),
          name: z.string().min(1).max(256),
          content: z.record(z.string(), z.json()),
        }),
      )
      .max(5000),
  })
  .refine(
    ({ kind, resources }) => kind !== 'rule' || resources.every((each) => each.kind !== 'assessments'),
    {
      path: ['resources'],
      message: 'a rule’s template has no assessments',
    },
  );
export type Template = z.output<typeof templateSchema>;

/** A secret that is not in the template; whoever imports it sets its value. */
const absentSecret = '00000000-0000-0000-0000-000000000000';

/** What others refer to comes before them. */
const order = [
  'lists',
  'functions',
  'externalCalls',
  'externalAssessments',
  'assessments',
  'velocitySets',
  'rules',
  'actions',
];
const placeOf = (kind: string) => (order.includes(kind) ? order.indexOf(kind) : order.length);

type Resources = Pick<ConfigStore, 'list' | 'environment'>;

/**
 * Makes the template of a rule, an assessment or an environment: of an environment all resources that are its own; of an
 * assessment its settings, rules and actions; of a rule the rule; of these two also what they use in the same environment,
 * and what that uses. Throws a Problem 404.
 */
export async function exportTemplate(
  config: Resources,
  environment: string,
  kind: TemplateKind,
  name: string | undefined,
  at: string,
): Promise<Template> {
  const { view } = await config.environment(environment);
  const all = (
    await Promise.all(templated.map(async (each) => (await config.list(view.id, each.kind)).resources))
  )
    .flat()
    .filter(({ entry }) => !entry.system);
  const chosen = kind === 'environment' ? all : withUsed(all, rootsOf(all, kind, name ?? ''), view.id);
  const resources = [...chosen].sort((left, right) => placeOf(left.entry.kind) - placeOf(right.entry.kind));
  return {
    format: 'holdfast-template-1',
    kind,
    name: kind === 'environment' ? view.name : (name ?? ''),
    exported: at,
    resources: resources.map(({ entry, document }) => ({
      kind: entry.kind,
      name: entry.name,
      content: withoutSecrets(entry.kind, document.content),
    })),
  };
}

function rootsOf(all: readonly StoredResource[], kind: TemplateKind, name: string): StoredResource[] {
  const folded = foldName(name);
  const called = (wanted: string) =>
    all.filter(({ entry }) => entry.kind === wanted && foldName(entry.name) === folded);
  const roots =
    kind === 'rule'
      ? called('rules')
      : [
          ...called('assessments'),
          ...all.filter(
            ({ entry, document }) =>
              ['rules', 'actions'].includes(entry.kind) &&
              foldName(assessmentOf(document.content)) === folded,
          ),
        ];
  if (roots.length === 0)
    throw Problem.notFound(`There is no ${kind} ${JSON.stringify(name)} in this environment.`, {
      code: 'NotFound',
    });
  return roots;
}

function assessmentOf(content: unknown): string {
  return typeof content === 'object' && content !== null && 'assessment' in content
    ? String(content.assessment)
    : '';
}

/** The resources with everything that they mention and that is of the same environment. */
function withUsed(
  all: readonly StoredResource[],
  roots: readonly StoredResource[],
  environment: string,
): Set<StoredResource> {
  const found = new Set(roots);
  for (const resource of found) {
    for (const reference of resource.entry.references ?? []) {
      if (reference.environment !== environment) continue;
      const kind = resourceKinds.find(({ referredAs }) => referredAs === reference.kind);
      const names = (entry: ResourceEntry) => kind?.exposes?.(entry) ?? [entry.name];
      for (const other of all)
        if (
          other.entry.kind === kind?.kind &&
          names(other.entry).some((name) => foldName(name) === foldName(reference.name))
        )
          found.add(other);
    }
  }
  return found;
}

type Content = Template['resources'][number]['content'];

/** Of lists the columns; of external calls no value that is kept elsewhere. */
function withoutSecrets(kind: string, content: unknown): Content {
  // what is stored has gone through JSON
  const plain: Content = JSON.parse(JSON.stringify(content));
  if (kind === 'externalCalls')
    return withSecrets(plain, (_, secret) => ('stored' in secret ? { stored: absentSecret } : secret));
  if (kind !== 'lists') return plain;
  return { description: plain.description ?? '', columns: plain.columns ?? [] };
}

/** An external call's content with other secrets. */
function withSecrets(content: Content, change: (name: string, secret: Secret) => Secret): Content {
  const { secrets } = externalCallSchema.parse(content);
  const changed = Object.entries(secrets).map(([name, secret]) => [name, change(name, secret)] as const);
  return { ...content, secrets: Object.fromEntries(changed) };
}

const isAbsent = (secret: Secret) => 'stored' in secret && secret.stored === absentSecret;

/** An external call of a template with the secrets that it lacks, where the call in its place sends them to the same host. */
export function keepSecrets(content: Content, existing: unknown): Content {
  const known = externalCallSchema.parse(existing);
  if (originOf(known) !== originOf(parseBody(externalCallSchema, content))) return content;
  const secrets = new Map(Object.entries(known.secrets));
  return withSecrets(content, (name, secret) => (isAbsent(secret) ? (secrets.get(name) ?? secret) : secret));
}

/** Are there secrets to be set before an imported resource works? */
export function lacksSecrets(kind: string, content: unknown): boolean {
  return kind === 'externalCalls' && Object.values(externalCallSchema.parse(content).secrets).some(isAbsent);
}

/** The columns of a list in a template; undefined where it says none. */
export function columnsOf(content: Content): string[] | undefined {
  const parsed = z.array(z.string()).min(1).safeParse(content.columns);
  return parsed.success ? parsed.data : undefined;
}

/** A template's resources in the order in which they can be written. */
export function inOrder(resources: Template['resources']): Template['resources'] {
  return [...resources].sort((left, right) => placeOf(left.kind) - placeOf(right.kind));
}

/** A list's file without rows. */
export function headerOf(columns: readonly string[]): Uint8Array {
  const cells = columns.map((column) => `"${column.replaceAll('"', '""')}"`);
  return new TextEncoder().encode(`${cells.join(',')}\n`);
}
