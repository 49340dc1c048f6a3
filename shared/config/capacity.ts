import { z } from 'zod';
import { eventTypes } from '../events/eventTypes.ts';

/** What usage is counted by: DFP's APIs, each by the assessments that it made. */
export const apis = ['purchase', 'account', 'assessment', 'lossPrevention'] as const;
export type Api = (typeof apis)[number];

const known = new Map<string, Api>([
  ['Purchase', 'purchase'],
  ['AccountCreation', 'account'],
  ['AccountLogin', 'account'],
  ['SignUp', 'account'],
  ['SignIn', 'account'],
  // as routes call the merchant's own
  ['CustomAssessment', 'assessment'],
  ['Assessment', 'assessment'],
]);
const others: ReadonlySet<string> = new Set(eventTypes);

/** The API that an event of this type counts for; undefined where it is no assessment. */
export function apiOf(type: string): Api | undefined {
  const api = known.get(type);
  if (api || others.has(type) || type.includes(':')) return api;
  return 'assessment';
}

const figure = z.int().min(0).max(1_000_000_000);

/** What an environment and those below it may use in a calendar month (UTC), of the API that the capacity is named after. */
export const capacitySchema = z
  .strictObject({
    description: z.string().max(4000).default(''),
    softLimit: figure.optional().describe('beyond it, answers carry a warning header'),
    hardLimit: figure.optional().describe('beyond it, requests are refused with 429'),
  })
  .refine(({ softLimit, hardLimit }) => softLimit !== undefined || hardLimit !== undefined, {
    path: ['softLimit'],
    message: 'a capacity has a soft or a hard limit',
  })
  .refine(({ softLimit = 0, hardLimit = Number.POSITIVE_INFINITY }) => softLimit <= hardLimit, {
    path: ['hardLimit'],
    message: 'is below the soft limit',
  });

export type Capacity = z.output<typeof capacitySchema>;

/** Names of capacities. */
export const capacityName = z.enum(apis, `a capacity is named after an API: ${apis.join(', ')}`);
