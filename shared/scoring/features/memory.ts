import type { Directories } from '../scorecardFacts.ts';
import { type Entity, entitiesOf, historyKey } from './entities.ts';
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
  /** the history that events of this type have with the entity */
  read(type: string, entity: Entity): History | undefined;
}

/** Starts with no histories. `comesAgain`, asked once for each entity of each event: whether its history will be looked at again. */
export function openMemoryHistories(
  directories: Directories,
  comesAgain: (key: string) => boolean = () => true,
): MemoryHistories {
  const histories = new Map<string, History>();
  const of = (type: string, entity: Entity) => histories.get(historyKey(type, entity)) ?? emptyHistory;
  return {
    row(event) {
      const entities = entitiesOf(event);
      const known: Histories = {};
      for (const entity of entities) known[entity.kind] = of(event.type, entity);
      return featureRow(event, entities, known, directories);
    },
    observe(event) {
      const entities = entitiesOf(event);
      const amount = amountOf(event, directories);
      for (const entity of entities) {
        const key = historyKey(event.type, entity);
        const known = histories.get(key) ?? emptyHistory;
        if (comesAgain(key)) histories.set(key, observed(known, entity, entities, event.at, amount));
        else histories.delete(key);
      }
    },
    label(event, frauds) {
      for (const entity of entitiesOf(event)) {
        const key = historyKey(event.type, entity);
        const known = histories.get(key);
        if (known) histories.set(key, withLabel(known, event.at, frauds));
      }
    },
    read: (type, entity) => histories.get(historyKey(type, entity)),
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
