import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import { amount, anything, entity, instant, optionalId, requiredId, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** A chargeback of a purchase (WIRE.md 3.4); several may come, as its status moves. */
export const chargebackSchema = entity({
  chargebackId: requiredId(),
  purchaseId: requiredId(),
  userId: optionalId(),
  reason: text(),
  status: text('Inquiry, Accepted, Disputed, Reversed or ResubmittedRequest.'),
  bankEventTimestamp: instant(),
  amount: amount(),
  currency: text(),
  merchantLocalDate: instant(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type Chargeback = z.output<typeof chargebackSchema>;

/** Reads a Chargeback body; the v0.5 shape links purchase and user as objects. */
export const parseChargeback = reader(chargebackSchema, (body) => unfoldEnvelope(body, ['purchase', 'user']));
