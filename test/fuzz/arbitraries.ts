import fc from 'fast-check';
import type { Document, Operation } from '../../functions/openapi/document.ts';
import type { Schema } from '../../functions/openapi/schemas.ts';

/** One request to send, as the fuzz test made it up. */
export interface Made {
  operationId: string;
  method: string;
  /** with its query */
  path: string;
  headers: Record<string, string>;
  body?: string;
}

const nasty = fc.constantFrom(
  '',
  ' ',
  '..',
  '%',
  '\u0000',
  'a/b\\c#d?e%f|g',
  '__proto__',
  'constructor',
  "'; DROP TABLE x --",
  '{{x}}',
  'ключ 鍵 🔑',
  '\ud800',
  'x'.repeat(5000),
  'line\u2028separator\u2029s',
  '1e999',
  '-1',
  'null',
);
const someText = fc.oneof(
  { weight: 5, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 2, arbitrary: nasty },
);
const anyJson = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 2, arbitrary: someText },
  { weight: 1, arbitrary: fc.double() },
);

/** Values that a schema takes, as far as it says so. */
export function valuesOf(schema: Schema, document: Document, depth = 0): fc.Arbitrary<unknown> {
  const inner = (value: unknown) => valuesOf(asSchema(value), document, depth + 1);
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return valuesOf(document.components.schemas[name] ?? {}, document, depth);
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return fc.oneof(...choices.map(inner));
  const number = (name: string) => (typeof schema[name] === 'number' ? schema[name] : undefined);
  switch (schema.type) {
    case 'object':
      return objectsOf(schema, inner, depth);
    case 'array': {
      const minLength = number('minItems') ?? 0;
      const maxLength = Math.min(number('maxItems') ?? 3, Math.max(minLength, depth > 3 ? 1 : 3));
      return fc.array(inner(schema.items ?? {}), { minLength, maxLength });
    }
    case 'integer':
      return fc.integer({
        min: Math.max(number('minimum') ?? -1000, -1e9),
        max: Math.min(number('maximum') ?? 100_000, 1e9),
      });
    case 'number':
      return fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.double({ noNaN: true }));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return textsOf(schema, number('minLength') ?? 0, number('maxLength'));
    default:
      return anyJson;
  }
}

function objectsOf(
  schema: Schema,
  inner: (value: unknown) => fc.Arbitrary<unknown>,
  depth: number,
): fc.Arbitrary<unknown> {
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const properties = Object.entries(asSchema(schema.properties)).filter(
    // deep down only what has to be there, or values grow without end
    ([name]) => depth < 3 || required.includes(name),
  );
  const known = fc.record(Object.fromEntries(properties.map(([name, value]) => [name, inner(value)])), {
    requiredKeys: required.filter((name) => properties.some(([each]) => each === name)),
  });
  if (schema.additionalProperties === false) return known;
  const more = fc.dictionary(someText, inner(schema.additionalProperties ?? {}), { maxKeys: 2 });
  return fc
    .tuple(known, fc.option(more, { freq: 4, nil: {} }))
    .map(([left, right]) => ({ ...right, ...left }));
}

function textsOf(
  { format, pattern }: Schema,
  minLength: number,
  most: number | undefined,
): fc.Arbitrary<string> {
  if (format === 'uuid' || format === 'guid') return fc.uuid();
  if (format === 'date-time')
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (typeof pattern === 'string' && !pattern.includes('(?')) {
    const matching = fc.stringMatching(new RegExp(pattern, 'u'), { size: '-1' });
    // a pattern may say by itself how long a text is, as that of a hash does
    return matching.filter((text) => text.length >= minLength && (most === undefined || text.length <= most));
  }
  const maxLength = Math.min(most ?? 40, Math.max(40, minLength));
  return fc.oneof(
    fc.string({ minLength, maxLength }),
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, Math.floor(maxLength / 4)) }),
  );
}

/** A value with one place of it replaced, emptied, taken away, or nested without end. */
function broken(value: unknown): fc.Arbitrary<unknown> {
  const places = [...placesOf(value)];
  return fc
    .tuple(fc.constantFrom(...places), fc.oneof(anyJson, fc.constant(undefined), fc.constant(deep(200))))
    .map(([place, other]) => replaced(value, place, other));
}

function* placesOf(value: unknown, place: readonly string[] = []): Generator<readonly string[]> {
  yield place;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* placesOf(member, [...place, name]);
}

