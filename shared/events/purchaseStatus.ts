import type { z } from 'zod';
import { reader } from './canonical.ts';
import { purchaseMetadata } from './entities.ts';
import { anything, entity, instant, requiredId, requiredText, text } from './fields.ts';
import { unfoldEnvelope } from './legacyShape.ts';

/** What became of a purchase (WIRE.md 3.2). */
export const purchaseStatusSchema = entity({
  purchaseId: requiredId(),
  statusType: requiredText().describe('Approved, Pending, Rejected, Failed, Canceled or Unknown.'),
  statusDate: requiredText(),
  reason: text('RuleEngine, MerchantOverride, ChallengeSolved …'),
  merchantLocalDate: instant(),
  customData: anything(),
  _metadata: purchaseMetadata,
});

export type PurchaseStatus = z.output<typeof purchaseStatusSchema>;

/** Reads a PurchaseStatus body; the v0.5 shape nests the status under `Status`. */
export const parsePurchaseStatus = reader(purchaseStatusSchema, (body) =>
  unfoldEnvelope(body, ['purchase', 'status']),
);
