import type { Json } from '../problem.ts';

export type DecisionName = 'Approve' | 'Reject' | 'Review' | 'Challenge';

/** A fault or fallback of one assessment, for the answer's diagnostics. */
export interface DecisionDiagnostic {
  /** what it is about; becomes the name of the list it is put into */
  kind: 'rule' | 'velocity' | 'list' | 'externalCall' | 'externalAssessment' | 'model' | 'action';
  code: string;
  message: string;
  /** anything else worth knowing: rule, clause, line, latency … */
  [detail: string]: Json | undefined;
}

/** Why a score is what it is. `code` and `name` make DFP's `<number>-<NAME>:<NAME>`. */
export interface ReasonCode {
  /** the number, e.g. `900` */
  code: string;
  /** e.g. `PAYMENT_INFORMATION:GENERAL` */
  name: string;
  /** for people */
  text: string;
}

/** What one assessment came to, before it takes the shape of one of the APIs. */
export interface Decision {
  decision: DecisionName;
  challengeType: string | null;
  reasons: string[];
  supportMessages: string[];
  /** the rule and clause that decided, and the rule's environment; null where none did */
  rule: string | null;
  clause: string | null;
  ruleEnvironmentId: string | null;
  /** every rule whose condition held, with the clauses that fired */
  evaluations: { rule: string; clauses: string[]; environmentId: string }[];
  /** what rules put out: clause → key → value */
  outputs: Record<string, Record<string, Json>>;
  /** what actions set for the answer; assessments show it in `customProperties` */
  customProperties?: Record<string, Json>;
  /** integers, 0–999 */
  riskScore: number;
  botScore: number;
  /** why the bot score is what it is, also where nothing is known */
  botReason?: string;
  reasonCodes: ReasonCode[];
  /** custom assessments: the models that rules asked */
  scored?: ('Bot' | 'Risk')[];
  diagnostics: DecisionDiagnostic[];
  transactionReferenceId: string;
  /** by camelCase name */
  deviceAttributes: Record<string, string>;
}

/** An approval that no rule made, for the reason given. */
export function approval(reason: string): Omit<Decision, 'transactionReferenceId' | 'deviceAttributes'> {
  return {
    decision: 'Approve',
    challengeType: null,
    reasons: [reason],
    supportMessages: [],
    rule: null,
    clause: null,
    ruleEnvironmentId: null,
    evaluations: [],
    outputs: {},
    customProperties: {},
    riskScore: 0,
    botScore: 0,
    reasonCodes: [],
    diagnostics: [],
  };
}
