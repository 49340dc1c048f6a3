import type { z } from 'zod';
import { accountFields, accountMetadataFields } from './accountEntities.ts';
import { reader } from './canonical.ts';
import { entity, optionalId } from './fields.ts';

/** A change of an account (WIRE.md 5.4). Its id is `accountUpdateId` for B2C, `signUpId` in ap-schema.md. */
export const accountUpdateSchema = entity({
  metadata: entity({
    accountUpdateId: optionalId(),
    signUpId: optionalId(),
    userId: optionalId(),
    ...accountMetadataFields,
  }),
  ...accountFields,
});

export type AccountUpdate = z.output<typeof accountUpdateSchema>;

/** Reads an account update body. */
export const parseAccountUpdate = reader(accountUpdateSchema);
