import type { Json } from '../problem.ts';
import type { JsonObject } from './canonical.ts';
import type { Decision, DecisionDiagnostic, ReasonCode } from './decision.ts';

/** What the answers of the several APIs have in common. */

/** A rule's output as text, as purchase answers carry it: numbers and Booleans as themselves, the rest as JSON. */
export function asText(value: Json): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** An integer between 0 and 999: .NET readers refuse a decimal point in `RiskScore`. */
export function asScore(value: number): number {
  return Number.isFinite(value) ? Math.min(999, Math.max(0, Math.round(value))) : 0;
}

/** `500-LOCATION_CONSISTENCY:GENERAL,…`: each code once, in the order given. */
export function joinReasonCodes(reasons: readonly ReasonCode[]): string {
  return [...new Set(reasons.map((reason) => `${reason.code}-${reason.name}`))].join(',');
}

/** `riskScore` → `RiskScore`. */
export const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The device attributes an API names, each a text; `""` where nothing is known. */
export function pickAttributes(
  names: readonly string[],
  attributes: Readonly<Record<string, string>>,
  rename: (name: string) => string = (name) => name,
): Record<string, string> {
  return Object.fromEntries(names.map((name) => [rename(name), attributes[name] ?? '']));
}

const listNames: Record<DecisionDiagnostic['kind'], string> = {
  rule: 'rules',
  velocity: 'velocities',
  list: 'lists',
  externalCall: 'externalCalls',
  externalAssessment: 'externalAssessments',
  model: 'models',
  action: 'actions',
};

/** Diagnostics by what they are about: an object whose every value is a list; `undefined` where there are none. */
export function groupDiagnostics(
  diagnostics: readonly DecisionDiagnostic[],
  rename: (name: string) => string = (name) => name,
): Record<string, JsonObject[]> | undefined {
  if (diagnostics.length === 0) return undefined;
  const groups: Record<string, JsonObject[]> = {};
  for (const { kind, ...rest } of diagnostics) {
    const details: JsonObject = {};
    for (const [name, value] of Object.entries(rest)) if (value !== undefined) details[rename(name)] = value;
    const name = rename(listNames[kind]);
    groups[name] = [...(groups[name] ?? []), details];
  }
  return groups;
}

/** The rules whose condition held, with the member names of the account and assessment APIs. */
export function camelEvaluations(decision: Decision) {
  return decision.evaluations.map((evaluation) => ({
    rule: evaluation.rule,
    clauseNames: evaluation.clauses,
    environmentId: evaluation.environmentId,
  }));
}
