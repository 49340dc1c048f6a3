import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import { anything, entity, instant, optionalId, requiredId, requiredText, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** What became of a sign-up of the purchase family (WIRE.md 3.8). */
export const signUpStatusSchema = entity({
  signUpId: requiredId(),
  statusType: requiredText().describe('Approved, Pending, Rejected or Failed.'),
  statusDate: requiredText(),
  reason: text(),
  user: entity({ userId: optionalId() }).optional(),
  merchantLocalDate: instant(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type SignUpStatus = z.output<typeof signUpStatusSchema>;

/** Reads a SignUpStatus body; the v0.5 shape nests the status under `Status`. */
export const parseSignUpStatus = reader(signUpStatusSchema, (body) =>
  unfoldEnvelope(body, ['signup', 'status']),
);
