import { type Definition, templates } from '../config/index.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../fql/index.ts';
import type { EventScore, EventScorers, FeatureEvent, Known, ScoreReason } from '../scoring/index.ts';
import type { App } from './app.ts';
import type { Scores } from './decide.ts';
import type { Reads } from './reads.ts';

/** Both scores of an event; the same whenever they are asked for within one assessment. */
export function scoresOf(scorers: EventScorers, event: FeatureEvent, known: Known): Required<Scores> {
  return { risk: scorers.risk(event, known), bot: scorers.bot(event, known) };
}

/** The reasons that speak for risk, those that raised the score most first. */
export function speaking(score: EventScore | undefined): ScoreReason[] {
  return (score?.reasons ?? []).filter(({ points }) => points > 0);
}

/** The country of the first payment instrument whose bank is known by its BIN. */
export function binCountryOf(bins: App['bins'], { paymentInstrumentList, paymentInstruments }: JsonObject) {
  const instruments = paymentInstrumentList ?? paymentInstruments;
  if (!isJsonArray(instruments)) return undefined;
  for (const instrument of instruments) {
    if (!isJsonObject(instrument) || typeof instrument.bin !== 'string') continue;
    const { countryCode } = bins.lookup(instrument.bin);
    if (countryCode !== undefined) return countryCode;
  }
  return undefined;
}

/**
 * What `Model.Risk()` and `Model.Bot()` give. Assessments of some templates have no risk score, as DFP documents; throws
 * an error then, which becomes a diagnostic and the score 0.
 */
export function modelScore(
  model: 'risk' | 'bot',
  scores: Required<Scores>,
  definition: Definition | undefined,
): Json {
  if (model === 'bot') {
    const { score, reason } = scores.bot;
    return { score, reason };
  }
  const { template } = definition?.body ?? {};
  if (template && !templates[template].riskScore)
    throw new Error(`Assessments of the template ${template} have no risk score.`);
  const { score } = scores.risk;
  const codes = new Set(speaking(scores.risk).map(({ code, name }) => `${code}-${name}`));
  return { score, reason: [...codes].join(',') };
}

/** The models that rules asked and that answered. */
export function modelsAsked(reads: Reads): ('Bot' | 'Risk')[] {
  const asked = reads
    .made()
    .flatMap(({ request, answer }) => (request.kind === 'model' && !answer.failed ? [request.model] : []));
  return (['bot', 'risk'] as const)
    .filter((model) => asked.includes(model))
    .map((model) => (model === 'bot' ? 'Bot' : 'Risk'));
}

/** The scores of the models that were asked. */
export async function pick(
  asked: readonly ('Bot' | 'Risk')[],
  scored: () => Promise<Required<Scores>>,
): Promise<Scores> {
  if (asked.length === 0) return {};
  const { risk, bot } = await scored();
  return { ...(asked.includes('Risk') ? { risk } : {}), ...(asked.includes('Bot') ? { bot } : {}) };
}
