import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import { amount, anything, entity, instant, requiredId, requiredText, text, tolerate } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** A sign-in of the purchase family (WIRE.md 3.8), as older clients send it: flat. */
export const signInSchema = entity({
  signInId: requiredId(),
  userId: requiredId(),
  passwordHash: text(),
  currentIpAddress: tolerate(text(), { falseIsAbsent: true }),
  assessmentType: text('Evaluate or Protect (where absent).'),
  customerLocalDate: instant(),
  merchantLocalDate: requiredText(),
  deviceContextId: text(),
  signInHistory: entity({
    signUpIpAddress: text(),
    lastSignInIpAddress: text(),
    frequentSignInIpAddress: text(),
    failedSignInAttemptsInLastHour: amount(),
    failedSignInAttemptsFromCurrentIpAddress: amount(),
  }).optional(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type SignIn = z.output<typeof signInSchema>;

/** Reads a SignIn body. */
export const parseSignIn = reader(signInSchema, (body) => unfoldEnvelope(body));
