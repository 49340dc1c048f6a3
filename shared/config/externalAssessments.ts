import { z } from 'zod';
import { builtInAssessments, descriptionSchema, nameSchema, payloadSchema } from './schemas.ts';

const target = nameSchema.refine(
  (name) => !builtInAssessments.some((each) => each.toLowerCase() === name.toLowerCase()),
  'an assessment of your own; built-in ones cannot be called by rules',
);

/** An assessment that rules of this environment may call under a name. */
export const externalAssessmentSchema = z.strictObject({
  description: descriptionSchema,
  /** name of the assessment that is called */
  assessment: target,
  /** id, API name or path of the environment that has it, for one that is shared; absent: this one, or one above it */
  environment: z.string().trim().min(1).max(512).optional(),
  /** what it answers, for whoever writes rules */
  sampleResponse: payloadSchema.optional(),
});

export type ExternalAssessment = z.output<typeof externalAssessmentSchema>;

/** The assessment that has to be there for it, in this environment or above; one elsewhere is looked for when it is called. */
export function ownTarget({ assessment, environment }: ExternalAssessment): string | undefined {
  return environment === undefined ? assessment : undefined;
}
