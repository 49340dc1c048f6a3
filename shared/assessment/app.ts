import { randomInt } from 'node:crypto';
import { type Bins, openBins } from '../bin/index.ts';
import { type Config, configNames, openConfig } from '../config/index.ts';
import { type ExternalCalls, openExternalCalls } from '../external/index.ts';
import type { JsonObject } from '../fql/index.ts';
import { type Geo, openGeo } from '../geo/index.ts';
import { importNames } from '../imports/store.ts';
import { type Lake, lakeNames, openLake } from '../lake/index.ts';
import { referenceContainer } from '../referenceFile.ts';
import { retrainingNames } from '../retraining/index.ts';
import { historyTable, modelNames, openScoring, type Scoring } from '../scoring/index.ts';
import type { Settings } from '../settings.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { subjectNames } from '../subjects/requests.ts';
import { type Counts, openCounts, openUsage, type Usage, usageTable } from '../usage/index.ts';
import { openVelocities, type Velocities, velocityTable } from '../velocity/index.ts';
import { callAssessment } from './externalAssessments.ts';
import { followersTable } from './followers.ts';
import { type LaterEvents, openLaterEvents } from './later.ts';
import type { Sources } from './reads.ts';
import { openRecords, type Records, recordNames, type StoredEvent } from './record.ts';
import { openSubjects, type Subjects, subjectsTable } from './subjects.ts';

/** What a process keeps open between requests. */
export interface App {
  settings: Settings;
  storage: Storage;
  config: Config;
  velocities: Velocities;
  records: Records;
  later: LaterEvents;
  subjects: Subjects;
  lake: Lake;
  calls: ExternalCalls;
  counts: Counts;
  usage: Usage;
  /** scorers, models and feature histories, by root environment */
  scoring: Scoring;
  geo: Geo;
  bins: Bins;
  sources: Sources;
  /** spreads processes over the shards of a velocity, so that they rarely write the same row */
  processNumber: number;
  /** ms since 1970, UTC */
  clock(): number;
  /** events under way in this process, by event key: concurrent repeats share one */
  running: Map<string, { payload: JsonObject; stored: Promise<StoredEvent> }>;
}

/** Opens everything and creates the tables and containers that are missing. */
export async function openApp(settings: Settings): Promise<App> {
  const storage = openStorage(settings.storage);
  await storage.ensure({
    tables: [
      ...configNames.tables,
      velocityTable,
      ...recordNames.tables,
      ...historyTable.tables,
      subjectsTable,
      followersTable,
      usageTable,
      ...subjectNames.tables,
      ...lakeNames.tables,
      ...importNames.tables,
    ],
    containers: [
      ...configNames.containers,
      ...recordNames.containers,
      ...modelNames.containers,
      ...subjectNames.containers,
      ...lakeNames.containers,
      ...importNames.containers,
      referenceContainer,
    ],
    queues: [...subjectNames.queues, ...importNames.queues, ...retrainingNames.queues],
  });
  const config = openConfig(storage, { defaultEnvironment: settings.defaultEnvironment });
  const velocities = openVelocities(storage);
  const records = openRecords(storage);
  const counts = openCounts(storage, records, Date.now);
  const warn = (message: string) => console.warn(message);
  const scoring = await openScoring(storage, { warn });
  const files = { blobs: storage.blobs(referenceContainer), clock: Date.now, warn };
  const geo = openGeo(settings.reference, files);
  const bins = openBins(settings.reference.bins, files);
  // begun now, so that the first assessment waits less
  void Promise.all([geo.ready(), bins.ready()]);
  const calls = openExternalCalls(storage, {
    ...settings.external,
    tenantId: settings.tokens?.tenantId,
    clientId: 'clientId' in settings.storage ? settings.storage.clientId : undefined,
    warn,
  });
  const app: App = {
    settings,
    storage,
    config,
    velocities,
    records,
    later: openLaterEvents(storage),
    subjects: openSubjects(storage),
    lake: openLake(storage),
    calls,
    counts,
    usage: openUsage(counts, () => config.environmentTree(), Date.now),
    scoring,
    geo,
    bins,
    sources: {
      geo: geo.lookup,
      bin: bins.lookup,
      velocities,
      supportList: config.supportLists.read,
      externalCall: calls.external.invoke,
      externalAssessment: (definition, call, caller) => callAssessment(app, definition, call, caller),
      model: async () => null,
    },
    processNumber: randomInt(2 ** 31),
    clock: Date.now,
    running: new Map(),
  };
  return app;
}
