import type { Json } from '../problem.ts';
import {
  asScore,
  camelEvaluations,
  groupDiagnostics,
  joinReasonCodes,
  pascal,
  pickAttributes,
} from './answers.ts';
import type { Decision } from './decision.ts';

/** The device attributes of an account answer (WIRE.md 5.6). */
export const accountDeviceAttributes = [
  'browserUserAgent',
  'browserUserAgentLanguages',
  'carrier',
  'dataNetworkType',
  'deviceAsn',
  'deviceCity',
  'deviceCountryCode',
  'deviceId',
  'deviceModelName',
  'devicePostalCode',
  'deviceState',
  'deviceSystemVersion',
  'ipRoutingType',
  'isDeviceEmulator',
  'isDeviceRooted',
  'isWifiEnabled',
  'localIpv4',
  'localIpv6',
  'platform',
  'proxy',
  'proxyIp',
  'proxyLastDetected',
  'proxyType',
  'realtimeTimezoneOffset',
  'sdkType',
  'sld',
  'tcpDistance',
  'timeZone',
  'trueIp',
  'userAgentBrowser',
  'userAgentOperatingSystem',
  'userAgentPlatform',
] as const;

/**
 * What an account answer calculates from the primary mail address: its domain, and the pattern of its mailbox name, in which
 * `a` stands for letters and `0` for digits, each run once (`dana.okafor77` → `a.a0`).
 */
export function mailFeatures(address: string | undefined): { emailDomain: string; emailPattern: string } {
  const at = address?.lastIndexOf('@') ?? -1;
  if (address === undefined || at < 0) return { emailDomain: '', emailPattern: '' };
  const mailbox = address.slice(0, at).slice(0, 320);
  return {
    emailDomain: address.slice(at + 1).toLowerCase(),
    emailPattern: mailbox.replaceAll(/\p{L}+/gu, 'a').replaceAll(/\p{N}+/gu, '0'),
  };
}

export interface AccountAnswerContext {
  /** the request's `name` where it has one, e.g. `AP.AccountLogin` */
  name: string;
  /** the request's `version` */
  version?: string;
  /** the account's primary mail address */
  email?: string;
  /** the models that were asked; both for account creation and login */
  scores?: readonly ('Bot' | 'Risk')[];
}

function scoreRows(decision: Decision, asked: readonly ('Bot' | 'Risk')[]) {
  const rows = {
    Bot: { scoreType: 'Bot', scoreValue: asScore(decision.botScore), reason: decision.botReason ?? '' },
    Risk: {
      scoreType: 'Risk',
      scoreValue: asScore(decision.riskScore),
      reason: joinReasonCodes(decision.reasonCodes),
    },
  } as const;
  return (['Bot', 'Risk'] as const).filter((type) => asked.includes(type)).map((type) => rows[type]);
}

/** The answer to an account creation, account login or legacy custom assessment (WIRE.md 5.6): camelCase throughout. */
export function accountAnswer(decision: Decision, context: AccountAnswerContext) {
  const diagnostics = groupDiagnostics(decision.diagnostics);
  return {
    name: `${context.name}.Response.Success`,
    version: context.version ?? '0.5',
    code: '200',
    description: 'OK',
    transactionReferenceId: decision.transactionReferenceId,
    resultDetails: [
      {
        decision: decision.decision,
        challengeType: decision.challengeType,
        reasons: decision.reasons,
        rule: decision.rule,
        ruleEnvironmentId: decision.ruleEnvironmentId,
        clauseName: decision.clause,
        supportMessages: decision.supportMessages,
        other: Object.keys(decision.outputs).length > 0 ? decision.outputs : null,
        scores: scoreRows(decision, context.scores ?? ['Bot', 'Risk']),
        ruleEvaluations: camelEvaluations(decision),
      },
    ],
    enrichments: {
      deviceAttributes: pickAttributes(accountDeviceAttributes, decision.deviceAttributes),
      calculatedFeatures: mailFeatures(context.email),
    },
    ...(diagnostics ? { diagnostics } : {}),
  };
}

/** Members whose names are the merchant's own, below which nothing is renamed. */
const ownNames = new Set(['other', 'Other']);

function toPascal(value: Json): Json {
  if (Array.isArray(value)) return value.map(toPascal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      pascal(name),
      ownNames.has(name) ? member : toPascal(member ?? null),
    ]),
  );
}

/** The same answer as v0.5 gave it: PascalCase throughout, with two names of its own (PR44). */
export function olderAccountAnswer(decision: Decision, context: AccountAnswerContext): Json {
  const { resultDetails, ...rest } = accountAnswer(decision, context);
  return toPascal({
    ...rest,
    resultDetails: resultDetails.map(({ rule, supportMessages, ...detail }) => ({
      ...detail,
      ruleSetId: rule,
      supportingMessages: supportMessages,
    })),
  });
}

/** The answer to status, update and label events of account protection: clients read code, description and reference. */
export function accountAcknowledgement(name: string, transactionReferenceId: string) {
  return {
    name: `${name}.Response.Success`,
    version: '0.5',
    code: '200',
    description: 'OK',
    transactionReferenceId,
  };
}
