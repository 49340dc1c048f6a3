import { z } from 'zod';
import { reader } from './canonical.ts';
import { address, deviceContext, paymentInstrument, purchaseMetadata, userFields } from './entities.ts';
import { anything, entity, instant, requiredId, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** A change of a customer's account (WIRE.md 3.6): the user's fields at the root, with lists and device beside them. */
export const updateAccountSchema = entity({
  userId: requiredId(),
  ...userFields,
  customerLocalDate: instant(),
  merchantLocalDate: instant(),
  paymentInstrumentList: z.array(paymentInstrument).optional(),
  addressList: z
    .array(address.extend({ type: text('Shipping, Billing, Signup, Account or Unknown.') }))
    .optional(),
  deviceContext: deviceContext.optional(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type UpdateAccount = z.output<typeof updateAccountSchema>;

/** Reads an UpdateAccount body; the v0.5 shape may nest the user. */
export const parseUpdateAccount = reader(updateAccountSchema, (body) => unfoldEnvelope(body, ['user']));
