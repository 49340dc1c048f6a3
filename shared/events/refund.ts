import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import { amount, anything, entity, instant, optionalId, requiredId, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** A refund of a purchase (WIRE.md 3.5). */
export const refundSchema = entity({
  refundId: requiredId(),
  purchaseId: requiredId(),
  userId: optionalId(),
  reason: text('FraudRefund, CustomerRequest or NonFraudRefund.'),
  status: text('Approved, Declined or Unknown.'),
  bankEventTimestamp: instant(),
  amount: amount(),
  currency: text(),
  merchantLocalDate: instant(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type Refund = z.output<typeof refundSchema>;

/** Reads a Refund body; the v0.5 shape links purchase and user as objects. */
export const parseRefund = reader(refundSchema, (body) => unfoldEnvelope(body, ['purchase', 'user']));
