/** Why a score is what it is: one contribution. */
export interface ScoreReason {
  /** the number of DFP's `<number>-<NAME>:<NAME>`, e.g. `900` */
  code: string;
  /** e.g. `PAYMENT_INFORMATION:GENERAL` */
  name: string;
  /** for people */
  text: string;
  /** what it adds (risk) or takes away; the unit is the scorer's own */
  points: number;
}

/** What a scorer may know beside the event itself; whatever is absent is simply not known. */
export interface ScoringContext {
  /** the assessment's clock, in milliseconds since 1970 */
  now: number;
  /** velocity values by name, letter case aside */
  velocities?: Readonly<Record<string, number>>;
  /** two-letter country of the client's IP address */
  ipCountry?: string;
  /** two-letter country of the bank that issued the card */
  binCountry?: string;
  /** of the device fingerprinting, by camelCase name */
  deviceAttributes?: Readonly<Record<string, string>>;
}

/** Anything that turns a canonical event into a risk score. Never throws, whatever the event holds. */
export interface Scorer {
  /** the score (an integer from 0 to 999, higher is riskier) and its reasons, the riskiest first */
  score(
    event: { readonly [name: string]: unknown },
    context: ScoringContext,
  ): { score: number; reasons: ScoreReason[] };
}

export { modelShare } from './blend.ts';
export type { BotScore, EventScore, EventScorers, Known } from './eventScorers.ts';
export { entitiesOf } from './features/entities.ts';
export type { FeatureEvent } from './features/event.ts';
export { hashKey } from './features/history.ts';
export { describeFeatures } from './features/schema.ts';
export { historyShards, historyTable } from './historyRows.ts';
export { covers, type Label, labelOf, maturityOf, settle, wins } from './labels.ts';
export { type Model, type ModelKind, modelEvents } from './model.ts';
export {
  type FeaturePart,
  featureParts,
  type ModelEvidence,
  modelEvidence,
  namesOfSchema,
} from './modelEvidence.ts';
export { isUnusable, type ModelStore, modelNames, openModelStore } from './modelStore.ts';
export { type DriftReport, driftReport, retrain, retrainingDue } from './retrain.ts';
export { scorecardVelocities } from './scorecardVelocities.ts';
export { openScoring, type Scoring } from './scoring.ts';
export { LEAST_FRAUDS } from './trainer.ts';
export { collectTrainingRows, type DayCount, type TrainingSource } from './trainingRows.ts';
export { TrainingError } from './trees/train.ts';
