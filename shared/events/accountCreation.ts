import type { z } from 'zod';
import { accountFields, accountMetadataFields } from './accountEntities.ts';
import { reader } from './canonical.ts';
import { entity, optionalId, requiredId } from './fields.ts';

/** A sign-up of account protection (WIRE.md 5.1). */
export const accountCreationSchema = entity({
  metadata: entity({ signUpId: requiredId(), userId: optionalId(), ...accountMetadataFields }),
  ...accountFields,
});

export type AccountCreation = z.output<typeof accountCreationSchema>;

/** Reads an account creation body. */
export const parseAccountCreation = reader(accountCreationSchema);
