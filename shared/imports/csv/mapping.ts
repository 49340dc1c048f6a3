import { z } from 'zod';
import { fitsPattern } from '../../wildcard.ts';
import { type EntityName, entityNames, entityOf, type Path, pathOf } from './entities.ts';

const name = z.string().min(1).max(256);

const source = z.union([
  name.describe('the column of that name; in a file without a header its number, from "1"'),
  z.strictObject({ value: z.string().max(1024).describe('the same value in every row') }),
  z.strictObject({
    column: name,
    values: z
      .record(z.string(), z.string().max(1024))
      .describe('what stands for values of the column; others are taken as they are'),
  }),
]);

/** Which files hold which entities of DFP's upload, and which of their columns are which attributes. */
export const mappingSchema = z
  .strictObject({
    files: z
      .array(
        z.strictObject({
          name: name.describe('name of the file; * stands for any text'),
          entity: z.enum(entityNames).optional(),
          header: z
            .boolean()
            .optional()
            .describe('has the file a line of column names? Found by looking where absent'),
          delimiter: z.enum([',', ';', '\t']).optional().describe('found by looking where absent'),
          columns: z
            .record(name, source)
            .optional()
            .describe(
              'attribute of the entity, or path in the event (`customData.tier`) → where its value comes from',
            ),
        }),
      )
      .max(1000),
  })
  .meta({ id: 'ImportMapping' });

export type Mapping = z.output<typeof mappingSchema>;
type MappedFile = Mapping['files'][number];
type Source = z.output<typeof source>;

/** The first entry of the mapping whose pattern fits the file's name. */
export function mappedFile(mapping: Mapping | undefined, file: string): MappedFile | undefined {
  const folded = file.toLowerCase();
  return mapping?.files.find(({ name }) => fitsPattern(name.toLowerCase().replaceAll(/\*+/g, '**'), folded));
}

/** Where one value of a row goes, and what it is. */
export interface Binding {
  path: Path;
  /** place of the column in the row */
  column?: number;
  /** where no column is named */
  value?: string;
  values?: Readonly<Record<string, string>>;
}

export type Bound =
  | { ok: true; bindings: Binding[]; unused: string[] }
  | { ok: false; faults: { path: string; message: string }[] };

/**
 * Binds a file's columns to an entity: those that the mapping names, and all others by their own names. `unused` are columns
 * that are no attribute and that the mapping does not name.
 */
export function bind(entity: EntityName, columns: readonly string[], mapped: MappedFile | undefined): Bound {
  const bindings: Binding[] = [];
  const faults: { path: string; message: string }[] = [];
  const taken = new Set<string>();
  const used = new Set<number>();
  for (const [attribute, from] of Object.entries(mapped?.columns ?? {})) {
    const path = pathOf(entity, attribute) ?? (attribute.includes('.') ? dotted(attribute) : undefined);
    if (!path) {
      faults.push({
        path: attribute,
        message: `is no attribute of ${entity}; a path in the event needs a dot`,
      });
      continue;
    }
    taken.add(path.join('.'));
    const bound = bindOne(path, from, columns);
    if (typeof bound === 'string') faults.push({ path: attribute, message: bound });
    else {
      bindings.push(bound);
      if (bound.column !== undefined) used.add(bound.column);
    }
  }
  const unused: string[] = [];
  for (const [index, column] of columns.entries()) {
    if (used.has(index)) continue;
    const path = pathOf(entity, column);
    if (!path || taken.has(path.join('.'))) {
      unused.push(column);
      continue;
    }
    taken.add(path.join('.'));
    bindings.push({ path, column: index });
  }
  const { joinedBy } = entityOf(entity);
  if (joinedBy && !taken.has((pathOf(entity, joinedBy.attribute) ?? []).join('.')))
    faults.push({
      path: joinedBy.attribute,
      message: `no column is ${joinedBy.attribute} of ${entity}; the file has ${columns.slice(0, 12).join(', ')}${columns.length > 12 ? ' …' : ''}`,
    });
  return faults.length > 0 ? { ok: false, faults } : { ok: true, bindings, unused };
}

function bindOne(path: Path, from: Source, columns: readonly string[]): Binding | string {
  if (typeof from === 'object' && 'value' in from) return { path, value: from.value };
  const wanted = typeof from === 'string' ? from : from.column;
  const exact = columns.indexOf(wanted);
  const column =
    exact >= 0
      ? exact
      : columns.findIndex((each) => each.trim().toLowerCase() === wanted.trim().toLowerCase());
  if (column < 0) return `the file has no column ${wanted}`;
  return { path, column, ...(typeof from === 'object' ? { values: from.values } : {}) };
}

function dotted(text: string): Path | undefined {
  const parts = text.split('.').map((part) => (/^\d{1,4}$/.test(part) ? Number(part) : part));
  return parts.every((part) => part !== '') ? parts : undefined;
}
