import { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata, threeDS } from './entities.ts';
import { anything, entity, instant, maxText, optionalId, requiredId, requiredText, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** What the bank said about a purchase (WIRE.md 3.3). */
export const bankEventSchema = entity({
  bankEventId: requiredId(),
  type: requiredText().describe('Auth, Charge, AuthCancel or ChargeReversal.'),
  bankEventTimestamp: instant(),
  status: text('Approved, Declined or Unknown.'),
  bankResponseCode: text(),
  paymentProcessor: text(),
  mrn: text('Merchant reference number.'),
  mid: text('Merchant id.'),
  purchaseId: requiredId(),
  merchantLocalDate: instant(),
  merchantPaymentInstrumentId: optionalId(),
  paymentMethod: text(),
  cardType: text(),
  updatedPI: text(),
  cvvVerify: text('Y, N, U or A.'),
  avsVerify: text('Y, N, U or A.'),
  cavVerify: text('Y, N, U or A.'),
  authorizationResultCode: text(),
  authorizationResultText: text(),
  threeDS: z.union([threeDS, z.string().max(maxText)]).optional(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type BankEvent = z.output<typeof bankEventSchema>;

/** Reads a BankEvent body; the v0.5 shape links its purchase as an object. */
export const parseBankEvent = reader(bankEventSchema, (body) => unfoldEnvelope(body, ['purchase']));
