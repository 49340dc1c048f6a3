import { probabilityOf, scoreOf } from './calibration.ts';
import { type EntityKind, entitiesOf } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import type { History } from './features/history.ts';
import { type FeatureDefinition, featureNames, featureRow, features } from './features/schema.ts';
import type { ScoreReason, Scorer, ScoringContext } from './index.ts';
import { type Model, requireSchema } from './model.ts';
import type { Directories } from './scorecardFacts.ts';
import { compileScorer } from './trees/scorer.ts';
import { compileAttribution, expectedLogit } from './trees/shap.ts';

/** What the scorecard's context has, and the histories of the event's entities as they were before it. */
export interface ModelContext extends ScoringContext {
  histories?: Partial<Record<EntityKind, History>>;
}

/** One feature's part in a score. */
export interface Attribution {
  feature: string;
  /** null: the event does not tell */
  value: number | null;
  /** what it adds to the logit */
  points: number;
}

export interface ModelScore {
  score: number;
  reasons: ScoreReason[];
  /** calibrated probability of fraud */
  probability: number;
  logit: number;
  /** the logit of the average event; with all attributions it adds up to the logit */
  expected: number;
  /** of every feature that had a part, the greatest first */
  attributions: Attribution[];
  /** the row it was scored on, as evidence */
  row: Float32Array;
  /** what each value of the row adds to the logit */
  points: Float64Array;
}

/** A reason a family of features: its points are theirs together, its text is that of its strongest feature. */
function reasonsOf(row: Float32Array, points: Float64Array): ScoreReason[] {
  const families = new Map<
    string,
    { definition: FeatureDefinition; sum: number; strongest: number; index: number }
  >();
  for (const [index, definition] of features.entries()) {
    const part = points[index]!;
    if (part === 0) continue;
    const found = families.get(definition.code);
    if (found === undefined) families.set(definition.code, { definition, sum: part, strongest: part, index });
    else {
      found.sum += part;
      if (part > found.strongest) Object.assign(found, { definition, strongest: part, index });
    }
  }
  return [...families.values()]
    .map(({ definition, sum, index }) => ({
      code: definition.code,
      name: definition.reason,
      text: `${definition.description}: ${shown(row[index]!)}`,
      points: sum,
    }))
    .sort((a, b) => b.points - a.points || (a.code < b.code ? -1 : 1));
}

function shown(value: number): string {
  if (Number.isNaN(value)) return 'not known';
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** Scores one feature row. */
export type RowScorer = (row: Float32Array) => ModelScore;

/** Makes a model ready to score feature rows, with exact Shapley values behind every score. */
export function compileRowScorer(model: Model): RowScorer {
  requireSchema(model, featureNames);
  const logitOfRow = compileScorer(model.forest);
  const attribute = compileAttribution(model.forest);
  const expected = expectedLogit(model.forest);
  const { calibration } = model.info;
  return (row) => {
    const logit = logitOfRow(row);
    const points = attribute(row);
    const attributions: Attribution[] = [];
    for (const [index, part] of points.entries()) {
      if (part === 0) continue;
      const value = row[index]!;
      attributions.push({
        feature: featureNames[index]!,
        value: Number.isFinite(value) ? value : null,
        points: part,
      });
    }
    attributions.sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
    return {
      score: scoreOf(calibration, logit),
      reasons: reasonsOf(row, points),
      probability: probabilityOf(calibration, logit),
      logit,
      expected,
      attributions,
      row,
      points,
    };
  };
}

/** A scorer that also tells the probability and the attributions. */
export interface ModelScorer extends Scorer {
  score(event: { readonly [name: string]: unknown }, context: ModelContext): ModelScore;
}

/**
 * A trained model as a scorer. Histories come with the context, so that scoring reads no storage. Throws ModelFormatError where the
 * model was trained on other features.
 */
export function modelScorer(model: Model, directories: Directories): ModelScorer {
  const scoreRow = compileRowScorer(model);
  return {
    score(payload, context) {
      const event: FeatureEvent = { type: '', id: '', at: context.now, payload };
      const { ipCountry, binCountry, deviceAttributes } = context;
      Object.assign(event, { ipCountry, binCountry, deviceAttributes });
      const row = featureRow(event, entitiesOf(event), context.histories ?? {}, directories);
      return scoreRow(row);
    },
  };
}
