import type { ScoreReason, Scorer } from './index.ts';
import { type Directories, factsOf } from './scorecardFacts.ts';
import {
  basePoints,
  type Characteristic,
  characteristics,
  pointsToDouble,
  reasonFamilies,
} from './scorecardTable.ts';

/**
 * Points to a score: `999 / (1 + 2^(−points / 20))`, rounded. The logistic function (points are log-odds, 20 of them double
 * the odds) makes the score 999 times the estimated probability of fraud, strictly rising up to rounding.
 */
export function scoreOf(points: number): number {
  return Math.round(999 / (1 + 2 ** (-points / pointsToDouble)));
}

/** The points of a measure: those of the last step it has reached, the first step's below that. */
export function pointsFor(characteristic: Characteristic, measure: number | undefined): number {
  if (measure === undefined || Number.isNaN(measure)) return characteristic.absent;
  let points = characteristic.steps[0]?.[1] ?? 0;
  for (const [from, worth] of characteristic.steps) if (measure >= from) points = worth;
  return points;
}

function tell(characteristic: Characteristic, measure: number | undefined): string {
  if (measure === undefined) return `${characteristic.description}: not known`;
  if (characteristic.unit === 'yes/no') return `${characteristic.description}: ${measure ? 'yes' : 'no'}`;
  const shown = Math.round(measure * 100) / 100;
  const unit =
    characteristic.unit === 'days' || characteristic.unit === 'miles' ? ` ${characteristic.unit}` : '';
  return `${characteristic.description}: ${shown}${unit}`;
}

/** The scorecard over the directories given. */
export function scorecard(directories: Directories): Scorer {
  return {
    score(event, context) {
      const facts = factsOf(event, context, directories);
      let total = basePoints;
      const reasons: ScoreReason[] = [];
      for (const characteristic of characteristics) {
        const measure = characteristic.measure(facts);
        const points = pointsFor(characteristic, measure);
        total += points;
        if (points !== 0) {
          reasons.push({
            ...reasonFamilies[characteristic.family],
            text: tell(characteristic, measure),
            points,
          });
        }
      }
      reasons.sort((one, other) => other.points - one.points);
      return { score: scoreOf(total), reasons };
    },
  };
}

let loading: Promise<Scorer> | undefined;

/**
 * The default scorecard with its mail and telephone directories, which are loaded at the first call and kept (about 40 ms
 * once; see docs/scoring.md). Call it when an instance warms up; scoring itself is synchronous.
 */
export function loadScorecard(): Promise<Scorer> {
  loading ??= import('./scorecardDirectories.ts').then((module) => scorecard(module.directories));
  return loading;
}
