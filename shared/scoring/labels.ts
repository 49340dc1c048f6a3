import { readInstant } from '../events/instant.ts';
import { labelsFraud } from '../events/label.ts';
import { at, textAt } from './scorecardReads.ts';

/** What a label speaks about: one event, or all events of a user, a payment instrument or an e-mail address. */
export type LabelTarget =
  | { kind: 'event'; type: string; id: string }
  | { kind: 'user' | 'payment' | 'email'; key: string; from?: number; until?: number };

/** Where a label came from. Where two labels of one moment disagree, the earlier in this list wins. */
export const labelSources = ['label', 'chargeback', 'review', 'refund', 'bankEvent'] as const;
export type LabelSource = (typeof labelSources)[number];

/** Somebody's finding that something is fraud, or is not. Times in milliseconds since 1970. */
export interface Label {
  target: LabelTarget;
  fraud: boolean;
  source: LabelSource;
  /** when it was found out: decides which of two labels is the later one */
  found: number;
  /** when it was received: from then on, and not before, models may know it */
  arrived: number;
}

/** An observation event as it was received. */
export interface Observation {
  type: string;
  arrived: number;
  payload: { readonly [name: string]: unknown };
}

const word = (text: string | undefined) => (text ?? '').toLowerCase().replaceAll(/[^a-z0-9]/g, '');

const eventTypes: Readonly<Record<string, string>> = {
  purchase: 'Purchase',
  signup: 'AccountCreation',
  accountcreation: 'AccountCreation',
  accountlogin: 'AccountLogin',
  accountupdate: 'AccountUpdate',
};

/** Response codes of ISO 8583 that say fraud: pick up (special), suspected fraud, lost card, stolen card, suspected fraud. */
const fraudResponseCodes = new Set(['07', '34', '41', '43', '59']);

/** A dispute about goods or billing is a loss, but it tells nothing about who paid. */
const serviceDispute =
  /not received|not as described|defective|quality|duplicate|credit not processed|cancel|subscription|wrong amount|processing error|(?<!un)authori[sz]ation error/i;

/** What the Label event says of fraud, or undefined where it leaves that open. */
function fraudOf(payload: unknown): boolean | undefined {
  const stated = at(payload, 'isFraud');
  const isFraud = typeof stated === 'boolean' ? stated : undefined;
  const labelState = textAt(payload, 'labelState');
  if (isFraud === undefined) {
    if (['inquiry', 'inquiryaccepted', 'received'].includes(word(labelState))) return undefined;
    const reason = word(textAt(payload, 'labelReasonCodes'));
    if (reason === 'passedaccountprotectionchecks') return false;
  }
  return labelsFraud({ isFraud, labelState });
}

function targetOf(payload: unknown): LabelTarget | undefined {
  const id = textAt(payload, 'labelObjectId');
  const kind = word(textAt(payload, 'labelObjectType'));
  if (id === undefined) return undefined;
  const type = eventTypes[kind];
  if (type !== undefined) return { kind: 'event', type, id };
  const from = readInstant(at(payload, 'effectiveStartDate'));
  const until = readInstant(at(payload, 'effectiveEndDate'));
  const within = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  if (kind === 'account') return { kind: 'user', key: id, ...within };
  if (kind === 'pi' || kind === 'paymentinstrument') return { kind: 'payment', key: id, ...within };
  if (kind === 'email') return { kind: 'email', key: id.toLowerCase(), ...within };
  return undefined;
}

/**
 * The label that an observation event carries, or undefined where it carries none:
 * - Label and AccountLabel: `isFraud`, else fraud unless the state takes it back (FalsePositive, Reversed …) or leaves it open (Inquiry)
 * - Chargeback: fraud, unless it is an inquiry or its reason is a dispute about goods or billing; Reversed takes it back
 * - Refund: fraud where its reason is FraudRefund and it was not declined
 * - PurchaseStatus: what a manual review found; other outcomes say nothing of fraud
 * - BankEvent: fraud where the bank declined with a code for a lost or stolen card or suspected fraud
 */
