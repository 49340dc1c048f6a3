import { z } from 'zod';
import { parseDate } from './runtime/dates.ts';
import type { Json } from './types.ts';

const json: z.ZodType<Json> = z.json();
const jsonObject = z.record(z.string(), json);
const clause = z.object({
  name: z.string().min(1),
  code: z.string(),
  section: z.enum(['PriorToScoring', 'PostBotScoring', 'PostRiskScoring']).optional(),
});
const rule = z.object({
  name: z.string().min(1),
  condition: z.string().optional(),
  clauses: z.array(clause),
});
/** A point in time as the language reads it; without an offset it is UTC. */
const time = z
  .string()
  .refine((text) => parseDate(text) !== undefined, 'is no date and time, such as 2024-05-01T11:04:30Z');
const cell = z.union([z.string(), z.number(), z.boolean()]);
const supportListEntry = z.object({
  key: z.string(),
  status: z.enum(['Safe', 'Block', 'Watch']),
  expires: time.nullish(),
});

/** The body of `POST …/rules/evaluate`. */
export const evaluateRequest = z.object({
  assessment: z.string().optional(),
  rules: z.array(rule).default([]),
  actions: z.array(rule).default([]),
  behavior: z.enum(['RunAllMatching', 'RunFirstMatching']).default('RunAllMatching'),
  payload: jsonObject.default({}),
  scores: z.object({ riskScore: z.number().optional(), botScore: z.number().optional() }).default({}),
  correlationId: z.string().default(''),
  now: time.optional(),
  lists: z
    .record(z.string(), z.object({ columns: z.array(z.string()), rows: z.array(z.array(cell)) }))
    .default({}),
  supportLists: z.record(z.string(), z.array(supportListEntry)).default({}),
  velocities: z.record(z.string(), z.number()).default({}),
  externalCalls: z.record(z.string(), json).default({}),
});

export type EvaluateRequest = z.output<typeof evaluateRequest>;
