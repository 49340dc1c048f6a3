import type { Blobs, Queue, Storage } from '../storage/index.ts';
import { runsPage } from './dashboard/runs.ts';
import { blobFiles, type Files } from './files.ts';
import { prefixed } from './prefixed.ts';
import {
  executeRun,
  type LossPreventionSettings,
  latestDashboard,
  listRuns,
  lossPreventionSettingsSchema,
  type RunRecord,
  readRun,
  requestRun,
  runSettingsOf,
  shownRuns,
} from './runs.ts';

/** Messages `{ environment, id }`: a run of an environment that is to be done. */
export const runQueue = 'loss-prevention-runs';
const resultsContainer = 'lossprevention';

/** The container that a merchant puts an environment's files into: one each, so that none can read another's. */
export const lakeContainer = (environment: string): string => `lp-${environment.toLowerCase()}`;

/** Loss prevention of all environments over the merchant's storage account. Environments are ids. */
export interface LossPrevention {
  settings(environment: string): Promise<{ settings: LossPreventionSettings; etag: string } | undefined>;
  /** With an etag: only if the settings still have it. False: they changed since. */
  saveSettings(environment: string, settings: LossPreventionSettings, etag?: string): Promise<boolean>;
  /** Puts a run into the queue. The lake's container is made where it is missing. */
  request(environment: string, by: string): Promise<RunRecord>;
  run(environment: string, id: string): Promise<RunRecord | undefined>;
  /** newest first */
  runs(environment: string, limit: number): Promise<RunRecord[]>;
  /** A file of the newest dashboard, undefined where there is none; `runs.html` shows the runs as they are now. */
  dashboardFile(environment: string, name: string): Promise<Uint8Array | undefined>;
  /** Queues a run of every environment that wants one nightly; answers how many. */
  requestNightly(): Promise<number>;
  /**
   * Does what a message of the queue says. While another run of the environment is under way the message goes back to
   * the queue for a minute. Undefined: that, or the run is unknown or long done.
   */
  execute(message: string): Promise<RunRecord | undefined>;
}

export interface LossPreventionOptions {
  clock?: () => Date;
  memoryBytes?: number;
}

/** Opens loss prevention; containers and queue are made with the first use. */
export function openLossPrevention(storage: Storage, options: LossPreventionOptions = {}): LossPrevention {
  const clock = options.clock ?? (() => new Date());
  const results = async (): Promise<Blobs> => {
    await storage.ensure({ containers: [resultsContainer] });
    return storage.blobs(resultsContainer);
  };
  const outOf = async (environment: string): Promise<Files> =>
    prefixed(blobFiles(await results()), `${environment}/`);
  const queue = async (): Promise<Queue> => {
    await storage.ensure({ queues: [runQueue] });
    return storage.queue(runQueue);
  };
  const settingsName = (environment: string) => `${environment}/settings.json`;

  const service: LossPrevention = {
    async settings(environment) {
      const found = await (await results()).read(settingsName(environment));
      if (!found) return undefined;
      const settings = lossPreventionSettingsSchema.parse(
        JSON.parse(new TextDecoder().decode(found.content)),
      );
      return { settings, etag: found.etag };
    },
    async saveSettings(environment, settings, etag) {
      await storage.ensure({ containers: [lakeContainer(environment)] });
      const written = await (await results()).write(settingsName(environment), JSON.stringify(settings), {
        contentType: 'application/json',
        ...(etag === undefined ? {} : { etag }),
      });
      return written.ok;
    },
    async request(environment, by) {
      await storage.ensure({ containers: [lakeContainer(environment)] });
      const record = await requestRun(await outOf(environment), by, clock());
      await (await queue()).send(JSON.stringify({ environment, id: record.id }));
      return record;
    },
    run: async (environment, id) => readRun(await outOf(environment), id),
    runs: async (environment, limit) => listRuns(await outOf(environment), limit),
    async dashboardFile(environment, name) {
      if (!/^[a-z]+(\/[0-9a-f]{24})?\.(html|csv|json)$/.test(name)) return undefined;
      const out = await outOf(environment);
      if (name === 'runs.html') return new TextEncoder().encode(runsPage(await listRuns(out, shownRuns)));
      const folder = await latestDashboard(out);
      return folder === undefined ? undefined : out.read(`${folder}/${name}`);
    },
    async requestNightly() {
      let count = 0;
      for await (const { name } of (await results()).list()) {
        const environment = /^([^/]+)\/settings\.json$/.exec(name)?.[1];
        if (environment === undefined || !(await service.settings(environment))?.settings.nightly) continue;
        await service.request(environment, 'schedule');
        count++;
      }
      return count;
    },
    async execute(message) {
      const { environment, id }: { environment: string; id: string } = JSON.parse(message);
      const out = await outOf(environment);
      const record = await readRun(out, id);
      if (!record || record.status === 'succeeded') return undefined;
      await storage.ensure({ containers: [lakeContainer(environment)] });
      const settings =
        (await service.settings(environment))?.settings ?? lossPreventionSettingsSchema.parse({});
      const executed = await executeRun(
        {
          lake: blobFiles(storage.blobs(lakeContainer(environment))),
          out,
          ...runSettingsOf(settings),
          ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
        },
        record,
        clock,
      );
      if (executed !== 'busy') return executed.record;
      await (await queue()).send(message, { visibleAfterSeconds: 60 });
      return undefined;
    },
  };
  return service;
}
