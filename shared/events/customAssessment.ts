import { z } from 'zod';
import { type Parsed, reader } from './canonical.ts';
import { entity, instant, maxText, optionalId, requiredText, text } from './fields.ts';

/**
 * A legacy custom assessment (WIRE.md 6): any JSON that repeats the assessment's API name as `name`. What clients usually send
 * beside it is read as elsewhere where it has that shape, and kept where it has another.
 */
export const customAssessmentSchema = entity({
  name: requiredText(),
  version: z.union([z.string().max(maxText), z.unknown()]).optional(),
  metadata: z
    .union([
      entity({
        trackingId: optionalId(),
        merchantTimeStamp: instant(),
        customerLocalDate: instant(),
        assessmentType: text('Evaluate or Protect (where absent).'),
      }),
      z.unknown(),
    ])
    .optional(),
});

export type CustomAssessment = z.output<typeof customAssessmentSchema>;

const read = reader(customAssessmentSchema);

/** Reads the body of a legacy custom assessment; its `name` must be the API name of the path, letter case aside. */
export function parseCustomAssessment(json: unknown, apiName: string): Parsed<CustomAssessment> {
  const parsed = read(json);
  if (!parsed.ok || parsed.event.name.trim().toLowerCase() === apiName.trim().toLowerCase()) return parsed;
  return {
    ok: false,
    faults: [{ path: 'name', message: `must be the API name of the path, ${JSON.stringify(apiName)}` }],
  };
}
