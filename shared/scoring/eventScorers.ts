import { modelShare } from './blend.ts';
import { botScore } from './botScore.ts';
import type { FeatureEvent } from './features/event.ts';
import type { Histories } from './features/schema.ts';
import type { Scorer } from './index.ts';
import { type Model, type ModelKind, modelEvents } from './model.ts';
import { type RiskScore, riskScorer } from './riskScorer.ts';
import type { Directories } from './scorecardFacts.ts';

/** A model in force. */
export interface InForce {
  version: string;
  model: Model;
}

/** A score, and which model had what part in it; without one the scorecard decided alone. */
export interface EventScore extends RiskScore {
  version?: string;
  /** the model's part in the score, 0 to 1 */
  share: number;
}

export interface BotScore extends EventScore {
  /** the signs that speak for a bot, separated by commas; of a model the reason codes with the greatest part */
  reason: string;
}

/** What is known beside the event. */
export interface Known {
  /** values of the scorecard's velocities by name */
  velocities?: Readonly<Record<string, number>>;
  /** of the event's entities as they were before it; without them no model is asked */
  histories?: Histories | undefined;
}

/** What scores the events of an environment. Neither throws, whatever the event holds. */
export interface EventScorers {
  /** Is a model in force that scores events of this type, and wants their histories? */
  hasModelFor(type: string): boolean;
  risk(event: FeatureEvent, known: Known): EventScore;
  bot(event: FeatureEvent, known: Known): BotScore;
}

const kinds: readonly ModelKind[] = ['risk', 'bot'];

/** Reason codes that a bot score names. */
const MOST_REASONS = 3;

/** The bot scorecard in the form of the others; its reason is kept as the only text. */
const botScorecard: Scorer = {
  score(event, { deviceAttributes }) {
    const { score, reason } = botScore(event, deviceAttributes ? { deviceAttributes } : {});
    return {
      score,
      reasons: [{ code: '1100', name: 'DEVICE_INFORMATION:GENERAL', text: reason, points: 1 }],
    };
  },
};

/**
 * Puts the scorers together. A model is asked for the types of events that it learnt from (`modelEvents`) and where their histories
 * are known; the scorecards answer for all others. Throws ModelFormatError where a model was trained on other features.
 */
export function eventScorers(
  scorecard: Scorer,
  inForce: Partial<Record<ModelKind, InForce | undefined>>,
  directories: Directories,
): EventScorers {
  function scorerOf(kind: ModelKind, card: Scorer) {
    const { model, version } = inForce[kind] ?? {};
    const alone = riskScorer(card, undefined, directories);
    const joined = riskScorer(card, model, directories);
    const share = model === undefined ? 0 : modelShare(model.info.trainedOn.frauds);
    return (event: FeatureEvent, { velocities, histories }: Known): EventScore => {
      const { at: now, payload, ipCountry, binCountry, deviceAttributes } = event;
      const context = { now, velocities, ipCountry, binCountry, deviceAttributes };
      if (version === undefined || histories === undefined || !modelEvents[kind].includes(event.type))
        return { ...alone.score(payload, context), share: 0 };
      return { ...joined.score(payload, { ...context, histories }), version, share };
    };
  }
  const risk = scorerOf('risk', scorecard);
  const bot = scorerOf('bot', botScorecard);
  return {
    hasModelFor: (type) => kinds.some((kind) => inForce[kind] && modelEvents[kind].includes(type)),
    risk,
    bot(event, known) {
      const scored = bot(event, known);
      const signs = botScore(event.payload, event).reason;
      const codes = (scored.model?.reasons ?? [])
        .filter(({ points }) => points > 0)
        .slice(0, MOST_REASONS)
        .map(({ code, name }) => `${code}-${name}`);
      const parts = [...(scored.share < 1 ? [signs] : []), ...(scored.share > 0 ? codes : [])];
      return { ...scored, reason: parts.join(',') || 'NO_SIGNS' };
    },
  };
}