function replaced(value: unknown, [name, ...rest]: readonly string[], other: unknown): unknown {
  if (name === undefined) return other;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === name ? replaced(item, rest, other) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === name ? replaced(member, rest, other) : member,
    ]),
  );
}

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** What is known to exist, so that requests reach more than a 404. */
export interface World {
  environments: readonly string[];
  /** what may stand behind a part of a path, e.g. behind `rules` */
  names: Readonly<Record<string, readonly string[]>>;
}

/** Requests for one operation: valid ones, and ones that are wrong somewhere. */
export function requestsOf(
  path: string,
  method: string,
  operation: Operation,
  document: Document,
  world: World,
): fc.Arbitrary<Made> {
  const { operationId, parameters = [], requestBody } = operation;
  const named = (name: string) => {
    const behind = new RegExp(`/([^/]+)/\\{${name}\\}`).exec(path)?.[1] ?? '';
    return fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('Mine', 'rule1', 'call_1', ...(world.names[behind] ?? [])) },
      { weight: 1, arbitrary: someText },
      { weight: 1, arbitrary: fc.uuid() },
    );
  };
  const inPath = parameters
    .filter((parameter) => parameter.in === 'path')
    .map(({ name }): fc.Arbitrary<[string, string]> => {
      const environment = fc.oneof(
        // the seeded ones stay
        {
          weight: 12,
          arbitrary: fc.constantFrom(
            ...(operationId === 'deleteEnvironment' ? ['Mine'] : world.environments),
          ),
        },
        { weight: 1, arbitrary: someText },
        { weight: 1, arbitrary: fc.uuid() },
      );
      return (name === 'env' ? environment : named(name)).map((value) => [name, value]);
    });
  const beside = parameters
    .filter((parameter) => parameter.in !== 'path')
    .map(({ name, in: place, schema }) => {
      const valid =
        name === 'x-ms-dfpenvid'
          ? fc.constantFrom(...world.environments)
          : name === 'If-None-Match'
            ? fc.constant('*')
            : valuesOf(schema, document);
      const value = fc.oneof({ weight: 4, arbitrary: valid }, { weight: 1, arbitrary: someText });
      return fc.tuple(
        fc.constant(name),
        fc.constant(place),
        fc.option(value, { freq: name.startsWith('If-') ? 1 : 2 }),
      );
    });
  return fc
    .record({
      inPath: fc.tuple(...inPath),
      beside: fc.tuple(...beside),
      body: requestBody ? bodiesOf(requestBody.content, document) : fc.constant(undefined),
    })
    .map(({ inPath: values, beside: others, body }) => {
      const given = new Map(values);
      const query = new URLSearchParams();
      const headers: Record<string, string> = {};
      for (const [name, place, value] of others) {
        if (value === null) continue;
        if (place === 'query') query.set(name, String(value));
        // what fetch can send at all
        else
          headers[name] = String(value)
            .replaceAll(/[^\x20-\x7e]/g, '?')
            .slice(0, 4000);
      }
      if (body) headers['content-type'] = body.type;
      const target = path.replaceAll(/\{(\w+)\}/g, (_, name) =>
        encodeURIComponent((given.get(name) ?? '').toWellFormed()),
      );
      const text = query.size > 0 ? `?${query}` : '';
      return { operationId, method, path: target + text, headers, ...(body ? { body: body.text } : {}) };
    });
}

function bodiesOf(
  content: NonNullable<Operation['requestBody']>['content'],
  document: Document,
): fc.Arbitrary<{ type: string; text: string }> {
  const [[type, { schema, example }] = ['application/json', { schema: {}, example: undefined }]] =
    Object.entries(content);
  if (type !== 'application/json') {
    const files = [fc.constant('Key,Value\na,1\n'), fc.constant(String(example ?? '')), someText];
    return fc.oneof(...files).map((text) => ({ type, text: text.toWellFormed() }));
  }
  const valid =
    example === undefined
      ? valuesOf(schema, document)
      : fc.oneof(fc.constant(example), valuesOf(schema, document));
  const json = (value: unknown) => JSON.stringify(value) ?? '';
  return fc.oneof(
    { weight: 5, arbitrary: valid.map((value) => ({ type, text: json(value) })) },
    { weight: 5, arbitrary: valid.chain(broken).map((value) => ({ type, text: json(value) })) },
    { weight: 1, arbitrary: anyJson.map((value) => ({ type, text: json(value) })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(valid, fc.integer({ min: 0, max: 200 }))
        .map(([value, end]) => ({ type, text: json(value).slice(0, end) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('text/plain', 'application/xml', 'text/csv', ''), valid)
        .map(([other, value]) => ({ type: other, text: json(value) })),
    },
  );
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
