import type { z } from 'zod';
import { accountFields, accountMetadataFields } from './accountEntities.ts';
import { reader } from './canonical.ts';
import { entity, instant, optionalId, requiredId, tolerate } from './fields.ts';

/** When something of the account last changed; ap-schema.md leaves `Date` out of the names. */
const recentUpdate = entity({
  lastPhoneNumberUpdateDate: tolerate(instant(), { aliases: ['lastPhoneNumberUpdate'] }),
  lastEmailUpdateDate: tolerate(instant(), { aliases: ['lastEmailUpdate'] }),
  lastAddressUpdateDate: tolerate(instant(), { aliases: ['lastAddressUpdate'] }),
  lastPaymentInstrumentUpdateDate: tolerate(instant(), { aliases: ['lastPaymentInstrumentUpdate'] }),
});

/** A sign-in of account protection (WIRE.md 5.2). */
export const accountLoginSchema = entity({
  metadata: entity({ loginId: requiredId(), userId: optionalId(), ...accountMetadataFields }),
  recentUpdate: recentUpdate.optional(),
  ...accountFields,
});

export type AccountLogin = z.output<typeof accountLoginSchema>;

/** Reads an account login body. */
export const parseAccountLogin = reader(accountLoginSchema);
