import { type Definition, templates } from '../config/index.ts';
import type { Json, JsonObject } from '../fql/index.ts';
import { botScore } from '../scoring/index.ts';
import type { App } from './app.ts';
import type { Scores, Subject } from './decide.ts';
import type { Reads } from './reads.ts';

/** Both scores of an event; the same whenever they are asked for within one assessment. */
export function scoresOf(
  app: Pick<App, 'scorer' | 'bins'>,
  { payload, enrichment, now }: Subject,
  velocities: Record<string, number>,
): Required<Scores> {
  const { deviceAttributes } = enrichment;
  return {
    risk: app.scorer.score(payload, {
      now,
      velocities,
      deviceAttributes,
      ipCountry: deviceAttributes.deviceCountryCode,
      binCountry: binCountry(app.bins, payload),
    }),
    bot: botScore(payload, { deviceAttributes }),
  };
}

/** The country of the first payment instrument whose bank is known by its BIN. */
function binCountry(bins: App['bins'], { paymentInstrumentList, paymentInstruments }: JsonObject) {
  const instruments = paymentInstrumentList ?? paymentInstruments;
  if (!isArray(instruments)) return undefined;
  for (const instrument of instruments) {
    if (!isObject(instrument) || typeof instrument.bin !== 'string') continue;
    const { countryCode } = bins.lookup(instrument.bin);
    if (countryCode !== undefined) return countryCode;
  }
  return undefined;
}

function isArray(value: JsonObject[string]): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
  if (model === 'bot') return { ...scores.bot };
  const { template } = definition?.body ?? {};
  if (template && !templates[template].riskScore)
    throw new Error(`Assessments of the template ${template} have no risk score.`);
  const { score, reasons } = scores.risk;
  const codes = new Set(reasons.map(({ code, name }) => `${code}-${name}`));
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
export function pick(asked: readonly ('Bot' | 'Risk')[], scored: () => Required<Scores>): Scores {
  if (asked.length === 0) return {};
  const { risk, bot } = scored();
  return { ...(asked.includes('Risk') ? { risk } : {}), ...(asked.includes('Bot') ? { bot } : {}) };
}
