import { blend } from './blend.ts';
import type { ScoreReason, Scorer } from './index.ts';
import type { Model } from './model.ts';
import { type ModelContext, type ModelScore, modelScorer } from './modelScorer.ts';
import type { Directories } from './scorecardFacts.ts';

/** A score with what it rests on. */
export interface RiskScore {
  score: number;
  reasons: ScoreReason[];
  /** what the model said, where there is one and it counts */
  model?: ModelScore;
}

/** The scorer of an environment: scorecard, model, or both mixed by how many frauds the model has learnt from. */
export interface RiskScorer extends Scorer {
  score(event: { readonly [name: string]: unknown }, context: ModelContext): RiskScore;
}

/** Puts the scorer of an environment together. Throws ModelFormatError where the model was trained on other features. */
export function riskScorer(
  scorecard: Scorer,
  model: Model | undefined,
  directories: Directories,
): RiskScorer {
  const trained = model && modelScorer(model, directories);
  const frauds = model?.info.trainedOn.frauds ?? 0;
  return {
    score(event, context) {
      const said = trained?.score(event, context);
      const mixed = blend(scorecard.score(event, context), said, frauds);
      return said === undefined ? mixed : { ...mixed, model: said };
    },
  };
}
