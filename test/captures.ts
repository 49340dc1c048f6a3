import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { z } from 'zod';

/** One request of a client (test/data/wire-captures/README.md). */
const captureSchema = z.object({
  source: z.string(),
  method: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  responseModel: z.array(z.string()),
});

export type Capture = z.infer<typeof captureSchema>;

/** The captures of a folder (`''` or `own/`) by name, without those of the token service. */
export function captures(folder: '' | 'own/'): [string, Capture][] {
  const url = new URL(`./data/wire-captures/${folder}`, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name): [string, Capture] => [
      name.replace('.json', ''),
      captureSchema.parse(JSON.parse(readFileSync(new URL(name, url), 'utf8'))),
    ])
    .filter(([, capture]) => capture.path.startsWith('/'));
}

/** `a.{b,c}[].d` and `<any>` names, as the captures write what a client reads, to the values there. */
function valuesAt(value: unknown, path: string): unknown[] {
  const [first = '', ...others] = path.match(/\{[^}]*\}|[^.{}]+/g) ?? [];
  if (first === '') return [value];
  const rest = others.join('.');
  const name = first.replace('[]', '');
  const isList = first.endsWith('[]');
  const object = z.record(z.string(), z.unknown()).parse(value);
  const members = name.startsWith('<')
    ? Object.values(object)
    : name.startsWith('{') && name.includes(' string fields')
      ? listOfText(object, Number.parseInt(name.slice(1), 10))
      : name
          .replace(/[{}]/g, '')
          .split(',')
          .map((one) => {
            if (!(one in object)) throw new Error(`the answer has no ${path}`);
            return object[one];
          });
  return members.flatMap((member) =>
    isList
      ? z
          .array(z.unknown())
          // texts there may be none of, but a list of objects that is empty would show nothing
          .min(rest === '' ? 0 : 1)
          .parse(member)
          .flatMap((item) => valuesAt(item, rest))
      : valuesAt(member, rest),
  );
}

function listOfText(object: Record<string, unknown>, count: number): unknown[] {
  expect(Object.keys(object)).toHaveLength(count);
  return Object.values(object);
}

/** The JSON type the client's reader needs (WIRE.md 4, 5.6, 6), by the member's name. */
function typeNeeded(path: string): z.ZodType {
  const leaf = path.replace('[]', '').split('.').at(-1)?.toLowerCase() ?? '';
  if (/^(riskscore|scorevalue)$/.test(leaf)) return z.int();
  if (leaf === 'succeeded' || leaf === 'istest') return z.boolean();
  if (/^\{score/.test(leaf)) return z.union([z.string(), z.int()]);
  if (/^(timestamp|processeddatetime)$/.test(leaf)) return z.iso.datetime();
  if (leaf === 'diagnostics') return z.record(z.string(), z.array(z.unknown()));
  if (/^(resultdetails|customproperties|other)$/.test(leaf))
    return z.union([z.object({}), z.array(z.unknown())]);
  if (/^(decision|merchantruledecision)$/.test(leaf))
    return z.enum(['Approve', 'Reject', 'Review', 'Challenge']);
  if (leaf === 'scoretype') return z.enum(['Bot', 'Risk']);
  if (leaf === 'bankname') return z.null();
  return z.string();
}

/** Fails unless the answer has each member that the client reads, in its casing and with the JSON type it needs. */
export function expectWhatIsRead(capture: Capture, answer: unknown): void {
  for (const path of capture.responseModel) {
    if (path.startsWith('ResultDetails (object')) {
      expect(z.object({ resultDetails: z.object({}) }).safeParse(answer).success).toBe(true);
      continue;
    }
    for (const value of valuesAt(answer, path)) {
      expect(typeNeeded(path).safeParse(value).success, `${path}: ${JSON.stringify(value)}`).toBe(true);
    }
  }
}
