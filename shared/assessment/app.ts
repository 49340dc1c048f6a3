import type { Bins } from '../bin/index.ts';
import type { Config } from '../config/index.ts';
import type { ExternalCalls } from '../external/index.ts';
import type { JsonObject } from '../fql/index.ts';
import type { Geo } from '../geo/index.ts';
import type { Lake } from '../lake/index.ts';
import type { Scoring } from '../scoring/index.ts';
import type { Settings } from '../settings.ts';
import type { Storage } from '../storage/index.ts';
import type { Counts, Usage } from '../usage/index.ts';
import type { Velocities } from '../velocity/index.ts';
import type { LaterEvents } from './later.ts';
import type { Sources } from './reads.ts';
import type { Records, StoredEvent } from './record.ts';
import type { Subjects } from './subjects.ts';

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
