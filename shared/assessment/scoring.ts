import {
  type EventScore,
  entitiesOf,
  type FeatureEvent,
  type Known,
  modelEvidence,
} from '../scoring/index.ts';
import type { App } from './app.ts';
import type { Scores } from './decide.ts';
import type { Evidence } from './evidence.ts';
import { isRemembered } from './featureEvents.ts';

/**
 * What scoring an event needs from storage: the histories of its entities, and models that are in force. To be called with the other
 * reads of the first round. Where histories cannot be read the scorecards decide: without them a model would take everybody
 * for somebody new.
 */
export async function readForScores(
  app: Pick<App, 'scoring'>,
  root: string,
  event: FeatureEvent,
): Promise<Pick<Known, 'histories'> & { failed?: string }> {
  const { histories, freshen } = app.scoring;
  const [known] = await Promise.all([
    isRemembered(event.type)
      ? histories.read(root, event.type, entitiesOf(event)).then(
          (read) => ({ histories: read }),
          (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }),
        )
      : {},
    freshen(root),
  ]);
  return known;
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
