import type { Directories } from '../scorecardFacts.ts';
import { type Entity, type EntityKind, entitiesOf } from './entities.ts';
import type { FeatureEvent } from './event.ts';
import { emptyHistory, type History, withEvent, withLabel } from './history.ts';
import { amountOf, featureRow, type Histories, partnersOf } from './schema.ts';

/** Histories of all entities in memory: for training, replay and tests. Live ones lie in table storage. */
export interface MemoryHistories {
  /** the event's feature row, from what was known before it */
  row(event: FeatureEvent): Float32Array;
  /** counts the event in the histories of its entities */
  observe(event: FeatureEvent): void;
  /** counts it as fraud (+1) or takes that back (−1) in the histories of its entities: when the label arrives */
  label(event: FeatureEvent, frauds: number): void;
  read(kind: EntityKind, key: string): History | undefined;
  size(): number;
}

/** Starts with no histories. */
export function openMemoryHistories(directories: Directories): MemoryHistories {
  const histories = new Map<string, History>();
  const name = ({ kind, key }: Entity) => `${kind}|${key}`;
  const of = (entity: Entity) => histories.get(name(entity)) ?? emptyHistory;
  return {
    row(event) {
      const entities = entitiesOf(event);
      const known: Histories = {};
      for (const entity of entities) known[entity.kind] = of(entity);
      return featureRow(event, entities, known, directories);
    },
    observe(event) {
      const entities = entitiesOf(event);
      const amount = amountOf(event, directories);
      for (const entity of entities)
        histories.set(name(entity), observed(of(entity), entity, entities, event.at, amount));
    },
    label(event, frauds) {
      for (const entity of entitiesOf(event))
        histories.set(name(entity), withLabel(of(entity), event.at, frauds));
    },
    read: (kind, key) => histories.get(name({ kind, key })),
    size: () => histories.size,
  };
}

/** One entity's history after an event: what live scoring applies to the stored state as well. */
export function observed(
  history: History,
  entity: Entity,
  entities: readonly Entity[],
  at: number,
  amount: number,
): History {
  // A user remembers all others but products; the others remember who used them.
  const remembered = entities.filter((other) =>
    entity.kind === 'user' ? other.kind !== 'user' && other.kind !== 'product' : other.kind === 'user',
  );
  return withEvent(history, at, amount, partnersOf(remembered));
}
