import { z } from 'zod';
import type { AssessmentField } from '../events/assessment.ts';
import { eventTypes } from '../events/eventTypes.ts';
import type { JsonObject } from '../fql/index.ts';
import { templateNames, templates } from './assessmentTemplates.ts';
import {
  apiNameSchema,
  builtInAssessments,
  descriptionSchema,
  nameSchema,
  payloadSchema,
  uniqueNames,
} from './schemas.ts';

/** Letters only, as words are compared: `Card payment`, `cardPayment` and `CARD_PAYMENT` are one. */
const fold = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, '');

/** An enumeration whose words are taken in any letter case and spacing, also under other names. */
function words<const Word extends string>(known: readonly Word[], others: Record<string, Word> = {}) {
  const byWord = new Map([
    ...Object.entries(others).map(([name, word]) => [fold(name), word] as const),
    ...known.map((word) => [fold(word), word] as const),
  ]);
  return z.string().transform((text, context): Word => {
    const found = byWord.get(fold(text));
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: `one of ${known.join(', ')}` });
    return z.NEVER;
  });
}

/** Names that events have already; in the type of an event the part after a colon is an observation event's. */
const reserved: ReadonlySet<string> = new Set(
  eventTypes
    .filter((type) => !builtInAssessments.some((each) => each === type))
    .map((type) => type.toLowerCase()),
);
const free = (name: string) => !reserved.has(name.toLowerCase());

/** What an assessment may be called. */
export const assessmentName = nameSchema
  .refine((name) => !name.includes(':'), 'the name of an assessment has no colon')
  .refine(free, 'there is an event of this name');

const template = words(templateNames, {
  'Device fingerprint': 'DeviceFingerprinting',
  Loyalty: 'LoyaltyProgram',
});

const fieldType = words(
  ['string', 'integer', 'number', 'boolean', 'array', 'object', 'email', 'ip', 'dateTime'],
  {
    text: 'string',
    int: 'integer',
    long: 'integer',
    double: 'number',
    decimal: 'number',
    float: 'number',
    bool: 'boolean',
    list: 'array',
    'IP address': 'ip',
    'Email address': 'email',
    date: 'dateTime',
  },
);

const fieldName = z
  .string()
  .trim()
  .regex(/^[^.\s[\]"@]{1,128}(\.[^.\s[\]"@]{1,128}){0,6}$/, 'a name, or a path of names with points');

const fieldSchema = z.strictObject({
  name: fieldName,
  friendlyName: nameSchema.optional(),
  type: fieldType.default('string'),
  required: z.boolean().default(false),
  searchable: z.boolean().default(false),
  sample: z.json().optional(),
});

const fieldsSchema = z.array(fieldSchema).max(300).default([]).superRefine(uniqueNames);

const sectionSchema = z.union([
  fieldName.transform((name) => ({ name, fields: [] })),
  z.strictObject({ name: fieldName, fields: fieldsSchema }),
]);

const dataSubjectId = z
  .string()
  .trim()
  .regex(/^[^.\s[\]"@]{1,64}(\.[^.\s[\]"@]{1,64}){0,2}$/, 'a path like user.email');

/** An assessment: the settings of a built-in one, or the definition of one of the merchant's own. */
export const assessmentSchema = z
  .strictObject({
    behavior: z.enum(['RunAllMatching', 'RunFirstMatching']).default('RunAllMatching'),
    description: descriptionSchema,
    friendlyName: nameSchema.optional(),
    /** the name in the path of its API; its own name where absent */
    apiName: apiNameSchema.refine(free, 'there is an event of this name').optional(),
    template: template.optional(),
    /** sections of the body with the fields that are checked; members beyond them are kept */
    sections: z
      .array(sectionSchema)
      .max(50)
      .optional()
      .superRefine((items, context) => items && uniqueNames(items, context)),
    /** fields of the section `custom`, or at the path that their name gives */
    customFields: fieldsSchema.optional(),
    /** beside `metadata.eventId`, which always is one */
    dataSubjectIds: z
      .array(dataSubjectId)
      .transform((paths) => [...new Set(paths.filter((path) => path.toLowerCase() !== 'metadata.eventid'))])
      .refine((paths) => paths.length <= 2, 'at most two beside metadata.eventId')
      .optional(),
    /** may only assessments of the same tree call it, or those of all environments? */
    sharing: z.enum(['Private', 'Shared']).optional(),
    samplePayload: payloadSchema.default({}),
    /** what a caller of a shared assessment may expect */
    sampleResponse: payloadSchema.optional(),
  })
  .transform((body) => {
    if (body.template === undefined) return body;
    const { dataSubjectIds, samplePayload } = templates[body.template];
    const empty = Object.keys(body.samplePayload).length === 0;
    return {
      ...body,
      dataSubjectIds: body.dataSubjectIds ?? [...dataSubjectIds],
      samplePayload: empty ? sampleOf(samplePayload, fieldsOf(body)) : body.samplePayload,
    };
  });

export type AssessmentBody = z.output<typeof assessmentSchema>;

type Fields = z.output<typeof fieldSchema>[];
type Schema = {
  sections?: { name: string; fields: Fields }[] | undefined;
  customFields?: Fields | undefined;
};

type Field = AssessmentField & { searchable: boolean; sample?: unknown };

/** The fields that a definition names, by their path. */
export function fieldsOf({ sections = [], customFields = [] }: Schema): Field[] {
  const at = (path: string, { type, required, searchable, sample }: Fields[number]): Field => ({
    path,
    type,
    required,
    searchable,
    ...(sample === undefined ? {} : { sample }),
  });
  return [
    ...sections.flatMap(({ name, fields }) => fields.map((field) => at(`${name}.${field.name}`, field))),
    ...customFields.map((field) => at(field.name.includes('.') ? field.name : `custom.${field.name}`, field)),
  ];
}

const samples: Record<AssessmentField['type'], unknown> = {
  string: 'text',
  integer: 1,
  number: 1.5,
  boolean: true,
  array: [],
  object: {},
  email: 'sam.rivera@example.com',
  ip: '203.0.113.24',
  dateTime: '2026-01-15T09:30:00Z',
};

/** A template's sample with the definition's own fields in their places. */
function sampleOf(base: JsonObject, fields: readonly Field[]): z.output<typeof payloadSchema> {
  const sample: z.output<typeof payloadSchema> = payloadSchema.parse(structuredClone(base));
  for (const { path, type, sample: given } of fields) {
    const names = path.split('.');
    let section: Record<string, unknown> = sample;
    for (const name of names.slice(0, -1)) {
      const known = Object.hasOwn(section, name) ? section[name] : undefined;
      const next: Record<string, unknown> = isObject(known) ? known : {};
      if (known !== next) define(section, name, next);
      section = next;
    }
    define(section, names.at(-1) ?? '', given ?? samples[type]);
  }
  return payloadSchema.parse(sample);
}

/** Also for a member called `__proto__`. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names under which requests and rules find an assessment. */
export function assessmentNames(name: string, { apiName }: AssessmentBody): string[] {
  return apiName === undefined ? [name] : [name, apiName];
}

/** How many of its kind an environment may have; built-in ones do not count (custom-assessment.md, assessment-create-new.md). */
export function assessmentQuota(
  name: string,
  body: AssessmentBody,
): { group: string; most: number } | undefined {
  if (builtInAssessments.some((each) => each.toLowerCase() === name.toLowerCase())) return undefined;
  return body.template === 'Legacy'
    ? { group: 'legacy custom assessments', most: 3 }
    : { group: 'assessments', most: 16 };
}
