import { asScore, asText, groupDiagnostics, joinReasonCodes, pascal, pickAttributes } from './answers.ts';
import type { Decision } from './decision.ts';

/** The device attributes of a purchase answer (WIRE.md 4), by their camelCase names. */
export const purchaseDeviceAttributes = [
  'browserUserAgent',
  'browserUserAgentLanguages',
  'carrier',
  'cookieEnabled',
  'deviceCity',
  'deviceCountryCode',
  'deviceId',
  'devicePostalCode',
  'deviceState',
  'fontsCount',
  'javaScriptEnabled',
  'mimeTypesCount',
  'platform',
  'plugins',
  'pluginsCount',
  'proxy',
  'screenResolution',
  'timeZoneOffset',
  'trueIp',
  'userAgentType',
] as const;

/** `{ clause: { key: "value" } }`: .NET readers take texts only. */
function ruleOutput(outputs: Decision['outputs']): Record<string, Record<string, string>> {
  return Object.fromEntries(
    Object.entries(outputs).map(([clause, pairs]) => [
      clause,
      Object.fromEntries(Object.entries(pairs).map(([key, value]) => [key, asText(value)])),
    ]),
  );
}

/** The members every assessing answer of the purchase family has. */
function commonDetails(decision: Decision) {
  const diagnostics = groupDiagnostics(decision.diagnostics, pascal);
  return {
    MerchantRuleDecision: decision.decision,
    RiskScore: asScore(decision.riskScore),
    ReasonCodes: joinReasonCodes(decision.reasonCodes),
    MIDFlag: 'Standard',
    PolicyApplied: decision.rule ?? 'Default',
    PolicyAppliedEnvironmentId: decision.ruleEnvironmentId,
    MerchantRuleReason: decision.reasons.length > 0 ? decision.reasons.join(',') : null,
    ClauseName: decision.clause,
    RuleEvaluations: decision.evaluations.map((evaluation) => ({
      Rule: evaluation.rule,
      ClauseNames: evaluation.clauses,
      EnvironmentId: evaluation.environmentId,
    })),
    MerchantRuleOutput: ruleOutput(decision.outputs),
    DeviceAttributes: pickAttributes(purchaseDeviceAttributes, decision.deviceAttributes, pascal),
    BankName: null,
    ChallengeType: decision.challengeType,
    SupportMessages: decision.supportMessages,
    ...(diagnostics ? { Diagnostics: diagnostics } : {}),
  };
}

/**
 * The answer to a Purchase (WIRE.md 4 and 1.6): `resultDetails` in camelCase, its members in PascalCase, and
 * `transactionReferenceId`.
 */
export function purchaseAnswer(purchaseId: string, decision: Decision) {
  return {
    resultDetails: { ...commonDetails(decision), PurchaseId: purchaseId },
    transactionReferenceId: decision.transactionReferenceId,
  };
}

/** The answer to the older SignUp and SignIn of the purchase family: the same members with their own id. */
export function signUpAnswer(signUpId: string, decision: Decision) {
  return {
    resultDetails: { ...commonDetails(decision), SignUpId: signUpId },
    transactionReferenceId: decision.transactionReferenceId,
  };
}

/** See `signUpAnswer`. */
export function signInAnswer(signInId: string, decision: Decision) {
  return {
    resultDetails: { ...commonDetails(decision), SignInId: signInId },
    transactionReferenceId: decision.transactionReferenceId,
  };
}

/**
 * The answer to an observation event of the purchase family; Magento and manual review read `Succeeded`. v0.5 had no
 * members in it.
 */
export function observationAnswer(version: '1.0' | '0.5' = '1.0') {
  return { resultDetails: version === '0.5' ? {} : { Succeeded: true, Error: null } };
}
