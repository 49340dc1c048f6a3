import type { Json, RunFault, TrailRule } from '../fql/index.ts';
import type { ModelEvidence } from '../scoring/index.ts';
import type { Read } from './reads.ts';

/** What a decision rested on and how it came about, kept with the event. */
export interface Evidence {
  /** the configuration that decided: the root's manifest and the versions of what was used, by environment */
  snapshot: { version: string; environments: { id: string; versions: Json }[] };
  scores: { risk?: number; bot?: number };
  /** characteristics behind the risk score, with their points */
  attributions: Json;
  /** what else the scores rested on */
  scoring?: {
    /** by the tables of addresses and of banks */
    ipCountry?: string;
    binCountry?: string;
    /** why histories could not be read, so that the scorecards decided */
    failed?: string;
    /** the models that were asked */
    risk?: ModelEvidence;
    bot?: ModelEvidence;
  };
  enrichment: Json;
  /** every velocity, list and call that was read, with its answer */
  reads: Read[];
  /** for every rule and clause of every environment: whether it fired, and why not */
  trail: { environment: string; rules: TrailRule[] }[];
  faults: (RunFault & { environment: string })[];
  traces: { environment: string; rule: string; clause: string; attributes: Json }[];
  variables: { [name: string]: Json };
}

/** Of an event about which nothing was decided: its enrichment, and the configuration it was taken in with. */
export function undecidedEvidence(version: string, enrichment: Json): Evidence {
  return {
    snapshot: { version, environments: [] },
    scores: {},
    attributions: [],
    enrichment,
    reads: [],
    trail: [],
    faults: [],
    traces: [],
    variables: {},
  };
}
