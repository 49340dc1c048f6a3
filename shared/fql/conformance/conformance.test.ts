import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { evaluate } from '../evaluate.ts';
import { library } from '../library/index.ts';
import { sampleEnvironment, sampleRequest } from './sample.ts';

/** A case: a whole request with what its answer must hold, or in short form one clause or one expression. */
const caseSchema = z.strictObject({
  name: z.string(),
  /** The page of DFP's documentation that the example stands on. */
  page: z.string().optional(),
  request: z.record(z.string(), z.unknown()).optional(),
  clause: z.string().optional(),
  expression: z.string().optional(),
  payload: z.json().optional(),
  samplePayload: z.boolean().optional(),
  expected: z.record(z.string(), z.unknown()).optional(),
  decision: z.string().optional(),
  value: z.json().optional(),
  fault: z.string().optional(),
  diagnostics: z.array(z.object({ code: z.string(), line: z.number(), column: z.number() })).optional(),
});
type Case = z.output<typeof caseSchema>;

const skipped: ReadonlyMap<string, string> = new Map(
  Object.entries(
    z
      .record(z.string(), z.string())
      .parse(JSON.parse(readFileSync(new URL('skipped.json', import.meta.url), 'utf8'))),
  ),
);

const files = readdirSync(new URL('.', import.meta.url)).filter(
  (f) => f.endsWith('.json') && f !== 'skipped.json',
);
const suites = files.map(
  (file) =>
    [
      file,
      z.array(caseSchema).parse(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))),
    ] as const,
);

function requestOf(c: Case): Record<string, unknown> {
  const code = c.expression === undefined ? c.clause : `OBSERVE Output(value = ${c.expression})`;
  const rules = code === undefined ? [] : [{ name: 'R', clauses: [{ name: 'c', code }] }];
  const base = { ...sampleRequest, rules, ...c.request };
  return c.payload === undefined ? base : { ...base, payload: c.payload };
}

for (const [file, cases] of suites) {
  describe(file, () => {
    for (const c of cases) {
      test.skipIf(skipped.has(`${file}: ${c.name}`))(c.name, () => {
        const result = evaluate(requestOf(c), sampleEnvironment);
        if (c.diagnostics !== undefined) {
          if (result.kind !== 'diagnostics') throw new Error(`It compiles: ${JSON.stringify(result)}`);
          const errors = result.diagnostics.filter((d) => d.severity === 'error');
          expect(errors.map(({ code, line, column }) => ({ code, line, column }))).toEqual(c.diagnostics);
          return;
        }
        if (result.kind !== 'answer') throw new Error(JSON.stringify(result));
        if (c.fault !== undefined) {
          expect(result.answer.diagnostics.map((d) => d.code)).toEqual([c.fault]);
          expect(result.answer.outputs).toEqual({});
          return;
        }
        if (c.expression !== undefined) {
          expect(result.answer.diagnostics).toEqual([]);
          expect(result.answer.outputs.c?.value).toEqual(c.value);
        }
        if (c.decision !== undefined)
          expect([result.answer.decision, result.answer.diagnostics]).toEqual([c.decision, []]);
        if (c.expected !== undefined) expect(result.answer).toMatchObject(c.expected);
      });
    }
  });
}

test('names of cases are unique within a file, and what is skipped exists', () => {
  const names = suites.flatMap(([file, cases]) => cases.map((c) => `${file}: ${c.name}`));
  expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  expect([...skipped.keys()].filter((n) => !names.includes(n))).toEqual([]);
});

test('there are at least 400 cases', () => {
  expect(suites.reduce((sum, [, cases]) => sum + cases.length, 0)).toBeGreaterThanOrEqual(400);
});

test('every row of the library has its case', () => {
  const names = new Set(suites.find(([file]) => file === 'library.json')?.[1].map((c) => c.name));
  const rows = library.map(
    (m) =>
      `${m.owner}${m.owner === '' ? '' : '.'}${m.name}${m.kind === 'property' ? '' : `(${m.params.map((p) => p.type).join(', ')})`}`,
  );
  expect(rows.filter((r) => !names.has(r))).toEqual([]);
});
