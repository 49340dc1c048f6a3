import { parseAccountCreation } from './accountCreation.ts';
import { parseAccountLabel } from './accountLabel.ts';
import { parseAccountLogin } from './accountLogin.ts';
import { parseAccountCreationStatus, parseAccountLoginStatus } from './accountStatus.ts';
import { parseAccountUpdate } from './accountUpdate.ts';
import { parseBankEvent } from './bankEvent.ts';
import type { Reader } from './canonical.ts';
import { parseChargeback } from './chargeback.ts';
import type { EventType } from './eventTypes.ts';
import { parseLabel } from './label.ts';
import { eventPaths } from './paths.ts';
import { parsePurchase } from './purchase.ts';
import { parsePurchaseStatus } from './purchaseStatus.ts';
import { type Identity, labelLinks, labelledUsers, link, type Received, receive } from './received.ts';
import { parseRefund } from './refund.ts';
import { parseSignIn } from './signIn.ts';
import { parseSignUp } from './signUp.ts';
import { parseSignUpStatus } from './signUpStatus.ts';
import { parseUpdateAccount } from './updateAccount.ts';

export { accountAcknowledgement, accountAnswer, olderAccountAnswer } from './accountAnswer.ts';
export type { AssessmentField } from './assessment.ts';
export { assessmentAcknowledgement, assessmentAnswer } from './assessmentAnswer.ts';
export {
  type AssessmentDefinition,
  assessmentKind,
  receiveAssessmentLabel,
  receiveAssessmentObservation,
  receiveCustomAssessment,
} from './assessmentKinds.ts';
export type { JsonObject } from './canonical.ts';
export type { Decision, DecisionDiagnostic, DecisionName, ReasonCode } from './decision.ts';
export { invalidBody, type WireError, wireError } from './errors.ts';
export { type EventType, eventTypes, type Link, type Subject } from './eventTypes.ts';
export type { Fault } from './faults.ts';
export { labelsFraud } from './label.ts';
export { eventPaths, matchPath, type PathMatch } from './paths.ts';
export { observationAnswer, purchaseAnswer, signInAnswer, signUpAnswer } from './purchaseAnswer.ts';
export type { Received, ReceivedEvent } from './received.ts';
export { eventSchemas } from './schemas.ts';

