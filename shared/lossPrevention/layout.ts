import { type CdmEntity, manifestEntities } from './cdm.ts';
import type { FileItem, Files } from './files.ts';
import { type MappedSource, type Mapping, mappedSource } from './mapping.ts';
import { type EntityName, entityNames } from './schema.ts';

/** A file of the lake, and what is known of it by where it lies. */
export interface LakeFile extends FileItem {
  kind: 'csv' | 'parquet';
  gzip: boolean;
  entities: readonly EntityName[];
  /** given by a CDM folder: names of the columns, and whether a header repeats them */
  cdm?: CdmEntity['format'] & { columns: readonly string[]; changes: boolean };
  mapped?: MappedSource;
}

/** Files that must be read together, because their rows belong together: those of one day, else of one folder. */
export interface Unit {
  id: string;
  files: LakeFile[];
}

export interface FileProblem {
  file: string;
  reason: string;
}

export interface Layout {
  units: Unit[];
  /** payment methods belong to no day */
  methods: LakeFile[];
  problems: FileProblem[];
  /** files that are none of ours */
  ignored: number;
}

/** Finds out what lies in a lake by looking: CDM folders, files that the mapping names, DFP upload files and Parquet. */
export async function findLayout(lake: Files, prefix: string, mapping?: Mapping): Promise<Layout> {
  const items: FileItem[] = [];
  for await (const item of lake.list(prefix)) items.push(item);
  const byName = new Map(items.map((item) => [item.name, item]));
  const layout: Layout = { units: [], methods: [], problems: [], ignored: 0 };
  const units = new Map<string, LakeFile[]>();
  const taken = new Set<string>();
  const put = (root: string, day: string, file: LakeFile) => {
    if (file.entities.every((entity) => entity === 'PaymentMethod')) {
      layout.methods.push(file);
      return;
    }
    const id = `${root}|${day}`;
    const list = units.get(id);
    if (list) list.push(file);
    else units.set(id, [file]);
  };

  for (const item of items) {
    if (!/(^|\/)(model\.json|[^/]*manifest\.cdm\.json)$/.test(item.name)) continue;
    taken.add(item.name);
    const found = await manifestEntities(lake, item, byName);
    if (!found.ok) {
      layout.problems.push({ file: item.name, reason: found.reason });
      continue;
    }
    layout.problems.push(...found.problems);
    const root = item.name.slice(0, item.name.lastIndexOf('/') + 1);
    const feeds = found.entities.some((entity) => entity.changes);
    for (const entity of found.entities) {
      const name = entityOf(entity.name);
      for (const part of entity.partitions) {
        taken.add(part.name);
        if (!name || part.size === 0) continue;
        const { columns, changes, format } = entity;
        const kind = kindOf(part.name) ?? { kind: 'csv', gzip: false };
        const file: LakeFile = { ...part, ...kind, entities: [name], cdm: { ...format, columns, changes } };
        // Changes may concern any row of the folder, so then the folder is one unit.
        put(root, feeds ? 'all' : dayOf(part.name.slice(root.length)), file);
      }
    }
  }

  for (const item of items) {
    if (taken.has(item.name)) continue;
    const kind = kindOf(item.name);
    const mapped = mappedSource(mapping, item.name);
    const entity = entityOf(item.name);
    const entities = mapped ? entityNames.filter((name) => mapped.entities[name]) : entity ? [entity] : [];
    if (!kind || entities.length === 0) {
      layout.ignored++;
      continue;
    }
    if (item.size === 0) {
      layout.problems.push({ file: item.name, reason: 'empty, or a folder that is named like a file' });
      continue;
    }
    const root = mapped ? mapped.files : rootOf(item.name);
    put(root, dayOf(item.name.slice(mapped ? 0 : root.length)), {
      ...item,
      ...kind,
      entities,
      ...(mapped ? { mapped } : {}),
    });
  }
  layout.units = [...units].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, files]) => ({ id, files }));
  return layout;
}

function kindOf(name: string): Pick<LakeFile, 'kind' | 'gzip'> | undefined {
  const match = /\.(csv|tsv|parquet)(\.gz)?$/i.exec(name);
  if (!match) return undefined;
  if (match[1]!.toLowerCase() === 'parquet') return match[2] ? undefined : { kind: 'parquet', gzip: false };
  return { kind: 'csv', gzip: match[2] !== undefined };
}

const patterns: readonly [RegExp, EntityName][] = [
  [/retailtransactionsalestrans/, 'Sales'],
  [/retailtransactiondiscounttrans/, 'Discounts'],
  [/retailtransactionpaymenttrans/, 'Payments'],
  [/retailtransactiontable/, 'Transactions'],
  [/retailtendertype/, 'PaymentMethod'],
  [/payment[ _-]?methods?/, 'PaymentMethod'],
  [/payments?/, 'Payments'],
  [/sales/, 'Sales'],
  [/transactions?/, 'Transactions'],
];

/** The entity that a name or path speaks of: the last segment that names one decides. */
export function entityOf(path: string): EntityName | undefined {
  for (const segment of path.toLowerCase().split('/').reverse())
    for (const [pattern, entity] of patterns) if (pattern.test(segment)) return entity;
  return undefined;
}

/** The path before the segment that names the entity: data sets side by side stay apart. */
function rootOf(path: string): string {
  const segments = path.split('/');
  for (let i = segments.length - 1; i >= 0; i--)
    if (entityOf(segments[i]!))
      return segments
        .slice(0, i)
        .map((segment) => `${segment}/`)
        .join('');
  return '';
}

/** The last date that a path names (yyyy-mm-dd, yyyymmdd, yyyy/mm/dd, year=…/month=…/day=…, or a month alone), else "all". */
export function dayOf(path: string): string {
  const plain = path.toLowerCase().replaceAll(/(year|month|day|date)=/g, '');
  const days = [
    ...plain.matchAll(/(?<!\d)((?:19|20)\d\d)[-_/]?(0[1-9]|1[0-2])(?:[-_/]?(0[1-9]|[12]\d|3[01]))?(?!\d)/g),
  ];
  const last = days.at(-1);
  return last ? [last[1], last[2], ...(last[3] ? [last[3]] : [])].join('-') : 'all';
}
