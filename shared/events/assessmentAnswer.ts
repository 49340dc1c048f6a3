import type { Json } from '../problem.ts';
import { asScore, camelEvaluations, groupDiagnostics, joinReasonCodes, pickAttributes } from './answers.ts';
import type { Decision } from './decision.ts';
import { readInstant } from './instant.ts';

/** The device attributes of an assessment answer (WIRE.md 6). */
export const assessmentDeviceAttributes = [
  'trueIp',
  'realtimeTimezoneOffset',
  'sld',
  'timeZone',
  'deviceId',
  'deviceCountryCode',
  'deviceState',
  'deviceCity',
  'devicePostalCode',
  'deviceAsn',
  'platform',
  'browserUserAgentLanguages',
  'browserUserAgent',
  'tcpDistance',
  'carrier',
  'ipRoutingType',
  'proxy',
  'userAgentPlatform',
  'userAgentBrowser',
  'userAgentOperatingSystem',
  'sdkType',
  'userAgentType',
  'cookieEnabled',
  'fontsCount',
  'javaScriptEnabled',
  'mimeTypesCount',
  'pluginsCount',
  'screenResolution',
  'timeZoneOffset',
] as const;

export interface AssessmentAnswerContext {
  /** the request's metadata section */
  metadata: {
    eventId: string;
    sessionId?: string | undefined;
    gdprId?: string | undefined;
    isTest?: boolean | undefined;
    timestamp?: string | undefined;
  };
  /** the assessment's API name */
  apiName: string;
  /** of the environment, e.g. `/primary/XYZ` */
  hierarchyPath: string;
  correlationId: string;
  /** the assessment's clock, in milliseconds since 1970 */
  now: number;
  /** the models that rules asked */
  scores?: readonly ('Bot' | 'Risk')[];
}

/** Outputs nest under their clause's name; what actions set stands beside them and wins. */
function customProperties(decision: Decision): Record<string, Json> {
  return { ...decision.outputs, ...decision.customProperties };
}

/** The answer to an assessment (WIRE.md 6): camelCase, both dates always valid, scores as integers. */
export function assessmentAnswer(decision: Decision, context: AssessmentAnswerContext) {
  const { metadata, scores = [] } = context;
  const processed = new Date(context.now).toISOString();
  const instant = readInstant(metadata.timestamp);
  const score = (type: 'Bot' | 'Risk', value: number, reason: string) =>
    scores.includes(type)
      ? { scoreType: type, scoreValue: asScore(value), reason }
      : { scoreType: type, scoreValue: 0, reason: 'NOT_SCORED' };
  return {
    metadata: {
      eventId: metadata.eventId,
      sessionId: metadata.sessionId ?? '',
      gdprId: metadata.gdprId ?? '',
      isTest: metadata.isTest ?? false,
      timestamp: instant === undefined ? processed : new Date(instant).toISOString(),
      processedDateTime: processed,
      hierarchyPath: context.hierarchyPath,
      eventType: context.apiName,
      correlationId: context.correlationId,
    },
    decisionDetails: {
      merchantRuleDecision: decision.decision,
      challengeType: decision.challengeType ?? '',
      rule: decision.rule ?? '',
      clauseName: decision.clause ?? '',
      reasons: decision.reasons,
      supportMessages: decision.supportMessages,
    },
    ruleEvaluations: camelEvaluations(decision),
    enrichments: {
      risk: score('Risk', decision.riskScore, joinReasonCodes(decision.reasonCodes)),
      bot: score('Bot', decision.botScore, decision.botReason ?? ''),
      deviceAttributes: pickAttributes(assessmentDeviceAttributes, decision.deviceAttributes),
    },
    customProperties: customProperties(decision),
    diagnostics: groupDiagnostics(decision.diagnostics) ?? {},
    transactionReferenceId: decision.transactionReferenceId,
  };
}

/** The answer to an assessment's observation and label events: success, and nothing else. */
export function assessmentAcknowledgement() {
  return { succeeded: true, error: null };
}
