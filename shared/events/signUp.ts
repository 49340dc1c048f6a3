import type { z } from 'zod';
import { reader } from './canonical.ts';
import { address, deviceContext, paymentInstrument, purchaseMetadata, userFields } from './entities.ts';
import { anything, entity, instant, optionalId, requiredId, requiredText, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** A sign-up of the purchase family (WIRE.md 3.8), as older clients send it; usually without a user id. */
export const signUpSchema = entity({
  signUpId: requiredId(),
  assessmentType: text('Evaluate or Protect (where absent).'),
  customerLocalDate: instant(),
  merchantLocalDate: requiredText(),
  user: entity({
    userId: optionalId(),
    ...userFields,
    address: address.optional(),
    paymentInstrument: paymentInstrument.optional(),
  }),
  marketingContext: entity({
    type: text('None, Email, Referral, SearchEngine, Direct, SocialNetwork or Other.'),
    trafficSource: text(),
    incentiveType: text('None, CashBack, Discount, FreeTrial, BonusPoints, Gift or Other.'),
    incentiveOffer: text(),
  }).optional(),
  storeFrontContext: entity({
    type: text('AppStore, Web or App.'),
    storeName: text(),
    market: text(),
  }).optional(),
  deviceContext: deviceContext.optional(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type SignUp = z.output<typeof signUpSchema>;

/** Reads a SignUp body. */
export const parseSignUp = reader(signUpSchema, (body) => unfoldEnvelope(body));
