import { randomInt } from 'node:crypto';
import { type Config, configNames, openConfig } from '../config/index.ts';
import type { JsonObject } from '../fql/index.ts';
import { loadScorecard, type Scorer } from '../scoring/index.ts';
import type { Settings } from '../settings.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { openVelocities, type Velocities, velocityTable } from '../velocity/index.ts';
import type { Assessed } from './assess.ts';
import type { Sources } from './reads.ts';
import { openRecords, type Records, recordNames } from './record.ts';

/** What a process keeps open between requests. */
export interface App {
  settings: Settings;
  storage: Storage;
  config: Config;
  velocities: Velocities;
  records: Records;
  scorer: Scorer;
  sources: Sources;
  /** spreads processes over the shards of a velocity, so that they rarely write the same row */
  processNumber: number;
  /** ms since 1970, UTC */
  clock(): number;
  /** assessments under way in this process, by event key: concurrent repeats share one */
  running: Map<string, { payload: JsonObject; assessed: Promise<Assessed> }>;
}

/** Opens everything and creates the tables and containers that are missing. */
export async function openApp(settings: Settings): Promise<App> {
  const storage = openStorage(settings.storage);
  await storage.ensure({
    tables: [...configNames.tables, velocityTable, ...recordNames.tables],
    containers: [...configNames.containers, ...recordNames.containers],
  });
  const config = openConfig(storage, { defaultEnvironment: settings.defaultEnvironment });
  const velocities = openVelocities(storage);
  const records = openRecords(storage);
  const scorer = await loadScorecard();
  return {
    settings,
    storage,
    config,
    velocities,
    records,
    scorer,
    sources: {
      velocities,
      supportList: config.supportLists.read,
      model: async () => null,
    },
    processNumber: randomInt(2 ** 31),
    clock: Date.now,
    running: new Map(),
  };
}
