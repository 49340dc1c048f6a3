import type { ScoreReason } from './index.ts';
import { LEAST_FRAUDS } from './trainer.ts';

/** From this many known frauds on the model decides alone. */
export const ENOUGH_FRAUDS = 100;

/** The model's part in a score, 0 to 1: none up to 20 known frauds, all from 100 on, in proportion between. */
export function modelShare(knownFrauds: number): number {
  return Math.min(1, Math.max(0, (knownFrauds - LEAST_FRAUDS) / (ENOUGH_FRAUDS - LEAST_FRAUDS)));
}

interface Scored {
  score: number;
  reasons: readonly ScoreReason[];
}

/** Points as shares of all points that speak for risk, so that reasons in different units can stand in one list. */
function weighted(reasons: readonly ScoreReason[], share: number): ScoreReason[] {
  const total = reasons.reduce((sum, { points }) => sum + Math.max(0, points), 0);
  return reasons.map((reason) => ({ ...reason, points: total > 0 ? (share * reason.points) / total : 0 }));
}

/**
 * The scorecard's and the model's score mixed by what the model has learnt from. Where only one counts, its score and reasons are
 * passed on as they are; else the reasons of both stand in one list, by their share in what speaks for risk.
 */
export function blend(
  scorecard: Scored,
  model: Scored | undefined,
  knownFrauds: number,
): { score: number; reasons: ScoreReason[] } {
  const share = model === undefined ? 0 : modelShare(knownFrauds);
  if (model === undefined || share === 0) return { score: scorecard.score, reasons: [...scorecard.reasons] };
  if (share === 1) return { score: model.score, reasons: [...model.reasons] };
  const reasons = [...weighted(scorecard.reasons, 1 - share), ...weighted(model.reasons, share)];
  return {
    score: Math.round((1 - share) * scorecard.score + share * model.score),
    reasons: reasons.sort((a, b) => b.points - a.points),
  };
}
