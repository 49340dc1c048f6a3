import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { callName, externalCallSchema } from '../external/definition.ts';
import {
  checkFunction,
  compileRules,
  compileVelocitySet,
  type Diagnostic,
  type Reference,
  type ReferenceKind,
  type Resources,
  type VelocityDefinition,
} from '../fql/index.ts';
import type { ProblemError } from '../problem.ts';
import { fixedInUse, fixedMembers, whyNotDeleted } from './assessmentChanges.ts';
import { assessmentName, assessmentNames, assessmentQuota, assessmentSchema } from './assessments.ts';
import { capacityName, capacitySchema } from './capacity.ts';
import { externalAssessmentSchema, ownTarget } from './externalAssessments.ts';
import type { ResourceEntry, Status } from './manifest.ts';
import {
  actionSchema,
  functionSchema,
  identifierSchema,
  listSchema,
  type RuleBody,
  ruleSchema,
  velocitySetSchema,
} from './schemas.ts';

/** What the compiler says of one resource. */
export interface Checked {
  diagnostics: Diagnostic[];
  references: Reference[];
  /** velocity sets only */
  definitions?: VelocityDefinition[];
}

/** One kind of resource: everything that reading, writing and checking it needs to know. */
export interface ResourceKind<Body = unknown> {
  /** segment of the URL */
  kind: string;
  /** for messages: "the rule …" */
  noun: string;
  schema: z.ZodType<Body>;
  /** where its names have to be more than names, as they stand in code */
  name?: z.ZodType<string>;
  /** how rules refer to it, if they can */
  referredAs?: ReferenceKind;
  /** the names under which others refer to it; its own name where absent */
  exposes?(entry: ResourceEntry): string[];
  /** how many an environment may have */
  limit?: number;
  /** names that no other of its kind may have in the environment */
  claims?(name: string, body: Body): string[];
  /** how many of its group an environment may have; undefined: it counts for none */
  quota?(name: string, body: Body): { group: string; most: number } | undefined;
  /** what of it a change would alter that cannot be altered */
  fixed?(name: string, before: Body, after: Body): ProblemError[];
  /** what of it a change would alter that cannot be altered while it is in use, for messages: "the … of the rule" */
  fixedInUse?(name: string, before: Body, after: Body): string | undefined;
  /** why it cannot be deleted as it is */
  kept?(name: string, body: Body): string | undefined;
  status?(body: Body): Status;
  /** the assessment it belongs to, or calls; one of the environment or above it */
  assessment?(body: Body): string | undefined;
  /** compiles it against the environment as it is going to be; absent: it holds no code */
  check?(name: string, body: Body, resources: Resources): Checked;
}

/** Keeps the schema's type for the row's functions, and forgets it for the table. */
function row<Body>(kind: ResourceKind<Body>): ResourceKind {
  const { schema, status, assessment, claims, quota, fixed, fixedInUse, kept, check, ...rest } = kind;
  const read = (body: unknown): Body => schema.parse(body);
  return {
    ...rest,
    schema,
    ...(status ? { status: (body) => status(read(body)) } : {}),
    ...(claims ? { claims: (name, body) => claims(name, read(body)) } : {}),
    ...(quota ? { quota: (name, body) => quota(name, read(body)) } : {}),
    ...(fixed ? { fixed: (name, before, after) => fixed(name, read(before), read(after)) } : {}),
    ...(fixedInUse
      ? { fixedInUse: (name, before, after) => fixedInUse(name, read(before), read(after)) }
      : {}),
    ...(kept ? { kept: (name, body) => kept(name, read(body)) } : {}),
    ...(assessment ? { assessment: (body) => assessment(read(body)) } : {}),
    ...(check ? { check: (name, body, resources) => check(name, read(body), resources) } : {}),
  };
}

/** `rules` and `actions` differ in their schema and in what their clauses may do. */
function ruleKind(kind: string, noun: string, schema: z.ZodType<RuleBody>, as: 'decision' | 'action') {
  return row({
    kind,
    noun,
    schema,
    status: ({ status }) => status,
    assessment: ({ assessment }) => assessment,
    check(name, { condition, clauses }, resources) {
      const { program, diagnostics } = compileRules([{ name, condition, clauses }], resources, { kind: as });
      return { diagnostics, references: [...(program?.references ?? [])] };
    },
  });
}

/** Every kind of resource. A further kind is a schema in schemas.ts and a row here. */
export const resourceKinds: readonly ResourceKind[] = [
  ruleKind('rules', 'rule', ruleSchema, 'decision'),
  ruleKind('actions', 'action', actionSchema, 'action'),
  row({
    kind: 'velocitySets',
    noun: 'velocity set',
    schema: velocitySetSchema,
    referredAs: 'velocity',
    exposes: ({ velocities = [] }) => velocities.map(({ name }) => name),
    status: ({ status }) => status,
    check(name, { condition, velocities }, resources) {
      const { program, definitions, diagnostics } = compileVelocitySet(
        { name, condition, velocities },
        resources,
      );
      return { diagnostics, definitions, references: [...(program?.references ?? [])] };
    },
  }),
  row({
    kind: 'assessments',
    noun: 'assessment',
    schema: assessmentSchema,
    name: assessmentName,
    claims: assessmentNames,
    quota: assessmentQuota,
    fixed: fixedMembers,
    fixedInUse,
    kept: whyNotDeleted,
  }),
  row({ kind: 'lists', noun: 'list', schema: listSchema, referredAs: 'list' }),
  row({
    kind: 'functions',
    noun: 'function',
    schema: functionSchema,
    name: identifierSchema,
    referredAs: 'function',
    limit: 30,
    check: checkFunction,
  }),
  row({
    kind: 'externalCalls',
    noun: 'external call',
    schema: externalCallSchema,
    name: callName,
    referredAs: 'externalCall',
    // rules pass arguments by position
    fixedInUse: (_, before, after) =>
      isDeepStrictEqual(
        before.parameters.map(({ name }) => name),
        after.parameters.map(({ name }) => name),
      )
        ? undefined
        : 'parameters',
  }),
  row({
    kind: 'externalAssessments',
    noun: 'external assessment',
    schema: externalAssessmentSchema,
    name: identifierSchema,
    referredAs: 'externalAssessment',
    assessment: ownTarget,
  }),
  row({ kind: 'capacities', noun: 'capacity', schema: capacitySchema, name: capacityName }),
];

const kindsByName = new Map(resourceKinds.map((each) => [each.kind, each]));

/** The row of a kind; the kind is one of the table's. */
export function kindOf(kind: string): ResourceKind {
  const found = kindsByName.get(kind);
  if (!found) throw new Error(`there is no kind of resource ${kind}`);
  return found;
}
