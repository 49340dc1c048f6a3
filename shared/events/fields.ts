import { z } from 'zod';

/** Longest text of one member, in UTF-16 units; a body is at most 256 KiB in all. */
export const maxText = 32_768;

/** Longest identifier: what later becomes a key. */
export const maxId = 1_024;

/** What a field accepts beyond its own name and JSON type. */
interface Tolerance {
  /** other names clients use for it */
  aliases?: readonly string[];
  /** `false` stands for "not known" (PHP's `getenv`) */
  falseIsAbsent?: true;
}

const tolerances = new WeakMap<z.core.$ZodType, Tolerance>();

/** The tolerance that was noted for a field's schema. */
export function toleranceOf(schema: z.core.$ZodType): Tolerance {
  return tolerances.get(schema) ?? {};
}

/** Notes other names or stand-ins that clients use for a field; gives the same schema back. */
export function tolerate<S extends z.core.$ZodType>(schema: S, tolerance: Tolerance): S {
  tolerances.set(schema, tolerance);
  return schema;
}

/** Any text; numbers are taken as their text. Enumerations are texts as well: unknown words are kept (WIRE.md 10). */
export const text = (description?: string) => {
  const schema = z.string().max(maxText).optional();
  return description ? schema.describe(description) : schema;
};

/** Text that names something and must be there. */
export const requiredId = () => z.string().regex(/\S/u, 'is empty').max(maxId);

/** Text that names something. */
export const optionalId = () => z.string().max(maxId).optional();

/** Required text that is no key. */
export const requiredText = () => z.string().regex(/\S/u, 'is empty').max(maxText);

/** A number; decimal text is taken as the number. */
export const amount = () => z.number().optional();

/** A Boolean; the texts `true` and `false` in any case, 0 and 1 are taken as such. */
export const flag = () => z.boolean().optional();

/** A point in time. Kept as sent: what is no date is stored, not refused. `readInstant` (instant.ts) gives its meaning. */
export const instant = () => z.string().max(maxText).optional();

/** An object whose members keep their names and values as sent. */
export const anything = () => z.record(z.string(), z.unknown()).optional();

/** An object with these fields; members it does not list are kept. */
export const entity = <S extends z.core.$ZodLooseShape>(shape: S) => z.looseObject(shape);

/** The same under a name of its own in the OpenAPI document, where several requests hold it. */
export const namedEntity = <S extends z.core.$ZodLooseShape>(id: string, shape: S) =>
  entity(shape).meta({ id });
