import { randomUUID } from 'node:crypto';
import type { App } from '../../shared/assessment/app.ts';
import type { StoredEvent } from '../../shared/assessment/record.ts';
import type { Row } from '../../shared/storage/index.ts';

/** The shape of one assessment's storage requests, taken from a real one. */
export interface Shape {
  stored: StoredEvent;
  /** partition and row key of each point read, by table */
  reads: { table: string; partitionKey: string; rowKey: string }[];
  /** for each distinct key: the rows of its counters, bytes included */
  writes: Row[][];
}

let shape: Promise<Shape> | undefined;

/**
 * What an assessment cannot do without, and nothing else: one parallel round of point reads, the event's transaction, one
 * parallel round of counter transactions, each with a new marker, and the removal of the mark of incompleteness. The
 * first event of a name is taken as the model: its reads, its record and its counters are repeated under new keys.
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
  const velocities = app.storage.table('velocities');
  await Promise.all(
    writes.map((counters) => {
      const partitionKey = `floor|${randomUUID()}|0`;
      return velocities.transact([
        { kind: 'insert', row: { partitionKey, rowKey: `m|${id}` } },
        ...counters.map((row) => ({ kind: 'put' as const, row: { ...row, partitionKey } })),
      ]);
    }),
  );
  app.records.complete(key);
}

async function shapeOf(app: App, modelId: string): Promise<Shape> {
  const { id: environment, root } = await app.config.snapshot(undefined);
  const stored = await app.records.latest(environment, 'Purchase', modelId);
  if (!stored) throw new Error(`there is no purchase ${modelId} to take as the model`);
  const asked = stored.evidence.reads.filter(({ request }) => request.kind !== 'list');
  const points = new Set(
    asked.map(({ request }) =>
      request.kind === 'velocity'
        ? `velocities\n${root}|${request.key}|0\n${request.name}`
        : `supportLists\n${request.id}\n${request.kind}`,
    ),
  );
  const byKey = new Map<string, Set<string>>();
  for (const { key, velocity } of stored.contributions)
    byKey.set(key, (byKey.get(key) ?? new Set()).add(velocity));
  const bytes = new Uint8Array(160);
  return {
    stored,
    reads: [...points].map((point) => {
      const [table = '', partition = '', row = ''] = point
        .split('\n')
        .map((part) => part.replaceAll(/[^\w|]/g, '_'));
      return { table, partitionKey: partition, rowKey: row };
    }),
    writes: [...byKey.values()].map((ids) =>
      [...ids].map((velocity) => ({
        partitionKey: '',
        rowKey: `c|${velocity}`,
        aggregate: 'count',
        version: 1,
        revision: 1,
        data_0: bytes,
        data_n: 1,
      })),
    ),
  };
}
