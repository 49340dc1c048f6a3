import type { ModelStore } from '../scoring/index.ts';
import { lastWeek, reportDrift } from './drift.ts';
import { kinds, type RetrainingParts, requestDue } from './retraining.ts';
import type { Place } from './status.ts';

/** The parts of the app that a night works with. */
export interface NightParts extends RetrainingParts {
  scoring: { models: ModelStore };
}

/**
 * Reports on the drift of the week that is over and asks for the trainings that are due, in every tree of environments. Where
 * one's data or models cannot be read the others go on; `problems` say which and why.
 */
export async function doNight(
  app: NightParts,
  trees: readonly { root: string; environments: readonly string[] }[],
): Promise<{ asked: Place[]; problems: string[] }> {
  const { lake, storage, scoring } = app;
  const parts = { lake, blobs: storage.blobs('models'), models: scoring.models };
  const night: { asked: Place[]; problems: string[] } = { asked: [], problems: [] };
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      night.problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const { root, environments } of trees) {
    for (const kind of kinds)
      await attempt(`drift of the ${kind} model of ${root}`, () =>
        reportDrift(parts, { root, kind }, environments, lastWeek(app.clock())),
      );
    await attempt(`trainings of ${root}`, async () => {
      night.asked.push(...(await requestDue(app, [{ root, environments }])));
    });
  }
  return night;
}
