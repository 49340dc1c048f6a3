import { z } from 'zod';
import { type Parsed, reader } from './canonical.ts';
import {
  address,
  deviceContext,
  paymentInstrument,
  product,
  purchaseExtensions,
  purchaseMetadata,
  user,
} from './entities.ts';
import { amount, anything, entity, instant, requiredId, requiredText, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** The Purchase request (WIRE.md 3.1). Of the objects in it, only what is marked there as required is demanded. */
export const purchaseSchema = entity({
  purchaseId: requiredId(),
  assessmentType: text('Evaluate or Protect (where absent).'),
  originalOrderId: text(),
  customerLocalDate: instant(),
  merchantLocalDate: requiredText(),
  totalAmount: amount(),
  salesTax: amount(),
  currency: text('Three-letter currency code.'),
  shippingMethod: text('Standard, Express, InStorePickup, DirectEntitlement or DigitalToken.'),
  user: user.optional(),
  deviceContext: deviceContext.optional(),
  shippingAddress: address.optional(),
  paymentInstrumentList: z.array(paymentInstrument.extend({ purchaseAmount: amount() })).optional(),
  productList: z.array(product).optional(),
  customData: anything(),
  _metadata: purchaseMetadata,
  ...purchaseExtensions,
});

export type Purchase = z.output<typeof purchaseSchema>;

const read = reader(purchaseSchema, (body) => unfoldEnvelope(body));

/**
 * Reads a Purchase body: today's flat shape or the v0.5 envelope, in any letter case. Gives the canonical purchase, or
 * every fault with its JSON path.
 */
export function parsePurchase(json: unknown): Parsed<Purchase> {
  return read(json);
}
