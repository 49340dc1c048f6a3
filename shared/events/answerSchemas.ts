import { z } from 'zod';
import { accountDeviceAttributes } from './accountAnswer.ts';
import { pascal } from './answers.ts';
import { assessmentDeviceAttributes } from './assessmentAnswer.ts';
import type { EventType } from './eventTypes.ts';
import { purchaseDeviceAttributes } from './purchaseAnswer.ts';

/*
 * The answers of DFP's routes as schemas: for the OpenAPI document, and to check real answers against. The functions of
 * purchaseAnswer.ts, accountAnswer.ts and assessmentAnswer.ts make them.
 */

const decision = z.enum(['Approve', 'Reject', 'Review', 'Challenge']);
const score = z.int().min(0).max(999);
const texts = (names: readonly string[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
const purchaseDevice = texts(purchaseDeviceAttributes.map(pascal)).meta({ id: 'PurchaseDeviceAttributes' });
const diagnostics = z.record(z.string(), z.array(z.looseObject({})));

const purchaseDetails = {
  MerchantRuleDecision: decision,
  RiskScore: score,
  ReasonCodes: z.string().describe('`<number>-<NAME>`, joined by commas'),
  MIDFlag: z.string(),
  PolicyApplied: z.string().describe('the rule that decided, or `Default`'),
  PolicyAppliedEnvironmentId: z.string().nullable(),
  MerchantRuleReason: z.string().nullable(),
  ClauseName: z.string().nullable(),
  RuleEvaluations: z.array(
    z
      .object({ Rule: z.string(), ClauseNames: z.array(z.string()), EnvironmentId: z.string() })
      .meta({ id: 'PurchaseRuleEvaluation' }),
  ),
  MerchantRuleOutput: z.record(z.string(), z.record(z.string(), z.string())),
  DeviceAttributes: purchaseDevice,
  BankName: z.string().nullable(),
  ChallengeType: z.string().nullable(),
  SupportMessages: z.array(z.string()),
  Diagnostics: diagnostics.optional(),
};

const purchaseAnswer = (id: 'PurchaseId' | 'SignUpId' | 'SignInId') =>
  z
    .object({
      resultDetails: z.object({ ...purchaseDetails, [id]: z.string() }),
      transactionReferenceId: z.string(),
    })
    .meta({ id: `${id.slice(0, -2)}Answer` });

const observationAnswer = z
  .object({
    resultDetails: z.object({ Succeeded: z.boolean().optional(), Error: z.string().nullable().optional() }),
  })
  .meta({ id: 'ObservationAnswer' });

const evaluations = z.array(
  z
    .object({ rule: z.string(), clauseNames: z.array(z.string()), environmentId: z.string() })
    .meta({ id: 'RuleEvaluation' }),
);

const accountAnswer = z
  .object({
    name: z.string(),
    version: z.string(),
    code: z.string(),
    description: z.string(),
    transactionReferenceId: z.string(),
    resultDetails: z
      .array(
        z.object({
          decision,
          challengeType: z.string().nullable(),
          reasons: z.array(z.string()),
          rule: z.string().nullable(),
          ruleEnvironmentId: z.string().nullable(),
          clauseName: z.string().nullable(),
          supportMessages: z.array(z.string()),
          other: z.record(z.string(), z.json()).nullable(),
          scores: z.array(
            z.object({ scoreType: z.enum(['Bot', 'Risk']), scoreValue: score, reason: z.string() }),
          ),
          ruleEvaluations: evaluations,
        }),
      )
      .min(1),
    enrichments: z.object({
      deviceAttributes: texts(accountDeviceAttributes),
      calculatedFeatures: texts(['emailDomain', 'emailPattern']),
    }),
    diagnostics: diagnostics.optional(),
  })
  .meta({ id: 'AccountAnswer' });

const accountAcknowledgement = z
  .object({
    name: z.string(),
    version: z.string(),
    code: z.string(),
    description: z.string(),
    transactionReferenceId: z.string(),
  })
  .meta({ id: 'AccountAcknowledgement' });

const modelScore = z
  .object({ scoreType: z.string(), scoreValue: score, reason: z.string() })
  .meta({ id: 'ModelScore' });

const assessmentAnswer = z
  .object({
    metadata: z.object({
      eventId: z.string(),
      sessionId: z.string(),
      gdprId: z.string(),
      isTest: z.boolean(),
      timestamp: z.iso.datetime(),
      processedDateTime: z.iso.datetime(),
      hierarchyPath: z.string(),
      eventType: z.string(),
      correlationId: z.string(),
    }),
    decisionDetails: z.object({
      merchantRuleDecision: decision,
      challengeType: z.string(),
      rule: z.string(),
      clauseName: z.string(),
      reasons: z.array(z.string()),
      supportMessages: z.array(z.string()),
    }),
    ruleEvaluations: evaluations,
    enrichments: z.object({
      risk: modelScore,
      bot: modelScore,
      deviceAttributes: texts(assessmentDeviceAttributes),
    }),
    customProperties: z.record(z.string(), z.json()),
    diagnostics,
    transactionReferenceId: z.string(),
  })
  .meta({ id: 'AssessmentAnswer' });

const assessmentAcknowledgement = z
  .object({ succeeded: z.boolean(), error: z.string().nullable() })
  .meta({ id: 'AssessmentAcknowledgement' });

/** What each kind of event is answered with, under v1.0. */
export const answerSchemas: Readonly<Record<EventType, z.ZodObject>> = {
  Purchase: purchaseAnswer('PurchaseId'),
  PurchaseStatus: observationAnswer,
  BankEvent: observationAnswer,
  Chargeback: observationAnswer,
  Refund: observationAnswer,
  UpdateAccount: observationAnswer,
  Label: observationAnswer,
  SignUp: purchaseAnswer('SignUpId'),
  SignUpStatus: observationAnswer,
  SignIn: purchaseAnswer('SignInId'),
  AccountCreation: accountAnswer,
  AccountLogin: accountAnswer,
  AccountCreationStatus: accountAcknowledgement,
  AccountLoginStatus: accountAcknowledgement,
  AccountUpdate: accountAcknowledgement,
  AccountLabel: accountAcknowledgement,
  CustomAssessment: accountAnswer,
  Assessment: assessmentAnswer,
  AssessmentObservation: assessmentAcknowledgement,
  AssessmentLabel: assessmentAcknowledgement,
};

/** v0.5 wrote account answers in PascalCase, and an empty `resultDetails` for observation events. */
export const olderAnswerSchema = z.looseObject({}).meta({ id: 'OlderAnswer' });

/** The error body of DFP's routes; a 401 is the gateway's. */
export const errorSchema = z
  .object({
    ErrorType: z.enum(['ClientError', 'ServerError']),
    Message: z.string(),
    Retryable: z.boolean(),
    OtherErrors: z.array(z.object({ Path: z.string(), Message: z.string() })).nullable(),
  })
  .meta({ id: 'WireError' });

/** What DFP's gateway answered to a request without valid credentials. */
export const gatewayErrorSchema = z
  .object({ statusCode: z.literal(401), message: z.string() })
  .meta({ id: 'GatewayError' });
