import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sampleEnvironment, sampleRequest } from './conformance/sample.ts';
import { evaluate } from './evaluate.ts';
import { libraryTables } from './library/tables.ts';

const file = new URL('../../docs/fql.md', import.meta.url);
const begin = '<!-- library -->\n';
const end = '<!-- /library -->';
let page = readFileSync(file, 'utf8');

if (process.env.UPDATE_DOCS === '1') {
  const at = page.indexOf(begin) + begin.length;
  page = `${page.slice(0, at)}\n${libraryTables()}\n${page.slice(page.indexOf(end))}`;
  writeFileSync(file, page);
}

test('the tables of the library are those that the library gives (UPDATE_DOCS=1 writes them)', () => {
  const at = page.indexOf(begin) + begin.length;
  expect(page.slice(at, page.indexOf(end)).trim()).toBe(libraryTables().trim());
});

/** The cells of a Markdown row, without backticks. */
function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((c) =>
      c
        .trim()
        .replaceAll('\\|', '|')
        .replace(/^`([\s\S]*)`$/, '$1'),
    );
}

/** Rows with an example and what it gives: the last two columns, under the heading that the table stands below. */
function examples(last: string): [code: string, value: unknown][] {
  const found: [string, unknown][] = [];
  let columns: string[] = [];
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) columns = [];
    else if (columns.length === 0) columns = cells(line);
    else if (!line.startsWith('|---') && columns.at(-1) === last) {
      const row = cells(line);
      const code = row.at(-2) ?? '';
      if (code !== '') found.push([code, JSON.parse(row.at(-1) ?? 'null')]);
    }
  }
  return found;
}

const answerOf = (code: string) => {
  const action = code.startsWith('DO SetResponse') || code.includes('Response.Decision()');
  const rule = { name: 'R', clauses: [{ name: 'c', code }] };
  const result = evaluate(
    { ...sampleRequest, ...(action ? { actions: [rule] } : { rules: [rule] }) },
    sampleEnvironment,
  );
  if (result.kind !== 'answer') throw new Error(JSON.stringify(result));
  expect(result.answer.diagnostics).toEqual([]);
  return result.answer;
};

describe('the examples of docs/fql.md', () => {
  test.each(examples('value'))('%s', (code, value) => {
    const needsAction = code.includes('Response.Decision()');
    const answer = answerOf(
      needsAction ? `DO SetResponse(value = ${code})` : `OBSERVE Output(value = ${code})`,
    );
    expect(needsAction ? answer.customProperties.value : answer.outputs.c?.value).toEqual(value);
  });

  test.each(examples('answer'))('%s', (code, expected) => {
    expect(answerOf(code)).toMatchObject(Object(expected));
  });

  test('are as many as the tables have', () => {
    expect(examples('value').length).toBeGreaterThan(270);
    expect(examples('answer').length).toBeGreaterThan(8);
  });
});
