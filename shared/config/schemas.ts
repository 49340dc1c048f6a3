import { z } from 'zod';
import { Problem, type ProblemError } from '../problem.ts';

/** The assessments that every environment has; `SignUp` and `SignIn` are those of the purchase family's older clients. */
export const builtInAssessments = [
  'Purchase',
  'AccountCreation',
  'AccountLogin',
  'SignUp',
  'SignIn',
] as const;

const longestName = 128;
const longestCode = 64 * 1024;

/** Names of resources and of parts of them: shown to people, matched without regard to case. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'a name has at least 1 character')
  .max(longestName, `a name has at most ${longestName} characters`)
  .refine((name) => !/\p{Cc}/u.test(name), 'a name has no control characters')
  .refine((name) => name.isWellFormed(), 'a name has no half of a surrogate pair')
  .refine((name) => name.toLowerCase() !== 'evaluate', 'a name may not be "evaluate"');

/** API names stand in URLs and paths of environments. */
export const apiNameSchema = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'an API name has 1 to 128 letters, digits, ".", "_" or "-"')
  .refine((name) => name.toLowerCase() !== 'evaluate', 'a name may not be "evaluate"');

export const environmentIdSchema = z.guid('an environment id is a GUID').transform((id) => id.toLowerCase());

export const descriptionSchema = z.string().max(4000).default('');
const codeSchema = z.string().max(longestCode, `code has at most ${longestCode} characters`);
const statusSchema = z.enum(['Active', 'Inactive', 'Draft']).default('Active');
export const payloadSchema = z.record(z.string(), z.json());

/** Reports every name that occurs before in the list, at its own path. */
export function uniqueNames(items: readonly { name: string }[], context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { name }] of items.entries()) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) {
      const message = `the name ${JSON.stringify(name)} occurs twice; letter case does not count`;
      context.addIssue({ code: 'custom', path: [index, 'name'], message });
    }
    seen.add(folded);
  }
}

export const environmentSchema = z.strictObject({
  name: nameSchema,
  /** fixed after creation; the last segment of the URL's path where absent */
  apiName: z.string().trim().optional(),
  /** given by the caller at creation, to keep the id that its clients send already; made by the service where absent */
  id: environmentIdSchema.optional(),
  /** id, API name or path; null or absent: a root environment */
  parent: z.string().trim().min(1).nullish(),
  description: descriptionSchema,
  tags: z.array(z.string().trim().min(1).max(128)).max(100).default([]),
});

const sectionSchema = z.enum(['PriorToScoring', 'PostBotScoring', 'PostRiskScoring']);

const clauseSchema = z
  .strictObject({
    name: nameSchema,
    section: sectionSchema.optional(),
    code: codeSchema.min(1, 'a clause has code'),
  })
  .meta({ id: 'Clause' });

const ruleMembers = {
  assessment: nameSchema,
  status: statusSchema,
  /** rules run in this order; a new rule without one runs last */
  order: z.number().int().min(-1_000_000).max(1_000_000).optional(),
  description: descriptionSchema,
  condition: codeSchema.optional(),
};

export const ruleSchema = z.strictObject({
  ...ruleMembers,
  clauses: z.array(clauseSchema).min(1, 'a rule has at least one clause').max(100).superRefine(uniqueNames),
});

export const actionSchema = z.strictObject({
  ...ruleMembers,
  clauses: z
    .array(clauseSchema.omit({ section: true }))
    .min(1, 'an action has at least one clause')
    .max(100)
    .superRefine(uniqueNames),
});

export const velocitySetSchema = z.strictObject({
  status: statusSchema,
  description: descriptionSchema,
  condition: codeSchema.optional(),
  velocities: z
    .array(codeSchema.min(1, 'a velocity is a SELECT statement'))
    .min(1, 'a velocity set has at least one velocity')
    .max(10, 'a velocity set has at most 10 velocities'),
  /** over how many rows a hot key's counter is spread */
  shards: z.number().int().min(1).max(32).default(1),
});

export const listSchema = z.strictObject({
  description: descriptionSchema,
  columns: z.array(z.string()),
  rows: z.number().int(),
  bytes: z.number().int(),
  memory: z.number().int(),
  pages: z.number().int().optional(),
  blob: z.string(),
});

const valueType = z.enum(['Boolean', 'DateTime', 'Double', 'Integer', 'String']);
/** Names that stand in code. */
export const identifierSchema = z
  .string()
  .trim()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'letters, digits and "_", not starting with a digit');

export const functionSchema = z.strictObject({
  description: descriptionSchema,
  parameters: z
    .array(z.strictObject({ name: identifierSchema, type: valueType, default: z.json() }))
    .max(30)
    .default([])
    .superRefine(uniqueNames),
  outputs: z
    .array(
      z.strictObject({
        name: identifierSchema,
        type: valueType,
        default: z.json(),
        code: codeSchema.min(1, 'an output has code'),
        description: z.string().max(4000).optional(),
      }),
    )
    .min(1, 'a function has at least one output')
    .max(30, 'a function has at most 30 outputs')
    .superRefine(uniqueNames),
});

const supportMembers = {
  status: z.enum(['Safe', 'Block', 'Watch']),
  reason: z.string().max(1000).optional(),
  comments: z.string().max(4000).optional(),
  expires: z.iso
    .datetime({
      offset: true,
      error: 'a date and time of ISO 8601 with its offset, e.g. 2027-01-01T00:00:00Z',
    })
    .nullish(),
};

export const supportEntrySchema = z.strictObject(supportMembers);

/** Several keys, one status; `Remove` takes them off the list. */
export const supportBulkSchema = z.strictObject({
  ...supportMembers,
  status: z.enum(['Safe', 'Block', 'Watch', 'Remove']),
  keys: z.array(z.string().trim().min(1).max(1024)).min(1).max(1000),
});

export type EnvironmentBody = z.output<typeof environmentSchema>;
export type RuleBody = z.output<typeof ruleSchema>;
export type ActionBody = z.output<typeof actionSchema>;
export type VelocitySetBody = z.output<typeof velocitySetSchema>;
export type ListBody = z.output<typeof listSchema>;
export type FunctionBody = z.output<typeof functionSchema>;

/** Where an issue is, as `clauses[0].name`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** The faults that zod found, one for each unknown member too. */
export function issuesOf(error: z.core.$ZodError): ProblemError[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'unknown member' }));
    }
    return [{ path: pathText(issue.path) || '(body)', message: issue.message }];
  });
}

/** The body as the schema has it; throws a Problem 400 that names every fault with its path. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const errors = issuesOf(parsed.error);
  const faults = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw Problem.badRequest(`The body is not usable: ${faults}.`, { code: 'InvalidBody', errors });
}

/** A name from the URL, as `schema` wants it besides; throws a Problem 400. */
export function parseName(name: string, schema: z.ZodType<string> = nameSchema): string {
  const plain = nameSchema.safeParse(name);
  const parsed = plain.success ? schema.safeParse(plain.data) : plain;
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(({ message }) => ({ path: 'name', message }));
  throw Problem.badRequest(`The name is not usable: ${errors.map(({ message }) => message).join('; ')}.`, {
    code: 'InvalidName',
    errors,
  });
}
