import { createHash, randomUUID } from 'node:crypto';
import type { App } from '../../shared/assessment/app.ts';
import { rememberedEvent } from '../../shared/assessment/featureEvents.ts';
import type { StoredEvent } from '../../shared/assessment/record.ts';
import { entitiesOf } from '../../shared/scoring/features/entities.ts';
import { shardsOf } from '../../shared/scoring/historyRows.ts';
import type { Row } from '../../shared/storage/index.ts';

/** The shape of one assessment's storage requests, taken from a real one. */
export interface Shape {
  stored: StoredEvent;
  /** partition and row key of each point read, by table */
  reads: { table: string; partitionKey: string; rowKey: string }[];
  /** for each distinct key its counters, for each entity its history: the rows, bytes included */
  writes: { table: string; rows: Row[] }[];
}

let shape: Promise<Shape> | undefined;

/**
 * What an assessment cannot do without, and nothing else: one parallel round of point reads, the event's transaction, one
 * parallel round of transactions of counters and histories, each with a new marker, the removal of the mark of incompleteness, and
 * the rows of the index. The first event of a name is taken as the model: all of that is repeated under new keys.
 */
export async function floor(app: App, modelId: string): Promise<void> {
  shape ??= shapeOf(app, modelId);
  const { stored, reads, writes } = await shape;
  const id = randomUUID();
  const key = { ...stored.key, id, correlationId: id };
  await Promise.all(
    reads.map(({ table, partitionKey, rowKey }) => app.storage.table(table).read(partitionKey, rowKey)),
  );
  await app.records.insert({ ...stored, key });
  await Promise.all(
    writes.map(({ table, rows }) => {
      const partitionKey = `floor|${randomUUID()}|0`;
      return app.storage
        .table(table)
        .transact([
          { kind: 'insert', row: { partitionKey, rowKey: `m|${id}` } },
          ...rows.map((row) => ({ kind: 'put' as const, row: { ...row, partitionKey } })),
        ]);
    }),
  );
  app.records.complete(key);
  app.subjects.note({ ...stored, key });
}

async function shapeOf(app: App, modelId: string): Promise<Shape> {
  const { id: environment } = await app.config.snapshot(undefined);
  const stored = await app.records.latest(environment, 'Purchase', modelId);
  if (!stored) throw new Error(`there is no purchase ${modelId} to take as the model`);
  const { reads: made } = stored.evidence;
  // counters by what the event calls them: a velocity that is read and written is read once
  const counters = new Set(stored.contributions.map(({ velocity, key }) => `${velocity}|${key}`));
  const names = await velocityIds(app);
  const points = new Set(counters);
  for (const { request } of made) {
    if (request.kind === 'velocity') points.add(`${names.get(request.name.toLowerCase())}|${request.key}`);
    else if (request.kind === 'supportList') points.add(request.id);
  }
  const byKey = Map.groupBy(stored.contributions, ({ key }) => key);
  const bytes = new Uint8Array(160);
  const entities = entitiesOf(rememberedEvent(stored));
  const shards = entities.flatMap((entity) =>
    Array.from({ length: shardsOf(entity) }, (_, shard) => `${entity.kind}|${entity.key}|${shard}`),
  );
  const read = (table: string, point: string) => ({
    table,
    partitionKey: 'floor',
    rowKey: createHash('sha256').update(point).digest('hex'),
  });
  return {
    stored,
    reads: [
      ...[...points].map((point) => read(counters.has(point) ? 'velocities' : 'supportLists', point)),
      ...shards.map((point) => read('histories', point)),
    ],
    writes: [
      ...[...byKey.values()].map((contributions) => ({
        table: 'velocities',
        rows: contributions.map(({ velocity }) => ({
          partitionKey: '',
          rowKey: `c|${velocity}`,
          aggregate: 'count',
          version: 1,
          revision: 1,
          data_0: bytes,
          data_n: 1,
        })),
      })),
      ...entities.map(({ kind }) => ({
        table: 'histories',
        rows: [{ partitionKey: '', rowKey: `h|${kind}`, history_0: bytes, history_n: 1 }],
      })),
    ],
  };
}

async function velocityIds(app: App): Promise<Map<string, string>> {
  const { chain } = await app.config.snapshot(undefined);
  const ids = new Map<string, string>();
  for (const environment of chain)
    for (const name of environment.resources.velocities ?? []) {
      const ref = environment.velocity(name);
      if (ref) ids.set(name.toLowerCase(), ref.id);
    }
  return ids;
}
