import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import {
  amount,
  anything,
  entity,
  flag,
  instant,
  requiredId,
  requiredText,
  text,
  tolerate,
} from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** What a label says, in the purchase family at the body's root, in account protection under `label` (WIRE.md 3.7, 5.5). */
export const labelFields = {
  labelObjectType: requiredText().describe('Purchase, AccountCreation, AccountLogin, Account, PI, Email …'),
  labelObjectId: requiredId(),
  labelSource: text('CustomerEscalation, Chargeback, TC40_SAFE, ManualReview, Refund, OfflineAnalysis …'),
  labelState: text('Fraud, Abuse, FalsePositive, Inquiry, Accepted, Reversed …'),
  labelReasonCodes: tolerate(text(), { aliases: ['labelReasonCode'] }),
  processor: text(),
  isFraud: flag(),
  reasonText: text(),
  eventTimeStamp: instant(),
  effectiveStartDate: instant(),
  effectiveEndDate: instant(),
  amount: amount(),
  currency: text(),
};

/** A label of the purchase family. */
export const labelSchema = entity({
  ...labelFields,
  merchantLocalDate: instant(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type Label = z.output<typeof labelSchema>;

/** Reads a Label body. */
export const parseLabel = reader(labelSchema, (body) => unfoldEnvelope(body));

/** Words that say of a label that there was no fraud, where `isFraud` does not. */
const notFraud = new Set(['falsepositive', 'reversed', 'accountnotcompromised', 'notfraud']);

/**
 * Whether a label says "fraud": `isFraud` where it is given, else yes (as DFP documents) unless its state says otherwise.
 */
export function labelsFraud(label: {
  isFraud?: boolean | undefined;
  labelState?: string | undefined;
}): boolean {
  const state = label.labelState?.toLowerCase().replaceAll(/[^a-z]/g, '') ?? '';
  return label.isFraud ?? !notFraud.has(state);
}
