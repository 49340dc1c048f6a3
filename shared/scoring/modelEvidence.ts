import type { EventScore } from './eventScorers.ts';
import { features, schemaHash } from './features/schema.ts';

/**
 * What is kept of a model that was asked, with the event: enough to show why, and to score the very row again. `row` and `points`
 * stand in the order of the features of the model's schema, which the model of this version tells.
 */
export interface ModelEvidence {
  version: string;
  schemaHash: string;
  /** the model's part in the score, 0 to 1; the scorecard had the rest */
  share: number;
  /** the model's own score */
  score: number;
  /** calibrated probability of fraud */
  probability: number;
  logit: number;
  /** the logit of the average event; with all points it adds up to the logit */
  expected: number;
  /** the values that were scored; null: the event does not tell */
  row: (number | null)[];
  /** what each of them added to the logit */
  points: number[];
}

/** One feature's part, as people read it. */
export interface FeaturePart {
  feature: string;
  /** what it measures; absent where a release since has forgotten it */
  description?: string;
  reasonCode?: string;
  value: number | null;
  points: number;
}

/** The shortest decimal that is still the same single-precision number. */
function shortest(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

const hashOfThis = schemaHash(features.map(({ name }) => name));

/** What to keep of a score; undefined where no model was asked. */
export function modelEvidence({ model, version, share }: EventScore): ModelEvidence | undefined {
  if (model === undefined || version === undefined) return undefined;
  const { score, probability, logit, expected, row, points } = model;
  return {
    version,
    schemaHash: hashOfThis,
    share,
    score,
    probability,
    logit,
    expected,
    row: Array.from(row, (value) => (Number.isFinite(value) ? shortest(value) : null)),
    points: Array.from(points),
  };
}

/** The parts of the features named, those with a part in the logit, the greatest first. */
export function featureParts(
  { row, points }: Pick<ModelEvidence, 'row' | 'points'>,
  names: readonly string[],
): FeaturePart[] {
  const known = new Map(features.map((definition) => [definition.name, definition]));
  return names
    .map((feature, index): FeaturePart => {
      const definition = known.get(feature);
      return {
        feature,
        ...(definition
          ? { description: definition.description, reasonCode: `${definition.code}-${definition.reason}` }
          : {}),
        value: row[index] ?? null,
        points: points[index] ?? 0,
      };
    })
    .filter(({ points: part }) => part !== 0)
    .sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
}

/** The names of the features of a schema, where it is that of this program. */
export function namesOfSchema(hash: string): readonly string[] | undefined {
  return hash === hashOfThis ? features.map(({ name }) => name) : undefined;
}
