import { z } from 'zod';

/** A JSON schema (2020-12), as OpenAPI 3.1 takes it. */
export interface Schema {
  [keyword: string]: unknown;
}

const here = '#/$defs/';
const there = '#/components/schemas/';

/**
 * Turns zod schemas into the schemas of one OpenAPI document. Those with a `meta({ id })` become components and are referred
 * to; two that share an id must read the same.
 */
export function openSchemas() {
  const components: Record<string, Schema> = {};
  const known = { input: new Map<z.ZodType, Schema>(), output: new Map<z.ZodType, Schema>() };

  /** `input`: what a client sends, before defaults; `output`: what it gets. */
  function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
    const made = known[io].get(schema) ?? convert(schema, io);
    known[io].set(schema, made);
    return made;
  }

  function convert(schema: z.ZodType, io: 'input' | 'output'): Schema {
    // as a member, so that a schema with an id becomes a component even at the top
    const { $defs = {}, properties } = z.toJSONSchema(z.object({ it: schema }), {
      io,
      unrepresentable: 'any',
    });
    // zod names z.json() so, since it refers to itself
    const anyJson = Object.keys($defs).filter((name) => name.startsWith('__schema'));
    for (const [name, definition] of Object.entries($defs)) {
      if (anyJson.includes(name)) continue;
      const { id: _, ...plain } = moved(definition, anyJson);
      const other = components[name];
      if (other && JSON.stringify(other) !== JSON.stringify(plain))
        throw new Error(`two schemas are called ${name}`);
      components[name] = plain;
    }
    return moved(properties?.it ?? {}, anyJson);
  }

  return { components, schemaOf };
}

/** The same schema with its references pointing at components, and any JSON where it was said at length. */
function moved(schema: unknown, anyJson: readonly string[]): Schema {
  const text = JSON.stringify(schema, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('$ref' in value)) return value;
    const { $ref, ...others } = value;
    if (typeof $ref !== 'string' || !$ref.startsWith(here)) return value;
    const name = $ref.slice(here.length);
    return anyJson.includes(name) ? others : { $ref: there + name, ...others };
  });
  return JSON.parse(text);
}
