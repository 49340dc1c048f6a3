import { z } from 'zod';

/** What the OpenAPI document says of a route; docs, the TypeScript client and the fuzz test are made from it. */
export interface About {
  /** the operation's name, unique in the document: the client's method is called so */
  operation: string;
  summary: string;
  /** members of the query */
  query?: Readonly<Record<string, z.ZodType>>;
  /** a JSON body */
  body?: z.ZodType;
  /** may a write be made conditional by If-Match and If-None-Match? */
  conditional?: true;
  /** what succeeds, by status; `csv` and `ndjson` are files, `page` HTML or a file that belongs to it, `none` no body */
  answers: Readonly<Record<number, z.ZodType | 'csv' | 'ndjson' | 'page' | 'none'>>;
}

const instant = z.iso.datetime();

/** Many of something; `next` goes into the query of the next page where there is one. */
export const page = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item) });
export const pageFrom = <S extends z.ZodType, N extends z.ZodType>(item: S, next: N) =>
  z.object({ items: z.array(item), next: next.optional() });

export const environmentView = z
  .object({
    id: z.guid(),
    apiName: z.string(),
    name: z.string(),
    path: z.string().describe('API names from the root on, as `x-ms-dfpenvid` takes them'),
    parent: z.guid().nullable(),
    root: z.guid(),
    description: z.string(),
    tags: z.array(z.string()),
    default: z.boolean().describe('stands in for requests that name no environment'),
    version: z.int(),
    created: instant,
    changed: instant,
    changedBy: z.string(),
  })
  .meta({ id: 'Environment' });

interface Node {
  id: string;
  apiName: string;
  name: string;
  path: string;
  parent: string | null;
  default: boolean;
  children: Node[];
}

export const environmentNode: z.ZodType<Node> = z
  .object({
    id: z.guid(),
    apiName: z.string(),
    name: z.string(),
    path: z.string(),
    parent: z.guid().nullable(),
    default: z.boolean(),
    get children() {
      return z.array(environmentNode);
    },
  })
  .meta({ id: 'EnvironmentNode' });

export const diagnosticView = z
  .object({
    rule: z.string().optional(),
    clause: z.string().optional(),
    severity: z.enum(['error', 'warning']),
    code: z.string(),
    message: z.string(),
    line: z.int(),
    column: z.int(),
    endLine: z.int(),
    endColumn: z.int(),
  })
  .meta({ id: 'Diagnostic' });

/** What every resource shows beside its content. */
export const resourceMembers = {
  version: z.int(),
  published: z
    .object({ version: z.int(), status: z.string().optional() })
    .optional()
    .describe('what is in force, where the latest version is a draft'),
  changed: instant,
  changedBy: z.string(),
  system: z.literal(true).optional().describe('part of the product: neither edited nor deleted'),
  diagnostics: z.array(diagnosticView).optional().describe('warnings of the compiler, after a write'),
};

/** What every version of a resource shows beside its content. */
export const versionMembers = {
  name: z.string(),
  version: z.int(),
  changed: instant,
  changedBy: z.string(),
  restored: z.int().optional().describe('the version that a rollback brought back'),
};

export const referenceView = z
  .object({
    environment: z.guid(),
    environmentName: z.string(),
    kind: z.string(),
    name: z.string(),
    status: z.string().optional(),
    column: z.string().optional(),
  })
  .meta({ id: 'Reference' });

export const activityView = z
  .object({
    id: z.string(),
    changed: instant,
    changedBy: z.string(),
    operation: z.string(),
    kind: z.string(),
    name: z.string(),
    version: z.int().optional(),
    environment: z.object({ id: z.string(), name: z.string() }),
    before: z.json().optional(),
    after: z.json().optional(),
  })
  .meta({ id: 'ActivityEntry' });

export const supportEntryView = z
  .object({
    key: z.string(),
    status: z.enum(['Safe', 'Block', 'Watch']),
    reason: z.string().optional(),
    comments: z.string().optional(),
    expires: instant.optional(),
    expired: z.boolean().optional(),
    changed: instant,
    changedBy: z.string(),
  })
  .meta({ id: 'SupportListEntry' });

/** A member of a page's query: how many items. */
export const limit = (most: number, usual: number) => z.int().min(1).max(most).default(usual);

export const problemView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('a stable word for programs'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('the members at fault'),
  })
  .loose()
  .meta({ id: 'Problem' });
