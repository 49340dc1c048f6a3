import type { z } from 'zod';
import { accountMetadataFields } from './accountEntities.ts';
import { reader } from './canonical.ts';
import { anything, entity, optionalId, text } from './fields.ts';
import { labelFields } from './label.ts';

/** A label of account protection (WIRE.md 5.5). */
export const accountLabelSchema = entity({
  name: text(),
  version: text(),
  metadata: entity({ name: text(), userId: optionalId(), ...accountMetadataFields }).optional(),
  label: entity(labelFields),
  customData: anything(),
});

export type AccountLabel = z.output<typeof accountLabelSchema>;

/** Reads an account label body. */
export const parseAccountLabel = reader(accountLabelSchema);
