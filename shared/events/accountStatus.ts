import type { z } from 'zod';
import { accountMetadataFields } from './accountEntities.ts';
import { reader } from './canonical.ts';
import { anything, entity, instant, optionalId, requiredId, requiredText, text } from './fields.ts';

/** What became of a sign-up or sign-in (WIRE.md 5.3). */
const statusDetails = entity({
  statusType: requiredText().describe('Approved, Rejected or Pending.'),
  reasonType: text('None, ChallengeAbandoned, ChallengeFailed, ChallengePassed, ChallengePending, Review…'),
  challengeType: text('SMS, Email, Phone, Other or None.'),
  statusDate: instant(),
});

const common = { name: text(), version: text(), statusDetails, customData: anything() };

export const accountCreationStatusSchema = entity({
  ...common,
  metadata: entity({ signUpId: requiredId(), userId: optionalId(), ...accountMetadataFields }),
});

/** Login statuses that name no login are of the user's latest one: B2C sends the user id only. */
export const accountLoginStatusSchema = entity({
  ...common,
  metadata: entity({ loginId: optionalId(), userId: optionalId(), ...accountMetadataFields }),
});

export type AccountCreationStatus = z.output<typeof accountCreationStatusSchema>;
export type AccountLoginStatus = z.output<typeof accountLoginStatusSchema>;

/** Reads the status of an account creation. */
export const parseAccountCreationStatus = reader(accountCreationStatusSchema);

/** Reads the status of an account login. */
export const parseAccountLoginStatus = reader(accountLoginStatusSchema);
