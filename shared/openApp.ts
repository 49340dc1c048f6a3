import { randomInt } from 'node:crypto';
import type { App } from './assessment/app.ts';
import { callAssessment } from './assessment/externalAssessments.ts';
import { followersTable } from './assessment/followers.ts';
import { openLaterEvents } from './assessment/later.ts';
import { openRecords, recordNames } from './assessment/record.ts';
import { openSubjects, subjectsTable } from './assessment/subjects.ts';
import { openBins } from './bin/index.ts';
import { configNames, openConfig } from './config/index.ts';
import { openExternalCalls } from './external/index.ts';
import { openGeo } from './geo/index.ts';
import { importNames } from './imports/store.ts';
import { lakeNames, openLake } from './lake/index.ts';
import { referenceContainer } from './referenceFile.ts';
import { retrainingNames } from './retraining/index.ts';
import { historyTable, modelNames, openScoring } from './scoring/index.ts';
import type { Settings } from './settings.ts';
import { openStorage } from './storage/index.ts';
import { subjectNames } from './subjects/requests.ts';
import { openCounts, openUsage, usageTable } from './usage/index.ts';
import { openVelocities, velocityTable } from './velocity/index.ts';

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
