import { reasonOf } from '../problem.ts';
import {
  type EventScore,
  entitiesOf,
  type FeatureEvent,
  historyShards,
  type Known,
  modelEvidence,
} from '../scoring/index.ts';
import type { App } from './app.ts';
import type { Scores } from './decide.ts';
import type { Evidence } from './evidence.ts';
import { isRemembered } from './featureEvents.ts';

/**
 * What scoring an event needs from storage: models that are in force, and the histories of its entities where a model asks for them.
 * To be called with the other reads of the first round; what counting the event in its histories will have to know is read
 * along. Where histories cannot be read the scorecards decide: without them a model would take everybody for somebody new.
 */
export async function readForScores(
  app: Pick<App, 'scoring' | 'processNumber'>,
  root: string,
  event: FeatureEvent,
): Promise<Pick<Known, 'histories'> & { failed?: string }> {
  const { histories, freshen, of } = app.scoring;
  await freshen(root);
  if (!isRemembered(event.type)) return {};
  const entities = entitiesOf(event);
  const wanted = of(root).hasModelFor(event.type);
  try {
    if (wanted) return { histories: await histories.read(root, event.type, entities) };
    await histories.prefetch(root, event.type, entities, app.processNumber % historyShards);
    return {};
  } catch (error) {
    // counting the event tries again
    return wanted ? { failed: reasonOf(error) } : {};
  }
}

/** What is kept with the event of what its scores rested on. */
export function scoringEvidence(
  { risk, bot }: Scores,
  { ipCountry, binCountry }: FeatureEvent,
  failed: string | undefined,
): NonNullable<Evidence['scoring']> {
  return {
    ...(failed === undefined ? {} : { failed }),
    ...(ipCountry === undefined ? {} : { ipCountry }),
    ...(binCountry === undefined ? {} : { binCountry }),
    ...kept('risk', risk),
    ...kept('bot', bot),
  };
}

function kept(kind: 'risk' | 'bot', score: EventScore | undefined) {
  const evidence = score && modelEvidence(score);
  return evidence ? { [kind]: evidence } : {};
}