export function labelOf({ type, arrived, payload }: Observation): Label | undefined {
  const purchase = textAt(payload, 'purchaseId');
  const make = (
    source: LabelSource,
    fraud: boolean,
    when: unknown,
    target?: LabelTarget,
  ): Label | undefined => {
    const about =
      target ?? (purchase === undefined ? undefined : { kind: 'event', type: 'Purchase', id: purchase });
    if (about === undefined) return undefined;
    const stated = readInstant(when);
    // A clock that runs ahead must not make a label beat all that come after it.
    return { target: about, fraud, source, found: Math.min(stated ?? arrived, arrived), arrived };
  };
  switch (word(type)) {
    case 'label':
    case 'accountlabel': {
      const body = at(payload, 'label') ?? payload;
      const fraud = fraudOf(body);
      const target = targetOf(body);
      if (fraud === undefined || target === undefined) return undefined;
      return make('label', fraud, at(body, 'eventTimeStamp'), target);
    }
    case 'chargeback': {
      const status = word(textAt(payload, 'status'));
      if (status === 'inquiry') return undefined;
      const reversed = status === 'reversed';
      if (!reversed && serviceDispute.test(textAt(payload, 'reason') ?? '')) return undefined;
      return make('chargeback', !reversed, at(payload, 'bankEventTimestamp'));
    }
    case 'refund':
      if (word(textAt(payload, 'reason')) !== 'fraudrefund' || word(textAt(payload, 'status')) === 'declined')
        return undefined;
      return make('refund', true, at(payload, 'bankEventTimestamp'));
    case 'purchasestatus': {
      const reason = word(textAt(payload, 'reason'));
      if (!reason.includes('manualreview')) return undefined;
      const status = word(textAt(payload, 'statusType'));
      if (status === 'approved') return make('review', false, at(payload, 'statusDate'));
      const fraud = reason.includes('fraud') || reason.includes('compromise');
      return fraud && status === 'rejected' ? make('review', true, at(payload, 'statusDate')) : undefined;
    }
    case 'bankevent': {
      const declined = word(textAt(payload, 'status')) === 'declined';
      const code = (textAt(payload, 'bankResponseCode') ?? '').padStart(2, '0');
      if (!declined || !fraudResponseCodes.has(code)) return undefined;
      return make('bankEvent', true, at(payload, 'bankEventTimestamp'));
    }
    default:
      return undefined;
  }
}

/** Does a label of a whole user, payment instrument or mail address reach an event of this time? One of an event reaches that. */
export function covers(target: LabelTarget, at: number): boolean {
  if (target.kind === 'event') return true;
  return at >= (target.from ?? Number.NEGATIVE_INFINITY) && at <= (target.until ?? Number.POSITIVE_INFINITY);
}

/** Whether `a` wins over `b`: the later finding, then the better source, then the more specific, then the later arrival. */
export function wins(a: Label, b: Label): boolean {
  if (a.found !== b.found) return a.found > b.found;
  const source = labelSources.indexOf(b.source) - labelSources.indexOf(a.source);
  if (source !== 0) return source > 0;
  const specific = Number(a.target.kind === 'event') - Number(b.target.kind === 'event');
  if (specific !== 0) return specific > 0;
  return a.arrived >= b.arrived;
}

/**
 * What is known of an event after one more label: the label that stands, and what that changes: 1 it became known as fraud, −1 that
 * was taken back, 0 neither. Where standings are kept with the events, this is all that a label's arrival needs.
 */
export function settle(before: Label | undefined, label: Label): { standing: Label; frauds: 1 | 0 | -1 } {
  if (before !== undefined && !wins(label, before)) return { standing: before, frauds: 0 };
  const was = before?.fraud ?? false;
  return { standing: label, frauds: was === label.fraud ? 0 : label.fraud ? 1 : -1 };
}

/** Days until an event without a label counts as legitimate. */
export const maturityDays: Readonly<Record<string, number>> = {
  Purchase: 28,
  AccountCreation: 14,
  AccountLogin: 7,
};

/** Days until an event of this type is mature; kinds not listed take as long as purchases. */
export function maturityOf(type: string, days: Readonly<Record<string, number>> = maturityDays): number {
  return days[type] ?? maturityDays.Purchase ?? 28;
}