export interface EventKind {
  /** assessments get a decision, observations and labels inform */
  role: 'assessment' | 'observation' | 'label';
  /** lower-case paths, see `matchPath` */
  paths: readonly string[];
  /** reads a body; `pathId` is the id in the path, for bodies that lack theirs */
  parse(json: unknown, pathId?: string): Received;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The body with the path's id as `metadata.<name>` where the body has none, in any letter case. */
function withPathId(json: unknown, name: string | undefined, pathId: string | undefined): unknown {
  if (name === undefined || pathId === undefined || !isObject(json)) return json;
  const entry = Object.entries(json).find(([key]) => key.toLowerCase() === 'metadata');
  const metadata = isObject(entry?.[1]) ? entry[1] : {};
  const has = Object.entries(metadata).some(
    ([key, value]) => key.toLowerCase() === name.toLowerCase() && value !== null && value !== '',
  );
  if (has) return json;
  const others = Object.entries(metadata).filter(([key]) => key.toLowerCase() !== name.toLowerCase());
  const rest = Object.entries(json).filter(([key]) => key !== entry?.[0]);
  return Object.fromEntries([...rest, ['metadata', Object.fromEntries([...others, [name, pathId]])]]);
}

function kind<T>(
  type: EventType,
  role: EventKind['role'],
  read: Reader<T>,
  identify: (event: T) => Identity,
  idFromPath?: string,
): EventKind {
  return {
    role,
    paths: eventPaths[type],
    parse: (json, pathId) => receive(read(withPathId(json, idFromPath, pathId)), identify),
  };
}

type Instruments = readonly { merchantPaymentInstrumentId?: string | undefined }[];

const instruments = (list: Instruments | undefined) =>
  (list ?? []).map((one) => link('PaymentInstrument', one.merchantPaymentInstrumentId));

/** Whose account an event of account protection is about, and what is paid with. */
function accountHolder(event: {
  user?: { userId?: string | undefined } | undefined;
  metadata: { [name: string]: unknown; userId?: unknown };
  paymentInstruments?: Instruments | undefined;
}) {
  const { userId } = event.metadata;
  const named = typeof userId === 'string' ? userId : undefined;
  return {
    links: [link('User', event.user?.userId ?? named), ...instruments(event.paymentInstruments)],
    users: [event.user?.userId, named],
  };
}

/** The events of the purchase and account families: what has no name of its own in its path. */
export const eventKinds = {
  Purchase: kind('Purchase', 'assessment', parsePurchase, (event) => ({
    id: event.purchaseId,
    trackingId: event._metadata?.trackingId,
    links: [link('User', event.user?.userId), ...instruments(event.paymentInstrumentList)],
    users: [event.user?.userId],
  })),
  PurchaseStatus: kind('PurchaseStatus', 'observation', parsePurchaseStatus, (event) => ({
    trackingId: event._metadata?.trackingId,
    links: [link('Purchase', event.purchaseId)],
  })),
  BankEvent: kind('BankEvent', 'observation', parseBankEvent, (event) => ({
    id: event.bankEventId,
    trackingId: event._metadata?.trackingId,
    links: [link('Purchase', event.purchaseId), link('PaymentInstrument', event.merchantPaymentInstrumentId)],
  })),
  Chargeback: kind('Chargeback', 'observation', parseChargeback, (event) => ({
    id: event.chargebackId,
    trackingId: event._metadata?.trackingId,
    links: [link('Purchase', event.purchaseId), link('User', event.userId)],
    users: [event.userId],
  })),
  Refund: kind('Refund', 'observation', parseRefund, (event) => ({
    id: event.refundId,
    trackingId: event._metadata?.trackingId,
    links: [link('Purchase', event.purchaseId), link('User', event.userId)],
    users: [event.userId],
  })),
  UpdateAccount: kind('UpdateAccount', 'observation', parseUpdateAccount, (event) => ({
    trackingId: event._metadata?.trackingId,
    links: [link('User', event.userId), ...instruments(event.paymentInstrumentList)],
    users: [event.userId],
  })),
  Label: kind('Label', 'label', parseLabel, (event) => {
    const links = labelLinks(event.labelObjectType, event.labelObjectId);
    return { trackingId: event._metadata?.trackingId, links, users: labelledUsers(links) };
  }),
  SignUp: kind('SignUp', 'assessment', parseSignUp, (event) => ({
    id: event.signUpId,
    trackingId: event._metadata?.trackingId,
    links: [
      link('User', event.user.userId),
      link('PaymentInstrument', event.user.paymentInstrument?.merchantPaymentInstrumentId),
    ],
    users: [event.user.userId],
  })),
  SignUpStatus: kind('SignUpStatus', 'observation', parseSignUpStatus, (event) => ({
    trackingId: event._metadata?.trackingId,
    links: [link('SignUp', event.signUpId), link('User', event.user?.userId)],
    users: [event.user?.userId],
  })),
  SignIn: kind('SignIn', 'assessment', parseSignIn, (event) => ({
    id: event.signInId,
    trackingId: event._metadata?.trackingId,
    links: [link('User', event.userId)],
    users: [event.userId],
  })),
  AccountCreation: kind(
    'AccountCreation',
    'assessment',
    parseAccountCreation,
    (event) => ({
      id: event.metadata.signUpId,
      trackingId: event.metadata.trackingId,
      ...accountHolder(event),
    }),
    'signUpId',
  ),
  AccountLogin: kind(
    'AccountLogin',
    'assessment',
    parseAccountLogin,
    (event) => ({
      id: event.metadata.loginId,
      trackingId: event.metadata.trackingId,
      ...accountHolder(event),
    }),
    'loginId',
  ),
  AccountCreationStatus: kind(
    'AccountCreationStatus',
    'observation',
    parseAccountCreationStatus,
    (event) => ({
      trackingId: event.metadata.trackingId,
      links: [link('AccountCreation', event.metadata.signUpId), link('User', event.metadata.userId)],
      users: [event.metadata.userId],
    }),
    'signUpId',
  ),
  AccountLoginStatus: kind(
    'AccountLoginStatus',
    'observation',
    parseAccountLoginStatus,
    (event) => ({
      trackingId: event.metadata.trackingId,
      links: [link('AccountLogin', event.metadata.loginId), link('User', event.metadata.userId)],
      users: [event.metadata.userId],
    }),
    'userId',
  ),
  AccountUpdate: kind('AccountUpdate', 'observation', parseAccountUpdate, (event) => ({
    id: event.metadata.accountUpdateId ?? event.metadata.signUpId,
    trackingId: event.metadata.trackingId,
    ...accountHolder(event),
  })),
  AccountLabel: kind('AccountLabel', 'label', parseAccountLabel, (event) => {
    const links = labelLinks(event.label.labelObjectType, event.label.labelObjectId);
    return {
      trackingId: event.metadata?.trackingId,
      links: [...links, link('User', event.metadata?.userId)],
      users: [event.metadata?.userId, ...labelledUsers(links)],
    };
  }),
} satisfies Partial<Record<EventType, EventKind>>;

const kinds = new Map<string, { type: string; kind: EventKind }>(
  Object.entries(eventKinds).map(([type, kind]) => [type.toLowerCase(), { type, kind }]),
);

/** The kind of a type in any letter case, with the type's own spelling. */
export function kindNamed(type: string): { type: string; kind: EventKind } | undefined {
  return kinds.get(type.toLowerCase());
}
