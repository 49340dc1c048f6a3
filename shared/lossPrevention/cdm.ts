import { z } from 'zod';
import type { FileItem, Files } from './files.ts';

/** One entity of a Common Data Model folder. */
export interface CdmEntity {
  name: string;
  columns: string[];
  partitions: FileItem[];
  /** its rows are changes of a table (they carry a log sequence number) rather than the table itself */
  changes: boolean;
  format: { header: boolean; delimiter: string };
}

export type Manifest =
  | { ok: true; entities: CdmEntity[]; problems: { file: string; reason: string }[] }
  | { ok: false; reason: string };

const modelSchema = z.object({
  entities: z.array(
    z.object({
      name: z.string(),
      attributes: z.array(z.object({ name: z.string() })).default([]),
      partitions: z
        .array(
          z.object({
            location: z.string(),
            fileFormatSettings: z
              .object({ columnHeaders: z.boolean().optional(), delimiter: z.string().length(1).optional() })
              .optional(),
          }),
        )
        .nullish(),
    }),
  ),
});

const manifestSchema = z.object({
  entities: z.array(
    z.object({
      entityName: z.string(),
      entityPath: z.string(),
      dataPartitions: z
        .array(
          z.object({
            location: z.string(),
            exhibitsTraits: z
              .array(
                z.union([
                  z.string(),
                  z.object({
                    arguments: z.array(z.object({ name: z.string(), value: z.unknown() })).default([]),
                  }),
                ]),
              )
              .default([]),
          }),
        )
        .default([]),
      dataPartitionPatterns: z
        .array(z.object({ rootLocation: z.string(), globPattern: z.string().optional() }))
        .default([]),
    }),
  ),
});

const attribute = z.union([
  z.object({ name: z.string() }),
  z.object({
    attributeGroupReference: z.object({ members: z.array(z.object({ name: z.string() })) }),
  }),
]);
const definitionSchema = z.object({
  definitions: z.array(
    z.object({ entityName: z.string().optional(), hasAttributes: z.array(attribute).default([]) }),
  ),
});

/**
 * Reads a `model.json` (CDM folders, version 1) or a `*.manifest.cdm.json` with the entity definitions it points to.
 * Only files that the lake itself lists can become partitions.
 */
export async function manifestEntities(
  lake: Files,
  item: FileItem,
  files: ReadonlyMap<string, FileItem>,
): Promise<Manifest> {
  const root = item.name.slice(0, item.name.lastIndexOf('/') + 1);
  const json = await readJson(lake, item);
  const problems: { file: string; reason: string }[] = [];
  const find = (location: string): FileItem[] => {
    const found = locate(location, root, files);
    if (!found)
      problems.push({ file: item.name, reason: `names a partition that is not there: ${location}` });
    return found ? [found] : [];
  };
  if (item.name.endsWith('model.json')) {
    const model = modelSchema.safeParse(json);
    if (!model.success) return { ok: false, reason: `not a model.json: ${z.prettifyError(model.error)}` };
    const entities = model.data.entities.map((entity): CdmEntity => {
      const settings = entity.partitions?.[0]?.fileFormatSettings;
      return {
        name: entity.name,
        ...columnsOf(entity.attributes.map((one) => one.name)),
        partitions: (entity.partitions ?? []).flatMap((part) => find(part.location)),
        format: { header: settings?.columnHeaders ?? false, delimiter: settings?.delimiter ?? ',' },
      };
    });
    return { ok: true, entities, problems };
  }
  const manifest = manifestSchema.safeParse(json);
  if (!manifest.success)
    return { ok: false, reason: `not a CDM manifest: ${z.prettifyError(manifest.error)}` };
  const entities: CdmEntity[] = [];
  for (const entity of manifest.data.entities) {
    const slash = entity.entityPath.lastIndexOf('/');
    const path = entity.entityPath
      .slice(0, slash)
      .replace(/^(cdm|local|adls):/, '')
      .replace(/^\/+/, '');
    const place = files.get(root + path) ?? files.get(path);
    const definition = place && definitionSchema.safeParse(await readJson(lake, place));
    if (!definition?.success) {
      problems.push({
        file: item.name,
        reason: `the definition of ${entity.entityName} cannot be read: ${path}`,
      });
      continue;
    }
    const own =
      definition.data.definitions.find((one) => one.entityName === entity.entityPath.slice(slash + 1)) ??
      definition.data.definitions[0];
    const names = (own?.hasAttributes ?? []).flatMap((one) =>
      'name' in one ? [one.name] : one.attributeGroupReference.members.map((member) => member.name),
    );
    const partitions = entity.dataPartitions.flatMap((part) => find(part.location));
    for (const pattern of entity.dataPartitionPatterns)
      for (const file of files.values())
        if (file.name.startsWith(`${root}${pattern.rootLocation.replace(/^\/+|\/+$/g, '')}/`))
          partitions.push(file);
    entities.push({
      name: entity.entityName,
      ...columnsOf(names),
      partitions,
      format: formatOf(entity.dataPartitions),
    });
  }
  return { ok: true, entities, problems };
}

function columnsOf(names: string[]): { columns: string[]; changes: boolean } {
  return { columns: names, changes: names.some((name) => /^_*start_?lsn$/i.test(name)) };
}

function formatOf(
  partitions: z.infer<typeof manifestSchema>['entities'][number]['dataPartitions'],
): CdmEntity['format'] {
  const format = { header: false, delimiter: ',' };
  for (const trait of partitions[0]?.exhibitsTraits ?? [])
    if (typeof trait !== 'string')
      for (const { name, value } of trait.arguments) {
        if (name === 'columnHeaders') format.header = value === true || value === 'true';
        if (name === 'delimiter' && typeof value === 'string' && value.length === 1) format.delimiter = value;
      }
  return format;
}

/** A location is relative to the manifest, or a whole URL whose path starts with the container. */
function locate(location: string, root: string, files: ReadonlyMap<string, FileItem>): FileItem | undefined {
  if (!/^https?:/i.test(location)) {
    const plain = location.replace(/^(cdm|local|adls):/, '').replace(/^\/+/, '');
    return files.get(root + plain) ?? files.get(plain);
  }
  if (!URL.canParse(location)) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(new URL(location).pathname);
  } catch {
    return undefined;
  }
  // Azurite's URLs carry the account as well as the container in front of the name.
  const segments = path.split('/').slice(1);
  for (const skip of [1, 2, 0]) {
    const found = files.get(segments.slice(skip).join('/'));
    if (found) return found;
  }
  return undefined;
}

const largestManifest = 32 * 1024 * 1024;

async function readJson(lake: Files, item: FileItem): Promise<unknown> {
  if (item.size > largestManifest) return undefined;
  const content = await lake.read(item.name);
  if (!content) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(content).replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}
