import { z } from 'zod';
import { fitsPattern } from '../wildcard.ts';
import { type EntityName, entityNames, schemaFields, usedFields } from './schema.ts';

const name = z.string().min(1).max(256);

/** Where a field's value comes from: a column, or one of a few plain derivations. There is no way to write SQL. */
const source = z.union([
  name.describe('the column of that name; in a file without a header its number, from "1"'),
  z.strictObject({ value: z.string().max(256).describe('the same value in every row') }),
  z.strictObject({ product: z.array(name).min(2).max(4).describe('columns multiplied with each other') }),
  z.strictObject({
    startsWith: z
      .tuple([name, z.string().min(1).max(64)])
      .describe('1 where the column starts with the text, else 0'),
  }),
  z.strictObject({
    upTo: z
      .tuple([name, z.string().min(1).max(64)])
      .describe('the column up to the first place of that text'),
  }),
]);
export type FieldSource = z.infer<typeof source>;

const entityMapping = z.strictObject({
  /** rows with the same transaction number are one transaction: the first of them counts */
  distinct: z.boolean().default(false),
  fields: z.record(z.string().regex(/^[A-Z0-9]{1,64}$/), source),
});

/** The saved column mapping: which files hold which entities, and which column is which field. */
export const mappingSchema = z.strictObject({
  sources: z
    .array(
      z.strictObject({
        files: z
          .string()
          .min(1)
          .describe('a path in the lake; * stands for any text without /, ** for any text'),
        header: z.boolean().optional().describe('found by looking where absent'),
        delimiter: z.enum([',', ';', '\t']).optional().describe('found by looking where absent'),
        entities: z.partialRecord(z.enum(entityNames), entityMapping),
      }),
    )
    .min(1),
});
export type Mapping = z.infer<typeof mappingSchema>;
export type MappedSource = Mapping['sources'][number];

/** The first source of the mapping whose pattern fits the path. */
export function mappedSource(mapping: Mapping | undefined, path: string): MappedSource | undefined {
  return mapping?.sources.find((entry) => fitsPattern(entry.files, path));
}

/** How the columns of one file become the columns of an entity. */
export interface Binding {
  entity: EntityName;
  distinct: boolean;
  /** column of the analysis -> where its value comes from; what is not there stays empty */
  columns: Map<string, FieldSource>;
}

export type Bound = { ok: true; binding: Binding } | { ok: false; reason: string };

/** Binds a file's own column names (any case) to an entity by the names that DFP and Commerce use. */
export function bindByName(entity: EntityName, columns: readonly string[]): Bound {
  const known = new Map(columns.map((column) => [column.trim().toUpperCase(), column]));
  const found = new Map<string, FieldSource>();
  for (const field of usedFields[entity]) {
    const column = field.names
      .map((candidate) => known.get(candidate))
      .find((candidate) => candidate !== undefined);
    if (column !== undefined) found.set(field.column, column);
  }
  return complete(entity, false, found, columns);
}

/** Binds by a saved mapping. */
export function bindByMapping(entity: EntityName, mapped: MappedSource, columns: readonly string[]): Bound {
  const wanted = mapped.entities[entity];
  const found = new Map<string, FieldSource>();
  for (const field of usedFields[entity])
    for (const candidate of field.names) {
      const from = wanted?.fields[candidate];
      if (from !== undefined && !found.has(field.column)) found.set(field.column, from);
    }
  for (const from of found.values())
    for (const column of columnsOf(from))
      if (!columns.includes(column))
        return { ok: false, reason: `the mapping names a column that the file lacks: ${column}` };
  return complete(entity, wanted?.distinct ?? false, found, columns);
}

function complete(
  entity: EntityName,
  distinct: boolean,
  columns: Map<string, FieldSource>,
  own: readonly string[],
): Bound {
  const missing = usedFields[entity].filter((field) => field.required && !columns.has(field.column));
  if (missing.length === 0) return { ok: true, binding: { entity, distinct, columns } };
  const names = missing.map((field) => field.names[0]).join(', ');
  return {
    ok: false,
    reason: `no column for ${names} of ${entity}; the file has ${own.slice(0, 12).join(', ')}${own.length > 12 ? ' …' : ''}`,
  };
}

/** The file's columns that a source reads. */
export function columnsOf(from: FieldSource): string[] {
  if (typeof from === 'string') return [from];
  if ('product' in from) return from.product;
  if ('startsWith' in from) return [from.startsWith[0]];
  if ('upTo' in from) return [from.upTo[0]];
  return [];
}

/** Every column that a mapped source reads. */
export function mappedColumns(mapped: MappedSource): string[] {
  return Object.values(mapped.entities).flatMap((entity) =>
    Object.values(entity?.fields ?? {}).flatMap(columnsOf),
  );
}

/** Tells a header from data: at least half of the names are fields of DFP's schema or of Commerce. */
export function isHeader(names: readonly string[]): boolean {
  return names.filter((candidate) => everyName.has(candidate.toUpperCase())).length * 2 >= names.length;
}

const everyName = new Set(
  entityNames.flatMap((entity) => [
    ...schemaFields[entity],
    ...usedFields[entity].flatMap((field) => field.names),
  ]),
);
