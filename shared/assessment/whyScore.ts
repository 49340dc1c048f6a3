import type { Json } from '../fql/index.ts';
import {
  type FeaturePart,
  featureParts,
  type ModelEvidence,
  type ModelKind,
  namesOfSchema,
} from '../scoring/index.ts';
import type { App } from './app.ts';
import type { StoredEvent } from './record.ts';

/** Why a score is what it is, for people who review the event. */
export interface ExplainedScore {
  score: number;
  decidedBy: 'scorecard' | 'model' | 'both';
  /** what raised or lowered it, by reason code, with a text each; of the bot score the signs */
  reasons: Json;
  model?: Omit<ModelEvidence, 'row' | 'points' | 'schemaHash'> & {
    /** the share of good traffic that scores as high as the model's score, as it was measured at training */
    goodTrafficAbove: number;
    /** what each feature adds to the logit or takes away, the greatest first; with `expected` they add up to it */
    attributions: FeaturePart[];
  };
}

/** The scores of an assessment explained; absent where it was not scored. */
export async function explainScores(
  app: Pick<App, 'scoring'>,
  { root, evidence, answer }: StoredEvent,
): Promise<Partial<Record<ModelKind, ExplainedScore>>> {
  const { scores, scoring, attributions } = evidence;
  const explain = async (kind: ModelKind, reasons: Json) => {
    const score = scores[kind];
    if (score === undefined) return {};
    return { [kind]: await explained(app, root, kind, score, reasons, scoring?.[kind]) };
  };
  const signs = 'botReason' in answer ? (answer.botReason ?? '') : '';
  return { ...(await explain('risk', attributions)), ...(await explain('bot', signs)) };
}

async function explained(
  app: Pick<App, 'scoring'>,
  environment: string,
  kind: ModelKind,
  score: number,
  reasons: Json,
  evidence: ModelEvidence | undefined,
): Promise<ExplainedScore> {
  if (evidence === undefined) return { score, decidedBy: 'scorecard', reasons };
  const { row, points, schemaHash, ...model } = evidence;
  // models are never changed: one that was made for the features of another release still tells theirs
  const names =
    namesOfSchema(schemaHash) ??
    (await app.scoring.models.load({ environment, kind }, model.version).catch(() => undefined))?.info
      .features ??
    points.map((_, index) => `feature ${index}`);
  return {
    score,
    decidedBy: model.share === 0 ? 'scorecard' : model.share === 1 ? 'model' : 'both',
    reasons,
    model: {
      ...model,
      goodTrafficAbove: Number((10 ** (-model.score / 250)).toPrecision(3)),
      attributions: featureParts({ row, points }, names),
    },
  };
}
