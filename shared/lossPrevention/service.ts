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
  monthOfRun,
  type RunRecord,
  readRun,
  requestRun,
  runSettingsOf,
  shownAt,
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
  /** Puts a run into the queue, unless another waits or runs. The lake's container is made where it is missing. */
  request(environment: string, by: string): Promise<{ ok: boolean; record: RunRecord }>;
  run(environment: string, id: string): Promise<RunRecord | undefined>;
  /** newest first */
  runs(environment: string, limit: number): Promise<RunRecord[]>;
  /** A file of the newest dashboard, undefined where there is none; `runs.html` shows the runs as they are now. */
  dashboardFile(environment: string, name: string): Promise<Uint8Array | undefined>;
  /** Queues a run of every environment that wants one nightly, and that may have one; answers how many. */
  requestNightly(may?: (environment: string) => Promise<boolean>): Promise<number>;
  /**
   * Does what a message of the queue says. Where a run is under way already, in this process or of this environment, the
   * message goes back to the queue for a minute; where a run is stopped, or its time is over, it goes back at once.
   * Undefined: any of that, or the run is unknown or long done.
   */
  execute(message: string, options?: Attempt): Promise<RunRecord | undefined>;
}

export interface Attempt {
  /** ends the run in order; the next attempt goes on where it was */
  signal?: AbortSignal;
  /** the message does not come again after this */
  last?: boolean;
}

/** How a run ended. */
export interface RunEnd {
  environment: string;
  record: RunRecord;
  /** what it read, and what earlier runs read that never ended: each is to be counted once for its run */
  read: { run: string; month: string; transactions: number }[];
}

export interface LossPreventionOptions {
  clock?: () => Date;
  memoryBytes?: number;
  /** where runs make their own temporary folders; default the system's */
  temporary?: string;
  /** Told of the end of each run before its record says so; told again where it rejects, or the process dies there. */
  ended?(end: RunEnd): Promise<void>;
  /** ms after which a run that still reads hands over to another message; default 15 minutes, half of what a function may take */
  slice?: number;
}

/** A run that waits longer than this, in ms, has lost its message. */
const longestWait = 24 * 3_600_000;

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
  const slice = options.slice ?? 15 * 60_000;
  const latest = async (environment: string, limit: number): Promise<RunRecord[]> =>
    (await listRuns(await outOf(environment), limit)).map((record) => shownAt(record, clock()));
  const underWay = ({ status, requested }: RunRecord) =>
    status === 'running' || (status === 'queued' && clock().getTime() - Date.parse(requested) < longestWait);
  /** The memory is for one run. */
  let working = false;
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
      const other = (await latest(environment, shownRuns)).find(underWay);
      if (other) return { ok: false, record: other };
      const record = await requestRun(await outOf(environment), by, clock());
      await (await queue()).send(JSON.stringify({ environment, id: record.id }));
      return { ok: true, record };
    },
    async run(environment, id) {
      const record = await readRun(await outOf(environment), id);
      return record && shownAt(record, clock());
    },
    runs: latest,
    async dashboardFile(environment, name) {
      if (!/^[a-z]+(\/[0-9a-f]{24})?\.(html|csv|json)$/.test(name)) return undefined;
      const out = await outOf(environment);
      if (name === 'runs.html')
        return new TextEncoder().encode(runsPage(await latest(environment, shownRuns)));
      const folder = await latestDashboard(out);
      return folder === undefined ? undefined : out.read(`${folder}/${name}`);
    },
    async requestNightly(may = async () => true) {
      let count = 0;
      for await (const { name } of (await results()).list()) {
        const environment = /^([^/]+)\/settings\.json$/.exec(name)?.[1];
        if (environment === undefined || !(await service.settings(environment))?.settings.nightly) continue;
        if (!(await may(environment))) continue;
        const { ok } = await service.request(environment, 'schedule');
        if (ok) count++;
      }
      return count;
    },
    async execute(message, { signal, last = false } = {}) {
      const { environment, id }: { environment: string; id: string } = JSON.parse(message);
      const later = async (seconds: number) => {
        await (await queue()).send(message, seconds === 0 ? {} : { visibleAfterSeconds: seconds });
        return undefined;
      };
      if (working) return later(busySeconds);
      working = true;
      try {
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
            ...(options.temporary === undefined ? {} : { temporary: options.temporary }),
            ...(signal ? { signal } : {}),
          },
          record,
          clock,
          {
            last,
            until: new Date(clock().getTime() + slice),
            ended: async (ended, readBy) => {
              const dead = (await latest(environment, shownRuns)).filter(({ status }) => status === 'failed');
              const runs = [...new Set([id, ...dead.map((one) => one.id)])];
              await options.ended?.({
                environment,
                record: ended,
                read: runs.flatMap((run) => {
                  const transactions = readBy.get(run) ?? 0;
                  return transactions > 0 ? [{ run, month: monthOfRun(run), transactions }] : [];
                }),
              });
            },
          },
        );
        if (executed === 'busy') return await later(busySeconds);
        return executed === 'unfinished' ? await later(0) : executed.record;
      } finally {
        working = false;
      }
    },
  };
  return service;
}

const busySeconds = 60;
